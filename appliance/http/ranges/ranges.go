package ranges

import (
	"bytes"
	"strconv"

	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/http1"
)

// Body is the module of the body filter, which also has the state.
var Body = http.Module{
	Name:  "http_range_body_filter",
	State: http.NewState(&state),
	Local: http.NewLocal(&local, newWorker),
	BodyFilter: func(_ *http.Builder, next http.BodyFilter) http.BodyFilter {
		return func(r *http.Request, in *http.Chain) http.Code {
			st := state.Get(r)
			if st == nil || in.Empty() {
				return next(r, in)
			}
			return st.body(r, in, next)
		}
	},
}

// Header is the module of the header filter.
var Header = http.Module{
	Name: "http_range_header_filter",
	HeaderFilter: func(_ *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		return func(r *http.Request) http.Code { return header(r, next) }
	},
}

var (
	state http.Slot[answer]
	local http.WorkerSlot[worker]
)

// answer is what a request with ranges gets.
type answer struct {
	w      *worker
	spans  []span
	offset int64 // of the next body byte in the whole body
	length int64 // of the whole body
	// head is what stands before the numbers of each part of a multipart
	// answer; in the request's arena.
	head     []byte
	boundary uint64
	out      http.Chain // links being passed on; empty between calls
	next     *answer    // free list
}

// worker is the free answers of a worker, and the number of its last boundary.
type worker struct {
	pool     *buf.Pool
	free     *answer
	boundary uint64
}

// boundaryStep keeps the boundaries of different workers apart.
const boundaryStep = 1 << 40

func newWorker(w *http.Worker) *worker {
	return &worker{pool: w.Buffers, boundary: uint64(w.ID+1) * boundaryStep}
}

func (w *worker) take() *answer {
	a := w.free
	if a == nil {
		a = &answer{w: w}
	}
	w.free, a.next = a.next, nil
	a.spans, a.head = a.spans[:0], nil
	return a
}

// put is the request's cleanup.
func put(data any) {
	a := data.(*answer)
	a.w.pool.DoneChain(&a.out) // what a filter behind has refused
	a.next = a.w.free
	a.w.free = a
}

var bytesUnit = []byte("bytes")

// header is the header filter.
func header(r *http.Request, next http.HeaderFilter) http.Code {
	allowed, single := r.RangesAllowed()
	most := r.Location().MaxRanges()
	if !allowed || r.Out.Status != int(http.StatusOK) || r.IsSubrequest() || r.Out.ContentLength == -1 ||
		most == 0 || r.Version < 1000 {
		return next(r)
	}
	list, ok := wanted(r)
	if !ok {
		return whole(r, next)
	}
	if single {
		most = 1
	}
	a := local.Of(r.Worker()).take()
	r.Cleanup(put, a)
	var rc http.Code
	a.length, a.offset = r.Out.ContentLength, r.Out.ContentOffset
	a.spans, rc = parse(a.spans, list, a.length, most)
	switch rc {
	case http.OK:
	case http.StatusRangeNotSatisfiable:
		var room [40]byte
		v := strconv.AppendInt(append(room[:0], "bytes */"...), a.length, 10)
		r.Out.Headers.SetID(http1.HeaderContentRange, v)
		r.Out.ContentLength = -1
		return rc
	default:
		return whole(r, next)
	}
	state.Set(r, a)
	r.Out.Status = int(http.StatusPartialContent)
	r.Out.StatusLine = nil
	if len(a.spans) == 1 {
		a.singleHeader(r)
	} else {
		a.multiHeader(r)
	}
	return next(r)
}

// whole sends the whole body and says that ranges could be had.
func whole(r *http.Request, next http.HeaderFilter) http.Code {
	r.Out.Headers.SetID(http1.HeaderAcceptRanges, bytesUnit)
	return next(r)
}

// wanted returns the list of the Range field behind "bytes=". ok is false when
// there is none, or If-Range says that the client's part is of another body.
func wanted(r *http.Request) (list []byte, ok bool) {
	v := r.In.Get(http1.HeaderRange)
	if len(v) < len("bytes=")+1 || !bytes.EqualFold(v[:len("bytes=")], bytesEquals) {
		return nil, false
	}
	list = v[len("bytes="):]
	cond := r.In.Get(http1.HeaderIfRange)
	if cond == nil {
		return list, true
	}
	if n := len(cond); n >= 2 && cond[n-1] == '"' {
		return list, bytes.Equal(cond, r.Out.Headers.Get(http1.HeaderETag))
	}
	return list, r.Out.LastModified != -1 && http.ParseHTTPTime(cond) == r.Out.LastModified
}

var bytesEquals = []byte("bytes=")

// appendSpan writes "0-99/1234".
func (a *answer) appendSpan(b []byte, s span) []byte {
	b = append(strconv.AppendInt(b, s.start, 10), '-')
	b = append(strconv.AppendInt(b, s.end-1, 10), '/')
	return strconv.AppendInt(b, a.length, 10)
}

func (a *answer) singleHeader(r *http.Request) {
	s := a.spans[0]
	var room [72]byte
	r.Out.Headers.SetID(http1.HeaderContentRange, a.appendSpan(append(room[:0], "bytes "...), s))
	r.Out.ContentLength = s.end - s.start
	r.Out.ContentOffset = s.start
}

// multiHeader makes the head that all parts share:
//
//	CR LF --00000000000000000001 CR LF
//	Content-Type: image/jpeg CR LF
//	Content-Range: bytes
func (a *answer) multiHeader(r *http.Request) {
	o := &r.Out
	a.w.boundary++
	a.boundary = a.w.boundary
	b := r.Alloc(96 + len(o.ContentType) + len(o.Charset))[:0]
	b = append(appendBoundary(append(b, "\r\n--"...), a.boundary), "\r\n"...)
	if len(o.ContentType) > 0 {
		b = append(append(b, "Content-Type: "...), o.ContentType...)
		if len(o.Charset) > 0 {
			b = append(append(b, "; charset="...), o.Charset...)
		}
		b = append(b, "\r\n"...)
	}
	a.head = append(b, "Content-Range: bytes "...)

	t := append(r.Alloc(64)[:0], "multipart/byteranges; boundary="...)
	o.ContentType = appendBoundary(t, a.boundary)
	o.Charset = nil
	total := int64(len("\r\n--") + boundaryLen + len("--\r\n"))
	var room [72]byte
	for _, s := range a.spans {
		total += int64(len(a.head)+len(a.appendSpan(room[:0], s))+len("\r\n\r\n")) + s.end - s.start
	}
	o.ContentLength = total
	o.Headers.DelID(http1.HeaderContentRange)
}

// boundaryLen is how many digits a boundary has.
const boundaryLen = 20

func appendBoundary(dst []byte, n uint64) []byte {
	var digits [boundaryLen]byte
	for i := boundaryLen - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, digits[:]...)
}

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
