package api

import (
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/lua/vm"
	"weir/netio/buf"
)

// Ctx is what the Lua of one request runs in, from phase to phase, or that of one timer, one init_worker. It is the
// request's state of the Lua modules: an internal redirect drops it, and the new one has none. It belongs to the
// worker and is reused: no pointer to it outlives its cleanups.
type Ctx struct {
	env *Env

	// R is the request; nil in init, init_worker, exit_worker and timers.
	R *http.Request
	// Phase is where Lua runs now. A filter that runs within a content handler's output has its own for that time.
	Phase Phase
	// Relaxed is lua_phase_io relaxed: what may wait may be called in every phase.
	Relaxed bool

	// How Lua left, when it did not just return; see Ended.
	Exited   bool
	ExitCode int  // of ngx.exit
	Jumped   bool // the path was rewritten: choose the location anew
	Failed   bool // an error that nobody caught; it is logged
	ExecURI  []byte
	ExecArgs []byte

	// NgxCtx is the table ngx.ctx, nil before its first use.
	NgxCtx *vm.Table
	// Subrequests counts those that a light thread waits for: it must not be killed then.
	Subrequests int

	// Output state of lua/ngx.
	Eof       bool      // ngx.eof was called
	Buffering bool      // the response is kept back to learn its length (HTTP/1.0)
	Held      buf.Chain // what is kept back
	InChain   *buf.Chain
	InRest    *buf.Chain

	// OnDone is called when a run that had to wait is over; it is set by whoever starts one with Start.
	OnDone func(c *Ctx)
	// OnAbort is the light thread of ngx.on_abort, parked until the client goes away.
	OnAbort *Thread

	// Entered are the phases whose handler has begun, so that a handler that is asked again goes on.
	Entered Phase
	// Over says that the run that waited is over and its handler may collect the result.
	Over bool

	entry    *Thread
	threads  []*Thread // alive, the entry thread included
	cleanups []Cleaner
	closing  bool
}

// Cleaner is told when a context ends.
type Cleaner interface {
	// Clean runs on the loop when the request (or timer) ends, also when it is aborted, after its light threads are
	// gone. It must not run Lua.
	Clean()
}

// NewCtx returns a context for r, or for none.
func (e *Env) NewCtx(r *http.Request, p Phase) *Ctx {
	var c *Ctx
	if n := len(e.freeCtxs); n > 0 {
		c = e.freeCtxs[n-1]
		e.freeCtxs = e.freeCtxs[:n-1]
	} else {
		c = &Ctx{env: e}
	}
	c.R, c.Phase = r, p
	e.contexts++
	return c
}

// maxFreeCtxs bounds what an idle VM keeps of contexts and threads.
const maxFreeCtxs = 1024

// Close ends a context: its light threads are aborted, its cleanups run, and it may serve another request.
func (c *Ctx) Close() {
	e := c.env
	c.closing = true
	c.KillAll()
	for n := len(c.cleanups); n > 0; n = len(c.cleanups) {
		cl := c.cleanups[n-1]
		c.cleanups[n-1] = nil
		c.cleanups = c.cleanups[:n-1]
		cl.Clean()
	}
	if c.R != nil && !c.Held.Empty() {
		c.R.Worker().Buffers.DoneChain(&c.Held)
	}
	threads, cleanups := c.threads[:0], c.cleanups[:0]
	*c = Ctx{env: e, threads: threads, cleanups: cleanups}
	e.contexts--
	if len(e.freeCtxs) < maxFreeCtxs {
		e.freeCtxs = append(e.freeCtxs, c)
	}
}

// Env returns the VM's side of the context.
func (c *Ctx) Env() *Env { return c.env }

// Worker returns the worker Lua runs on.
func (c *Ctx) Worker() *http.Worker { return c.env.Worker }

// OnClose has cl told when the context ends.
func (c *Ctx) OnClose(cl Cleaner) { c.cleanups = append(c.cleanups, cl) }

// DropClose takes back OnClose.
func (c *Ctx) DropClose(cl Cleaner) {
	for i := len(c.cleanups) - 1; i >= 0; i-- {
		if c.cleanups[i] == cl {
			c.cleanups = append(c.cleanups[:i], c.cleanups[i+1:]...)
			return
		}
	}
}

// Request returns the request, or raises the error of functions that need one.
func (c *Ctx) Request(l *vm.State) *http.Request {
	if c.R == nil {
		if c.Phase == Init {
			l.Errorf("no request found")
		}
		c.Deny(l)
	}
	return c.R
}

// Ended reports whether Lua left by ngx.exit, ngx.exec, a jump or an error: nothing more of this run is to happen.
func (c *Ctx) Ended() bool { return c.Exited || c.ExecURI != nil || c.Jumped || c.Failed }

// Leave ends the Lua that runs, after Exited, ExecURI or Jumped was set: nothing in Lua can catch it, and all light
// threads of the context end with it. It does not return.
func (c *Ctx) Leave(l *vm.State) { l.Unwind() }

// Log writes to the request's error log, with its context behind the message; without a request to the worker's,
// with the phase.
func (c *Ctx) Log(level errlog.Level, msg string) {
	if c.R != nil {
		c.R.Log(level, msg)
		return
	}
	l := errlog.Default()
	if !l.On(level) {
		return
	}
	if c.Phase&(Timer|InitWorker|ExitWorker) != 0 {
		msg += ", context: " + c.Phase.Context()
	}
	l.Write(level, 0, []byte(msg))
}

// LogOn reports whether messages of that level are logged.
func (c *Ctx) LogOn(level errlog.Level) bool {
	if c.R != nil {
		return c.R.LogOn(level)
	}
	return errlog.Default().On(level)
}
