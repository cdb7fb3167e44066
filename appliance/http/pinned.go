package http

import (
	"weir/netio/buf"
	"weir/netio/sock"
)

// A log handler may have to wait: the response is over then and the client
// need not know. The connection goes on to its next request, or closes, and
// the request stays as the log phase sees it, pinned, until the handler is
// done:
//
//	closeRequest -> log phase -> HoldLog ---> pin: own copy of the client, the head buffer
//	             -> Stream.Finish                   |
//	                                    ReleaseLog -+-> dispose
//
// A worker pins as many requests as it may have connections; beyond that the
// connection waits with its request.

// ending is what becomes of the connection of a request that waits for its
// log phase.
type ending struct {
	keep, linger bool
	loc          *Location // nil: it does not wait
}

// HoldLog is called by a log handler that has to wait; ReleaseLog must follow,
// from an event. The request's cleanups have run, its releases run when every
// handler is done.
func (r *Request) HoldLog() { r.main.logs++ }

// ReleaseLog takes HoldLog back. r must not be used after it.
func (r *Request) ReleaseLog() {
	m := r.main
	m.logs--
	switch {
	case m.logs > 0:
	case m.pinned > 0:
		m.unpin()
	case m.ending.loc != nil:
		m.finishLogged(m.ending)
	}
}

// finishLogged ends a request whose connection has waited for its log phase.
func (r *Request) finishLogged(e ending) {
	c := r.c
	r.dispose()
	c.stream.Finish(e.keep, e.linger, e.loc)
}

// afterLog lets the connection of a logged request go on: at once, or when its
// log phase is over.
func (r *Request) afterLog(e ending) {
	switch {
	case r.logs == 0 || r.ending.loc != nil: // the second time the request is cut off
		r.finishLogged(e)
	case len(r.w.pinned) < r.gen.Cycle.Events.WorkerConnections:
		c := r.c
		r.pin()
		c.stream.Finish(e.keep, e.linger, e.loc)
	default:
		r.ending = e
		r.read, r.write = blockReading, nothing
	}
}

// pin parts the request from its connection.
func (r *Request) pin() {
	c := r.c
	c.dropPosted()
	own := *c
	own.net = c.net.Past()
	own.stream, own.active = nil, r
	own.flags &^= clientRunning // no event of this copy will end
	own.SetError()
	if h, ok := c.stream.(*h1Conn); ok {
		r.headBuf = h.giveHead()
	}
	c.override = sock.Addr{}
	r.c = &own
	for _, s := range r.subs {
		s.c = r.c
	}
	r.w.pinned.add(r)
}

// unpin frees a pinned request.
func (r *Request) unpin() {
	r.w.pinned.remove(r)
	r.dispose()
}

// giveHead gives away the buffer that the head of the current request stands
// in; what was read behind it stays.
func (h *h1Conn) giveHead() []byte {
	b := h.head
	rest := b[h.pos:]
	h.head, h.pos = nil, 0
	if len(rest) > 0 {
		h.head = append(h.w.Buffers.Get(max(len(rest), headBuffer)), rest...)
	}
	return b
}

// pinnedList has a worker's pinned requests in no order; each knows its number,
// from 1.
type pinnedList []*Request

func (l *pinnedList) add(r *Request) {
	*l = append(*l, r)
	r.pinned = len(*l)
}

func (l *pinnedList) remove(r *Request) {
	end := len(*l) - 1
	last := (*l)[end]
	(*l)[r.pinned-1], last.pinned = last, r.pinned
	(*l)[end], r.pinned = nil, 0
	*l = (*l)[:end]
}

// cut ends the log phases of requests that match, the newest first: what takes
// the place of one that is removed was seen before it.
func (l *pinnedList) cut(match func(r *Request) bool) (n int) {
	for i := len(*l) - 1; i >= 0; i-- {
		if r := (*l)[i]; match(r) {
			r.unpin()
			n++
		}
	}
	return n
}

// putHead gives back the buffer of a pinned request.
func (r *Request) putHead(p *buf.Pool) {
	if r.headBuf != nil {
		p.Put(r.headBuf)
		r.headBuf = nil
	}
}
