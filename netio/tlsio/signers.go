package tlsio

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/tls"
	"io"
	"sync"
)

// Signers makes signatures that would hold up a worker: RSA above all, 1.3 ms
// each. It serves all workers of a process with a fixed number of goroutines.
//
//	handshake: Sign ─► push ─► park ............ ◄─ Loop.Post ─┐
//	signer:                   └─► pop ─► sign ─────────────────┘
type Signers struct {
	mu     sync.Mutex
	more   sync.Cond // jobs came, or closed
	jobs   []*signJob
	closed bool
}

// signJob is one operation with a private key. The worker waits in Park while
// a signer has it.
type signJob struct {
	h   *Handshake
	do  func() ([]byte, error)
	out []byte
	err error
}

// NewSigners starts n goroutines, which end with Close. What waits is bounded
// by the handshakes under way.
func NewSigners(n int) *Signers {
	s := &Signers{}
	s.more.L = &s.mu
	for range n {
		go s.serve()
	}
	return s
}

// Close ends the goroutines when nothing waits any more.
func (s *Signers) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.more.Broadcast()
}

func (s *Signers) serve() {
	for {
		s.mu.Lock()
		for len(s.jobs) == 0 && !s.closed {
			s.more.Wait()
		}
		if len(s.jobs) == 0 {
			s.mu.Unlock()
			return
		}
		j := s.jobs[0]
		s.jobs[0] = nil
		s.jobs = s.jobs[1:]
		s.mu.Unlock()
		j.out, j.err = j.do()
		j.h.e.d.Loop.Post(j)
	}
}

// Run is the end of a job, on the loop of its handshake.
func (j *signJob) Run() { j.h.Wake() }

// offLoop has do run by a signer while the handshake is parked.
func (s *Signers) offLoop(h *Handshake, do func() ([]byte, error)) ([]byte, error) {
	j := &signJob{h: h, do: do}
	s.mu.Lock()
	s.jobs = append(s.jobs, j)
	s.mu.Unlock()
	s.more.Signal()
	h.e.stats.Signed++
	if err := h.Park(); err != nil {
		return nil, err // the job's result is not looked at
	}
	return j.out, j.err
}

// remoteKey is a private key whose operations are a signer's.
type remoteKey struct {
	e   *Engine
	key crypto.Signer
}

// Public implements crypto.Signer.
func (k *remoteKey) Public() crypto.PublicKey { return k.key.Public() }

// Sign implements crypto.Signer. It is called within a handshake.
func (k *remoteKey) Sign(rand io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.e.o.Signers.offLoop(k.e.current, func() ([]byte, error) { return k.key.Sign(rand, digest, o) })
}

// remoteRSA is a remoteKey that decrypts as well. crypto/tls takes no other type
// of key that can.
type remoteRSA struct{ remoteKey }

// Decrypt implements crypto.Decrypter, for RSA key exchange.
func (k *remoteRSA) Decrypt(rand io.Reader, msg []byte, o crypto.DecrypterOpts) ([]byte, error) {
	d := k.key.(crypto.Decrypter) // only RSA keys come here
	return k.e.o.Signers.offLoop(k.e.current, func() ([]byte, error) { return d.Decrypt(rand, msg, o) })
}

// slow reports whether a key's operations take longer than handing them over
// and back: all but P-256 (26 us) and Ed25519 (20 us).
func slow(key crypto.PrivateKey) (crypto.Signer, bool) {
	s, ok := key.(crypto.Signer)
	if !ok {
		return nil, false
	}
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return nil, false
	case *ecdsa.PrivateKey:
		return s, k.Curve != elliptic.P256()
	case *rsa.PrivateKey:
		return s, true
	}
	// A key of another kind (a token, an agent) may take any time, and may
	// not be asked to decrypt.
	_, decrypts := key.(crypto.Decrypter)
	_, isRSA := s.Public().(*rsa.PublicKey)
	return s, decrypts || !isRSA
}

// bindKeys has slow keys of b, a copy of base, used off the loop.
func (e *Engine) bindKeys(b, base *tls.Config) {
	if e.o.Signers == nil {
		return
	}
	b.Certificates = make([]tls.Certificate, len(base.Certificates))
	for i := range base.Certificates {
		b.Certificates[i] = *e.remote(&base.Certificates[i])
	}
	if get := base.GetCertificate; get != nil {
		b.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := get(hello)
			return e.remote(c), err
		}
	}
	if get := base.GetClientCertificate; get != nil {
		b.GetClientCertificate = func(i *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c, err := get(i)
			return e.remote(c), err
		}
	}
}

// remote returns c, or a copy of it whose key is used by the signers.
func (e *Engine) remote(c *tls.Certificate) *tls.Certificate {
	if c == nil {
		return nil
	}
	key, ok := slow(c.PrivateKey)
	if !ok {
		return c
	}
	r := *c
	r.PrivateKey = &remoteKey{e: e, key: key}
	if _, rsa := key.Public().(*rsa.PublicKey); rsa {
		r.PrivateKey = &remoteRSA{remoteKey{e: e, key: key}}
	}
	return &r
}
