package http

// phaseEntry is one step of the engine.
type phaseEntry struct {
	kind Phase   // decides what the handler's Code means
	run  Handler // nil for the core's own steps
	next int     // first entry of the next phase
}

// buildEngine lays the handlers of all phases out in one array.
func (b *Builder) buildEngine() {
	g := b.gen
	lists := b.first
	for _, m := range g.modules {
		for _, h := range m.Handlers {
			if h.Used == nil || h.Used(b) {
				lists[h.Phase] = append(lists[h.Phase], h.Run)
			}
		}
	}
	for p := range lists {
		lists[p] = append(lists[p], b.handlers[p]...)
	}
	for p := range Log {
		g.phaseAt[p] = len(g.engine)
		switch p {
		case FindConfig, PostRewrite, PostAccess:
			g.engine = append(g.engine, phaseEntry{kind: p})
		}
		for _, h := range lists[p] {
			g.engine = append(g.engine, phaseEntry{kind: p, run: h})
		}
		for i := g.phaseAt[p]; i < len(g.engine); i++ {
			g.engine[i].next = len(g.engine)
		}
	}
	g.engine[g.phaseAt[PostRewrite]].next = g.phaseAt[FindConfig]
	g.logHandlers = lists[Log]
}

// RunPhases runs the request from its current phase on until it waits or is
// finalized. It is the write handler of a request that is being processed.
func (r *Request) RunPhases() { runPhases(r) }

func runPhases(r *Request) {
	engine := r.gen.engine
	for r.phase < len(engine) {
		e := &engine[r.phase]
		if r.debug {
			r.tracePhase(e)
		}
		goOn := false
		switch e.kind {
		case FindConfig:
			goOn = r.findConfig()
		case PostRewrite:
			goOn = r.postRewrite(e)
		case Access:
			goOn = r.accessStep(e)
		case PostAccess:
			goOn = r.postAccess()
		case Content:
			goOn = r.contentStep(e)
		default:
			goOn = r.step(e)
		}
		if !goOn {
			return
		}
	}
	r.noHandler()
}

// step runs a handler of the phases where OK means: on with the next phase,
// and Declined: on with the next handler. Again and Done wait; anything else
// ends the request.
func (r *Request) step(e *phaseEntry) bool {
	switch rc := e.run(r); rc {
	case OK:
		r.phase = e.next
		return true
	case Declined:
		r.phase++
		return true
	case Again, Done:
		return false
	default:
		r.Finalize(rc)
		return false
	}
}

func (r *Request) findConfig() bool {
	r.content = nil
	r.uriChanged = false
	redirect := r.findLocation()
	l := r.loc
	if !r.internal && l.core.internal.V {
		r.Finalize(StatusNotFound)
		return false
	}
	r.useLocation()
	l = r.loc
	if r.debug {
		r.traceLocation()
	}
	if max := l.core.clientMaxBodySize.V; r.ContentLength != -1 && !r.discarding && max != 0 && max < r.ContentLength {
		r.Logf(LogErr, "client intended to send too large body: %d bytes", r.ContentLength)
		r.expectTested = true
		r.DiscardBody()
		r.Finalize(StatusRequestTooLarge)
		return false
	}
	if redirect != nil {
		target := redirect.escaped
		if len(r.Args) > 0 {
			t := r.Alloc(len(target) + 1 + len(r.Args))[:0]
			target = append(append(append(t, target...), '?'), r.Args...)
		}
		r.Redirect(StatusMovedPermanently, target)
		r.Finalize(StatusMovedPermanently)
		return false
	}
	r.phase++
	return true
}

func (r *Request) postRewrite(e *phaseEntry) bool {
	if !r.uriChanged {
		r.phase++
		return true
	}
	r.uriChanges--
	if r.uriChanges == 0 {
		r.Logf(LogErr, "rewrite or internal redirection cycle while processing \"%s\"", r.URI)
		r.Finalize(StatusInternalServerError)
		return false
	}
	r.phase = e.next
	r.loc = r.srv.root
	return true
}

// accessStep implements satisfy all and satisfy any. Subrequests are not
// asked: the main request has been.
func (r *Request) accessStep(e *phaseEntry) bool {
	if r != r.main {
		r.phase = e.next
		return true
	}
	rc := e.run(r)
	switch rc {
	case Declined:
		r.phase++
		return true
	case Again, Done:
		return false
	}
	if !r.loc.core.satisfyAny.V {
		if rc == OK {
			r.phase++
			return true
		}
	} else {
		if rc == OK {
			r.accessCode = 0
			r.dropChallenge()
			r.phase = e.next
			return true
		}
		if rc == StatusForbidden || rc == StatusUnauthorized || rc == StatusProxyAuthRequired {
			if r.accessCode != StatusUnauthorized && r.accessCode != StatusProxyAuthRequired {
				r.accessCode = rc
			}
			r.phase++
			return true
		}
	}
	if rc == StatusUnauthorized || rc == StatusProxyAuthRequired {
		r.accessCode = rc
		r.authDelay()
		return false
	}
	r.Finalize(rc)
	return false
}

func (r *Request) postAccess() bool {
	rc := r.accessCode
	if rc == 0 {
		r.phase++
		return true
	}
	if rc == StatusForbidden {
		r.Log(LogErr, "access forbidden by rule")
	}
	if rc == StatusUnauthorized || rc == StatusProxyAuthRequired {
		r.authDelay()
		return false
	}
	r.accessCode = 0
	r.Finalize(rc)
	return false
}

// authDelay answers 401 after auth_delay, so that guessing passwords is slow.
func (r *Request) authDelay() {
	rc := r.accessCode
	ms := r.loc.core.authDelay.V
	if ms == 0 {
		r.accessCode = 0
		r.Finalize(rc)
		return
	}
	r.Log(LogInfo, "delaying unauthorized request")
	r.read = testReading
	r.write = func(r *Request) {
		if r.c.Delayed() {
			return
		}
		rc := r.accessCode
		r.accessCode = 0
		r.Finalize(rc)
	}
	r.c.Delay(ms)
}

// contentStep runs the location's own handler if it has one, else the list.
func (r *Request) contentStep(e *phaseEntry) bool {
	if r.content != nil {
		r.write = nothing
		r.Finalize(r.content(r))
		return false
	}
	rc := e.run(r)
	if rc != Declined {
		r.Finalize(rc)
		return false
	}
	r.phase++
	return true
}

// noHandler answers a request that no content handler wanted.
func (r *Request) noHandler() {
	if r.content != nil { // a location handler without any content phase module
		r.write = nothing
		r.Finalize(r.content(r))
		return
	}
	if n := len(r.URI); n > 0 && r.URI[n-1] == '/' {
		if path, ok := r.MapPath(0); ok {
			r.Logf(LogErr, "directory index of \"%s\" is forbidden", path)
		}
		r.Finalize(StatusForbidden)
		return
	}
	r.Log(LogErr, "no handler found")
	r.Finalize(StatusNotFound)
}

// nothing is the handler of requests that wait for something else.
func nothing(*Request) {}
