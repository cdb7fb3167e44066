package conn

import (
	"io"
	"syscall"

	"weir/netio/buf"
	"weir/netio/sock"
)

// Transport is a protocol between a connection's socket and its owner: TLS.
// It has as many methods as a connection has things to do on a socket, so that
// an owner cannot tell it from the socket. They are called on the loop, under
// the contracts of the methods of Conn with the same names; readiness stays
// the connection's.
type Transport interface {
	// Recv with an empty p asks whether bytes wait: 0 and no error if so.
	Recv(c *Conn, p []byte) (int, error)
	// Send counts what was sent into c.Sent, in the owner's bytes.
	Send(c *Conn, ch *buf.Chain, limit int64) (int64, error)
	// Pending reports whether Recv may bring bytes without the socket.
	Pending() bool
	// Shutdown tells the peer, as far as the socket takes it at once, that
	// nothing follows. It is called again by Close.
	Shutdown(c *Conn)
	// Closed gives back what the transport holds. It is the last call.
	Closed(c *Conn)
}

// SetTransport puts a transport between the socket and the owner; nil takes it
// away without a word to it.
func (c *Conn) SetTransport(t Transport) { c.transport = t }

// Transport returns what SetTransport set; nil for a plain connection.
func (c *Conn) Transport() Transport { return c.transport }

// CanSpliceIn reports whether bytes can go from the socket into a pipe: there
// is no transport that has to see them.
func (c *Conn) CanSpliceIn() bool { return c.transport == nil }

// CanSpliceOut reports whether bytes can go from a pipe or file to the socket
// without passing through this process.
func (c *Conn) CanSpliceOut() bool { return c.transport == nil || c.flags&spliced != 0 }

// SetSpliceOut says that the transport has the kernel do its work on output.
func (c *Conn) SetSpliceOut(on bool) {
	c.flags &^= spliced
	if on {
		c.flags |= spliced
	}
}

// recvTransport is Recv through the transport. Its end is the connection's:
// what a socket says with FIN, it may say by itself.
func (c *Conn) recvTransport(p []byte) (int, error) {
	if c.flags&closed != 0 {
		return 0, ErrClosed
	}
	n, err := c.transport.Recv(c, p)
	if err == io.EOF {
		c.flags |= hangup | readable
	}
	return n, err
}

// endTransport ends the transport with the connection, telling the peer unless
// it is being reset or cannot be told.
func (c *Conn) endTransport(tell bool) {
	t := c.transport
	if t == nil {
		return
	}
	if tell && c.flags&(shut|errored|connecting) == 0 {
		t.Shutdown(c)
	}
	c.transport = nil
	t.Closed(c)
}

// SendBytes sends from b, which is not empty, past the transport and returns
// how much went: less than len(b) with ErrAgain when the socket is full, and
// Writable is called when there is room. It does not count into Sent. It is
// for transports and for handshakes.
func (c *Conn) SendBytes(b []byte) (int, error) {
	if c.flags&writable == 0 {
		return 0, c.AwaitWritable()
	}
	c.d.stats.Sends++
	n, e := sock.Send(int(c.fd), b, false)
	if e != 0 && e != syscall.EINTR {
		return 0, c.sendFailed(e)
	}
	if n < len(b) {
		c.flags = c.flags&^writable | wantWrite
		return n, ErrAgain
	}
	return n, nil
}

// WriteReady reports whether Send would make a system call.
func (c *Conn) WriteReady() bool { return c.flags&writable != 0 }

// AwaitWritable has Writable called when the socket, which is known to be
// full, has room. It returns ErrAgain, or ErrClosed.
func (c *Conn) AwaitWritable() error {
	if c.flags&closed != 0 {
		return ErrClosed
	}
	c.flags |= wantWrite
	return ErrAgain
}

// RecvRecord is RecvSocket on a socket of kernel TLS: it tells the type of the
// record as well.
func (c *Conn) RecvRecord(p []byte) (n int, typ byte, err error) {
	if c.flags&readable == 0 {
		if c.flags&closed != 0 {
			return 0, 0, ErrClosed
		}
		return 0, 0, ErrAgain
	}
	c.d.stats.Recvs++
	n, typ, e := sock.RecvTLS(int(c.fd), p)
	switch {
	case e != 0:
		return 0, 0, c.recvFailed(e)
	case n == 0 && typ == recordData:
		c.flags |= hangup
		return 0, 0, io.EOF
	}
	c.Received += int64(n)
	return n, typ, nil
}

// recordData is the type of records that carry data.
const recordData = 23

// SendRecord sends a small record of a type of its own on a socket of kernel
// TLS, all of it or nothing.
func (c *Conn) SendRecord(typ byte, p []byte) error {
	if c.flags&writable == 0 {
		return c.AwaitWritable()
	}
	c.d.stats.Sends++
	if _, e := sock.SendTLS(int(c.fd), typ, p); e != 0 {
		return c.sendFailed(e)
	}
	return nil
}
