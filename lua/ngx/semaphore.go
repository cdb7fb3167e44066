package ngx

import (
	"slices"

	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// Semaphore is the module ngx.semaphore.
var Semaphore = api.Family{
	Name:   "ngx.semaphore",
	Doc:    "Semaphores between light threads of one worker.",
	Tables: []api.Table{{Path: "ngx.semaphore", Module: true, Funcs: semaphoreFuncs}},
	Open: func(e *api.Env) {
		e.VM.NewMetatable(semaphoreType).SetString("__index", e.VM.Loaded().GetString("ngx.semaphore"))
	},
}

const semaphoreType = "ngx.semaphore"

var semaphoreFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(n?)", Doc: "Makes a semaphore with n resources.", Run: newSemaphore},
	{Name: "wait", In: api.Any, Args: "(semaphore, seconds)", Doc: "Takes a resource; waits until there is one, or for a time.", Run: waitSemaphore},
	{Name: "post", In: api.Any, Args: "(semaphore, n?)", Doc: "Gives n resources back.", Run: postSemaphore},
	{Name: "count", In: api.Any, Args: "(semaphore)", Doc: "Returns the number of resources, negative for threads that wait.", Run: func(l *vm.State) int {
		s := checkSemaphore(l)
		return l.Ret(vm.Int(s.count - len(s.waiters)))
	}},
}

// semaphore counts resources. While a thread that was given one has not run, nobody else gets what is left: who has
// waited comes first, and posts of a running thread are not seen by itself.
type semaphore struct {
	count   int
	woken   int // threads that were given a resource and have not run
	waiters []*semaphoreWait
}

// semaphoreWait is a light thread in wait.
type semaphoreWait struct {
	poll.Timer
	s      *semaphore
	thread *api.Thread
	loop   *poll.Loop
	got    bool
}

// Expired implements poll.TimerOwner.
func (w *semaphoreWait) Expired(*poll.Timer) {
	w.leave()
	w.thread.Wake()
}

// Abandon implements api.Waiter. What the thread was given already goes to the next one.
func (w *semaphoreWait) Abandon() {
	w.loop.RemoveTimer(&w.Timer)
	if w.got {
		w.s.woken--
		w.s.post(1)
		return
	}
	w.leave()
}

func (w *semaphoreWait) leave() {
	w.s.waiters = slices.DeleteFunc(w.s.waiters, func(o *semaphoreWait) bool { return o == w })
}

func (s *semaphore) post(n int) {
	s.count += n
	s.hand()
}

// hand gives what there is to who waits.
func (s *semaphore) hand() {
	for s.count > 0 && len(s.waiters) > 0 {
		w := s.waiters[0]
		s.waiters = slices.Delete(s.waiters, 0, 1)
		w.got = true
		s.count--
		s.woken++
		w.loop.RemoveTimer(&w.Timer)
		w.thread.Wake()
	}
}

func newSemaphore(l *vm.State) int {
	n := 0
	if f, ok := toNumber(l.Arg(1)); ok {
		n = int(f)
	}
	if n < 0 {
		l.Errorf("no negative number")
	}
	t := l.VM().NewTable(0, 1)
	t.SetString("sem", l.VM().NewUserdata(&semaphore{count: n}, nil).Value())
	t.SetMetatable(l.VM(), l.VM().NewMetatable(semaphoreType))
	return l.Ret(t.Value())
}

// toNumber is tonumber.
func toNumber(v vm.Value) (float64, bool) {
	if f, ok := v.AsNumber(); ok {
		return f, true
	}
	if s, ok := v.AsString(); ok {
		return vm.ParseNumber(s)
	}
	return 0, false
}

func checkSemaphore(l *vm.State) *semaphore {
	if t := l.Arg(1).AsTable(); t != nil {
		if s, ok := api.Held[*semaphore](t.GetString("sem")); ok {
			return s
		}
	}
	l.Errorf("not a semaphore instance")
	return nil
}

func waitSemaphore(l *vm.State) int {
	c := api.Of(l)
	s := checkSemaphore(l)
	if c.Phase == api.Init {
		l.Errorf("no request found")
	}
	f, ok := toNumber(l.Arg(2))
	if !ok {
		l.Errorf("attempt to perform arithmetic on a %s value", l.Arg(2).TypeName())
	}
	ms := int64(f * 1000)
	if ms < 0 {
		l.Errorf("no negative number")
	}
	if c.Phase&api.Yieldable == 0 && !c.Relaxed {
		return api.Fail(l, "API disabled in the context of "+c.Phase.Context())
	}
	if s.count > 0 && len(s.waiters) == 0 && s.woken == 0 {
		s.count--
		return l.Ret(vm.True)
	}
	if ms == 0 {
		return api.Fail(l, "timeout")
	}
	if !l.CanPark() {
		return api.Fail(l, "API disabled in the context of "+c.Phase.Context())
	}
	w := &semaphoreWait{s: s, thread: c.Thread(), loop: c.Env().Loop()}
	w.Owner = w
	s.waiters = append(s.waiters, w)
	w.loop.SetTimer(&w.Timer, ms)
	c.Park(l, w)
	if w.got {
		s.woken--
		s.hand()
		return l.Ret(vm.True)
	}
	return api.Fail(l, "timeout")
}

func postSemaphore(l *vm.State) int {
	s := checkSemaphore(l)
	n := 1
	if f, ok := toNumber(l.Arg(2)); ok {
		n = int(f)
	}
	if n < 1 {
		l.Errorf("positive number required")
	}
	s.post(n)
	return l.Ret(vm.True)
}
