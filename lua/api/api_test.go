package api

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"weir/appliance/http"
	"weir/lua/vm"
	"weir/netio/poll"
)

// pause is the waiter of the test family's nap.
type pause struct {
	poll.Timer
	thread    *Thread
	abandoned *int
}

func (p *pause) Expired(*poll.Timer) { p.thread.Wake() }
func (p *pause) Abandon() {
	p.Stop()
	*p.abandoned++
}

// fixture is an Env on a loop that the test drives.
type fixture struct {
	t         *testing.T
	env       *Env
	loop      *poll.Loop
	abandoned int
	unwound   int
	out       []string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	runtime.LockOSThread() // as a worker does
	t.Cleanup(runtime.UnlockOSThread)
	loop, err := poll.New(poll.Config{OnPanic: func(_, x any, _ []byte) { t.Errorf("panic: %v", x) }})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, loop: loop}
	family := &Family{Name: "test", Tables: []Table{{Path: "t", Funcs: []Func{
		{Name: "nap", In: Yieldable, Run: f.nap},
		{Name: "say", In: Any, Run: f.say},
		{Name: "exit", In: Handlers, Run: f.exit},
		{Name: "spawn", In: Yieldable, Run: f.spawn},
	}}}}
	fs := Families{family}
	fs.Register()
	v := vm.New()
	v.OpenLibs()
	f.env = New(v, &http.Worker{Loop: loop}, nil, fs)
	t.Cleanup(func() {
		f.env.Close()
		loop.Close()
	})
	return f
}

func (f *fixture) nap(l *vm.State) int {
	c := Of(l)
	p := &pause{thread: c.Thread(), abandoned: &f.abandoned}
	p.Owner = p
	defer func() { f.unwound++ }()
	f.loop.SetTimer(&p.Timer, int64(l.CheckInt(1)))
	c.Park(l, p)
	return 0
}

func (f *fixture) say(l *vm.State) int {
	f.out = append(f.out, l.CheckString(1))
	return 0
}

func (f *fixture) exit(l *vm.State) int {
	c := Of(l)
	c.Exited, c.ExitCode = true, l.CheckInt(1)
	c.Leave(l)
	return 0
}

func (f *fixture) spawn(l *vm.State) int {
	c := Of(l)
	co := l.VM().NewCoroutine(l.CheckFunction(1))
	t := c.Prepare(co, nil, func(t *Thread) {
		if len(t.Results) > 0 {
			f.out = append(f.out, "end "+t.Results[len(t.Results)-1].Text())
		} else {
			f.out = append(f.out, "killed")
		}
	}, nil)
	c.Spawn(l, t)
	return l.Ret(co.Value())
}

func (f *fixture) load(src string) *vm.Function {
	f.t.Helper()
	p, err := vm.Compile(src, "=test")
	if err != nil {
		f.t.Fatal(err)
	}
	return f.env.VM.Load(p)
}

// run runs src as the entry thread of a context and drives the loop until it is over.
func (f *fixture) run(src string) *Ctx {
	f.t.Helper()
	c := f.env.NewCtx(nil, Content)
	c.OnDone = func(*Ctx) {}
	if c.Start(Content, f.load(src)) {
		return c
	}
	for end := time.Now().Add(time.Minute); !c.Over && time.Now().Before(end); {
		f.loop.Step()
	}
	if !c.Over {
		f.t.Fatal("the run is not over")
	}
	return c
}

func (f *fixture) want(lines ...string) {
	f.t.Helper()
	if got, want := strings.Join(f.out, "|"), strings.Join(lines, "|"); got != want {
		f.t.Errorf("got %s, want %s", got, want)
	}
}

func TestALightThreadWaitsAndGoesOn(t *testing.T) {
	f := newFixture(t)
	f.run(`t.say("a") pcall(function() t.nap(1) t.say("b") end) t.say("c")`).Close()
	f.want("a", "b", "c")
	if f.env.Contexts() != 0 || f.abandoned != 0 {
		t.Errorf("got %d contexts, %d abandoned", f.env.Contexts(), f.abandoned)
	}
}

func TestThreadsRunInTheOrderTheyAreWoken(t *testing.T) {
	f := newFixture(t)
	f.run(`t.spawn(function() t.say("1") t.nap(20) t.say("4") return "x" end)
		t.say("2") coroutine.yield() t.spawn(function() coroutine.yield() t.say("3") error("oops", 0) end)`).Close()
	f.want("1", "2", "3", "end oops", "4", "end x")
}

func TestExitEndsEveryThreadAndNothingCatchesIt(t *testing.T) {
	f := newFixture(t)
	c := f.run(`t.spawn(function() t.nap(60000) t.say("never") end)
		t.spawn(function() t.nap(1) pcall(t.exit, 7) t.say("never") end)
		coroutine.wrap(function() t.nap(60000) end)() t.say("never")`)
	if !c.Exited || c.ExitCode != 7 || f.abandoned != 2 || f.unwound != 3 {
		t.Errorf("got %v %d, %d abandoned, %d unwound", c.Exited, c.ExitCode, f.abandoned, f.unwound)
	}
	c.Close()
	f.want("killed", "killed")
}

func TestExitInASpawnedThreadLeavesTheSpawner(t *testing.T) {
	f := newFixture(t)
	c := f.run(`pcall(t.spawn, function() t.exit(3) end) t.say("never")`)
	if c.ExitCode != 3 {
		t.Errorf("got %d", c.ExitCode)
	}
	c.Close()
	f.want("killed")
}

func TestClosingAContextAbortsWhatWaits(t *testing.T) {
	f := newFixture(t)
	c := f.env.NewCtx(nil, Content)
	c.OnDone = func(*Ctx) { t.Error("done") }
	if c.Start(Content, f.load(`pcall(t.nap, 60000) t.say("never")`)) {
		t.Fatal("the run is over")
	}
	before := runtime.NumGoroutine()
	c.Close()
	if f.abandoned != 1 || f.unwound != 1 {
		t.Errorf("got %d abandoned, %d unwound", f.abandoned, f.unwound)
	}
	f.env.VM.CloseTasks()
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() >= before; runtime.Gosched() { // the collector's come and go
		if time.Now().After(end) {
			t.Fatalf("got %d coroutines, had %d", runtime.NumGoroutine(), before)
		}
	}
	f.want()
}

func TestAFunctionIsDeniedInOtherPhases(t *testing.T) {
	f := newFixture(t)
	c := f.env.NewCtx(nil, Log)
	defer c.Close()
	fn := f.load(`local ok, err = pcall(t.nap, 1) t.say(err) t.nap(1)`)
	err := f.env.CallAside(c, Log, fn, nil, 0, nil)
	want := "test:1: API disabled in the context of log_by_lua*"
	if err == nil || err.Text != want {
		t.Errorf("got %v, want %s", err, want)
	}
	f.want("API disabled in the context of log_by_lua*")
}

func TestAPanicOfGoCodeFailsTheRunOnly(t *testing.T) {
	f := newFixture(t)
	f.env.VM.Register(f.env.Table("t"), "bug", func(*vm.State) int { panic("oh") })
	c := f.run(`t.bug()`)
	if !c.Failed {
		t.Error("the run did not fail")
	}
	c.Close()
	f.run(`t.say("fine")`).Close()
	f.want("fine")
}

func TestARunThatDoesNotWaitAllocatesNothing(t *testing.T) {
	f := newFixture(t)
	fn := f.load(`local x = 0 for i = 1, 10 do x = x + i end`)
	aside := f.load(`local x = 1`)
	m := f.env.Meter(Content, "x")
	n := testing.AllocsPerRun(100, func() {
		c := f.env.NewCtx(nil, Content)
		c.Meter = m
		if !c.Start(Content, fn) {
			t.Fatal("the run is not over")
		}
		if err := f.env.CallAside(c, Log, aside, nil, 0, nil); err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
	if n != 0 {
		t.Errorf("got %v allocations", n)
	}
}
