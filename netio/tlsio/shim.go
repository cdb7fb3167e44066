package tlsio

import (
	"io"
	"net"
	"time"

	"weir/netio/conn"
)

// Read implements net.Conn for crypto/tls: bytes of at most one record.
func (h *Handshake) Read(p []byte) (int, error) {
	if h.done {
		n := copy(p, h.tailRecord)
		if h.tailRecord = h.tailRecord[n:]; n == 0 {
			return 0, notYet{}
		}
		return n, nil
	}
	for {
		if n := h.handOver(p); n > 0 {
			return n, nil
		}
		if h.aborted != nil {
			return 0, h.aborted
		}
		err := h.receive()
		switch {
		case err == conn.ErrAgain:
			if err := h.parkFor(waitRead); err != nil {
				return 0, err
			}
		case err == io.EOF:
			return 0, ErrClosedEarly
		case err != nil:
			return 0, err
		}
	}
}

// handOver gives the next bytes of the current record to crypto/tls; 0 when
// more must be received before it may be asked.
func (h *Handshake) handOver(p []byte) int {
	b := h.in[h.pos:]
	if h.left == 0 {
		n := recordLen(b)
		if n == 0 {
			return 0
		}
		if !h.sec.hello(clientHello+serverHello-h.mine, b) {
			return 0
		}
		h.left, h.headLeft = n, headerLen
	}
	n := copy(p, b[:min(h.left, len(b))])
	head := min(n, h.headLeft)
	h.headLeft -= head
	if h.conf.KeepHello && !h.heard {
		h.hello = append(h.hello, p[head:n]...) // crypto/tls bounds the message
	}
	h.pos += n
	h.left -= n
	return n
}

// receive brings more bytes into the buffer.
func (h *Handshake) receive() error {
	if h.in == nil {
		h.in = h.e.d.Pool.Get(handshakeBuf)
	}
	if h.pos > 0 {
		h.in = h.in[:copy(h.in, h.in[h.pos:])]
		h.pos = 0
	}
	n, err := h.c.RecvSocket(h.in[len(h.in):cap(h.in)])
	h.in = h.in[:len(h.in)+n]
	if n > 0 {
		return nil
	}
	return err
}

// Write implements net.Conn for crypto/tls: it returns when all is sent.
func (h *Handshake) Write(b []byte) (int, error) {
	h.sec.hello(h.mine, b) // whole records come here
	if h.done {
		return 0, errAborted
	}
	total := 0
	for total < len(b) {
		if h.aborted != nil && h.c.Closed() {
			return total, h.aborted
		}
		n, err := h.c.SendBytes(b[total:])
		total += n
		if err == nil {
			continue
		}
		if err != conn.ErrAgain {
			return total, err
		}
		if err := h.parkFor(waitWrite); err != nil {
			return total, err
		}
	}
	return total, nil
}

// Close implements net.Conn. The connection is its peer's to close.
func (h *Handshake) Close() error { return nil }

// LocalAddr implements net.Conn, for hooks.
func (h *Handshake) LocalAddr() net.Addr { return address(h.c.Local().String()) }

// RemoteAddr implements net.Conn. As a client, sessions are cached under it
// when there is no server name.
func (h *Handshake) RemoteAddr() net.Addr { return address(h.c.Remote().String()) }

// SetDeadline implements net.Conn; the handshake's timer is the connection's.
func (h *Handshake) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (h *Handshake) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (h *Handshake) SetWriteDeadline(time.Time) error { return nil }

// address is the text of a socket address as a net.Addr.
type address string

// Network implements net.Addr.
func (address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }
