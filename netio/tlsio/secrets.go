package tlsio

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"hash"
)

// maxSecret is the longest secret of any version: a master secret, or a
// traffic secret of a SHA-384 suite.
const maxSecret = 48

// secret is a traffic secret (TLS 1.3) or a master secret (TLS 1.2).
type secret struct {
	b [maxSecret]byte
	n uint8
}

func (s *secret) bytes() []byte { return s.b[:s.n] }

func (s *secret) set(b []byte) bool {
	if len(b) == 0 || len(b) > maxSecret {
		return false
	}
	s.n = uint8(copy(s.b[:], b))
	return true
}

// secrets is what the key log of one handshake has told.
type secrets struct {
	client, server secret // TLS 1.3: application traffic secrets
	master         secret // TLS 1.2
	clientRandom   [32]byte
}

var errKeyLog = errors.New("BUG: a key log line that is none")

// line takes one line of the NSS key log format, as crypto/tls writes it:
// label, client random, secret, the latter two in hexadecimal.
func (s *secrets) line(b []byte) error {
	f := bytes.Fields(b)
	if len(f) != 3 || len(f[1]) != 64 || len(f[2]) > 2*maxSecret {
		return errKeyLog
	}
	var into *secret
	switch string(f[0]) {
	case "CLIENT_TRAFFIC_SECRET_0":
		into = &s.client
	case "SERVER_TRAFFIC_SECRET_0":
		into = &s.server
	case "CLIENT_RANDOM":
		into = &s.master
	default:
		return nil
	}
	if _, err := hex.Decode(s.clientRandom[:], f[1]); err != nil {
		return err
	}
	var v [maxSecret]byte
	n, err := hex.Decode(v[:], f[2])
	if err != nil {
		return err
	}
	if !into.set(v[:n]) {
		return errKeyLog
	}
	clear(v[:])
	return nil
}

// expandLabel is HKDF-Expand-Label with an empty context (RFC 8446 section
// 7.1).
func expandLabel(h crypto.Hash, prk []byte, label string, n int) []byte {
	var info [64]byte
	b := append(info[:0], byte(n>>8), byte(n), byte(len("tls13 ")+len(label)))
	b = append(b, "tls13 "...)
	b = append(b, label...)
	b = append(b, 0)
	out, err := hkdf.Expand(h.New, prk, string(b), n)
	if err != nil {
		panic("BUG: HKDF-Expand: " + err.Error()) // only for more than 255 blocks
	}
	return out
}

// prf12 is the pseudorandom function of TLS 1.2 (RFC 5246 section 5): it fills
// out from secret, label and the two halves of the seed.
func prf12(h crypto.Hash, out, secret []byte, label string, seed1, seed2 []byte) {
	mac := hmac.New(h.New, secret)
	seed := append(append([]byte(label), seed1...), seed2...)
	a := sum(mac, seed, nil)
	for len(out) > 0 {
		n := copy(out, sum(mac, a, seed))
		out = out[n:]
		a = sum(mac, a, nil)
	}
}

func sum(mac hash.Hash, a, b []byte) []byte {
	mac.Reset()
	mac.Write(a)
	mac.Write(b)
	return mac.Sum(nil)
}
