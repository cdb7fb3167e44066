package conn

import (
	"errors"
	"io"
	"syscall"

	"weir/netio/buf"
	"weir/netio/sock"
)

var (
	// ErrAgain says that nothing more can be done now. After a Recv or
	// SpliceIn Readable is called, after a Send Writable.
	ErrAgain = sock.ErrAgain
	// ErrClosed is the answer of a connection that was closed on this
	// side.
	ErrClosed = errors.New("use of closed connection")
	// ErrPipeFull says that the pipe takes no more until it was drained.
	ErrPipeFull = errors.New("pipe is full")
)

// Recv receives into p, which is not empty. It returns io.EOF at the end,
// ErrAgain when there is nothing now, and otherwise a syscall.Errno, or an
// error of the transport.
func (c *Conn) Recv(p []byte) (int, error) {
	if c.transport != nil {
		return c.recvTransport(p)
	}
	return c.RecvSocket(p)
}

// RecvSocket is Recv past the transport, for the transport itself.
func (c *Conn) RecvSocket(p []byte) (int, error) {
	if c.flags&readable == 0 {
		if c.flags&closed != 0 {
			return 0, ErrClosed
		}
		return 0, ErrAgain
	}
	c.d.stats.Recvs++
	n, e := sock.Recv(int(c.fd), p)
	if e != 0 {
		return 0, c.recvFailed(e)
	}
	if n == 0 {
		c.flags |= hangup // stays readable: every Recv says EOF
		return 0, io.EOF
	}
	if n < len(p) && c.flags&(hangup|records) == 0 {
		c.flags &^= readable
	}
	c.Received += int64(n)
	return n, nil
}

func (c *Conn) recvFailed(e syscall.Errno) error {
	switch e {
	case syscall.EAGAIN:
		c.flags &^= readable
		return ErrAgain
	case syscall.EINTR:
		// A non-blocking receive is not interrupted in practice; the
		// caller comes again.
		c.PostReadable()
		return ErrAgain
	}
	c.flags |= hangup | errored
	return e
}

// Silent reports whether the peer of an idle connection has said nothing to its
// owner: no bytes wait, no end, no error. What is for the transport alone, as
// session tickets of TLS are, is dealt with and does not count. Without a
// transport it makes a system call whether an edge was seen or not.
func (c *Conn) Silent() bool {
	if c.flags&closed != 0 {
		return false
	}
	if c.transport != nil {
		_, err := c.recvTransport(nil)
		return err == ErrAgain
	}
	var b [1]byte
	_, err := c.PeekSocket(b[:])
	return err == ErrAgain
}

// PeekSocket looks at the socket's waiting bytes without taking them, past the
// transport and whether an edge was seen or not. It returns as Recv does.
func (c *Conn) PeekSocket(p []byte) (int, error) {
	c.d.stats.Recvs++
	n, e := sock.Peek(int(c.fd), p)
	switch {
	case e != 0:
		return 0, errno(e)
	case n == 0:
		c.flags |= hangup | readable
		return 0, io.EOF
	}
	c.flags |= readable
	return n, nil
}

// SpliceIn moves up to limit bytes from the socket into the pipe and returns how
// many. io.EOF and ErrAgain are as with Recv. ErrPipeFull says that the pipe
// must be drained before SpliceIn is called again: a pipe is full when its
// pages are used up, which may be long before its bytes are. Only a connection
// for which CanSpliceIn is true has it.
func (c *Conn) SpliceIn(p *buf.Pipe, limit int) (int, error) {
	if c.flags&readable == 0 {
		if c.flags&closed != 0 {
			return 0, ErrClosed
		}
		return 0, ErrAgain
	}
	limit = min(limit, p.Cap-p.N)
	if limit <= 0 {
		return 0, ErrPipeFull
	}
	c.d.stats.Recvs++
	n, e := sock.Splice(int(c.fd), p.W, limit, false)
	switch {
	case e == syscall.EAGAIN && p.N > 0:
		// Socket empty or pages used up: the kernel does not say
		// which. An empty pipe at the next call will tell.
		return 0, ErrPipeFull
	case e != 0:
		return 0, c.recvFailed(e)
	case n == 0:
		c.flags |= hangup
		return 0, io.EOF
	}
	p.N += n
	c.Received += int64(n)
	return n, nil
}
