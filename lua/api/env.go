package api

import (
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/vm"
	"weir/netio/poll"
)

// Env is one VM of one worker with the ngx API in it: that of a configuration, or with lua_code_cache off that of one
// request. It belongs to the worker's loop.
type Env struct {
	VM     *vm.VM
	Worker *http.Worker     // nil while init_by_lua runs in the process that reads the configuration
	Gen    *http.Generation // the configuration its code belongs to
	Config any              // of lua/phase: what it needs to find again

	// Settings are the directives where there is no request, Main those of the http block.
	Settings *Settings
	Main     *MainSettings
	// Quiet logs nothing where there is no request: the configuration is only checked.
	Quiet bool

	Prefix  string // directory of -p, with a slash
	Workers int    // how many there are

	// Bare makes another VM of the same configuration, without a worker, for Lua that runs beside the loop. It may be
	// called from the worker's loop only; it is set by lua/phase.
	Bare func() *Env

	// Renew has the worker make new Lua for what comes, while what runs ends with this Env; lua/phase sets it.
	Renew func()

	// OnRetired runs when the Env's configuration is out of use on its worker, before Close; for lua/phase.
	OnRetired func(e *Env)

	local    []any // states of families
	families Families

	cur    *Ctx    // whose Lua runs
	thread *Thread // that runs; nil on the loop's own stack
	idle   *Ctx    // stands for "nobody" and for init_by_lua

	queue     []*Thread // woken, oldest first; nil: aborted since
	scheduled bool      // Run is on the loop's list of deferred tasks
	closed    bool

	aside      []*vm.State // threads of strict phases, by nesting
	asideDepth int

	slice   slice // the one that runs; no meter: none does
	dice    uint32
	sampler *Sampler // that is on
	labels  bool     // it wants them
	meters  Meters   // before it has a worker
	own     *Worker  // what the worker has of Lua; nil before Begin
	none    Meter    // of what nobody counts

	shown    bool  // it is in Worker.Busy
	showedAt int64 // clock when that was done last

	freeCtxs    []*Ctx
	freeThreads []*Thread
	contexts    int // in use
	held        int // see Hold
	retired     bool
}

// New makes the Env around a VM, which gets Env as Host, and opens the families in it.
func New(v *vm.VM, w *http.Worker, g *http.Generation, fs Families) *Env {
	e := &Env{VM: v, Worker: w, Gen: g, families: fs, dice: 0x9e3779b9}
	v.Host = e
	v.FuelHook = e.fuelBurnt
	v.TaskYield = yieldEntry
	e.idle = &Ctx{env: e, Phase: Init}
	e.cur = e.idle
	fs.open(e)
	return e
}

// yieldEntry is coroutine.yield in an entry thread, which nobody resumes: the other threads run, then it goes on.
func yieldEntry(l *vm.State) int {
	Of(l).Yield(l)
	return 0
}

// Of returns the context whose Lua runs on l's VM. It is never nil.
func Of(l *vm.State) *Ctx { return EnvOf(l).cur }

// EnvOf returns the Env of l's VM.
func EnvOf(l *vm.State) *Env { return l.VM().Host.(*Env) }

// Meter returns the meter of a script in a phase.
func (e *Env) Meter(p Phase, name string) *Meter {
	if e.own == nil {
		return e.meters.Get(p, name)
	}
	return e.own.Meters.Get(p, name)
}

// Begin gives the VM to a worker, whose meters go on with what init_by_lua has used.
func (e *Env) Begin(w *http.Worker) {
	e.Worker, e.own = w, Workers.Of(w)
	e.own.Meters.adopt(&e.meters)
	e.meters = Meters{}
	loop := w.Loop
	e.VM.OnGarbage(func() { loop.Post(garbage{e}) })
}

// Capture has the lines that were written to error logs where the VM runs; nil without lua_capture_error_log.
func (e *Env) Capture() *errlog.Capture {
	if e.own == nil {
		return e.Main.Capture
	}
	return e.own.Capture
}

// Current is the context whose Lua runs; the idle one when none does.
func (e *Env) Current() *Ctx { return e.cur }

// Loop is the worker's event loop.
func (e *Env) Loop() *poll.Loop { return e.Worker.Loop }

// Contexts is how many contexts are in use.
func (e *Env) Contexts() int { return e.contexts }

// Wake has a parked thread go on at the end of this turn of the loop; see Thread.Wake.
func (e *Env) wake(t *Thread) {
	e.queue = append(e.queue, t)
	if !e.scheduled {
		e.scheduled = true
		e.Worker.Loop.Defer(e)
	}
}

// forget takes an aborted thread out of the queue.
func (e *Env) forget(t *Thread) {
	for i, q := range e.queue {
		if q == t {
			e.queue[i] = nil
		}
	}
}

// Run resumes the threads that were woken; the loop calls it after Defer. Threads woken by those wait for the next
// turn, so that Lua that wakes itself over and over does not hold the worker.
func (e *Env) Run() {
	e.scheduled = false
	n := len(e.queue)
	for i := range n {
		t := e.queue[i]
		if t == nil {
			continue
		}
		e.queue[i] = nil
		t.ready = false
		t.resume()
	}
	rest := copy(e.queue, e.queue[n:])
	clear(e.queue[rest:])
	e.queue = e.queue[:rest]
	if rest > 0 && !e.scheduled {
		e.scheduled = true
		e.Worker.Loop.Defer(e)
	}
}

// CallAside runs fn of c in a phase that may not wait, on whatever stack the caller is: with the nargs arguments push
// puts on the thread (nil for none) and nres results, which take reads from it (nil to drop them). It returns the
// error, already nil when Lua left by Exit.
func (e *Env) CallAside(c *Ctx, p Phase, fn *vm.Function, push func(c *Ctx, l *vm.State) int, nres int, take func(c *Ctx, l *vm.State, n int)) *vm.Error {
	if e.asideDepth == len(e.aside) {
		e.aside = append(e.aside, e.VM.NewThread())
	}
	l := e.aside[e.asideDepth]
	e.asideDepth++
	m := c.Meter
	if m == nil {
		m = &e.none
	}
	m.Runs++
	cur, thread, phase := e.cur, e.thread, c.Phase
	e.cur, e.thread, c.Phase = c, nil, p
	outer := e.enter(m)
	defer func() {
		e.leave(&outer)
		if e.labels {
			label(outer.m)
		}
		e.cur, e.thread, c.Phase = cur, thread, phase
		e.asideDepth--
	}()
	if e.labels {
		label(m)
	}
	l.Push(fn.Value())
	nargs := 0
	if push != nil {
		nargs = push(c, l)
	}
	n, err := e.VM.PCallAside(l, nargs, nres)
	m.charge(e.VM.LastUsage(), vm.Usage{})
	if err != nil {
		if err.Aborted && !err.Overrun() && c.Ended() {
			return nil
		}
		m.Errors++
		return err
	}
	if take != nil {
		take(c, l, n)
	}
	l.Pop(n)
	return nil
}

// Close ends the VM: its idle coroutines and its families' objects. No context may be in use.
func (e *Env) Close() {
	if e.closed {
		return
	}
	e.closed = true
	for _, f := range e.families {
		if f.Close != nil {
			f.Close(e)
		}
	}
	e.VM.CloseTasks()
	e.VM.CloseFiles()
}

// Retire says that no request will begin in this VM any more. Families end what waits without a request (timers run
// prematurely); when the last context and the last thing held has ended, the Env is closed.
func (e *Env) Retire() {
	if e.retired {
		return
	}
	e.retired = true
	e.held++
	for _, f := range e.families {
		if f.Retire != nil {
			f.Retire(e)
		}
	}
	e.Release()
}

// Exiting says that the worker begins to end: what waits without a request ends.
func (e *Env) Exiting() {
	for _, f := range e.families {
		if f.Retire != nil {
			f.Retire(e)
		}
	}
}

// End is the end of the worker: what runs without a request and would go on is cut off.
func (e *Env) End() {
	e.retired, e.held = true, 0
	e.settleEnd()
}

// Retired reports whether Retire was called.
func (e *Env) Retired() bool { return e.retired }

// Closed reports whether the VM has ended: nothing may run in it.
func (e *Env) Closed() bool { return e.closed }

// Hold keeps the Env open although no context is in use: for a pending timer. Release takes that back.
func (e *Env) Hold() { e.held++ }

// Release takes back Hold.
func (e *Env) Release() {
	e.held--
	e.settleEnd()
}

// settleEnd closes a retired Env that nothing uses.
func (e *Env) settleEnd() {
	if !e.retired || e.closed || e.held > 0 || e.contexts > 0 {
		return
	}
	if f := e.OnRetired; f != nil {
		e.OnRetired = nil
		f(e)
	}
	if e.held == 0 && e.contexts == 0 {
		e.Close()
	}
}

// log is the log of what belongs to no request, nil for none.
func (e *Env) log() *errlog.Log {
	switch {
	case e.Quiet:
		return nil
	case e.cur.Phase == Init: // the configuration's own logs are not open yet
		return errlog.Default()
	case e.Gen != nil && e.Gen.Cycle != nil && e.Gen.Cycle.Log != nil:
		return e.Gen.Cycle.Log
	}
	return errlog.Default()
}

// Log writes to the error log of where Lua runs: that of the request, or the worker's with the phase as context.
func (e *Env) Log(level errlog.Level, msg string) { e.cur.Log(level, msg) }
