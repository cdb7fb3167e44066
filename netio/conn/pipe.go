package conn

import (
	"io"
	"syscall"
	"time"

	"weir/netio/poll"
	"weir/netio/sock"
)

// Pipe is this side's end of a pipe to another process. The pipe is
// registered, edge-triggered, when it is waited for the first time: most
// commands answer before that. It belongs to one worker, or, while it was
// never watched, to whoever made it.
type Pipe struct {
	loop    *poll.Loop // nil: not registered
	fd      int        // -1: closed
	write   bool
	handler PipeHandler
}

// PipeHandler is told about a Pipe.
type PipeHandler interface {
	// PipeReady is called on the loop when a Read or Write that answered
	// ErrAgain is worth another try.
	PipeReady(p *Pipe)
}

// NewPipe makes a pipe and returns its other end, blocking, which is for
// another process and the caller's to close. write says that this side writes.
func NewPipe(write bool) (p *Pipe, theirs int, err error) {
	ours, theirs, err := sock.CommandPipe(write)
	if err != nil {
		return nil, -1, err
	}
	return &Pipe{fd: ours, write: write}, theirs, nil
}

// Watch has h told from now on; a pipe that is ready now counts. It is called
// after ErrAgain, any number of times.
func (p *Pipe) Watch(l *poll.Loop, h PipeHandler) error {
	p.handler = h
	if p.loop != nil {
		return nil
	}
	ev := poll.In | poll.Edge
	if p.write {
		ev = poll.Out | poll.Edge
	}
	if err := l.Add(p.fd, ev, (*pipeSource)(p)); err != nil {
		return failed("epoll_ctl()", err.(syscall.Errno))
	}
	p.loop = l
	return nil
}

// pipeSource is a Pipe as the loop knows it.
type pipeSource Pipe

// Ready implements poll.Source.
func (s *pipeSource) Ready(poll.Events) { s.handler.PipeReady((*Pipe)(s)) }

// Wait blocks until the pipe is worth another try, for callers that have no
// loop or must not leave their place on it. False: not in that time.
func (p *Pipe) Wait(most time.Duration) bool { return sock.WaitPipe(p.fd, p.write, most) }

// Read reads into b, which is not empty. Its error is ErrAgain, io.EOF,
// ErrClosed after Close, or a syscall.Errno.
func (p *Pipe) Read(b []byte) (int, error) {
	for p.fd >= 0 {
		switch n, e := sock.ReadPipe(p.fd, b); {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			return 0, ErrAgain
		case e != 0:
			return 0, e
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
	return 0, ErrClosed
}

// Write writes what the pipe takes of b, which is not empty. Its error is
// ErrAgain, ErrClosed after Close, or a syscall.Errno: EPIPE when nobody reads.
func (p *Pipe) Write(b []byte) (int, error) {
	for p.fd >= 0 {
		switch n, e := sock.WritePipe(p.fd, b); {
		case e == syscall.EINTR:
		case e == syscall.EAGAIN:
			return 0, ErrAgain
		case e != 0:
			return 0, e
		default:
			return n, nil
		}
	}
	return 0, ErrClosed
}

// Closed reports whether Close was called.
func (p *Pipe) Closed() bool { return p.fd < 0 }

// Close closes this end. The handler is told nothing any more.
func (p *Pipe) Close() {
	if p.fd < 0 {
		return
	}
	if p.loop != nil {
		p.loop.Forget(p.fd)
	}
	sock.Close(p.fd)
	p.fd = -1
}
