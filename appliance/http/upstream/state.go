package upstream

import "weir/appliance/http"

// State is what became of one try, for the $upstream_ variables. A zero State
// stands between the tries before an internal redirect and those after it.
type State struct {
	peer     []byte // nil in the zero State
	status   int
	connect  int64 // milliseconds, -1 when it did not come to that
	header   int64
	response int64
	received int64 // bytes from the peer
	sent     int64 // bytes to the peer
	body     int64 // bytes of the response body
}

// state is the current try's; nil before the first one.
func (x *Exchange) state() *State {
	if n := len(x.states); n > 0 {
		return &x.states[n-1]
	}
	return nil
}

// beginState closes the state of the try before and begins one.
func (x *Exchange) beginState() {
	now := x.ws.w.Loop.NowMS()
	if s := x.state(); s != nil && s.response < 0 {
		s.response = now - x.tryAt
	}
	x.states = append(x.states, State{connect: -1, header: -1, response: -1})
	x.tryAt = now
}

// settle completes the state of the last try.
func (x *Exchange) settle() {
	s := x.state()
	if s == nil || s.response >= 0 || s.peer == nil {
		return
	}
	s.response = x.ws.w.Loop.NowMS() - x.tryAt
	s.body = x.bodyCount
	if x.c != nil {
		s.sent = x.c.Sent - x.sentBefore
	}
}

// stop gives back peer, connection and lookup. The buffers stay until the
// request has been logged.
func (x *Exchange) stop() {
	if x.finished {
		return
	}
	x.finished = true
	if x.step == stepChoose { // what the Balancer named so far was not taken
		x.sel.peer = nil
	}
	x.step = stepDone
	if x.lookup != nil {
		x.lookup.abandon()
		x.lookup = nil
	}
	if x.sel.peer != nil {
		x.freePeer(false, false)
	}
	x.closeConn()
	x.dropRequest()
	x.ws.w.Buffers.DoneChain(&x.toBackend)
	x.ws.w.Buffers.DoneChain(&x.out)
	if x.fromClient != nil {
		x.ws.w.Buffers.Put(x.fromClient)
		x.fromClient = nil
	}
}

// finalize ends the exchange and, with rc, the request.
func (x *Exchange) finalize(rc http.Code) {
	if x.finished {
		return
	}
	r := x.R
	if r.Debugging() {
		r.Debugf("finalize http upstream request: %d", rc)
	}
	x.settle()
	x.stop()
	r.SetReadHandler(http.BlockReading)
	if !x.headerSent || rc == http.StatusRequestTimeout || rc == http.StatusClientClosedRequest {
		r.Finalize(rc)
		return
	}
	flush := false
	if rc >= http.StatusSpecialResponse {
		rc, flush = http.Error, true
	}
	if r.HeaderOnly() || x.clientFailed {
		r.Finalize(rc)
		return
	}
	switch {
	case rc == http.OK:
		x.copyTrailers()
		rc = r.SendLast()
	case flush:
		r.SetKeepalive(false)
		rc = r.Flush()
	}
	r.Finalize(rc)
}
