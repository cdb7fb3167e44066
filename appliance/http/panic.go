package http

import (
	"weir/netio/buf"
)

// Panicker is a connection handler, or a task of the loop, that can end what a
// panic in one of its events has left half done. Nothing of it may be used
// again.
type Panicker interface{ Panicked() }

// Panicked contains a panic: what is what the loop was running. The request
// is answered with 500 if nothing was sent yet, its connection is closed, and
// its memory is left to the collector, since nobody knows what state it is in.
func (w *Worker) Panicked(what any) {
	w.stats.Panics++
	switch t := what.(type) {
	case *Client: // a posted request
		if h, ok := t.stream.(*h1Conn); ok {
			h.Panicked()
		}
		return
	case Panicker:
		t.Panicked()
		return
	}
	c := w.Driver.ConnOf(what)
	if c == nil || c.Closed() {
		return
	}
	if p, ok := c.Handler().(Panicker); ok {
		p.Panicked()
	}
	if !c.Closed() {
		c.Close()
	}
}

// Panicked ends the request in progress after a panic.
func (r *Request) Panicked() {
	if h, ok := r.c.stream.(*h1Conn); ok {
		h.Panicked()
	}
}

// Panicked implements Panicker.
func (h *h1Conn) Panicked() {
	c := h.net
	if c == nil || c.Closed() {
		return
	}
	if r := h.r; r != nil {
		if h.state == h1Busy {
			h.w.stats.Writing--
		} else {
			h.w.stats.Reading--
		}
		cleanAfterPanic(r)
		if !r.headerSent {
			h.send500()
		}
		r.read, r.write = nothing, nothing
		for _, s := range r.subs { // what still comes back, as a file read, finds nothing to do
			s.read, s.write = nothing, nothing
		}
	}
	h.w.conns.remove(h)
	h.dropPosted()
	c.Close()
}

// Panicked implements Panicker.
func (t *writeTask) Panicked() { (*h1Conn)(t).Panicked() }

// Panicked implements Panicker.
func (t *fileRead) Panicked() {
	if r := t.st.r; r != nil {
		r.Panicked()
	}
}

// cleanAfterPanic releases what the request holds elsewhere (upstream
// connections, limits). A cleanup that panics, too, ends only the cleaning.
func cleanAfterPanic(r *Request) {
	defer func() { _ = recover() }()
	r.runCleanups()
}

// send500 answers by hand.
func (h *h1Conn) send500() {
	var ch buf.Chain
	l := h.w.Buffers.Link()
	l.Mem = []byte("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	ch.Append(l)
	_, _ = h.net.Send(&ch, 0) // the connection ends either way
}
