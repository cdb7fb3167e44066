package api

import (
	"runtime"
	"strings"
	"testing"

	"weir/lua/vm"
)

// metered runs src in the content phase, counted under a name.
func (f *fixture) metered(name, src string) *Meter {
	f.t.Helper()
	c := f.env.NewCtx(nil, Content)
	c.OnDone = func(*Ctx) {}
	c.Meter = f.env.Meter(Content, name)
	if !c.Start(Content, f.load(src)) {
		for !c.Over {
			f.loop.Step()
		}
	}
	c.Close()
	return f.env.Meter(Content, name)
}

func TestARunIsCountedForItsScript(t *testing.T) {
	f := newFixture(t)
	f.metered("a", `t.spawn(function() for i = 1, 1000 do end t.nap(1) end) local s = string.rep("x", 5000) t.nap(1)`)
	m := f.metered("a", `for i = 1, 500 do end error("oh")`)
	if m.Runs != 2 || m.Errors != 1 || m.Parks < 3 || m.Steps < 1500 || m.Steps > 1600 || m.Bytes < 5000 || m.Bytes > 50000 {
		t.Errorf("got %+v", m)
	}
	if b := f.metered("b", "local x = 1"); b.Runs != 1 || b.Steps > 10 || b.Errors != 0 {
		t.Errorf("got %+v", b)
	}
}

func TestWhatRunsWithinAnotherScriptIsNotCountedForIt(t *testing.T) {
	f := newFixture(t)
	filter := f.env.Meter(HeaderFilter, "filter")
	spin := f.load("for i = 1, 3e6 do end")
	f.env.VM.Register(f.env.Table("t"), "print", func(l *vm.State) int {
		c := Of(l)
		outer := c.Meter
		c.Meter = filter
		if err := f.env.CallAside(c, HeaderFilter, spin, nil, 0, nil); err != nil {
			t.Error(err)
		}
		c.Meter = outer
		return 0
	})
	m := f.metered("content", "t.print()")
	if m.Steps > 100 || filter.Steps < 2.9e6 || filter.Runs != 1 || m.Nanos*10 > filter.Nanos {
		t.Errorf("got %+v of the script, %+v of the filter", m, filter)
	}
}

// TestOneSliceOfManyStandsForTheOthers compares the estimate with what all slices took. Where the machine takes the
// processor away during a slice that is timed, that counts up to 2*meanGap-1 times: more than that is a wrong weight.
func TestOneSliceOfManyStandsForTheOthers(t *testing.T) {
	f := newFixture(t)
	fn := f.load("for i = 1, 2000 do end")
	m := f.env.Meter(Log, "short")
	c := f.env.NewCtx(nil, Log)
	c.Meter = m
	begin := clock()
	for range 5000 {
		if err := f.env.CallAside(c, Log, fn, nil, 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	took := clock() - begin
	c.Close()
	if m.Runs != 5000 || int64(m.Nanos) < took/20 || int64(m.Nanos) > took*2*meanGap {
		t.Errorf("estimated %d ns of %d in %d runs", m.Nanos, took, m.Runs)
	}
}

func TestScriptsThatAreTooManyAreCountedTogether(t *testing.T) {
	var ms Meters
	for i := range 2 * maxMeters {
		ms.Get(Content, strings.Repeat("x", i+1)).Runs++
	}
	if n := len(ms.List()); n != maxMeters+1 || ms.Get(Content, otherScripts).Runs != maxMeters {
		t.Errorf("got %d meters, %d runs of the others", n, ms.Get(Content, otherScripts).Runs)
	}
	var all Meters
	all.Get(Content, "x").Runs = 2
	all.adopt(&ms)
	if all.Get(Content, "x").Runs != 3 || len(all.List()) != len(ms.List()) {
		t.Errorf("adopted %d meters", len(all.List()))
	}
}

func TestLuaThatHoldsItsWorkerIsShownWhileItDoes(t *testing.T) {
	f := newFixture(t)
	f.env.own = new(Worker)
	seen := make(chan *Busy)
	stop := make(chan struct{})
	go func() { // another goroutine looks, as the control socket does
		for {
			if b := f.env.own.Busy.Load(); b != nil {
				close(stop)
				seen <- b
				return
			}
			runtime.Gosched()
		}
	}()
	f.env.VM.Register(f.env.Table("t"), "seen", func(l *vm.State) int {
		select {
		case <-stop:
			return l.Ret(vm.True)
		default:
			return l.Ret(vm.False)
		}
	})
	f.metered("spin", "local n = 0\nwhile not t.seen() do\nn = n + 1 end")
	b := <-seen
	if b.Script != "spin" || b.Phase != Content || b.Chunk != "test" || b.Line < 2 || b.Line > 3 || b.Since <= 0 || b.Since > Clock() {
		t.Errorf("got %+v", b)
	}
	if f.env.own.Busy.Load() != nil {
		t.Error("it is shown after its end")
	}
}

func TestASamplerFindsTheHotLines(t *testing.T) {
	f := newFixture(t)
	f.env.own = new(Worker)
	s := &Sampler{Every: 1000, Labels: true}
	f.env.own.Sampler.Store(s)
	for range 20 { // short ones: samples fall where steps add up
		f.metered("short", "for i = 1, 400 do end")
	}
	f.metered("long", "local function spin(n)\nfor i = 1, n do end\nend\ncoroutine.wrap(function() spin(1e7) end)()\nfor i = 1, 10 do end")
	f.env.own.Sampler.Store(nil)
	f.metered("later", "for i = 1, 1e6 do end")
	got := s.Stacks()
	const want = "content;long;main test:4;? [C];function:4 test:4;spin test:2"
	total, hot := int64(0), int64(0)
	for stack, ns := range got {
		total += ns
		if stack == want {
			hot = ns
		}
		if strings.Contains(stack, "later") {
			t.Errorf("a sample was taken when the sampler was off: %s", stack)
		}
	}
	if hot*2 < total || got["content;short;main test:1"] == 0 {
		t.Errorf("got %v, want mostly %s", got, want)
	}
	if f.env.VM.OnSample != nil {
		t.Error("the VM still takes samples")
	}
}
