package tlsio

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
)

// Record content types (RFC 8446 section 5.1).
const (
	typeCCS       = 20
	typeAlert     = 21
	typeHandshake = 22
	typeData      = 23
)

const (
	headerLen = 5
	// maxPlain is the most a record may carry.
	maxPlain = 16 << 10
	// maxCipher13 and maxCipher12 bound a record's protected part (RFC 8446
	// section 5.2, RFC 5246 section 6.2.3).
	maxCipher13 = maxPlain + 256
	maxCipher12 = maxPlain + 2048
)

// Errors of the record layer; each has been answered with its alert.
var (
	errBadMAC     = errors.New("record could not be decrypted")
	errOverflow   = errors.New("record is too long")
	errUnexpected = errors.New("unexpected record")
	errDecode     = errors.New("malformed message")
	errFlood      = errors.New("too many records without data")
	errRenegotiat = errors.New("renegotiation refused")
	errRekey      = errors.New("key update failed")
)

// scratch is what one record needs besides its bytes. It belongs to the
// worker, where the AEADs' interface does not make it escape once per record.
type scratch struct {
	nonce [12]byte
	ad    [13]byte
}

// recordLen returns the full length of the record at the start of b, 0 when
// its header is not complete.
func recordLen(b []byte) int {
	if len(b) < headerLen {
		return 0
	}
	return headerLen + int(binary.BigEndian.Uint16(b[3:]))
}

// open decrypts rec, one whole record, and returns its type and content: in
// dst when the content fits there and dst is not needed for anything else, in
// place otherwise. The alert is what an error is to be answered with.
func (t *Conn) open(rec, dst []byte) (typ byte, content []byte, a Alert, err error) {
	if rec[1] != 3 || rec[2] != 3 {
		return 0, nil, alertDecodeError, errDecode
	}
	if t.version == tls.VersionTLS13 {
		return t.open13(rec, dst)
	}
	return t.open12(rec, dst)
}

func (t *Conn) open13(rec, dst []byte) (typ byte, content []byte, a Alert, err error) {
	body := rec[headerLen:]
	if rec[0] != typeData {
		return 0, nil, alertUnexpectedMessage, errUnexpected
	}
	if len(body) < tagLen+1 {
		return 0, nil, alertBadRecordMAC, errBadMAC
	}
	if len(dst) < len(body)-tagLen {
		dst = body
	}
	h, sc := &t.rd, &t.e.scratch
	h.nonce13(&sc.nonce)
	b, err := h.aead.Open(dst[:0], sc.nonce[:], body, rec[:headerLen])
	if err != nil {
		return 0, nil, alertBadRecordMAC, errBadMAC
	}
	h.seq++
	n := len(b) - 1
	for n >= 0 && b[n] == 0 { // padding
		n--
	}
	if n < 0 {
		return 0, nil, alertUnexpectedMessage, errUnexpected
	}
	if n > maxPlain {
		return 0, nil, alertRecordOverflow, errOverflow
	}
	return b[n], b[:n], 0, nil
}

func (t *Conn) open12(rec, dst []byte) (typ byte, content []byte, a Alert, err error) {
	body := rec[headerLen:]
	h, sc, explicit := &t.rd, &t.e.scratch, t.suite.explicit
	n := len(body) - explicit - tagLen
	if n < 0 {
		return 0, nil, alertBadRecordMAC, errBadMAC
	}
	if explicit > 0 {
		h.nonce12(&sc.nonce, body[:explicit])
		body = body[explicit:]
	} else {
		h.nonce13(&sc.nonce)
	}
	if len(dst) < n {
		dst = body
	}
	sc.ad12(h.seq, rec[0], n)
	b, err := h.aead.Open(dst[:0], sc.nonce[:], body, sc.ad[:])
	if err != nil {
		return 0, nil, alertBadRecordMAC, errBadMAC
	}
	h.seq++
	if n > maxPlain {
		return 0, nil, alertRecordOverflow, errOverflow
	}
	return rec[0], b, 0, nil
}

// ad12 is the additional data of TLS 1.2 (RFC 5246 section 6.2.3.3).
func (s *scratch) ad12(seq uint64, typ byte, n int) {
	binary.BigEndian.PutUint64(s.ad[:], seq)
	s.ad[8], s.ad[9], s.ad[10] = typ, 3, 3
	binary.BigEndian.PutUint16(s.ad[11:], uint16(n))
}

// front is how far behind the start of a record its content begins.
func (t *Conn) front() int {
	if t.version == tls.VersionTLS13 {
		return headerLen
	}
	return headerLen + t.suite.explicit
}

// overhead is how much longer a record is than its content.
func (t *Conn) overhead() int {
	if t.version == tls.VersionTLS13 {
		return headerLen + 1 + tagLen
	}
	return headerLen + t.suite.explicit + tagLen
}

// seal makes a record of the n bytes that stand at b[front:], where b has room
// for overhead+n, and returns its length.
func (t *Conn) seal(b []byte, typ byte, n int) int {
	h, sc := &t.wr, &t.e.scratch
	front := t.front()
	b[1], b[2] = 3, 3
	if t.version == tls.VersionTLS13 {
		b[0] = typeData
		b[front+n] = typ
		binary.BigEndian.PutUint16(b[3:], uint16(n+1+tagLen))
		h.nonce13(&sc.nonce)
		h.aead.Seal(b[front:front], sc.nonce[:], b[front:front+n+1], b[:headerLen])
		h.seq++
		return headerLen + n + 1 + tagLen
	}
	b[0] = typ
	binary.BigEndian.PutUint16(b[3:], uint16(t.suite.explicit+n+tagLen))
	if t.suite.explicit > 0 {
		// The sequence number is unique, which is all that the explicit part has to be.
		binary.BigEndian.PutUint64(b[headerLen:], h.seq)
		h.nonce12(&sc.nonce, b[headerLen:front])
	} else {
		h.nonce13(&sc.nonce)
	}
	sc.ad12(h.seq, typ, n)
	h.aead.Seal(b[front:front], sc.nonce[:], b[front:front+n], sc.ad[:])
	h.seq++
	return front + n + tagLen
}
