package tlsio

import (
	"crypto/tls"
	"errors"

	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/file"
)

const (
	// batch is how much is sealed at a time, and sent by one call.
	batch = 64 << 10
	// idleReset is after how many milliseconds without output records are
	// small again.
	idleReset = 1000
	// updateAfter is how many records one key seals before the next is
	// taken (RFC 8446 section 5.5 allows 2^24.5 of full size).
	updateAfter = 1 << 24
)

// growth says how large records are after how many bytes of a burst: what fits
// one segment while the first window is under way, three segments in the
// next, then as large as allowed.
var growth = [...]struct{ until, size int }{
	{14 << 10, 1369},
	{56 << 10, 4229},
}

// ErrShut says that output came after the end of the sending side.
var ErrShut = errors.New("TLS connection is shut down")

// Send implements conn.Transport. What it takes is copied into records; a link
// is consumed when the record that ends it has left. So a chain that is not
// empty always says that something waits, records included.
func (t *Conn) Send(c *conn.Conn, ch *buf.Chain, limit int64) (total int64, err error) {
	if t.shut {
		return 0, ErrShut
	}
	if t.kernelTX {
		return t.sendKernel(c, ch, limit)
	}
	for {
		if t.out != nil {
			if err := t.flush(c); err != nil {
				return total, err
			}
			ch.Consume(t.e.d.Pool, t.outPlain)
			total += t.outPlain
			c.Sent += t.outPlain
			t.outPlain = 0
		}
		if ch.Head == nil || limit > 0 && total >= limit {
			return total, nil
		}
		if !c.WriteReady() {
			return total, c.AwaitWritable()
		}
		var room int64 = 1 << 62
		if limit > 0 {
			room = limit - total
		}
		if err := t.fillOut(ch, room); err != nil {
			return total, err
		}
		if t.out == nil {
			ch.Consume(t.e.d.Pool, 0) // links without bytes
			return total, nil
		}
	}
}

// flush sends what of the records has not left.
func (t *Conn) flush(c *conn.Conn) error {
	for t.outPos < len(t.out) {
		n, err := c.SendBytes(t.out[t.outPos:])
		t.outPos += n
		if err != nil {
			return err
		}
	}
	t.e.d.Pool.Put(t.out)
	t.out, t.outPos = nil, 0
	return nil
}

// cursor is a place in a chain.
type cursor struct {
	l   *buf.Link
	off int64 // within l
}

// fillOut seals the next bytes of the chain, at most limit and at most one
// batch. It leaves out nil when there is none.
func (t *Conn) fillOut(ch *buf.Chain, limit int64) error {
	left := min(limit, t.waiting(ch, min(limit, batch)))
	if left == 0 {
		return nil
	}
	if err := t.wake(); err != nil {
		return err
	}
	now := t.e.d.Loop.NowMS()
	if now-t.lastSend > idleReset {
		t.burst = 0
	}
	t.lastSend = now
	update := t.owesUpdate || t.version == tls.VersionTLS13 && t.wr.seq >= updateAfter
	over := t.overhead()
	size := t.recordSize()
	need := int(min(left, batch)) + over*int(min(left, batch)/int64(size)+1)
	if update {
		need += over + 5
	}
	b := t.e.d.Pool.Get(min(need, batch))
	b = b[:min(cap(b), batch)]
	n := 0
	if update {
		var err error
		if n, err = t.sealUpdate(b); err != nil {
			t.e.d.Pool.Put(b)
			return err
		}
	}
	at := cursor{l: ch.Head}
	for left > 0 {
		room := len(b) - n - over
		if room < min(size, int(left)) && room < size/2 || room <= 0 {
			break // a sliver of a record is not worth its overhead
		}
		m, err := t.gather(&at, b[n+t.front():][:min(room, size, int(min(left, batch)))])
		if err != nil {
			if n == 0 {
				t.e.d.Pool.Put(b)
				return err
			}
			break // what is sealed must leave first; the error comes again
		}
		if m == 0 {
			break
		}
		n += t.seal(b[n:], typeData, m)
		left -= int64(m)
		t.outPlain += int64(m)
		t.burst += m
		size = t.recordSize()
	}
	if n == 0 {
		t.e.d.Pool.Put(b)
		return nil
	}
	t.out = b[:n]
	return nil
}

// waiting returns how many bytes the chain carries; it stops counting at
// enough.
func (t *Conn) waiting(ch *buf.Chain, enough int64) (n int64) {
	for l := ch.Head; l != nil && n < enough; l = l.Next {
		n += l.Size()
	}
	return n
}

// recordSize is the most the next record may carry.
func (t *Conn) recordSize() int {
	if !t.growing {
		return t.maxRecord
	}
	for i := range growth {
		if t.burst < growth[i].until {
			return min(growth[i].size, t.maxRecord)
		}
	}
	return t.maxRecord
}

// sealUpdate tells the peer that the next keys follow, and takes them.
func (t *Conn) sealUpdate(b []byte) (int, error) {
	copy(b[t.front():], []byte{msgKeyUpdate, 0, 0, 1, 0})
	n := t.seal(b, typeHandshake, 5)
	if err := t.wr.update(t.e, t.suite); err != nil {
		return 0, errRekey
	}
	t.owesUpdate = false
	return n, nil
}

// gather copies bytes from the cursor on to b, until it is full or the chain
// ends.
func (t *Conn) gather(at *cursor, b []byte) (int, error) {
	n := 0
	for at.l != nil && n < len(b) {
		l := at.l
		left := l.Size() - at.off
		want := b[n:][:min(left, int64(len(b)-n))]
		m := len(want)
		switch {
		case m == 0:
		case l.File != nil:
			var err error
			if m, err = read(l, at.off, want); err != nil {
				if n > 0 {
					return n, nil
				}
				return 0, err
			}
		case l.Pipe != nil:
			return 0, errPipe
		default:
			copy(want, l.Mem[at.off:])
		}
		n += m
		at.off += int64(m)
		if at.off >= l.Size() {
			*at = cursor{l: l.Next}
		}
	}
	return n, nil
}

// errPipe says that output came in a pipe. Producers ask conn.CanSpliceOut.
var errPipe = errors.New("BUG: a pipe cannot be sent through TLS")

// read reads from a link's file: from the page cache without telling the
// scheduler where that is enough.
func read(l *buf.Link, off int64, b []byte) (int, error) {
	n, e := file.PreadCached(l.File.FD, b, l.Off+off)
	if e != 0 || n <= 0 {
		n, e = file.Pread(l.File.FD, b, l.Off+off)
	}
	switch {
	case e != 0:
		return 0, e
	case n == 0:
		return 0, conn.ErrFileShort
	}
	return n, nil
}
