package tlsio

import (
	"crypto/tls"
	"io"

	"weir/netio/conn"
	"weir/netio/sock"
)

// Handshake messages that may come after the handshake (RFC 8446 section 4.6).
const (
	msgHelloRequest     = 0
	msgNewSessionTicket = 4
	msgKeyUpdate        = 24
)

// control deals with a record that is not data.
func (t *Conn) control(c *conn.Conn, typ byte, b []byte) {
	if t.idleRecords++; t.idleRecords > maxIdle {
		t.fail(c, alertUnexpectedMessage, errFlood)
		return
	}
	switch {
	case typ == typeData: // empty
	case typ == typeAlert:
		t.alert(c, b)
	case typ == typeHandshake && t.version == tls.VersionTLS13:
		t.message(c, b)
	case typ == typeHandshake && !t.client:
		t.fail(c, alertNoRenegotiation, errRenegotiat)
	case typ == typeHandshake && len(b) == 4 && b[0] == msgHelloRequest:
		// A server may ask, and is not answered: nobody waits for it.
	default:
		t.fail(c, alertUnexpectedMessage, errUnexpected)
	}
}

// alert takes an alert of the peer.
func (t *Conn) alert(c *conn.Conn, b []byte) {
	if len(b) != 2 {
		t.fail(c, alertDecodeError, errDecode)
		return
	}
	const warning = 1
	switch a := Alert(b[1]); {
	case a == alertCloseNotify:
		t.closed = true
		t.rdErr = io.EOF
	case a == alertUserCanceled, t.version != tls.VersionTLS13 && b[0] == warning:
		// A close_notify follows, or nothing that matters.
	default:
		t.shut = true // nothing is to be sent after a fatal alert
		t.rdErr = a
	}
}

// message takes post-handshake messages. They may be several to a record and
// several records to one: of a message that is not complete only its first
// bytes are kept, since the one that matters has five.
//
//	partialHead bytes of head are known; partial more bytes belong to it
func (t *Conn) message(c *conn.Conn, b []byte) {
	for len(b) > 0 && t.rdErr == nil {
		if t.partial > 0 { // the rest of a message that nobody reads
			n := min(t.partial, len(b))
			t.partial -= n
			b = b[n:]
			continue
		}
		n := copy(t.head[t.partialHead:], b)
		want := 4
		if t.partialHead+n >= 1 && t.head[0] == msgKeyUpdate {
			want = 5
		}
		n = min(n, want-t.partialHead)
		t.partialHead += n
		b = b[n:]
		if t.partialHead < want {
			return
		}
		t.partialHead = 0
		size := int(t.head[1])<<16 | int(t.head[2])<<8 | int(t.head[3])
		switch {
		case t.head[0] == msgKeyUpdate:
			t.keyUpdate(c, size, t.head[4], len(b) > 0)
		case t.head[0] == msgNewSessionTicket && t.client && size <= 1<<17:
			t.partial = size
		default:
			t.fail(c, alertUnexpectedMessage, errUnexpected)
		}
	}
}

// keyUpdate moves the receiving keys on (RFC 8446 section 4.6.3). An answer is
// sent with the next output, as the section allows.
func (t *Conn) keyUpdate(c *conn.Conn, size int, request byte, more bool) {
	switch {
	case size != 1 || request > 1:
		t.fail(c, alertDecodeError, errDecode)
	case more: // a record must not span a change of keys
		t.fail(c, alertUnexpectedMessage, errUnexpected)
	default:
		err := t.rd.update(t.e, t.suite)
		if err == nil && t.kernelRX {
			err = t.giveKey(c, sock.TLSRX, &t.rd)
		}
		if err != nil {
			t.fail(c, alertInternalError, errRekey)
			return
		}
		if request == 1 {
			t.owesUpdate = true
		}
	}
}

// fail ends the connection's both directions: the alert is sent as far as the
// socket takes it, and every Recv says err from now on.
func (t *Conn) fail(c *conn.Conn, a Alert, err error) {
	t.rdErr = err
	t.sendAlert(c, a)
}

// sendAlert sends a last alert, unless one was sent or received or output
// waits, which it would cut off.
func (t *Conn) sendAlert(c *conn.Conn, a Alert) {
	if t.shut {
		return
	}
	t.shut = true
	if t.out != nil || t.wake() != nil {
		return
	}
	if t.kernelTX {
		_ = c.SendRecord(typeAlert, []byte{alertLevel(a), byte(a)})
		return
	}
	b := t.e.control[:]
	at := t.front()
	b[at], b[at+1] = alertLevel(a), byte(a)
	n := t.seal(b, typeAlert, 2)
	_, _ = c.SendBytes(b[:n]) // a socket that does not take it now need not have it
}

// alertLevel is the first byte of an alert that is sent: TLS 1.3 ignores it.
func alertLevel(a Alert) byte {
	const warning, fatal = 1, 2
	if a == alertCloseNotify {
		return warning
	}
	return fatal
}
