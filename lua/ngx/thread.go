package ngx

import (
	"slices"

	"weir/lua/api"
	"weir/lua/vm"
)

// Threads is the family of light threads and of coroutines beside them.
var Threads = api.Family{
	Name: "ngx.thread",
	Doc:  "Light threads.",
	Tables: []api.Table{
		{Path: "ngx.thread", Funcs: threadFuncs},
		{Path: "ngx", Funcs: abortFuncs},
	},
	Open: func(e *api.Env) {
		co := e.Table("coroutine")
		e.Register(co, coroutineFuncs)
	},
}

var threadFuncs = []api.Func{
	{Name: "spawn", In: api.Yieldable, Args: "(function, ...)", Doc: "Starts a light thread, which runs at once until it waits.", Run: spawn},
	{Name: "wait", In: api.Yieldable, Args: "(thread, ...)", Doc: "Waits until one of the threads ends, and returns what it returned.", Run: waitThreads},
	{Name: "kill", In: api.Yieldable, Args: "(thread)", Doc: "Ends a thread.", Run: killThread},
}

var coroutineFuncs = []api.Func{
	{Name: "status", In: api.Any, Args: "(coroutine)", Doc: "Returns the state of a coroutine or light thread.", Run: coroutineStatus},
}

var abortFuncs = []api.Func{
	{Name: "on_abort", In: api.Request, Args: "(function)", Doc: "Has a function called when the client goes away.", Run: onAbort},
}

// uthread is a spawned light thread as others see it; its coroutine carries it.
type uthread struct {
	parent  *vm.State // that spawned it; only it may wait or kill
	thread  *api.Thread
	joiner  *joiner // who waits for it
	results []vm.Value
	state   threadState
}

type threadState uint8

const (
	threadAlive threadState = iota
	threadZombie
	threadDead
)

// joiner is a light thread in ngx.thread.wait.
type joiner struct {
	thread  *api.Thread
	targets []*uthread
	first   *uthread // that ended
}

// Abandon implements api.Waiter.
func (j *joiner) Abandon() { j.release() }

func (j *joiner) release() {
	for _, u := range j.targets {
		if u.joiner == j {
			u.joiner = nil
		}
	}
}

func spawn(l *vm.State) int {
	c := api.Of(l)
	f := l.CheckFunction(1)
	co := l.VM().NewCoroutine(f)
	u := &uthread{parent: l}
	co.User = u
	var args []vm.Value
	for i := 2; i <= l.Top(); i++ {
		args = append(args, l.Arg(i))
	}
	t := c.Prepare(co, args, threadEnded, u)
	u.thread = t
	c.Spawn(l, t)
	return l.Ret(co.Value())
}

// threadEnded keeps what a thread returned until its parent asks.
func threadEnded(t *api.Thread) {
	u := t.Handle().(*uthread)
	u.thread = nil
	u.results = slices.Clone(t.Results)
	u.state = threadZombie
	if len(u.results) == 0 { // killed
		u.state = threadDead
	}
	if j := u.joiner; j != nil && j.first == nil {
		j.first = u
		j.thread.Wake()
	}
}

// threadOf is the light thread of an argument.
func threadOf(l *vm.State, n int) (*vm.State, *uthread) {
	co := l.Arg(n).AsState()
	if co == nil {
		l.ArgError(n, "lua thread expected")
	}
	u, _ := co.User.(*uthread)
	return co, u
}

func waitThreads(l *vm.State) int {
	c := api.Of(l)
	n := l.Top()
	if n == 0 {
		l.Errorf("at least one coroutine should be specified")
	}
	j := &joiner{thread: c.Thread()}
	for i := 1; i <= n; i++ {
		_, u := threadOf(l, i)
		switch {
		case u == nil:
			l.Errorf("attempt to wait on a coroutine that is not a user thread")
		case u.parent != l:
			l.Errorf("only the parent coroutine can wait on the thread")
		}
		switch u.state {
		case threadZombie:
			return u.take(l)
		case threadDead:
			if i == n && len(j.targets) == 0 {
				return api.Fail(l, "already waited or killed")
			}
		default:
			j.targets = append(j.targets, u)
		}
	}
	for _, u := range j.targets {
		u.joiner = j
	}
	c.Park(l, j)
	j.release()
	if j.first == nil {
		return api.Fail(l, "already waited or killed")
	}
	return j.first.take(l)
}

// take pushes what the thread returned; a second wait finds it dead.
func (u *uthread) take(l *vm.State) int {
	u.state = threadDead
	for _, v := range u.results {
		l.Push(v)
	}
	n := len(u.results)
	u.results = nil
	return n
}

func killThread(l *vm.State) int {
	_, u := threadOf(l, 1)
	switch {
	case u == nil:
		return api.Fail(l, "not user thread")
	case u.parent != l:
		return api.Fail(l, "killer not parent")
	case u.state == threadZombie:
		u.state, u.results = threadDead, nil
		return api.Fail(l, "already terminated")
	case u.state == threadDead:
		return api.Fail(l, "already waited or killed")
	case u.thread.Subrequests > 0:
		return api.Fail(l, "pending subrequests")
	}
	u.thread.Kill()
	u.state = threadDead
	return l.Ret(vm.Int(1))
}

// coroutineStatus is coroutine.status: a light thread that waits runs as far as Lua is concerned, and one that has
// ended is a zombie until its parent has looked at it.
func coroutineStatus(l *vm.State) int {
	co := l.CheckThread(1)
	if u, ok := co.User.(*uthread); ok {
		switch u.state {
		case threadZombie:
			return l.Ret(vm.String("zombie"))
		case threadDead:
			return l.Ret(vm.String("dead"))
		}
		if s := co.Status(); s == "normal" {
			return l.Ret(vm.String(s))
		}
		return l.Ret(vm.String("running"))
	}
	return l.Ret(vm.String(co.Status()))
}

// onAbort is ngx.on_abort: the function becomes a light thread that begins when the client goes away.
func onAbort(l *vm.State) int {
	c := api.Of(l)
	f := l.CheckFunction(1)
	switch {
	case c.OnAbort != nil:
		return api.Fail(l, "duplicate call")
	case !api.Locations.Of(c.R).CheckClientAbort.V:
		return api.Fail(l, "lua_check_client_abort is off")
	}
	co := l.VM().NewCoroutine(f)
	u := &uthread{parent: l}
	co.User = u
	c.OnAbort = c.Prepare(co, nil, abortEnded, u)
	u.thread = c.OnAbort
	return l.Ret(vm.Int(1))
}

func abortEnded(t *api.Thread) {
	threadEnded(t)
	t.Ctx().OnAbort = nil
}
