package vm

import (
	"fmt"
	"strings"
	"testing"
)

func mustLoad(t testing.TB, vm *VM, src, name string) Value {
	t.Helper()
	p, err := Compile(src, name)
	if err != nil {
		t.Fatal(err)
	}
	return vm.Load(p).Value()
}

func TestABudgetPerStretchBeginsAnewAfterEachWait(t *testing.T) {
	vm := parkVM(t)
	vm.SetBudget(Budget{Stretch: 20000})
	run := func(src string) (task *Task, err *Error) {
		f := mustLoad(t, vm, src, "=t")
		task = vm.Go(func(l *State) {
			l.Push(f)
			_, err = l.PCall(0, 0)
		})
		for !task.Done() {
			task.Resume()
		}
		return task, err
	}
	if _, e := run("for j = 1, 100 do for i = 1, 15000 do end park() end"); e != nil {
		t.Errorf("1.5 million instructions in stretches of 15,000: %v", e)
	}
	if _, e := run("park()\nfor i = 1, 30000 do\nend"); e == nil || e.Text != "t:2: instruction budget exceeded" || e.Aborted {
		t.Errorf("got %v, want an error in line 2", e)
	}
	if _, e := run("while true do\npcall(function() while true do end end) end"); e == nil || e.Text != "t:2: instruction budget exceeded" || !e.Aborted {
		t.Errorf("got %v, want an abort in line 2", e)
	}
	if _, e := run("pcall(function() while true do end end) park() for i = 1, 15000 do end"); e != nil {
		t.Errorf("a script that handled the error and waited is ended: %v", e)
	}
	vm.CloseTasks()
}

func TestTheFuelHookSeesWhereTheScriptIs(t *testing.T) {
	vm, _ := newTestVM(t)
	var places []string
	vm.FuelHook = func(l *State) error {
		chunk, line := l.Position()
		places = append(places, fmt.Sprintf("%s:%d", chunk, line))
		if len(places) == 3 {
			return fmt.Errorf("stopped by the host\n%s", l.Traceback("", 0))
		}
		return nil
	}
	src := "local function spin(n)\n  local x = n\n  while x > 0 do\n    x = x - 1\n  end\nend\nlocal t = setmetatable({}, {__index = function(_, n)\n  local r = spin(n)\n  return r\nend})\nreturn (t[1e6])"
	_, e := runChunk(t, vm, src, "@dir/spin.lua")
	if got := strings.Join(places, " "); got != "dir/spin.lua:3 dir/spin.lua:3 dir/spin.lua:3" {
		t.Errorf("got %s", got)
	}
	want := "dir/spin.lua:3: stopped by the host\n\nstack traceback:\n\tdir/spin.lua:3: in function 'spin'\n\tdir/spin.lua:8: in function '__index'\n\tdir/spin.lua:11: in main chunk"
	if e == nil || e.Text != want {
		t.Errorf("got\n%v\nwant\n%s", e, want)
	}
}

func TestSamplesAddUpOverShortRuns(t *testing.T) {
	vm, _ := newTestVM(t)
	lines := map[int]int{}
	vm.SampleEvery = 1000
	vm.OnSample = func(l *State) {
		chunk, line := l.Position()
		if chunk != "content_by_lua(nginx.conf:7)" {
			t.Errorf("got chunk %q", chunk)
		}
		lines[line]++
	}
	f := mustLoad(t, vm, "for i = 1, 30 do\nlocal x = i end\nfor i = 1, 60 do\nlocal y = i\nend", "=content_by_lua(nginx.conf:7)")
	l := vm.Main()
	run := func() {
		vm.ResetUsage()
		l.Push(f)
		l.PCall(0, 0)
	}
	for range 1000 {
		run()
	}
	// About 91 instructions per run: 91 samples, one third of them in the first loop.
	first, second := lines[1]+lines[2], lines[3]+lines[4]+lines[5]
	if n := first + second; n < 80 || n > 100 || first < n/5 || first > n/2 {
		t.Errorf("got samples %v", lines)
	}
	if n := testing.AllocsPerRun(100, run); n > 0 {
		t.Errorf("a run with samples allocates %v times", n)
	}
}

func TestUsageCountsBytesAndInstructionsOfARun(t *testing.T) {
	vm := parkVM(t)
	var inside Usage
	before := vm.Usage()
	f := mustLoad(t, vm, "local t = {} for i = 1, 1000 do t[i] = {i} end park() for i = 1, 1000 do end park()", "=t")
	task := vm.Go(func(l *State) {
		l.Push(f)
		l.PCall(0, 0)
		inside = vm.Usage()
	})
	u := task.Usage()
	if u.Instructions < 990 || u.Instructions > 1010 || u.Bytes < 60000 || u.Bytes > 200000 {
		t.Errorf("after the first stretch: %+v", u)
	}
	if o := vm.Usage(); o != before {
		t.Errorf("what a task used was counted for its owner: %+v", o)
	}
	task.Resume()
	if v := task.Usage(); v.Instructions-u.Instructions < 990 || v.Bytes != u.Bytes {
		t.Errorf("after the second stretch: %+v, after the first %+v", v, u)
	}
	task.Resume()
	if !task.Done() || inside.Instructions < 1990 {
		t.Errorf("the job saw %+v", inside)
	}
	vm.CloseTasks()
}

func TestAProtectedCallHasTheTracebackOfLuaJIT(t *testing.T) {
	vm, _ := newTestVM(t)
	vm.Register(vm.Globals(), "host", func(l *State) int {
		l.Push(l.Arg(1))
		return l.Call(0, 0)
	})
	_, e := runChunk(t, vm, "local function f()\n  error('boom')\nend\nhost(function()\n  f()\nend)", "=content_by_lua(nginx.conf:9)")
	const at = "content_by_lua(nginx.conf:9)"
	want := at + ":2: boom\nstack traceback:\n\t[C]: in function 'error'\n\t" + at + ":2: in function 'f'\n\t" + at + ":5: in function <" + at + ":4>\n\t[C]: in function 'host'\n\t" + at + ":4: in main chunk"
	if e == nil || e.Traceback != want {
		t.Errorf("got\n%s\nwant\n%s", e.Traceback, want)
	}
}

func TestGoFunctionsCountTheirWorkAndLength(t *testing.T) {
	vm, _ := newTestVM(t)
	vm.Register(vm.Globals(), "work", func(l *State) int {
		for {
			l.Work(1000)
		}
	})
	vm.Register(vm.Globals(), "build", func(l *State) int {
		l.CheckLength(l.CheckInt(1))
		return 0
	})
	for _, c := range []struct {
		src, want string
		budget    Budget
	}{
		{"work()", "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"pcall(work) work()", "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"build(2^21)", "t:1: string length overflow", Budget{StringBytes: 1 << 20}},
		{"build(2^21)", "not enough memory", Budget{Bytes: 1 << 20}},
		{"build(2^19)", "", Budget{Bytes: 1 << 20}},
		{"local s = ('x'):rep(2^15) return s:gsub('.', s)", "not enough memory", Budget{Bytes: 1 << 22}},
		{"local t = {} for i = 1, 1e5 do t[i] = function() t = i end i = 1 end", "not enough memory", Budget{Bytes: 1 << 22}},
		{"local t = setmetatable({}, {__mode = 'k'}) for i = 1, 1e5 do t['k' .. i] = i end", "not enough memory", Budget{Bytes: 1 << 22}},
	} {
		vm.SetBudget(c.budget)
		_, e := runChunk(t, vm, c.src, "=t")
		if c.want == "" && e != nil || c.want != "" && (e == nil || e.Text != c.want) {
			t.Errorf("%s: got %v, want %q", c.src, e, c.want)
		}
		if u := vm.Usage(); c.budget.Instructions > 0 && u.Instructions > c.budget.Instructions+2*fuelSlice {
			t.Errorf("%s: used %+v", c.src, u)
		}
	}
}

func TestAStepOfAWalkIsBounded(t *testing.T) {
	vm, _ := newTestVM(t)
	if _, e := runChunk(t, vm, `big = {} for i = 1, 1e5 do big[i] = i end named = {} for i = 1, 1e4 do named["k" .. i] = i end
		weak = setmetatable({}, {__mode = "k"}) for i = 1, 100 do weak[i] = i end`, "=t"); e != nil {
		t.Fatal(e.Traceback)
	}
	w := vm.NewWalk()
	steps := 1
	for ; !w.Step(1000); steps++ {
		if steps == 20 {
			// Scripts run in between and change what is under way.
			if _, e := runChunk(t, vm, `for i = 1, 1e5 do big[i] = nil end big.x = 1 for i = 1, 1e4 do named["k" .. i] = nil end weak[1] = nil`, "=t"); e != nil {
				t.Fatal(e.Traceback)
			}
		}
	}
	if steps < 20 {
		t.Errorf("the walk over 100,000 elements took %d steps of 1,000", steps)
	}
	if w.Bytes() < 1e5*16 {
		t.Errorf("it found %d bytes", w.Bytes())
	}
}

func TestBytesPerStretchAreCountedAnewAfterEachWait(t *testing.T) {
	vm := parkVM(t)
	vm.SetBudget(Budget{StretchBytes: 1 << 20})
	run := func(src string) (err *Error) {
		f := mustLoad(t, vm, src, "=t")
		task := vm.Go(func(l *State) {
			l.Push(f)
			_, err = l.PCall(0, 0)
		})
		for !task.Done() {
			task.Resume()
		}
		return err
	}
	if e := run("for i = 1, 20 do local s = string.rep('x', 500000) .. i park() end"); e != nil {
		t.Errorf("20 MB in stretches of half of one: %v", e)
	}
	if n := vm.LastUsage().Bytes; n < 10e6 {
		t.Errorf("the run is said to have allocated %d bytes", n)
	}
	if e := run("park()\nlocal t = {} while true do\nt[#t + 1] = {} end"); e == nil || !strings.Contains(e.Text, "not enough memory") {
		t.Errorf("got %v", e)
	}
	vm.CloseTasks()
}

func TestAnOverrunIsToldFromAnAbortOfTheHost(t *testing.T) {
	vm := parkVM(t)
	vm.SetBudget(Budget{Stretch: 20000})
	l := vm.NewThread()
	l.Push(mustLoad(t, vm, "while true do pcall(function() while true do end end) end", "=t"))
	if _, e := vm.PCallAside(l, 0, 0); e == nil || !e.Overrun() {
		t.Errorf("got %v, want an overrun", e)
	}
	if n := vm.LastUsage().Instructions; n < 20000 || n > 60000 {
		t.Errorf("the run is said to have taken %d instructions", n)
	}
	vm.Register(vm.Globals(), "leave", func(l *State) int { l.Unwind(); return 0 })
	l.Push(mustLoad(t, vm, "leave()", "=t"))
	if _, e := vm.PCallAside(l, 0, 0); e == nil || e.Overrun() || !e.Aborted {
		t.Errorf("got %v, want a plain abort", e)
	}
}

func TestALongPatternMatchCountsAsInstructions(t *testing.T) {
	vm, _ := newTestVM(t)
	vm.SetBudget(Budget{Instructions: 1 << 20})
	_, e := runChunk(t, vm, "local s = string.rep('a', 200)\nwhile true do s:find('.-.-b') end", "=t")
	if e == nil || e.Text != "t:2: instruction budget exceeded" {
		t.Errorf("got %v", e)
	}
}
