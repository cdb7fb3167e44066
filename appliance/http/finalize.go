package http

import "weir/netio/sock"

// Finalize ends a step of the request with rc and does what follows from it:
//
//	Done        one reference less; the request goes on elsewhere
//	Declined    back to the phases: another content handler may answer
//	OK          the response is complete as far as the handler is concerned
//	Error, 408, 499  the connection is of no use: stop everything
//	300 and up, 201, 204  answer with that status, by an error page if any
//
// r must not be used after it unless the caller holds a reference.
func (r *Request) Finalize(rc Code) {
	c := r.c
	if r.debug {
		r.traceFinalize(rc)
	}
	if r.gate != gateOpen {
		var over bool
		if rc, over = r.finalizeGated(rc); !over {
			return
		}
	}
	switch {
	case rc == Done:
		r.finishConnection()
		return
	case rc == Declined:
		r.content = nil
		r.write = runPhases
		runPhases(r)
		return
	}
	if rc == OK && r.filterFinalize {
		c.SetError()
	}
	if r != r.main && r.finish != nil {
		rc = r.finish(r, r.finishData, rc)
	}
	if rc == Error || rc == StatusRequestTimeout || rc == StatusClientClosedRequest || c.Error() {
		if !r.startPostAction() {
			r.terminate(rc)
		}
		return
	}
	if rc >= StatusSpecialResponse || rc == StatusCreated || rc == StatusNoContent {
		if rc == StatusClose {
			c.SetTimedOut()
			r.terminate(rc)
			return
		}
		if r == r.main {
			c.ClearReadTimer()
			c.ClearWriteTimer()
		}
		r.Finalize(r.specialResponse(rc))
		return
	}
	if r != r.main {
		r.finishSubrequest()
		return
	}
	if r.Buffered != 0 || c.Buffered() || r.postponed != nil {
		r.setWriter()
		return
	}
	if r != c.active {
		r.Logf(LogAlert, "http finalize non-active request: \"%s?%s\"", r.URI, r.Args)
		return
	}
	r.done = true
	if !r.postAction {
		r.complete = true
	}
	r.read, r.write = blockReading, nothing
	c.ClearReadTimer()
	c.flags &^= clientDelayed
	c.ClearWriteTimer()
	if !r.startPostAction() {
		r.finishConnection()
	}
}

// startPostAction goes on with the location's post_action, if it has one, when
// the response has been sent or cannot be: nothing of it reaches the client.
func (r *Request) startPostAction() bool {
	to := r.loc.core.postAction.V
	if to == "" || r != r.main || r.postAction && r.uriChanges == 0 {
		return false
	}
	r.count--
	r.Version = 9
	r.headerOnly, r.postAction = true, true
	r.read = blockReading
	if to[0] == '/' {
		r.InternalRedirect(r.CopyString(to), nil)
	} else {
		r.NamedRedirect(to)
	}
	return true
}

// finishSubrequest is Finalize(OK) for a subrequest: its parent goes on.
func (r *Request) finishSubrequest() {
	c, parent := r.c, r.parent
	if r.Buffered != 0 || r.postponed != nil {
		r.setWriter()
		return
	}
	if r == c.active || r.background {
		if !r.logged {
			if r.loc.core.logSubrequest.V {
				r.runLog()
			}
			r.logged = true
		} else {
			r.Logf(LogAlert, "subrequest: \"%s?%s\" logged again", r.URI, r.Args)
		}
		r.done = true
		if r.background {
			r.finishConnection()
			return
		}
		r.main.count--
		r.write = nothing
		if p := parent.postponed; p != nil && p.request == r {
			parent.postponed = p.next
		}
		c.active = parent
	} else {
		r.write = requestFinalizer
		if r.waited {
			r.done = true
		}
	}
	c.Post(parent)
}

// requestFinalizer finalizes a subrequest whose turn to send has come.
func requestFinalizer(r *Request) { r.Finalize(OK) }

// terminate stops the main request whatever else still works on it.
func (r *Request) terminate(rc Code) {
	m := r.main
	m.terminated = true
	if rc > 0 && (m.Out.Status == 0 || m.sent == 0) {
		m.Out.Status = int(rc)
	}
	m.runCleanups()
	if m.blocked > 0 {
		active := m.c.active
		m.c.SetError()
		active.write = requestFinalizer
		return
	}
	m.c.dropPosted()
	m.write = terminator
	m.c.Post(m)
}

// terminator closes a terminated request once nothing of it is on the stack.
func terminator(r *Request) {
	r.count = 1
	r.closeRequest(0)
}

func (r *Request) runCleanups() {
	for n := len(r.cleanups); n > 0; n = len(r.cleanups) {
		cl := r.cleanups[n-1]
		r.cleanups[n-1] = cleanup{}
		r.cleanups = r.cleanups[:n-1]
		cl.run(cl.data)
	}
}

// finishConnection drops one reference; with the last one it decides what
// becomes of the connection.
func (r *Request) finishConnection() {
	m := r.main
	lc := r.loc.core
	if m.count != 1 {
		if r.discarding && r == m {
			r.goOnDiscarding()
			r.c.SetReadTimer(lc.lingeringTimeout.V)
			if r.lingerUntil == 0 {
				r.lingerUntil = r.c.w.Loop.NowMS() + lc.lingeringTime.V
			}
		}
		m.closeRequest(0)
		return
	}
	if m.readingBody || m.lingering && m.HasBody() { // what comes next is not a request but the rest of the body
		m.keepalive = false
		m.lingering = true
	}
	if m.c.net.Hangup() && !m.c.net.ReadReady() {
		m.keepalive = false
	}
	m.closeRequest(0)
}

// closeRequest drops one reference and, with the last, logs and frees the
// request and lets the stream go on.
func (r *Request) closeRequest(status Code) {
	r = r.main
	c := r.c
	r.count--
	if r.count > 0 || r.blocked > 0 {
		return
	}
	lc := r.loc.core
	keep := r.keepalive && r.done && !r.terminated && !c.Error() && status == 0
	if keep && r.w.exiting && lc.keepaliveMin.V == 0 {
		keep = false
	}
	linger := false
	if !keep && r.done && status == 0 && !c.Error() && !r.terminated {
		linger = lc.lingering.V == LingerAlways || lc.lingering.V == LingerOn && (r.lingering || c.unread())
	}
	loc := r.loc
	if r.debug {
		r.trace("http close request: keepalive %t, lingering %t", keep, linger)
	}
	r.end(status)
	r.afterLog(ending{keep, linger, loc})
}

// unread reports whether the client sent bytes that nobody read.
func (c *Client) unread() bool {
	h, ok := c.stream.(*h1Conn)
	return ok && h.unread()
}

// end stops what still works on the request, and logs it.
func (r *Request) end(status Code) {
	r.runCleanups()
	if status > 0 && (r.Out.Status == 0 || r.sent == 0) {
		r.Out.Status = int(status)
	}
	if !r.logged {
		r.runLog()
		r.w.count(r)
	}
}

// dispose gives the request and its subrequests back.
func (r *Request) dispose() {
	for i := len(r.releases) - 1; i >= 0; i-- {
		r.releases[i].run(r.releases[i].data)
	}
	r.c.override = sock.Addr{}
	w := r.w
	r.c.dropPosted()
	r.freeBody()
	r.freeUpstream()
	r.dropPostponed()
	for i, s := range r.subs {
		s.dropPostponed()
		s.freeBody()
		s.freeUpstream()
		s.arena = nil
		w.putRequest(s)
		r.subs[i] = nil
	}
	r.ownArena.Reset()
	r.putHead(w.Buffers)
	w.putRequest(r)
}

// dropPostponed gives back output that never had its turn.
func (r *Request) dropPostponed() {
	for p := r.postponed; p != nil; p = p.next {
		r.w.Buffers.DoneChain(&p.out)
	}
	r.dropHeld()
}

func (r *Request) freeUpstream() {
	if r.upstream != nil {
		r.upstream.Release()
		r.upstream = nil
	}
}

// runLog runs the log phase.
func (r *Request) runLog() {
	r.logged = true
	for _, h := range r.gen.logHandlers {
		h(r)
	}
}

// setWriter waits until the client takes the rest of the output.
func (r *Request) setWriter() {
	if r.discarding {
		r.goOnDiscarding()
	} else {
		r.read = testReading
	}
	r.write = writer
	r.waitWriting(r.loc)
}

// waitWriting gives the client its time to take what is left, unless output is
// delayed or held for another reason.
func (r *Request) waitWriting(loc *Location) {
	switch {
	case r.c.Delayed():
	case r.Held() && !r.c.Buffered():
		r.c.ClearWriteTimer()
	default:
		r.c.SetWriteTimer(loc.core.sendTimeout.V)
	}
}

// writer goes on sending what filters hold.
func writer(r *Request) {
	c := r.c
	if c.WriteTimedOut() {
		r.Log(LogInfo, "client timed out (110: Connection timed out)")
		c.SetTimedOut()
		r.Finalize(StatusRequestTimeout)
		return
	}
	if c.Delayed() {
		return
	}
	r.one = Chain{}
	rc := r.Output(&r.one)
	if rc == Error {
		r.Finalize(rc)
		return
	}
	if r.Buffered != 0 || r.postponed != nil || r == r.main && c.Buffered() {
		r.waitWriting(r.main.loc)
		return
	}
	r.write = nothing
	r.Finalize(rc)
}

// blockReading leaves the client's bytes where they are.
func blockReading(*Request) {}

// testReading ends a request whose client has gone away while the response
// is being made.
func testReading(r *Request) {
	c := r.c
	if !c.net.Hangup() {
		return
	}
	c.SetError()
	r.Log(LogInfo, "client prematurely closed connection")
	r.Finalize(StatusClientClosedRequest)
}

// TestReading is the read handler that watches for the client going away.
func TestReading(r *Request) { testReading(r) }

// BlockReading is the read handler that ignores the client.
func BlockReading(r *Request) { blockReading(r) }
