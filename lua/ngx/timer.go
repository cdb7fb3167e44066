package ngx

import (
	"strconv"
	"strings"

	"weir/appliance/errlog"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// Timers is the family of ngx.timer.
var Timers = api.Family{
	Name:   "ngx.timer",
	Doc:    "Lua that runs later, without a request.",
	State:  api.NewState(&timerState, func(e *api.Env) *timers { return &timers{env: e} }),
	Tables: []api.Table{{Path: "ngx.timer", Funcs: timerFuncs}},
	Retire: func(e *api.Env) { timerState.In(e).expireAll() },
}

var timerFuncs = []api.Func{
	{Name: "at", In: inTimers, Args: "(seconds, function, ...)", Doc: "Calls a function after a time, with whether it came early and the arguments.", Run: func(l *vm.State) int { return newTimer(l, false) }},
	{Name: "every", In: inTimers, Args: "(seconds, function, ...)", Doc: "Calls a function again and again.", Run: func(l *vm.State) int { return newTimer(l, true) }},
	{Name: "running_count", In: api.Any, Args: "()", Doc: "Returns how many callbacks run now.", Run: func(l *vm.State) int { return l.Ret(vm.Int(timerState.Of(l).running)) }},
	{Name: "pending_count", In: api.Any, Args: "()", Doc: "Returns how many timers wait.", Run: func(l *vm.State) int { return l.Ret(vm.Int(timerState.Of(l).pending)) }},
}

const inTimers = api.Any &^ (api.Init | api.ExitWorker)

// timers are those of one VM.
type timers struct {
	env     *api.Env
	list    map[*timer]struct{} // pending
	pending int
	running int
	meters  map[*vm.Proto]*api.Meter // of functions that timers call
}

var timerState api.Slot[timers]

// timer is a callback that waits for its time.
type timer struct {
	poll.Timer
	all   *timers
	fn    vm.Value
	args  []vm.Value
	every int64 // milliseconds until the next one; 0: none
	from  *api.Settings
}

func newTimer(l *vm.State, every bool) int {
	if n := l.Top(); n < 2 {
		l.Errorf("expecting at least 2 arguments but got %d", n)
	}
	c := api.Of(l)
	ms := int64(l.CheckNumber(1) * 1000)
	if every && ms == 0 {
		l.Errorf("delay cannot be zero")
	}
	if f := l.Arg(2).AsFunction(); f == nil || f.Proto() == nil {
		l.ArgError(2, "Lua function expected")
	}
	s := timerState.Of(l)
	e := s.env
	exiting := e.Retired() || e.Worker.Exiting()
	switch {
	case exiting && ms > 0:
		return api.Fail(l, "process exiting")
	case s.pending >= e.Main.MaxPendingTimers.V:
		return api.Fail(l, "too many pending timers")
	}
	t := &timer{all: s, fn: l.Arg(2), from: c.Settings()}
	for i := 3; i <= l.Top(); i++ {
		t.args = append(t.args, l.Arg(i))
	}
	if every {
		t.every = ms
	}
	t.set(ms)
	return l.Ret(vm.Int(1))
}

// set arms the timer; while it waits the VM stays open.
func (t *timer) set(ms int64) {
	s := t.all
	if s.list == nil {
		s.list = map[*timer]struct{}{}
	}
	s.list[t] = struct{}{}
	s.pending++
	s.env.Hold()
	t.Owner = t
	s.env.Loop().SetTimer(&t.Timer, ms)
}

// Expired implements poll.TimerOwner.
func (t *timer) Expired(*poll.Timer) { t.fire(false) }

// expireAll runs what waits now: there will be no other time.
func (s *timers) expireAll() {
	for t := range s.list {
		s.env.Loop().RemoveTimer(&t.Timer)
		t.fire(true)
	}
}

// fire runs the callback.
func (t *timer) fire(premature bool) {
	s := t.all
	delete(s.list, t)
	s.pending--
	e := s.env
	defer e.Release()
	if !premature && (e.Retired() || e.Worker.Exiting()) {
		premature = true
	}
	if t.every > 0 && !premature {
		next := &timer{all: s, fn: t.fn, args: t.args, every: t.every, from: t.from}
		next.set(t.every)
	}
	if s.running >= e.Main.MaxRunningTimers.V {
		p := t.fn.AsFunction().Proto()
		errlog.Default().Printf(errlog.Alert, 0, "lua failed to run timer with function defined at %s:%d: %d lua_max_running_timers are not enough",
			p.Source(), p.Line(), e.Main.MaxRunningTimers.V)
		return
	}
	c := e.NewCtx(nil, api.Timer)
	c.SetSettings(t.from)
	c.OnDone = timerDone
	c.Meter = s.meter(t.fn.AsFunction().Proto())
	s.running++
	args := append([]vm.Value{vm.Bool(premature)}, t.args...)
	if c.StartWith(api.Timer, t.fn, args) {
		timerDone(c)
	}
}

// maxTimerMeters bounds the functions whose meters are remembered.
const maxTimerMeters = 256

// meter is what counts the runs of a timer's function.
func (s *timers) meter(p *vm.Proto) *api.Meter {
	m := s.meters[p]
	if m == nil {
		if s.meters == nil || len(s.meters) >= maxTimerMeters {
			s.meters = map[*vm.Proto]*api.Meter{}
		}
		m = s.env.Meter(api.Timer, strings.TrimLeft(p.Source(), "=@")+":"+strconv.Itoa(p.Line()))
		s.meters[p] = m
	}
	return m
}

func timerDone(c *api.Ctx) {
	timerState.In(c.Env()).running--
	c.Close()
}
