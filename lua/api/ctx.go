package api

import (
	"slices"

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

	// R is the request; nil in init, init_worker, exit_worker, timers and handshakes.
	R *http.Request
	// Place is the handshake; nil elsewhere.
	Place Place
	// Phase is where Lua runs now. A filter that runs within a content handler's output has its own for that time.
	Phase Phase
	// Relaxed is lua_phase_io relaxed: what may wait may be called although Phase is none of Yieldable. It is set in
	// contexts of such phases only, see Aside.
	Relaxed bool

	// Meter counts what Start, StartWith and CallAside run next; nil: nobody does.
	Meter *Meter

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

	// Progress of lua_need_request_body.
	BodyRead, ReadingBody, BodyLate bool

	BodyWait  any    // who waits for the request body in ngx.req.read_body
	NewBody   []byte // of ngx.req.init_body
	NewBodyOn bool
	// What of it did not fit into the buffer; nil: all did.
	NewBodyFile *http.TempFile
	NewBodySize int // of the buffer

	// Args are the arguments of set_by_lua, Result what it returned; both belong to lua/phase.
	Args   [][]byte
	Result []byte
	// Setting is the Aside of a set_by_lua that waits, BodyGate what body_filter_by_lua holds; both belong to lua/phase.
	Setting  *Ctx
	BodyGate any
	// SeenLast says that body_filter_by_lua has passed the end of the body on: what follows is dropped.
	SeenLast bool

	// Output state of lua/ngx.
	Eof        bool       // ngx.eof was called
	Buffering  bool       // the response is kept back to learn its length (HTTP/1.0)
	Held       buf.Chain  // what is kept back
	MimeSet    bool       // the content type was decided
	HeadersSet bool       // ngx.header was written to
	RawSocket  bool       // ngx.req.socket(true) has taken the connection over
	HeaderExit int        // status that a header filter, header_filter_by_lua among them, has left with
	AbortSeen  bool       // the client has gone, and OnAbort was woken
	Flushing   []*Thread  // wait in ngx.flush(true)
	InChain    *buf.Chain // the part of the body that body_filter_by_lua sees

	// OnDone is called when a run that had to wait is over; it is set by whoever starts one with Start.
	OnDone func(c *Ctx)
	// OnAbort is the light thread of ngx.on_abort, parked until the client goes away.
	OnAbort *Thread

	// Entered are the phases whose handler has begun, so that a handler that is asked again goes on.
	Entered Phase
	// Over says that the run that waited is over and its handler may collect the result.
	Over bool

	base   *Ctx   // of an Aside: the request's own context
	asides []*Ctx // that have not been closed, oldest first
	err    *vm.Error

	fixed    *Settings // without a request
	entry    *Thread
	threads  []*Thread // alive, the entry thread included
	posted   []*Thread // run next, see drain
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

// End ends what runs in a context: its light threads are aborted, its cleanups run. A log_by_lua that waits goes on:
// it has the request for itself then.
func (c *Ctx) End() {
	c.closing = true
	for i := len(c.asides) - 1; i >= 0; i-- {
		if a := c.asides[i]; a.Phase != Log {
			a.Close()
		}
	}
	c.KillAll()
	for n := len(c.cleanups); n > 0; n = len(c.cleanups) {
		cl := c.cleanups[n-1]
		c.cleanups[n-1] = nil
		c.cleanups = c.cleanups[:n-1]
		cl.Clean()
	}
	c.closing = false
}

// Close ends a context, which may serve another request then.
func (c *Ctx) Close() {
	e := c.env
	c.End()
	for n := len(c.asides); n > 0; n = len(c.asides) {
		c.asides[n-1].Close()
	}
	if b := c.base; b != nil {
		b.asides = slices.DeleteFunc(b.asides, func(a *Ctx) bool { return a == c })
	}
	if c.R != nil && !c.Held.Empty() {
		c.R.Worker().Buffers.DoneChain(&c.Held)
	}
	c.DropBodyFile()
	*c = Ctx{env: e, threads: c.threads[:0], cleanups: c.cleanups[:0], Flushing: c.Flushing[:0], NewBody: c.NewBody[:0], posted: c.posted[:0], asides: c.asides[:0]}
	e.contexts--
	e.settleEnd()
	if len(e.freeCtxs) < maxFreeCtxs {
		e.freeCtxs = append(e.freeCtxs, c)
	}
}

// DropBodyFile releases the file of a body that ngx.req.finish_body has not been called for.
func (c *Ctx) DropBodyFile() {
	if f := c.NewBodyFile; f != nil {
		c.NewBodyFile = nil
		f.Release()
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

// DropFlush takes a thread off Flushing.
func (c *Ctx) DropFlush(t *Thread) {
	c.Flushing = slices.DeleteFunc(c.Flushing, func(f *Thread) bool { return f == t })
}

// Request returns the request, or raises the error of functions that need one.
func (c *Ctx) Request(l *vm.State) *http.Request {
	if c.R == nil {
		c.Deny(l, Request)
	}
	return c.R
}

// Ending reports whether the context is being ended together with its request.
func (c *Ctx) Ending() bool { return c.closing }

// Ended reports whether Lua left by ngx.exit, ngx.exec, a jump or an error: nothing more of this run is to happen.
func (c *Ctx) Ended() bool { return c.Exited || c.ExecURI != nil || c.Jumped || c.Failed }

// Leave ends the Lua that runs, after Exited, ExecURI or Jumped was set: nothing in Lua can catch it, and all light
// threads of the context end with it. It does not return.
func (c *Ctx) Leave(l *vm.State) { l.Unwind() }

// Log writes to the request's error log, with its context behind the message; without a request to the worker's,
// with the phase.
func (c *Ctx) Log(level errlog.Level, msg string) {
	if c.R != nil {
		if action := c.action(); action != "" && c.R.LogOn(level) {
			msg += " while " + action
		}
		c.R.Log(level, msg)
		return
	}
	if c.Place != nil {
		c.Place.Log(level, msg)
		return
	}
	l := c.env.log()
	if l == nil || !l.On(level) {
		return
	}
	if c.Phase&(Timer|InitWorker|ExitWorker) != 0 {
		msg += ", context: " + c.Phase.Context()
	}
	l.Write(level, 0, []byte(msg))
}

// action is what the request's connection is at, as log lines end; empty where nothing is said of it.
func (c *Ctx) action() string {
	if a := c.Phase.Action(); a != "" {
		return a
	}
	if u := c.R.Upstream(); u != nil {
		return u.Action()
	}
	return ""
}

// LogOn reports whether messages of that level are logged.
func (c *Ctx) LogOn(level errlog.Level) bool {
	if c.R != nil {
		return c.R.LogOn(level)
	}
	if c.Place != nil {
		return c.Place.LogOn(level)
	}
	l := c.env.log()
	return l != nil && l.On(level)
}
