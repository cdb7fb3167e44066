package tlsio

import (
	"bytes"
	"crypto"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
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

// secrets is what one handshake has told: its key log, its hellos, and, where
// TLS 1.2 resumes, its session, since crypto/tls logs no master secret then.
type secrets struct {
	client, server secret // TLS 1.3: application traffic secrets
	master         secret // TLS 1.2
	resumed        secret // TLS 1.2: master secret of the session offered
	randoms        [2]random
}

// random is the random of one side's hello. TLS 1.2 keys depend on it.
type random struct {
	b    [32]byte
	done bool // known, or not to be found
}

// Hello messages (RFC 8446 section 4).
const (
	clientHello = 1
	serverHello = 2
)

// retry is what a HelloRetryRequest, which has the form of a server's hello, has
// in place of a random (RFC 8446 section 4.1.3).
var retry = sha256.Sum256([]byte("HelloRetryRequest"))

// hello looks for a random in the first handshake record of one side. It
// returns false while too little of the record is there. The random stands
// behind the message's header and version in both hellos.
func (s *secrets) hello(kind byte, rec []byte) bool {
	r := &s.randoms[kind-1]
	if r.done || len(rec) < headerLen || rec[0] != typeHandshake {
		return true
	}
	const at = headerLen + 4 + 2
	switch whole := recordLen(rec); {
	case len(rec) >= at+32 && whole >= at+32:
		if rec[headerLen] == kind {
			if kind == serverHello && [32]byte(rec[at:]) == retry {
				return true // the hello comes later
			}
			copy(r.b[:], rec[at:])
		}
	case len(rec) < min(whole, at+32):
		return false
	}
	// A hello in tiny records is not found: its connection fails in
	// takeover if it is TLS 1.2.
	r.done = true
	return true
}

// offer notes the session that the handshake may resume.
func (s *secrets) offer(ss *tls.SessionState) error {
	b, err := sessionSecret(ss)
	if err == nil && b != nil && !s.resumed.set(b) {
		err = errSession
	}
	return err
}

// sessionSecret is the master secret of a TLS 1.2 session. The encoding, which
// crypto/tls promises to extend at its end only, begins with version, type,
// suite, time and secret.
func sessionSecret(ss *tls.SessionState) ([]byte, error) {
	b, err := ss.Bytes()
	if err != nil {
		return nil, err
	}
	const at = 2 + 1 + 2 + 8
	if len(b) <= at || len(b) < at+1+int(b[at]) {
		return nil, errSession
	}
	if binary.BigEndian.Uint16(b) != tls.VersionTLS12 {
		return nil, nil
	}
	return b[at+1:][:b[at]], nil
}

var (
	errKeyLog  = errors.New("BUG: a key log line that is none")
	errSession = errors.New("BUG: a session without a secret")
)

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
