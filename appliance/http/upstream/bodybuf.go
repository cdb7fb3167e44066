package upstream

import (
	"weir/appliance/http"
	"weir/netio/buf"
)

// bodyBuf is a buffer that body bytes are received into. Links of the output
// refer to parts of it.
type bodyBuf struct {
	x    *Exchange // nil once the exchange is over
	ws   *workerState
	data []byte // pooled; len is what has been received
	refs int    // links that refer to it, and one while it is being filled
	next *bodyBuf
	prev *bodyBuf
}

// LinkDone implements buf.Owner.
func (b *bodyBuf) LinkDone(l *buf.Link) {
	b.ws.w.Buffers.PutLink(l)
	b.drop()
}

func (b *bodyBuf) drop() {
	if b.refs--; b.refs > 0 {
		return
	}
	if x := b.x; x != nil {
		x.nbufs--
		if b.prev != nil {
			b.prev.next = b.next
		} else {
			x.held = b.next
		}
		if b.next != nil {
			b.next.prev = b.prev
		}
	}
	ws := b.ws
	ws.w.Buffers.Put(b.data)
	*b = bodyBuf{ws: ws, next: ws.bufs}
	ws.bufs = b
}

// takeBuf returns a buffer to receive into; nil when all are in use.
func (x *Exchange) takeBuf() *bodyBuf {
	if b := x.cur; b != nil {
		if b.refs == 1 { // the output has taken all of it
			b.data = b.data[:0]
		}
		if len(b.data) < cap(b.data) {
			return b
		}
		x.cur = nil
		b.drop()
	}
	if x.nbufs >= x.bufMax {
		return nil
	}
	b := x.ws.bufs
	if b == nil {
		b = &bodyBuf{ws: x.ws}
	} else {
		x.ws.bufs = b.next
	}
	size := x.bufSize
	if !x.Coded && x.left > 0 && x.left < int64(size) {
		size = int(x.left)
	}
	b.x, b.data, b.refs = x, x.ws.w.Buffers.Get(size), 1
	b.prev, b.next = nil, x.held
	if x.held != nil {
		x.held.prev = b
	}
	x.held = b
	x.nbufs++
	x.cur = b
	return b
}

// orphan lets go of buffers that links still refer to.
func (x *Exchange) orphan() {
	for b := x.held; b != nil; {
		next := b.next
		b.x, b.next, b.prev = nil, nil, nil
		if b == x.cur {
			b.drop()
		}
		b = next
	}
	x.held, x.cur, x.nbufs = nil, nil, 0
}

// freeBuf makes a buffer free when all are in use: it writes what waits for
// the client to the temporary file, or has filters pass on what they hold.
func (x *Exchange) freeBuf() *bodyBuf {
	switch {
	case x.spill():
	case x.clientWaits() || !x.out.Empty():
		return nil
	case x.R.Flush() == http.Error:
		x.clientGone()
		return nil
	}
	return x.takeBuf()
}
