package http

import (
	"syscall"

	"weir/netio/buf"
	"weir/netio/file"
)

// errAgain is what file.PreadCached answers when the disk would be waited
// for.
const errAgain = syscall.EAGAIN

// maxFileReads is how many reads of one worker are under way at most; more
// wait in line. It is the size of nginx's default thread pool.
const maxFileReads = 32

// fileRead is a read that may wait for the disk, made for a request by a
// goroutine that belongs to the worker:
//
//	startRead ──> go read ──Loop.Post──> Run ──> the request's write handler
//
// The main request is blocked meanwhile: it is not freed before Run.
type fileRead struct {
	st   *copyState
	f    *buf.File // held while the read is under way
	buf  []byte
	off  int64
	n    int
	err  syscall.Errno
	done bool
	next *fileRead // in line
}

// startRead begins to read into b from where l stands.
func (st *copyState) startRead(r *Request, l *buf.Link, b []byte) {
	t := st.spare
	if t == nil {
		t = new(fileRead)
		st.spare = t
	}
	*t = fileRead{st: st, f: l.File.Hold(), buf: b, off: l.Off}
	st.read = t
	r.main.blocked++
	st.w.reads.start(t)
}

// fileReads is the line of a worker's reads.
type fileReads struct {
	running     int
	first, last *fileRead // waiting
}

func (q *fileReads) start(t *fileRead) {
	if q.running < maxFileReads {
		q.running++
		go t.read() // ends with the read; Run counts it off
		return
	}
	if q.last == nil {
		q.first = t
	} else {
		q.last.next = t
	}
	q.last = t
}

// ended starts the next read in line in place of one that is done.
func (q *fileReads) ended() {
	q.running--
	t := q.first
	if t == nil {
		return
	}
	if q.first = t.next; q.first == nil {
		q.last = nil
	}
	t.next = nil
	q.start(t)
}

// read runs on a goroutine of its own and touches nothing of the worker's but
// the buffer, which is its for the time.
func (t *fileRead) read() {
	t.n, t.err = file.Pread(t.f.FD, t.buf, t.off)
	t.st.w.Loop.Post(t)
}

// Run is the end of the read, on the worker's loop.
func (t *fileRead) Run() {
	st := t.st
	r := st.r
	c := r.c
	t.done = true
	t.f.Release()
	t.f = nil
	st.w.reads.ended()
	if st.ended {
		st.end()
	}
	r.main.blocked--
	c.flags |= clientRunning
	if r.main.terminated {
		c.active.write(c.active)
	} else {
		r.write(r)
	}
	c.RunPosted()
	c.flags &^= clientRunning
}
