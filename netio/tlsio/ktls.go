package tlsio

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"strings"
	"syscall"

	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/sock"
)

// KTLS says which ciphers the kernel takes over, by direction. The zero value
// leaves all records to this package.
type KTLS struct {
	TX, RX Bulks
	// Rekey says that the kernel takes new keys on an open connection
	// (Linux 6.14). Without it a peer that updates its keys, which hardly
	// any does, ends the connection.
	Rekey bool
}

// Bulks is a set of bulk ciphers.
type Bulks uint8

var bulkNames = [...]string{aes128gcm: "AES-128-GCM", aes256gcm: "AES-256-GCM", chacha20: "ChaCha20-Poly1305"}

func (s Bulks) has(b bulk) bool { return s&(1<<b) != 0 }

// String names the ciphers of the set; "none" when it is empty.
func (s Bulks) String() string {
	var names []string
	for b, name := range bulkNames {
		if s.has(bulk(b)) {
			names = append(names, name)
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

// kernelCiphers are the kernel's numbers and sizes (linux/tls.h):
//
//	u16 version, u16 cipher, iv, key, salt, rec_seq[8]
var kernelCiphers = [...]struct {
	number   uint16
	iv, salt int
}{
	aes128gcm: {51, 8, 4},
	aes256gcm: {52, 8, 4},
	chacha20:  {54, 12, 0},
}

// kernelInfo is the struct tls12_crypto_info_* of one direction. In TLS 1.3
// the salt is the first part of the IV; in TLS 1.2 the iv is the explicit
// nonce, which the kernel counts on from.
func kernelInfo(s *suite, version uint16, h *half) []byte {
	k := kernelCiphers[s.bulk]
	key := h.key.bytes()
	if version == tls.VersionTLS13 {
		key = expandLabel(s.hash, key, "key", s.bulk.keyLen())
	}
	b := make([]byte, 4, 64)
	binary.NativeEndian.PutUint16(b, version)
	binary.NativeEndian.PutUint16(b[2:], k.number)
	if version != tls.VersionTLS13 && s.explicit > 0 {
		b = binary.BigEndian.AppendUint64(b, h.seq)
	} else {
		b = append(b, h.iv[k.salt:]...)
	}
	b = append(b, key...)
	b = append(b, h.iv[:k.salt]...)
	return binary.BigEndian.AppendUint64(b, h.seq)
}

// giveKernel hands the connection's records to the kernel as far as it takes
// them. What it does not take stays here; that is no error.
func (t *Conn) giveKernel(c *conn.Conn) {
	k := &t.e.o.KTLS
	tx := k.TX.has(t.suite.bulk)
	// Bytes that were read already cannot be given back to the kernel, and
	// session tickets that crypto/tls waits for do not pass through it.
	rx := k.RX.has(t.suite.bulk) && t.in == nil && t.tail == nil
	if !tx && !rx || c.Remote().Family() == sock.Unix || sock.SetTLS(c.FD()) != 0 {
		return
	}
	if tx && t.giveKey(c, sock.TLSTX, &t.wr) == nil {
		t.kernelTX = true
		t.e.stats.KernelTX++
		c.SetSpliceOut(true)
	}
	if rx && t.giveKey(c, sock.TLSRX, &t.rd) == nil {
		t.kernelRX = true
		t.e.stats.KernelRX++
		c.SetRecords(true)
	}
	if t.kernelTX && t.kernelRX {
		t.e.unlist(t)
		t.rd.aead, t.wr.aead = nil, nil
	}
}

// giveKey gives one direction's keys to the kernel.
func (t *Conn) giveKey(c *conn.Conn, direction int, h *half) error {
	info := kernelInfo(t.suite, t.version, h)
	e := sock.SetTLSKey(c.FD(), direction, info)
	clear(info)
	if e != 0 {
		return e
	}
	return nil
}

// sendKernel is Send where the kernel seals: as on a plain socket.
func (t *Conn) sendKernel(c *conn.Conn, ch *buf.Chain, limit int64) (int64, error) {
	if t.owesUpdate {
		if err := c.SendRecord(typeHandshake, []byte{msgKeyUpdate, 0, 0, 1, 0}); err != nil {
			return 0, err
		}
		t.owesUpdate = false
		if err := t.wr.update(t.e, t.suite); err != nil {
			return 0, err
		}
		if err := t.giveKey(c, sock.TLSTX, &t.wr); err != nil {
			return 0, err
		}
	}
	n, err := c.SendSocket(ch, limit)
	if err == conn.ErrAgain {
		// Until 6.5 the kernel queues a record of sendfile without pushing
		// it. Where that alone reaches the mark of TCP_NOTSENT_LOWAT or fills
		// the buffer, nothing would ever push it: the next call refuses
		// before it gets there. Uncorking pushes and changes nothing else.
		_ = sock.SetCork(c.FD(), false)
	}
	return n, err
}

// recvKernel is recv where the kernel opens.
func (t *Conn) recvKernel(c *conn.Conn, p []byte) (int, error) {
	for t.rdErr == nil {
		if len(p) == 0 { // whether something waits
			p = t.e.control[:1]
			_, err := c.PeekSocket(p)
			return 0, err
		}
		n, typ, err := c.RecvRecord(p)
		switch {
		case err == conn.ErrAgain:
			return 0, err
		case err == io.EOF:
			t.truncated = !t.closed
			t.rdErr = err
		case err == syscall.EBADMSG:
			t.fail(c, alertBadRecordMAC, errBadMAC)
		case err == syscall.EMSGSIZE:
			t.fail(c, alertRecordOverflow, errOverflow)
		case err != nil:
			t.rdErr = err
		case typ == typeData:
			t.idleRecords = 0
			if n > 0 {
				return n, nil
			}
		default:
			t.control(c, typ, p[:n])
		}
	}
	return 0, t.rdErr
}

// ProbeKTLS asks the kernel what it takes over, by trying it on connections of
// its own to itself. Called with the right to load modules (CAP_NET_ADMIN), it
// has the kernel load its tls module, where there is one. It is for the start
// of the process.
func ProbeKTLS() KTLS {
	var k KTLS
	for b := range bulkNames {
		for _, s := range suites {
			if s.bulk == bulk(b) {
				probeBulk(&k, &s)
				break
			}
		}
	}
	return k
}

// probeBulk sends a word through the kernel with one cipher.
func probeBulk(k *KTLS, s *suite) {
	a, b, ok := probePair()
	if !ok {
		return
	}
	defer sock.Close(a)
	defer sock.Close(b)
	if sock.SetTLS(a) != 0 || sock.SetTLS(b) != 0 {
		return
	}
	var h half
	if h.useTraffic(new(Engine), s, bytes.Repeat([]byte{1}, s.hash.Size())) != nil {
		return
	}
	info := kernelInfo(s, tls.VersionTLS13, &h)
	if sock.SetTLSKey(a, sock.TLSTX, info) != 0 {
		return
	}
	rx := sock.SetTLSKey(b, sock.TLSRX, info) == 0
	word := []byte("weir")
	if n, e := sock.Send(a, word, false); e != 0 || n != len(word) {
		return
	}
	var got [64]byte
	if !rx {
		k.TX |= 1 << s.bulk
		return
	}
	if n, typ, e := sock.RecvTLS(b, got[:]); e != 0 || typ != typeData || string(got[:n]) != string(word) {
		return
	}
	k.TX |= 1 << s.bulk
	k.RX |= 1 << s.bulk
	k.Rekey = sock.SetTLSKey(a, sock.TLSTX, info) == 0
}

// probePair is a TCP connection to itself: blocking, since nothing is waited
// for that has not been sent.
func probePair() (a, b int, ok bool) {
	lo, err := sock.ParseAddr("127.0.0.1:0")
	if err != nil {
		return 0, 0, false
	}
	l, err := sock.Listen(sock.ListenOptions{Addr: lo})
	if err != nil {
		return 0, 0, false
	}
	defer sock.Close(l)
	at, e := sock.Getsockname(l)
	if e != 0 {
		return 0, 0, false
	}
	if a, err = sock.Stream(at.Family()); err != nil {
		return 0, 0, false
	}
	var raw sock.RawAddr
	raw.Set(at)
	// On loopback connect has sent everything the connection needs when it
	// returns, whatever it says.
	if e := sock.Connect(a, &raw); e != 0 && e != syscall.EINPROGRESS {
		sock.Close(a)
		return 0, 0, false
	}
	if b, e = sock.Accept(l, &raw); e != 0 {
		sock.Close(a)
		return 0, 0, false
	}
	return a, b, true
}
