package conn

import (
	"errors"
	"io"
	"math"
	"syscall"

	"weir/netio/buf"
	"weir/netio/sock"
)

// sendfileChunk bounds one sendfile call, so that one fast reader of a
// cached file does not hold the worker (nginx's sendfile_max_chunk, 2 MB).
const sendfileChunk = 2 << 20

// errPipeShort marks a link whose pipe holds less than it says.
var errPipeShort = errors.New("BUG: pipe holds less than its link")

// ErrFileShort says that a file became shorter while it was being sent.
var ErrFileShort = errors.New("file was truncated while being sent")

// Send sends up to limit bytes of the chain; a limit of 0 or less means all.
// Memory goes by send or sendmsg, file ranges by sendfile, pipes by splice;
// a header before a file is held back with MSG_MORE, so that both share a
// packet. What was sent is consumed, links without bytes included once they
// are at the head.
//
// It returns how many bytes were sent, and ErrAgain when the socket is full
// and bytes remain: Writable is called when there is room. With another error
// the chain keeps what was not sent. Reaching the limit is no error. After
// ErrAgain the next Send begins with what is left of the same bytes: a
// transport may have taken them into a record already.
func (c *Conn) Send(ch *buf.Chain, limit int64) (int64, error) {
	if c.transport != nil {
		return c.transport.Send(c, ch, limit)
	}
	return c.SendSocket(ch, limit)
}

// SendSocket is Send past the transport, for the transport itself.
func (c *Conn) SendSocket(ch *buf.Chain, limit int64) (int64, error) {
	if c.flags&writable == 0 {
		return 0, c.blocked(ch)
	}
	if limit <= 0 {
		limit = math.MaxInt64
	}
	var total int64
	for l := ch.Head; l != nil && total < limit; l = ch.Head {
		n, asked, e := c.sendLink(ch, l, limit-total)
		if e != 0 {
			if e == syscall.EINTR {
				continue // only sendfile is ever interrupted
			}
			return total, c.sendFailed(e)
		}
		if n == 0 && asked > 0 {
			return total, nothingSent(l)
		}
		total += n
		c.Sent += n
		memory := l.File == nil && l.Pipe == nil
		ch.Consume(c.d.Pool, n)
		// A short send has filled the socket: the edge will come, and a
		// call that would only say EAGAIN is saved. Sendfile and splice
		// may stop short for reasons of their own and are tried again.
		if n < asked && memory {
			c.flags = c.flags&^writable | wantWrite
			return total, ErrAgain
		}
	}
	return total, nil
}

// sendLink sends l, and the memory links that follow it when l is memory. It
// returns how much went and how much was asked for.
func (c *Conn) sendLink(ch *buf.Chain, l *buf.Link, limit int64) (n, asked int64, e syscall.Errno) {
	switch {
	case l.File != nil:
		asked = min(l.End-l.Off, limit)
		n, e = c.sendFile(l, asked)
	case l.Pipe != nil:
		asked = min(l.End-l.Off, limit)
		n, e = c.sendPipe(l, asked)
	case l.Next == nil && int64(len(l.Mem)) <= limit:
		if len(l.Mem) == 0 {
			return 0, 0, 0
		}
		c.d.stats.Sends++
		var m int
		m, e = sock.Send(int(c.fd), l.Mem, false)
		return int64(m), int64(len(l.Mem)), e
	default:
		return c.sendMemory(l, limit)
	}
	return n, asked, e
}

// sendMemory gathers memory links from l on, up to limit bytes.
func (c *Conn) sendMemory(l *buf.Link, limit int64) (n, asked int64, e syscall.Errno) {
	v := &c.d.iov
	v.Reset()
	for ; l != nil && l.File == nil && l.Pipe == nil; l = l.Next {
		if len(l.Mem) == 0 {
			continue
		}
		if v.Full() || asked == limit {
			break
		}
		b := l.Mem[:min(int64(len(l.Mem)), limit-asked)]
		v.Add(b)
		asked += int64(len(b))
	}
	if asked == 0 {
		return 0, 0, 0
	}
	more := asked < limit && carries(l)
	c.d.stats.Sends++
	m, e := sock.Sendmsg(int(c.fd), v, more)
	return int64(m), asked, e
}

// sendFile sends from a file. The kernel may read the disk meanwhile, and the
// scheduler knows.
func (c *Conn) sendFile(l *buf.Link, n int64) (int64, syscall.Errno) {
	if n == 0 {
		return 0, 0
	}
	off := l.Off
	c.d.stats.Sends++
	m, e := sock.Sendfile(int(c.fd), l.File.FD, &off, int(min(n, sendfileChunk)))
	if e == 0 {
		c.d.stats.FileBytes += uint64(m)
	}
	return int64(m), e
}

// sendPipe sends what was spliced into a pipe.
func (c *Conn) sendPipe(l *buf.Link, n int64) (int64, syscall.Errno) {
	if n == 0 {
		return 0, 0
	}
	c.d.stats.Sends++
	m, e := sock.Splice(l.Pipe.R, int(c.fd), int(n), carries(l.Next))
	if e == 0 {
		l.Pipe.N -= m
	}
	return int64(m), e
}

// carries reports whether any link from l on has bytes. The kernel is told
// that more follows only if so: a held-back packet goes out 200 ms late
// otherwise.
func carries(l *buf.Link) bool {
	for ; l != nil; l = l.Next {
		if l.Size() > 0 {
			return true
		}
	}
	return false
}

// blocked is Send while the socket is known to be full, or not yet connected.
func (c *Conn) blocked(ch *buf.Chain) error {
	switch {
	case c.flags&closed != 0:
		return ErrClosed
	case ch.Head == nil:
		return nil
	}
	c.flags |= wantWrite
	return ErrAgain
}

func (c *Conn) sendFailed(e syscall.Errno) error {
	if e == syscall.EAGAIN {
		c.flags = c.flags&^writable | wantWrite
		return ErrAgain
	}
	c.flags |= errored
	return e
}

// nothingSent explains a call that took no byte without an error.
func nothingSent(l *buf.Link) error {
	switch {
	case l.File != nil:
		return ErrFileShort
	case l.Pipe != nil:
		return errPipeShort
	}
	return io.ErrNoProgress
}
