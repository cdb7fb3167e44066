package http

import (
	"strings"

	"weir/appliance/conf"
	"weir/netio/buf"
	"weir/netio/file"
	"weir/netio/sock"
)

// Copy is the filter that decides how files leave: with sendfile on and no
// filter behind that looks at the bytes, file links go to the wire as they
// are. Otherwise it reads them piece by piece into a few buffers
// (output_buffers) and stops when all of them are on their way: a slow client
// costs no more memory than that, however large the file.
var Copy = Module{
	Name:  "http_copy_filter",
	State: NewState(&copySlot),
	BodyFilter: func(_ *Builder, next BodyFilter) BodyFilter {
		return func(r *Request, in *Chain) Code { return copyFilter(r, in, next) }
	},
}

var copySlot Slot[copyState]

// copyState is the reading of files for one request. It is kept until the
// request has ended and the last of its buffers has come back.
type copyState struct {
	r     *Request // nil once the request has ended
	w     *Worker
	in    Chain      // links not passed on yet
	out   Chain      // links being passed on; empty between calls
	busy  int        // buffers on their way to the client
	read  *fileRead  // read under way on another goroutine, or its result
	ended bool       // the request ends, but a read is under way
	next  *copyState // free list
	spare *fileRead  // kept for the next read
}

// smallFile is up to which size a file is read even with sendfile on: header
// and file then leave by one call, which costs less than two and the pipe that
// sendfile sets up.
const smallFile = 16 << 10

// copyFilter is the body filter; see Copy.
func copyFilter(r *Request, in *Chain, next BodyFilter) Code {
	st := copySlot.Get(r)
	if st == nil || st.in.Empty() {
		if !r.readsAny(in) { // the usual case: no file, sendfile, or contents out of the cache
			return next(r, in)
		}
		if st == nil {
			st = r.w.takeCopy(r)
			copySlot.Set(r, st)
			r.Cleanup(endCopy, st)
		}
	}
	st.in.AppendChain(in)
	rc := st.run(r, next)
	if st.in.Empty() {
		r.Buffered &^= bufferedCopy
	} else {
		r.Buffered |= bufferedCopy
	}
	return rc
}

// readsAny reports whether a link of in has to be read into memory. Files whose
// contents the open file cache keeps become memory at once.
func (r *Request) readsAny(in *Chain) bool {
	for l := in.Head; l != nil; l = l.Next {
		if l.File == nil || !r.reads(l) {
			continue
		}
		if e, ok := l.File.Idle.(*cachedFile); !ok || !e.fromMemory(l) {
			return true
		}
	}
	return false
}

// reads reports whether file link l has to be read into memory.
func (r *Request) reads(l *buf.Link) bool {
	size := l.End - l.Off
	if size == 0 {
		return false
	}
	return size <= smallFile || !r.loc.core.sendfile.V || r.needInMemory || r.main.needInMemory || r.inMemory
}

// run passes on what it can: until there is no more, every buffer is out, or
// a read must be waited for.
func (st *copyState) run(r *Request, next BodyFilter) Code {
	passed, last := false, OK
	for {
		rc := st.fill(r, &st.out)
		if rc == Error {
			r.w.Buffers.DoneChain(&st.out)
			return Error
		}
		if st.out.Empty() && passed {
			if !st.in.Empty() {
				return Again
			}
			return last
		}
		passed = true
		if last = next(r, &st.out); last == Error {
			return Error
		}
		if rc == Again && st.read != nil {
			return Again
		}
	}
}

// fill moves links from st.in to out, files as one buffer. It returns Again
// when a read is under way.
func (st *copyState) fill(r *Request, out *Chain) Code {
	limit := r.loc.core.outputBuffers.V
	for l := st.in.Head; l != nil; l = st.in.Head {
		if l.File == nil || !r.reads(l) {
			out.Append(st.in.Pop())
			continue
		}
		if st.busy >= max(limit.Num, 1) || st.busy > 0 && !out.Empty() {
			return OK
		}
		piece, rc := st.piece(r, l, int(min(limit.Size, l.End-l.Off)))
		if rc != OK {
			return rc
		}
		if l.Size() == 0 {
			st.in.Pop()
			// We wait for the buffer to come back unless this is the end.
			if piece.Flags = l.Flags &^ buf.InFile; piece.Flags&buf.LastInChain == 0 {
				piece.Flags |= buf.Recycled
			}
			r.w.Buffers.Done(l)
		}
		out.Append(piece)
	}
	return OK
}

// piece reads the next n bytes of l, or some of them, into a buffer of its
// own.
func (st *copyState) piece(r *Request, l *buf.Link, n int) (*buf.Link, Code) {
	var b []byte
	if t := st.read; t != nil {
		if !t.done {
			return nil, Again
		}
		st.read = nil
		if t.err != 0 {
			r.w.Buffers.Put(t.buf)
			r.Logf(LogCrit, "pread() failed %s", sock.AppendErrno(nil, t.err))
			return nil, Error
		}
		b = t.buf[:t.n]
	} else {
		b = r.w.Buffers.Get(n)
		b = b[:n]
		m, e := 0, errAgain
		if !r.loc.core.aioThreads.V {
			m, e = file.Pread(l.File.FD, b, l.Off)
		} else if m, e = file.PreadCached(l.File.FD, b, l.Off); e == errAgain {
			st.startRead(r, l, b)
			return nil, Again
		}
		if e != 0 {
			r.w.Buffers.Put(b)
			r.Logf(LogCrit, "pread() failed %s", sock.AppendErrno(nil, e))
			return nil, Error
		}
		b = b[:m]
	}
	if len(b) == 0 {
		r.w.Buffers.Put(b)
		r.Logf(LogAlert, "pread() read only %d of %d bytes: the file was truncated while being sent", l.Off, l.End)
		return nil, Error
	}
	l.Off += int64(len(b))
	p := r.w.Buffers.BufferLink(b, b)
	p.Owner = st
	p.Flags = buf.Recycled
	st.busy++
	return p, OK
}

// LinkDone implements buf.Owner: a buffer has been sent.
func (st *copyState) LinkDone(l *buf.Link) {
	st.busy--
	st.w.Buffers.Free(l)
	st.release()
}

// endCopy is the request's cleanup. A read under way ends it later: its
// buffer is not ours yet.
func endCopy(data any) {
	st := data.(*copyState)
	st.w.Buffers.DoneChain(&st.in)
	st.w.Buffers.DoneChain(&st.out) // what a filter behind has refused
	if st.read != nil && !st.read.done {
		st.ended = true
		return
	}
	st.end()
}

func (st *copyState) end() {
	if t := st.read; t != nil {
		st.w.Buffers.Put(t.buf)
		st.read = nil
	}
	st.r = nil
	st.release()
}

// release gives st back once nothing refers to it.
func (st *copyState) release() {
	if st.r != nil || st.busy > 0 {
		return
	}
	st.next = st.w.freeCopies
	st.w.freeCopies = st
}

func (w *Worker) takeCopy(r *Request) *copyState {
	st := w.freeCopies
	if st == nil {
		st = &copyState{w: w}
	}
	w.freeCopies, st.next = st.next, nil
	st.r, st.ended = r, false
	return st
}

// setAIO reads aio off | on | threads[=pool].
func setAIO(cx *conf.Cx, it *conf.Item) error {
	o := &conf.Target[coreLoc](cx).aioThreads
	if o.Set {
		return conf.Tail("is duplicate")
	}
	word, pool, named := strings.Cut(it.Args[0], "=")
	switch {
	case named && (word != "threads" || pool == ""):
		return conf.Tail("invalid value")
	case word == "threads":
		o.Put(true)
	case word == "on", word == "off":
		o.Put(false)
	default:
		return conf.Tail("invalid value")
	}
	return nil
}
