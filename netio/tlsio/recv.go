package tlsio

import (
	"crypto/tls"
	"errors"
	"io"

	"weir/netio/conn"
)

const (
	// recvSize is the buffer for input from the socket: a whole record of
	// any size fits, and nearly two of the usual largest.
	recvSize = 32 << 10
	// maxIdle is how many records without data may come in a row: key
	// updates, tickets, warnings, empty records.
	maxIdle = 32
)

// ErrTruncated says that the connection ended within a record.
var ErrTruncated = errors.New("connection ended within a TLS record")

// Pending implements conn.Transport.
func (t *Conn) Pending() bool {
	return t.plain < t.plainEnd || t.rdErr != nil || t.whole()
}

// whole reports whether a whole record, or the header of an impossible one,
// waits in the buffer.
func (t *Conn) whole() bool {
	in := t.in[t.pos:]
	n := recordLen(in)
	return n > 0 && (len(in) >= n || n > headerLen+t.maxCipher())
}

func (t *Conn) maxCipher() int {
	if t.version == tls.VersionTLS13 {
		return maxCipher13
	}
	return maxCipher12
}

// Recv implements conn.Transport: it fills p from as many records as there
// are, and asks the socket only when it has nothing yet.
func (t *Conn) Recv(c *conn.Conn, p []byte) (int, error) {
	total, err := t.recv(c, p)
	t.release(c)
	return total, err
}

func (t *Conn) recv(c *conn.Conn, p []byte) (total int, err error) {
	if t.kernelRX {
		return t.recvKernel(c, p)
	}
	for {
		if t.plain < t.plainEnd {
			n := copy(p[total:], t.in[t.plain:t.plainEnd])
			t.plain += n
			total += n
			if total == len(p) {
				return total, nil
			}
		}
		switch {
		case t.rdErr == nil && t.whole():
			n := t.next(c, p[total:])
			total += n
			if total == len(p) && total > 0 {
				return total, nil
			}
		case total > 0:
			return total, nil
		case t.rdErr != nil:
			return 0, t.rdErr
		default:
			if err := t.fill(c); err != nil {
				return 0, err
			}
		}
	}
}

// next opens the record at pos. Data that fits is put at the start of dst and
// counted; what does not fit becomes the plain part of the buffer; everything
// else is dealt with.
func (t *Conn) next(c *conn.Conn, dst []byte) int {
	in := t.in[t.pos:]
	n := recordLen(in)
	if n > headerLen+t.maxCipher() {
		t.fail(c, alertRecordOverflow, errOverflow)
		return 0
	}
	if t.tail != nil && t.forward(in[:n]) {
		t.pos += n
		return 0
	}
	if err := t.wake(); err != nil {
		t.fail(c, alertInternalError, err)
		return 0
	}
	typ, b, a, err := t.open(in[:n], dst)
	t.pos += n
	if err != nil {
		t.fail(c, a, err)
		return 0
	}
	if typ != typeData || len(b) == 0 {
		t.control(c, typ, b)
		return 0
	}
	if t.partial > 0 || t.partialHead > 0 {
		t.fail(c, alertUnexpectedMessage, errUnexpected)
		return 0
	}
	t.idleRecords = 0
	if len(dst) > 0 && &b[0] == &dst[0] {
		return len(b)
	}
	// Opened in place: its content ends where its tag begins, at the latest.
	at := t.pos - n + t.front()
	t.plain, t.plainEnd = at, at+len(b)
	return 0
}

// fill receives more bytes behind those that wait.
func (t *Conn) fill(c *conn.Conn) error {
	if t.in == nil {
		t.in = t.e.d.Pool.Get(recvSize)
		t.pos = 0
	}
	t.plain, t.plainEnd = 0, 0
	if t.pos > 0 {
		t.in = t.in[:copy(t.in, t.in[t.pos:])]
		t.pos = 0
	}
	if cap(t.in) < recvSize {
		t.resize(recvSize)
	}
	n, err := c.RecvSocket(t.in[len(t.in):cap(t.in)])
	if n == 0 {
		if err == io.EOF {
			if len(t.in) > 0 {
				t.rdErr = ErrTruncated
				return t.rdErr
			}
			t.truncated = !t.closed
		}
		if err != conn.ErrAgain {
			t.rdErr = err
		}
		return err
	}
	t.in = t.in[:len(t.in)+n]
	return nil
}

// resize moves what waits in the buffer, which begins at its start, to one
// with room for n bytes.
func (t *Conn) resize(n int) {
	b := append(t.e.d.Pool.Get(n), t.in...)
	t.e.d.Pool.Put(t.in)
	t.in = b
}

// release gives the buffer back when nothing waits in it. The start of a
// record waits for its rest in a buffer of its own size.
func (t *Conn) release(c *conn.Conn) {
	switch {
	case t.in == nil || t.plain < t.plainEnd || t.rdErr == nil && t.whole():
	case t.pos == len(t.in) || t.rdErr != nil:
		t.e.d.Pool.Put(t.in)
		t.in, t.pos, t.plain, t.plainEnd = nil, 0, 0, 0
	case !c.ReadReady() && cap(t.in) == recvSize:
		t.in = t.in[:copy(t.in, t.in[t.pos:])]
		t.pos, t.plain, t.plainEnd = 0, 0, 0
		if n := max(recordLen(t.in), len(t.in)); n <= recvSize/2 {
			t.resize(n)
		}
	}
}
