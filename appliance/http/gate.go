package http

// A filter that has to wait for something other than the client holds the
// output: the request stays whole, its producer is told Again, what it makes
// until then is queued in order, and whoever held it lets it go on.
//
//	SendHeader -> filter: HoldHeader ........ ReleaseHeader -> filters behind
//	Output(1)  -> queue                                |
//	Output(2)  -> queue ...... queue -> body filters <-+
//
//	Output(1)  -> body filter: HoldBody ..... ReleaseBody
//	Output(2)  -> queue ......................... queue -> body filters
//
// A subrequest that the producer makes meanwhile has its place in the queue.

// gateState is where the output of a request stands with regard to filters
// that wait.
type gateState uint8

const (
	gateOpen    gateState = iota
	gateHeader            // a header filter waits
	gateBody              // a body filter waits
	gateDrop              // the header has gone; there is no body behind it
	gateRefused           // a header filter wants another response: status refused
)

// heldPart is an entry of the queue: links, or a subrequest whose output comes
// here.
type heldPart struct {
	out Chain
	sub *Request
}

// HoldHeader is called, and its result returned, by a header filter that has
// to wait. For the producer the header is sent; ReleaseHeader or RefuseHeader
// must follow, from an event, unless the request ends before.
func (r *Request) HoldHeader() Code {
	r.headerSent = true
	r.hold(gateHeader)
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
	r.release()
}

// RefuseHeader gives up the response whose header HoldHeader has kept, for one
// with the given status; its producer learns of it at its next output. Error
// ends the connection at once, and so does any status once there are
// subrequests whose output was to follow.
func (r *Request) RefuseHeader(rc Code) {
	if r.dropHeld() {
		rc = Error
	}
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

// HoldBody is called by a body filter that has to wait, before it returns
// Again. ReleaseBody must follow, from an event, unless the request ends
// before.
func (r *Request) HoldBody() { r.hold(gateBody) }

// ReleaseBody has the output go on that HoldBody has held, and its producer.
func (r *Request) ReleaseBody() { r.release() }

func (r *Request) hold(gate gateState) {
	r.gate = gate
	r.Buffered |= BufferedHeld
}

// release passes on what was queued, until a filter waits again. An error is
// the connection's, and the producer will see it.
func (r *Request) release() {
	r.gate = gateOpen
	r.Buffered &^= BufferedHeld
	if r.headerOnly {
		r.gate = gateDrop
	}
	for len(r.held) > 0 {
		p := r.held[0]
		r.held[0] = heldPart{}
		r.held = r.held[1:]
		if p.sub != nil {
			r.placeSubrequest(p.sub)
			continue
		}
		r.Output(&p.out)
		if r.Held() {
			return
		}
	}
	r.held = nil
	r.c.Post(r)
}

// Held reports whether a filter holds the output of r: a producer does as if
// the client were slow, but no timeout of the client's applies.
func (r *Request) Held() bool { return r.Buffered&BufferedHeld != 0 }

// outputGated is Output while the gate is not open; on says that in passes all
// the same.
func (r *Request) outputGated(in *Chain) (rc Code, on bool) {
	switch {
	case r.gate == gateBody && in.Empty(): // what is behind the filter goes on
		return OK, true
	case r.Held():
		if !in.Empty() {
			r.held = append(r.held, heldPart{out: *in})
			*in = Chain{}
		}
		return Again, false
	case r.gate == gateDrop:
		r.w.Buffers.DoneChain(in)
		return OK, false
	default:
		r.w.Buffers.DoneChain(in)
		return Error, false
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

// dropHeld gives back what was queued. It reports whether there were
// subrequests.
func (r *Request) dropHeld() (subs bool) {
	for i := range r.held {
		r.w.Buffers.DoneChain(&r.held[i].out)
		subs = subs || r.held[i].sub != nil
	}
	r.held = nil
	return subs
}
