package echo

import (
	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/poll"
)

// run is the state of a request that echo answers or adds text to.
type run struct {
	r    *http.Request
	home *freeList // where it goes when the request ends

	next    int  // step to run next
	waiting bool // a step waits; resume does nothing until it is over
	sub     *http.Request
	sleep   poll.Timer
	out     http.Chain
	extra   http.Chain // what the filter adds

	body     bodyState
	each     loop
	reset    int64 // when the timer was reset, in loop time; 0: it was not
	counter  int64 // of $echo_incr
	sent     bool  // the header went into the filters
	began    bool  // echo_before_body has been sent
	noFilter bool  // nothing is left to add to the body
}

// bodyState says how far reading the request body has come.
type bodyState uint8

const (
	bodyUnread bodyState = iota
	bodyAwaited
	bodyRead
)

// freeList keeps a worker's unused run structures.
type freeList []*run

// stateOf returns the state of r; it makes one if there is none.
func stateOf(r *http.Request) *run {
	if e := state.Get(r); e != nil {
		return e
	}
	f := local.Of(r.Worker())
	var e *run
	if n := len(*f); n > 0 {
		e = (*f)[n-1]
		*f = (*f)[:n-1]
	} else {
		e = new(run)
		e.sleep.Owner = e
	}
	e.r, e.home = r, f
	r.Cleanup(release, e)
	state.Set(r, e)
	return e
}

// release is the cleanup of a request that has a run.
func release(data any) {
	e := data.(*run)
	r := e.r
	r.Worker().Loop.RemoveTimer(&e.sleep)
	r.Worker().Buffers.DoneChain(&e.out)
	r.Worker().Buffers.DoneChain(&e.extra)
	home, parts := e.home, e.each.parts
	clear(parts)
	*e = run{}
	e.sleep.Owner = e
	e.each.parts = parts[:0]
	*home = append(*home, e)
}

// handle is the content handler.
func handle(r *http.Request) http.Code {
	c := loc.Of(r)
	if c.steps == nil {
		return http.Declined
	}
	rc := stateOf(r).run(c)
	if rc == http.Again {
		r.Hold()
		return http.Done
	}
	return rc
}

// resume is the write handler of a request whose commands wait: what they
// waited for is over, or output may go on.
func resume(r *http.Request) {
	e := state.Get(r)
	if e == nil {
		r.Finalize(http.Error)
		return
	}
	if e.waiting {
		if r.ResumePostponed() == http.Error {
			r.Finalize(http.Error)
		}
		return
	}
	if rc := e.run(loc.Of(r)); rc != http.Again {
		r.Finalize(rc)
	}
}

// run runs commands until one waits (Again) or the request can be finalized
// with the result.
func (e *run) run(c *locConf) http.Code {
	r := e.r
	for e.next < len(c.steps) {
		s := &c.steps[e.next]
		e.next++
		rc := e.step(c, s)
		switch {
		case rc == http.OK:
		case rc == http.Again && !e.waiting: // output waits for the client, the commands need not
		case rc == http.Again:
			r.SetWriteHandler(resume)
			return rc
		case rc == ended:
			return http.OK
		default:
			return e.failed(rc)
		}
	}
	if rc := e.sendHeader(c); rc == http.Error || rc > http.OK {
		return e.failed(rc)
	}
	if !r.HeaderOnly() {
		if rc := r.SendLast(); rc == http.Error || rc >= http.StatusSpecialResponse {
			return rc
		}
	}
	if r.Body() == nil && r.DiscardBody() != http.OK {
		return http.Error
	}
	return http.OK
}

// ended is what a step returns that ends the commands.
const ended http.Code = -100

// failed is the code to finalize with: an error page only where no header has
// been sent.
func (e *run) failed(rc http.Code) http.Code {
	if rc >= http.StatusSpecialResponse && e.r.HeaderSent() {
		return http.Error
	}
	return rc
}

// step runs one command: OK to go on with the next, Again to wait.
func (e *run) step(c *locConf, s *step) http.Code {
	if s.op.subrequest() && e.r.Body() == nil { // subrequests share it
		e.next--
		return e.readBody()
	}
	switch s.op {
	case opStart:
		return e.send(c, e.empty())
	case opEcho:
		text := s.text(e.r)
		if len(text) == 0 {
			return http.OK
		}
		l := e.r.Link()
		l.Mem = text
		return e.send(c, l)
	case opDuplicate:
		return e.duplicate(c, s)
	case opFlush:
		if !e.r.HeaderSent() { // there is nothing yet
			return http.OK
		}
		return e.r.Flush()
	case opSleep:
		return e.startSleep(s)
	case opResetTimer:
		e.reset = e.r.Worker().Loop.NowMS()
		return http.OK
	case opReadBody:
		return e.readBody()
	case opRequestBody:
		return e.sendBody(c)
	case opLocation, opLocationAsync:
		return e.location(c, s)
	case opSubrequest, opSubrequestAsync:
		return e.subrequest(c, s)
	case opForeach:
		return e.foreach(c, s)
	case opEnd:
		return e.end()
	}
	return e.exec(s)
}

// empty is a link that carries only order.
func (e *run) empty() *buf.Link {
	l := e.r.Link()
	l.Flags = buf.Sync
	return l
}

// sendHeader sends the response header unless it has been sent.
func (e *run) sendHeader(c *locConf) http.Code {
	r := e.r
	if r.HeaderSent() || e.sent {
		return http.OK
	}
	r.Out.Status = c.status.V
	if rc := r.SetContentType(); rc != http.OK {
		return http.StatusInternalServerError
	}
	r.Out.ContentLength = -1
	r.ClearRanges()
	e.sent = true
	return r.SendHeader()
}

// send passes a link on, behind the header.
func (e *run) send(c *locConf, l *buf.Link) http.Code {
	e.out.Append(l)
	return e.flush(c)
}

// flush passes on what is in out.
func (e *run) flush(c *locConf) http.Code {
	rc := e.sendHeader(c)
	if rc == http.Error || rc > http.OK || e.r.HeaderOnly() {
		e.r.Worker().Buffers.DoneChain(&e.out)
		return rc
	}
	return e.r.Output(&e.out)
}
