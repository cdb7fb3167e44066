package http

// A filter that has to wait for something other than the client holds the
// output: the request stays whole, its producer is told Again, what it makes
// until then is queued in order, and whoever held it lets it go on.
//
//	SendHeader -> filter: HoldHeader ........ ReleaseHeader -> filters behind
//	Output(1)  -> queue                                |
//	Output(2)  -> queue ...... queue -> body filters <-+
//
// A body filter that waits keeps its own queue, because filters before it have
// worked on the parts already, and says so by SetHeld.

// gateState is where the response header of a request stands with regard to a
// filter that waits.
type gateState uint8

const (
	gateOpen    gateState = iota
	gateHeader            // a header filter waits: the body is queued
	gateDrop              // the header has gone; there is no body behind it
	gateRefused           // a header filter wants another response: status refused
)

// HoldHeader is called, and its result returned, by a header filter that has
// to wait. For the producer the header is sent; ReleaseHeader or RefuseHeader
// must follow, from an event, unless the request ends before.
func (r *Request) HoldHeader() Code {
	r.headerSent = true
	r.gate = gateHeader
	r.Buffered |= BufferedHeld
	r.wasHeaderOnly = r.headerOnly
	if r == r.main && r.isHead() {
		r.headerOnly = true
	}
	return OK
}

// ReleaseHeader passes the header that HoldHeader has kept on to next, the
// filter behind, then the body that was queued. r must not be used after it
// unless the caller holds a reference.
func (r *Request) ReleaseHeader(next HeaderFilter) {
	r.headerSent, r.gate = false, gateOpen
	if rc := next(r); rc == Error || rc > OK {
		r.RefuseHeader(rc)
		return
	}
	r.Buffered &^= BufferedHeld
	if r.headerOnly {
		r.gate = gateDrop
		r.dropHeld()
	}
	held := r.held
	r.held = nil
	for i := range held { // after an error Output takes no more, and the producer will see it
		r.Output(&held[i])
	}
	r.c.Post(r)
}

// RefuseHeader gives up the response whose header HoldHeader has kept, for one
// with the given status; its producer learns of it at its next output. Error
// ends the connection at once.
func (r *Request) RefuseHeader(rc Code) {
	r.dropHeld()
	r.Buffered &^= BufferedHeld
	if rc == Error {
		r.gate = gateOpen
		r.c.SetError()
		r.Finalize(Error)
		return
	}
	r.headerSent, r.headerOnly = false, r.wasHeaderOnly
	r.gate, r.refused = gateRefused, rc
	r.c.Post(r)
}

// SetHeld says whether a body filter holds output until an event that is not
// the client's; taking it back has the producer go on.
func (r *Request) SetHeld(on bool) {
	if on {
		r.Buffered |= BufferedHeld
		return
	}
	r.Buffered &^= BufferedHeld
	r.c.Post(r)
}

// Held reports whether a filter holds the output of r: a producer does as if
// the client were slow, but no timeout of the client's applies.
func (r *Request) Held() bool { return r.Buffered&BufferedHeld != 0 }

// outputGated is Output while the gate is not open.
func (r *Request) outputGated(in *Chain) Code {
	switch r.gate {
	case gateHeader:
		if !in.Empty() {
			r.held = append(r.held, *in)
			*in = Chain{}
		}
		return Again
	case gateDrop:
		r.w.Buffers.DoneChain(in)
		return OK
	default:
		r.w.Buffers.DoneChain(in)
		return Error
	}
}

// finalizeGated is what Finalize does first when a filter has held the output:
// over says that rc is to be acted on.
func (r *Request) finalizeGated(rc Code) (to Code, over bool) {
	if r.Held() {
		if rc == OK || rc == Again { // the end of the response is among what is held
			r.setWriter()
			return rc, false
		}
		return rc, true
	}
	if r.gate != gateRefused || rc == Done || rc == Declined {
		return rc, true
	}
	r.gate = gateOpen
	if !r.c.Error() && (rc == OK || rc == Again || rc == Error) {
		rc = r.refused
	}
	return rc, true
}

// dropHeld gives back what was queued.
func (r *Request) dropHeld() {
	for i := range r.held {
		r.w.Buffers.DoneChain(&r.held[i])
	}
	r.held = nil
}
