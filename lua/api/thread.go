package api

import (
	"fmt"
	"runtime/debug"
	"slices"

	"weir/appliance/http"
	"weir/lua/vm"
)

// Thread is a light thread: Lua that may wait, on a coroutine of its own. The entry thread of a phase is one, each
// ngx.thread.spawn makes one. It is reused after its end: whoever keeps a pointer must be its Waiter.
type Thread struct {
	ctx  *Ctx
	env  *Env
	task *vm.Task
	run  func(l *vm.State) // method value of main, made once

	meter *Meter
	used  vm.Usage // of its run, when it parked last

	fn     vm.Value  // what an entry thread runs; nil: co
	co     *vm.State // the coroutine of a spawned thread, which Lua knows it by
	args   []vm.Value
	nres   int // of an entry thread: results that take reads
	take   func(c *Ctx, l *vm.State, n int)
	waiter Waiter
	parked bool
	ready  bool // woken, not resumed yet
	dead   bool

	end    func(t *Thread) // of Spawn
	handle any
	// Results of a spawned thread that has ended: true and what it returned, or false and the error; none when it
	// was killed.
	Results []vm.Value
	// Subrequests counts those that the thread waits for: it must not be killed then.
	Subrequests int
}

// Waiter is what a parked light thread waits for.
type Waiter interface {
	// Abandon is called when the thread is aborted instead of woken: stop the timer, close the connection, leave
	// the list. It runs on the loop, once, and must neither run Lua nor wake the thread.
	Abandon()
}

func (e *Env) takeThread(c *Ctx) *Thread {
	var t *Thread
	if n := len(e.freeThreads); n > 0 {
		t = e.freeThreads[n-1]
		e.freeThreads = e.freeThreads[:n-1]
	} else {
		t = &Thread{env: e}
		t.run = t.main
	}
	t.ctx = c
	if t.meter = c.Meter; e.thread != nil {
		t.meter = e.thread.meter // who spawns it
	}
	if t.meter == nil {
		t.meter = &e.none
	}
	c.threads = append(c.threads, t)
	return t
}

// Start runs fn as the entry thread of c, in phase p. It reports whether that is over (see Ended); else the
// request waits, and OnDone is called when it is.
func (c *Ctx) Start(p Phase, fn *vm.Function) (over bool) {
	c.Phase = p
	c.Exited, c.ExitCode, c.Jumped, c.Failed = false, 0, false, false
	c.ExecURI, c.ExecArgs = nil, nil
	t := c.env.takeThread(c)
	t.fn = fn.Value()
	c.entry = t
	t.meter.Runs++
	t.launch()
	c.drain()
	return c.settle()
}

// StartWith is Start with arguments, for callbacks of timers.
func (c *Ctx) StartWith(p Phase, fn vm.Value, args []vm.Value) (over bool) {
	c.Phase = p
	t := c.env.takeThread(c)
	t.fn = fn
	t.args = append(t.args[:0], args...)
	c.entry = t
	t.meter.Runs++
	t.launch()
	c.drain()
	return c.settle()
}

// Prepare makes a light thread of c that will run co, a fresh coroutine, with args: by Spawn, or when it is woken. end is told of its end, with Results, also when it is killed; t is not to be used after that.
func (c *Ctx) Prepare(co *vm.State, args []vm.Value, end func(t *Thread), handle any) *Thread {
	t := c.env.takeThread(c)
	t.co = co
	t.args = append(t.args[:0], args...)
	t.end, t.handle = end, handle
	return t
}

// Spawn has the running thread of c make way for a prepared one: that runs next, and the running one goes on when its
// turn comes.
func (c *Ctx) Spawn(l *vm.State, t *Thread) {
	t.ready = true
	c.posted = append(c.posted, nil)
	copy(c.posted[1:], c.posted)
	c.posted[0] = t
	c.Yield(l)
}

// Yield lets the other threads of c that can run do so before the running one goes on.
func (c *Ctx) Yield(l *vm.State) {
	t := c.env.thread
	t.ready = true
	c.posted = append(c.posted, t)
	c.Park(l, nil)
}

// maxPosted bounds how many posted threads run in a row before the event loop gets its turn.
const maxPosted = 256

// drain runs the threads that were posted, oldest first.
func (c *Ctx) drain() {
	for n := 0; len(c.posted) > 0 && !c.Ended(); n++ {
		if n == maxPosted {
			for _, t := range c.posted {
				c.env.wake(t)
			}
			c.posted = c.posted[:0]
			return
		}
		t := c.posted[0]
		copy(c.posted, c.posted[1:])
		c.posted[len(c.posted)-1] = nil
		c.posted = c.posted[:len(c.posted)-1]
		t.ready = false
		t.advance()
	}
}

// Handle is what Prepare was given.
func (t *Thread) Handle() any { return t.handle }

// launch begins a thread.
func (t *Thread) launch() {
	e := t.env
	cur, thread, phase := e.cur, e.thread, t.ctx.Phase
	e.cur, e.thread = t.ctx, t
	outer := e.enter(t.meter)
	t.task = nil
	task := e.VM.Go(t.run)
	t.account()
	e.leave(&outer)
	e.cur, e.thread = cur, thread
	t.ctx.Phase = phase
	if !t.dead {
		t.task = task
	}
}

// resume continues a thread that was woken, and settles its context.
func (t *Thread) resume() {
	c := t.ctx
	t.advance()
	c.drain()
	if c.settle() {
		c.done()
	}
}

// advance begins a thread, or continues it.
func (t *Thread) advance() {
	if t.task == nil {
		t.launch()
	} else {
		t.step()
	}
	if t.dead {
		t.task = nil
	}
}

func (t *Thread) step() {
	e := t.env
	cur, thread := e.cur, e.thread
	e.cur, e.thread = t.ctx, t
	outer := e.enter(t.meter)
	t.task.Resume()
	t.account()
	e.leave(&outer)
	e.cur, e.thread = cur, thread
}

// account counts what the thread has used since it was resumed.
func (t *Thread) account() {
	u := t.env.VM.LastUsage()
	t.meter.charge(u, t.used)
	t.used = u
	if !t.dead {
		t.meter.Parks++
	}
}

// main is the life of a thread on its coroutine.
func (t *Thread) main(l *vm.State) {
	defer t.contain()
	if t.env.labels {
		label(t.meter)
	}
	if t.co != nil {
		t.runCoroutine(l)
		return
	}
	l.Push(t.fn)
	for _, a := range t.args {
		l.Push(a)
	}
	n, err := l.PCall(len(t.args), t.nres)
	c := t.ctx
	if err == nil && t.take != nil {
		t.take(c, l, n)
	}
	t.dead = true
	if err == nil || err.Aborted && !err.Overrun() {
		return
	}
	c.Failed = true
	t.meter.Errors++
	if c.Relaxed {
		c.err = err
		return
	}
	c.report("lua entry thread aborted: ", err)
}

// finish marks a thread that has come to its end.
func (t *Thread) finish() {
	t.dead = true
	if t.end != nil {
		t.end(t)
	}
}

// contain keeps a panic of Go code from ending the worker's turn: it fails the run as a Lua error would.
func (t *Thread) contain() {
	if t.dead {
		return
	}
	if x := recover(); x != nil {
		t.finish()
		t.ctx.Failed = true
		t.ctx.Log(http.LogCrit, fmt.Sprintf("BUG: panic in Lua API: %v\n%s", x, debug.Stack()))
	}
}

// runCoroutine runs the coroutine of a spawned thread to its end. A yield of its own, which nobody resumes, lets the
// other threads run.
func (t *Thread) runCoroutine(l *vm.State) {
	c := t.ctx
	args := t.args
	for {
		n, err := l.Resume(t.co, args)
		switch {
		case err != nil && err.Aborted && !err.Overrun():
			t.finish()
			return
		case err != nil:
			t.meter.Errors++
			c.report("lua user thread aborted: ", err)
			t.failed(err)
			t.finish()
			return
		case t.co.Status() != "suspended":
			t.Results = append(t.Results[:0], vm.True)
			for i := range n {
				t.Results = append(t.Results, l.Arg(l.Top()-n+1+i))
			}
			l.Pop(n)
			t.finish()
			return
		}
		l.Pop(n)
		args = nil
		c.Yield(l)
	}
}

// failed makes Results of the error that ended the coroutine. As in OpenResty, error("x") gives its argument as it is,
// and the message with the position behind it.
func (t *Thread) failed(err *vm.Error) {
	t.Results = append(t.Results[:0], vm.False)
	if v, ok := t.co.RaisedWith(); ok && v.IsString() && v.Text() != err.Text {
		t.Results = append(t.Results, v)
	}
	t.Results = append(t.Results, err.Value)
}

// report logs an error that left Lua, with its traceback.
func (c *Ctx) report(prefix string, err *vm.Error) {
	kind := "runtime error: "
	text := err.Text
	if _, ok := err.Value.AsString(); !ok && !err.Value.IsNumber() {
		text = "unknown reason"
	}
	c.Log(http.LogErr, prefix+kind+text+"\n"+err.Threads)
}

// Thread returns the light thread that runs, nil in phases that may not wait.
func (c *Ctx) Thread() *Thread { return c.env.thread }

// Entry returns the entry thread of the run under way, nil when it has ended.
func (c *Ctx) Entry() *Thread { return c.entry }

// Ctx returns the context of a light thread that is alive.
func (t *Thread) Ctx() *Ctx { return t.ctx }

// Coroutine returns what Lua knows a spawned thread by; nil for an entry thread.
func (t *Thread) Coroutine() *vm.State { return t.co }

// Waiting is what a parked thread waits for, nil while it runs or has been woken.
func (t *Thread) Waiting() Waiter { return t.waiter }

// Park sets the running light thread aside until it is woken. w is told if it never is. Where Lua may not wait Park
// raises an error; when the thread is aborted it does not return, and the deferred functions of the Go frames run.
// The caller must hold no lock, and must look at its own state afterwards: what was true before may not be.
func (c *Ctx) Park(l *vm.State, w Waiter) {
	if !l.CanPark() {
		l.Errorf("attempt to yield across C-call boundary")
	}
	t, phase := c.env.thread, c.Phase
	t.waiter, t.parked = w, true
	l.Park()
	if c.env.labels {
		label(t.meter)
	}
	t.waiter, t.parked = nil, false
	c.Phase = phase
}

// MayPark reports whether the running Lua may wait, for functions that do without where it may not.
func (c *Ctx) MayPark(l *vm.State) bool {
	return l.CanPark() && c.Thread() != nil && (c.Phase&Yieldable != 0 || c.Relaxed)
}

// Wake has a parked thread go on. It may be called from any event of the worker's loop and from within Lua; the
// thread runs at the end of the turn, after those woken before it. Waking twice is waking once.
func (t *Thread) Wake() {
	if t.ready || t.dead {
		return
	}
	t.ready = true
	t.env.wake(t)
}

// Kill aborts a parked thread.
func (t *Thread) Kill() {
	if t.dead {
		return
	}
	if t.ready {
		t.ready = false
		t.env.forget(t)
		t.ctx.posted = slices.DeleteFunc(t.ctx.posted, func(p *Thread) bool { return p == t })
	}
	if w := t.waiter; w != nil {
		t.waiter = nil
		w.Abandon()
	}
	if task := t.task; task != nil {
		if !t.parked {
			panic("BUG: kill of a light thread that runs")
		}
		e := t.env
		cur, thread := e.cur, e.thread
		e.cur, e.thread = t.ctx, t
		task.Abort()
		e.cur, e.thread = cur, thread
		t.task = nil
	}
	if !t.dead {
		t.finish()
	}
}

// Parked reports whether the thread waits.
func (t *Thread) Parked() bool { return t.parked }

// Dead reports whether the thread has come to its end.
func (t *Thread) Dead() bool { return t.dead }

// KillAll aborts every light thread of the context.
func (c *Ctx) KillAll() {
	for i := len(c.threads) - 1; i >= 0; i-- {
		if t := c.threads[i]; t != c.env.thread {
			t.Kill() // in a run of its own: a thread that runs kills others only one by one
		}
	}
	c.sweep()
	c.OnAbort = nil
}

// sweep gives the threads that have ended back, and counts the others that keep the run going.
func (c *Ctx) sweep() (alive int) {
	keep := c.threads[:0]
	for _, t := range c.threads {
		if !t.dead {
			keep = append(keep, t)
			if t != c.OnAbort || t.task != nil {
				alive++
			}
			continue
		}
		if t == c.entry {
			c.entry = nil
		}
		c.env.putThread(t)
	}
	clear(c.threads[len(keep):])
	c.threads = keep
	return alive
}

func (e *Env) putThread(t *Thread) {
	clear(t.args)
	clear(t.Results)
	*t = Thread{env: e, run: t.run, args: t.args[:0], Results: t.Results[:0]}
	if len(e.freeThreads) < maxFreeCtxs {
		e.freeThreads = append(e.freeThreads, t)
	}
}

// settle looks at what the threads have done: it reports whether the run is over.
func (c *Ctx) settle() bool {
	if c.Ended() {
		c.KillAll()
		return true
	}
	if c.sweep() > 0 {
		return false
	}
	c.KillAll()
	return true
}

// done tells whoever started the run that it is over.
func (c *Ctx) done() {
	if f := c.OnDone; f != nil && !c.closing {
		c.Over = true
		f(c)
	}
}
