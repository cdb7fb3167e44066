package vm

import (
	"runtime"
	"testing"
	"time"
)

// parkVM returns a VM with a function park() that parks, from wherever it is called, and returns what resume said.
func parkVM(t testing.TB) *VM {
	vm, _ := newTestVM(t)
	vm.Register(vm.Globals(), "park", func(l *State) int {
		l.Park()
		return l.Ret(Int(7))
	})
	return vm
}

// parkSites are chunks that park in all kinds of places; each returns "ok".
var parkSites = map[string]string{
	"plain":                     `park() return "ok"`,
	"tail call":                 `local function f() return park() end return f()==7 and "ok"`,
	"pcall":                     `local ok,v=pcall(park) return ok and v==7 and "ok"`,
	"xpcall":                    `local ok,v=xpcall(function() return park() end, print) return v==7 and "ok"`,
	"error after park in pcall": `local ok,e=pcall(function() park() error("x",0) end) return e=="x" and "ok"`,
	"xpcall handler":            `local ok,v=xpcall(error, function() return park() end) return v==7 and "ok"`,
	"__index":                   `local t=setmetatable({},{__index=function() return park() end}) return t.x==7 and "ok"`,
	"__index as Go function":    `local t=setmetatable({},{__index=park}) return t.x==7 and "ok"`,
	"__newindex":                `local t=setmetatable({},{__newindex=function(t,k,v) park() rawset(t,k,v) end}) t.x=1 return t.x==1 and "ok"`,
	"__add":                     `return setmetatable({},{__add=function() return park() end})+1==7 and "ok"`,
	"__lt":                      `local m={__lt=function() park() return true end} return setmetatable({},m)<setmetatable({},m) and "ok"`,
	"__eq":                      `local m={__eq=function() park() return true end} return setmetatable({},m)==setmetatable({},m) and "ok"`,
	"__concat":                  `return ("a"..setmetatable({},{__concat=function(a) park() return a.."b" end}))=="ab" and "ok"`,
	"__call":                    `return setmetatable({},{__call=function() return park() end})()==7 and "ok"`,
	"__len":                     `return #setmetatable({},{__len=function() return park() end})==7 and "ok"`,
	"__tostring":                `return tostring(setmetatable({},{__tostring=function() park() return "s" end}))=="s" and "ok"`,
	"__pairs":                   `for k in pairs(setmetatable({},{__pairs=function() park() return next,{x=1} end})) do return k=="x" and "ok" end`,
	"sort comparator":           `local t={3,1,2} table.sort(t,function(a,b) park() return a<b end) return t[1]==1 and t[3]==3 and "ok"`,
	"gsub callback":             `return (("aa"):gsub("a",function() park() return "b" end))=="bb" and "ok"`,
	"gsub table":                `return (("a"):gsub("a",setmetatable({},{__index=function() return tostring(park()) end})))=="7" and "ok"`,
	"Go iterator":               `local n=0 for v in park do n=n+1 if n==3 then break end end return n==3 and "ok"`,
	"Lua iterator":              `local n=0 for v in function() n=n+1 park() if n<3 then return n end end do end return n==3 and "ok"`,
	"coroutine":                 `local co=coroutine.create(function() park() coroutine.yield(1) return park() end) coroutine.resume(co) local _,v=coroutine.resume(co) return v==7 and "ok"`,
	"coroutine.wrap":            `local w=coroutine.wrap(function() while true do coroutine.yield(park()) end end) return w()+w()==14 and "ok"`,
	"wrap inside sort inside pcall": `return select(2,pcall(function() local t={2,1}
		table.sort(t,coroutine.wrap(function(a,b) while true do park() a,b=coroutine.yield(a<b) end end)) return t[1]==1 and "ok" end))`,
	"loadstring":    `return loadstring("return park()")()==7 and "ok"`,
	"table.foreach": `table.foreach({1},function() park() end) return "ok"`,
	"string.format": `return string.format("%s",setmetatable({},{__tostring=function() park() return "x" end}))=="x" and "ok"`,
	"require":       `package.preload.pm=function() park() return {v=7} end return require("pm").v==7 and "ok"`,
	"user yield in pcall in coroutine": `local co=coroutine.wrap(function() local ok,v=pcall(function() park() return coroutine.yield(1) end) return v end)
		co() return co("ok")`,
}

func TestParkingWorksFromAnywhere(t *testing.T) {
	for name, src := range parkSites {
		t.Run(name, func(t *testing.T) {
			vm := parkVM(t)
			p, err := Compile(src, "=t")
			if err != nil {
				t.Fatal(err)
			}
			var got Value
			var e *Error
			task := vm.Go(func(l *State) {
				l.Push(vm.Load(p).Value())
				if _, e = l.PCall(0, 1); e == nil {
					got = l.stack[l.top-1]
				}
			})
			parks := 0
			for ; !task.Done(); parks++ {
				task.Resume()
			}
			if s, _ := got.AsString(); e != nil || s != "ok" || parks == 0 {
				t.Errorf("got %v, error %v, after %d parks", rawString(got), e, parks)
			}
			vm.CloseTasks()
		})
	}
}

func waitGoroutines(t *testing.T, n int) {
	t.Helper()
	for i := 0; i < 10000 && runtime.NumGoroutine() > n; i++ {
		time.Sleep(time.Millisecond)
	}
	if got := runtime.NumGoroutine(); got > n {
		t.Errorf("got %d goroutines, want %d", got, n)
	}
}

func TestAbortIsNotCaughtByPcallAndLeaksNothing(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := runtime.NumGoroutine()
	for name, src := range parkSites {
		vm := parkVM(t)
		p, err := Compile("local r = pcall(function() "+src+" end) reached = true pcall(park) reached = true return r", "=t")
		if err != nil {
			t.Fatal(err)
		}
		var e *Error
		task := vm.Go(func(l *State) {
			l.Push(vm.Load(p).Value())
			_, e = l.PCall(0, 1)
		})
		task.Abort()
		if !task.Done() || e == nil || !e.Aborted {
			t.Errorf("%s: got error %v, want an abort", name, e)
		}
		if vm.Globals().GetString("reached").Truthy() {
			t.Errorf("%s: the script went on after the abort", name)
		}
		vm.CloseTasks()
	}
	waitGoroutines(t, before)
}

func TestTenThousandParkedTasksAreSmallAndAllGoAway(t *testing.T) {
	const n = 10000
	before := runtime.NumGoroutine()
	vm := parkVM(t)
	p, err := Compile(`local a,b,c = 1,2,"x" pcall(function() park() end) return a`, "=t")
	if err != nil {
		t.Fatal(err)
	}
	f := vm.Load(p).Value()
	var m0, m1 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m0)
	tasks := make([]*Task, n)
	for i := range tasks {
		tasks[i] = vm.Go(func(l *State) {
			l.Push(f)
			l.PCall(0, 0)
		})
	}
	runtime.GC()
	runtime.ReadMemStats(&m1)
	per := float64(m1.HeapAlloc+m1.StackInuse-m0.HeapAlloc-m0.StackInuse) / n
	t.Logf("%.0f bytes per parked task (heap %.0f, stack %.0f)", per,
		float64(m1.HeapAlloc-m0.HeapAlloc)/n, float64(m1.StackInuse-m0.StackInuse)/n)
	if per > 10*1024 && !raceEnabled {
		t.Errorf("got %.0f bytes per parked task, want at most 10240", per)
	}
	for _, k := range tasks {
		k.Abort()
	}
	vm.CloseTasks()
	waitGoroutines(t, before)
}

func TestParkingDoesNotAllocate(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	vm := parkVM(t)
	p, _ := Compile(`while true do pcall(park) end`, "=t")
	task := vm.Go(func(l *State) {
		l.Push(vm.Load(p).Value())
		l.PCall(0, 0)
	})
	if n := testing.AllocsPerRun(1000, task.Resume); n != 0 {
		t.Errorf("got %v allocations per park and resume, want 0", n)
	}
	task.Abort()
	vm.CloseTasks()
}

func BenchmarkParkAndResumeInsidePcallOnLockedThread(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	vm := parkVM(b)
	p, _ := Compile(`while true do pcall(park) end`, "=t")
	task := vm.Go(func(l *State) {
		l.Push(vm.Load(p).Value())
		l.PCall(0, 0)
	})
	b.ReportAllocs()
	for b.Loop() {
		task.Resume()
	}
	task.Abort()
	vm.CloseTasks()
}

func BenchmarkEmptyChunk(b *testing.B) {
	vm := parkVM(b)
	p, _ := Compile(``, "=t")
	f := vm.Load(p).Value()
	b.Run("on the owner's stack", func(b *testing.B) {
		l := vm.Main()
		b.ReportAllocs()
		for b.Loop() {
			l.Push(f)
			l.PCall(0, 0)
		}
	})
	b.Run("on a pooled task", func(b *testing.B) {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		job := func(l *State) {
			l.Push(f)
			l.PCall(0, 0)
		}
		b.ReportAllocs()
		for b.Loop() {
			vm.Go(job)
		}
		vm.CloseTasks()
	})
}
