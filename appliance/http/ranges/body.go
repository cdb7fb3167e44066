package ranges

import (
	"weir/appliance/http"
	"weir/netio/buf"
)

// body cuts in down to what was asked for.
func (a *answer) body(r *http.Request, in *http.Chain, next http.BodyFilter) http.Code {
	if len(a.spans) == 1 {
		a.single(r, in)
		return next(r, &a.out)
	}
	if in.Head.Size() == 0 {
		return next(r, in)
	}
	if !a.covered(in.Head) {
		r.Log(http.LogAlert, "range in overlapped buffers")
		r.Worker().Buffers.DoneChain(in)
		return http.Error
	}
	a.multi(r, in)
	return next(r, &a.out)
}

// single moves the parts of links that lie in the range to a.out. The link with its
// last byte ends the body.
func (a *answer) single(r *http.Request, in *http.Chain) {
	s := a.spans[0]
	for l := in.Pop(); l != nil; l = in.Pop() {
		start := a.offset
		last := start + l.Size()
		a.offset = last
		if last == start && l.Flags&buf.Special != 0 && s.end > start {
			a.out.Append(l)
			continue
		}
		if s.end <= start || s.start >= last {
			r.Worker().Buffers.Done(l)
			continue
		}
		if s.start > start {
			l.Consume(s.start - start)
		}
		if s.end <= last {
			trim(l, last-s.end)
			l.Flags |= r.Last()
		}
		a.out.Append(l)
	}
}

// trim takes n bytes off the end of l.
func trim(l *buf.Link, n int64) {
	if l.File != nil || l.Pipe != nil {
		l.End -= n
		return
	}
	l.Mem = l.Mem[:int64(len(l.Mem))-n]
}

// covered reports whether l is a body that all parts can be cut from: the
// first link, and either the last one or long enough.
func (a *answer) covered(l *buf.Link) bool {
	if a.offset != 0 || l.Pipe != nil {
		return false
	}
	a.offset = l.Size()
	if l.Flags&buf.Last != 0 {
		return true
	}
	for _, s := range a.spans {
		if s.end > a.offset {
			return false
		}
	}
	return true
}

// multi makes the parts of a multipart body out of the first link of in, which
// goes along behind them, empty: it may own the bytes.
func (a *answer) multi(r *http.Request, in *http.Chain) {
	pool := r.Worker().Buffers
	l := in.Pop()
	for _, s := range a.spans {
		b := append(r.Alloc(len(a.head) + 72)[:0], a.head...)
		a.out.Append(pool.MemLink(append(a.appendSpan(b, s), "\r\n\r\n"...)))
		if l.File != nil {
			a.out.Append(pool.FileLink(l.File.Hold(), l.Off+s.start, l.Off+s.end))
		} else {
			a.out.Append(pool.MemLink(l.Mem[s.start:s.end]))
		}
	}
	l.Consume(l.Size())
	l.Flags = buf.Sync
	a.out.Append(l)
	b := append(r.Alloc(boundaryLen + 8)[:0], "\r\n--"...)
	end := pool.MemLink(append(appendBoundary(b, a.boundary), "--\r\n"...))
	end.Flags = r.Last()
	a.out.Append(end)
	pool.DoneChain(in)
}
