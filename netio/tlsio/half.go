package tlsio

import (
	"crypto/cipher"
	"crypto/tls"
	"encoding/binary"
)

// half is one direction of a connection's keys.
type half struct {
	aead cipher.AEAD // nil while the connection sleeps
	seq  uint64      // of the next record
	iv   [12]byte    // TLS 1.2 AES-GCM uses the first four bytes
	// key is the traffic secret in TLS 1.3, of which the next one follows,
	// and the key itself in TLS 1.2.
	key secret
}

// useTraffic takes a TLS 1.3 traffic secret into use (RFC 8446 section 7.3).
func (h *half) useTraffic(e *Engine, s *suite, traffic []byte) error {
	h.key.set(traffic)
	h.seq = 0
	copy(h.iv[:], expandLabel(s.hash, traffic, "iv", len(h.iv)))
	return h.wake(e, s, tls.VersionTLS13)
}

// update moves on to the next generation of traffic keys (section 7.2).
func (h *half) update(e *Engine, s *suite) error {
	return h.useTraffic(e, s, expandLabel(s.hash, h.key.bytes(), "traffic upd", s.hash.Size()))
}

// wake makes the cipher from the key.
func (h *half) wake(e *Engine, s *suite, version uint16) (err error) {
	key := h.key.bytes()
	if version == tls.VersionTLS13 {
		key = expandLabel(s.hash, key, "key", s.bulk.keyLen())
	}
	h.aead, err = e.newAEAD(s.bulk, key)
	return err
}

// keys12 makes both directions of a TLS 1.2 connection (RFC 5246 section 6.3).
// The Finished messages were record zero.
func keys12(e *Engine, s *suite, sec *secrets) (client, server half, err error) {
	keyLen, ivLen := s.bulk.keyLen(), len(client.iv)-s.explicit
	var block [2*32 + 2*12]byte
	b := block[:2*keyLen+2*ivLen]
	prf12(s.hash, b, sec.master.bytes(), "key expansion", sec.randoms[serverHello-1].b[:], sec.randoms[clientHello-1].b[:])
	for _, h := range []*half{&client, &server} {
		h.key.set(b[:keyLen])
		h.seq = 1
		b = b[keyLen:]
	}
	copy(client.iv[:], b[:ivLen])
	copy(server.iv[:], b[ivLen:])
	clear(block[:])
	if err = client.wake(e, s, tls.VersionTLS12); err == nil {
		err = server.wake(e, s, tls.VersionTLS12)
	}
	return client, server, err
}

// nonce13 fills n with the per-record nonce of TLS 1.3, and of ChaCha20 in TLS
// 1.2 (RFC 8446 section 5.3, RFC 7905 section 2).
func (h *half) nonce13(n *[12]byte) {
	*n = h.iv
	s := binary.BigEndian.Uint64(n[4:])
	binary.BigEndian.PutUint64(n[4:], s^h.seq)
}

// nonce12 fills n with the fixed part of an AES-GCM nonce and the explicit
// part that the record carries (RFC 5288 section 3).
func (h *half) nonce12(n *[12]byte, explicit []byte) {
	copy(n[:4], h.iv[:4])
	copy(n[4:], explicit)
}
