package ssl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"

	"weir/appliance/certs"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
	"weir/netio/tlsio"
)

// What follows is for scripts. It holds while one of them runs; afterwards
// Hello is nil and decisions are refused.

// ErrOver says that the handshake is over.
var ErrOver = errors.New("bad ssl conn")

// Client is the connection's client; nil when the handshake is over.
func (c *Connection) Client() *http.Client { return c.client }

// Handshake is the one under way, nil when it is over.
func (c *Connection) Handshake() *tlsio.Handshake {
	if c.run == nil {
		return nil
	}
	return c.run.h
}

// Server is the one that the client's name has chosen; nil when the handshake
// is over.
func (c *Connection) Server() *http.Server {
	if c.run == nil {
		return nil
	}
	return c.run.server
}

// Hello is the client's hello, nil when the handshake is over.
func (c *Connection) Hello() *Hello {
	if c.run == nil {
		return nil
	}
	return c.run.hello
}

// ServerName is the name that the client has asked for, "" for none, while the
// handshake lasts.
func (c *Connection) ServerName() string {
	if c.run == nil {
		return ""
	}
	return c.run.info.ServerName
}

// Version is the version of TLS that will be agreed on, 0 when there is none
// that both sides speak or the handshake is over.
func (c *Connection) Version() uint16 {
	if c.run == nil {
		return 0
	}
	return c.run.version()
}

// Resumed reports whether the handshake, now over, resumed a session.
func (c *Connection) Resumed() bool { return c.resumed }

// Random is the random of the client's hello, nil when no scripts ran in the
// handshake.
func (c *Connection) Random() []byte {
	if c.random == nil {
		return nil
	}
	return c.random[:]
}

// SharedCiphers are the cipher suites that both sides have, in this side's
// order; nil when the handshake is over.
func (c *Connection) SharedCiphers() []uint16 {
	r := c.run
	if r == nil {
		return nil
	}
	var own []uint16
	if r.high == tls.VersionTLS13 {
		own = append(own, tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256)
	}
	if r.low == tls.VersionTLS12 {
		own = append(own, r.h.Engine().Suites(c.ctx.conf)...)
	}
	return slices.DeleteFunc(own, func(id uint16) bool { return !slices.Contains(r.hello.Ciphers, id) })
}

// SetProtocols limits the versions of TLS to those named, in place of the
// server's. It reports whether weir speaks any of them; if not, the handshake
// will fail.
func (c *Connection) SetProtocols(p certfile.Protocols) bool {
	r := c.run
	if r == nil {
		return false
	}
	low, high, ok := p.Versions()
	if !ok {
		low, high = tls.VersionTLS13+1, tls.VersionTLS13+1 // which no client offers
	}
	r.low, r.high, r.limited = low, high, true
	return ok
}

// slot is a certificate and its key while scripts set one and the other; there
// is one slot for each type of key.
type slot struct {
	leaf *x509.Certificate
	pair tls.Certificate // Certificate and PrivateKey, either may be missing
}

// open makes slots of what the configuration has.
func (r *run) open() {
	if r.changed {
		return
	}
	r.changed = true
	for _, p := range r.list {
		r.slots = append(r.slots, slot{p.Leaf, *p})
	}
}

// ClearCertificates takes back the configuration's certificates.
func (c *Connection) ClearCertificates() error {
	r := c.run
	if r == nil {
		return ErrOver
	}
	r.changed, r.slots = true, nil
	return nil
}

// SetChain sets a certificate, in place of one with the same type of key. The
// key stays if it is the certificate's.
func (c *Connection) SetChain(chain []*x509.Certificate) error {
	r := c.run
	if r == nil {
		return ErrOver
	}
	kind := keyKind(chain[0].PublicKey)
	if kind == "" {
		return certs.ErrKeyType
	}
	r.open()
	s := r.slot(kind)
	s.leaf = chain[0]
	s.pair.Certificate, s.pair.OCSPStaple, s.pair.Leaf = nil, nil, chain[0]
	for _, x := range chain {
		s.pair.Certificate = append(s.pair.Certificate, x.Raw)
	}
	if !s.matches() {
		s.pair.PrivateKey = nil
	}
	return nil
}

// SetKey sets the private key of the certificate with that type of key.
func (c *Connection) SetKey(key crypto.Signer) error {
	r := c.run
	if r == nil {
		return ErrOver
	}
	kind := keyKind(key.Public())
	if kind == "" {
		return certs.ErrKeyType
	}
	r.open()
	s := r.slot(kind)
	old := s.pair.PrivateKey
	s.pair.PrivateKey = key
	if !s.matches() {
		s.pair.PrivateKey = old
		return certs.ErrMismatch
	}
	return nil
}

// SetStaple staples an OCSP response, in DER, to whatever certificate the client
// gets.
func (c *Connection) SetStaple(raw []byte) error {
	r := c.run
	if r == nil {
		return ErrOver
	}
	r.staple = raw
	return nil
}

// VerifyClient asks the client for its certificate, tells it the names of
// accepted issuers, and checks what it sends against these and trusted ones, or
// where both are nil against those of the server.
// The outcome is $ssl_client_verify; the handshake goes on in any case.
// depth below 0 is ssl_verify_depth of the server.
func (c *Connection) VerifyClient(issuers, trusted []*x509.Certificate, depth int) error {
	r := c.run
	if r == nil {
		return ErrOver
	}
	if depth < 0 {
		depth = srvSlot.In(r.server).depth.V
	}
	r.verifier, r.names = &certs.Verifier{Depth: depth}, nil
	if issuers == nil && trusted == nil && c.ctx.verifier != nil {
		own := *c.ctx.verifier
		own.Depth = depth
		r.verifier, r.names = &own, c.ctx.conf.TLS.ClientCAs
		return nil
	}
	r.verifier.Trust(issuers)
	r.verifier.Trust(trusted)
	if len(issuers) > 0 {
		r.names = x509.NewCertPool()
		for _, x := range issuers {
			r.names.AddCert(x)
		}
	}
	return nil
}

// SessionID names the session that Fetch is to find, or that Store is to keep;
// nil elsewhere.
func (c *Connection) SessionID() []byte {
	if c.run == nil {
		return nil
	}
	return c.run.id
}

// Session is the encoding of the session that Store is to keep; nil elsewhere.
// It holds secrets.
func (c *Connection) Session() []byte {
	if c.run == nil || c.run.storing == nil {
		return nil
	}
	b, err := c.run.storing.Bytes()
	if err != nil {
		return nil
	}
	return b
}

// SetSession is what Fetch has found: Session of the handshake that made it.
func (c *Connection) SetSession(b []byte) error {
	if c.run == nil || c.run.id == nil {
		return ErrOver
	}
	ss, err := tls.ParseSessionState(b)
	if err == nil {
		c.run.fetched = ss
	}
	return err
}

// slot finds or makes the slot of a type of key.
func (r *run) slot(kind string) *slot {
	for i := range r.slots {
		if r.slots[i].kind() == kind {
			return &r.slots[i]
		}
	}
	r.slots = append(r.slots, slot{})
	return &r.slots[len(r.slots)-1]
}

// kind is the slot's type of key.
func (s *slot) kind() string {
	if s.leaf != nil {
		return keyKind(s.leaf.PublicKey)
	}
	if k, ok := s.pair.PrivateKey.(crypto.Signer); ok {
		return keyKind(k.Public())
	}
	return ""
}

// matches reports whether certificate and key belong together, or one of them
// is missing.
func (s *slot) matches() bool {
	k, ok := s.pair.PrivateKey.(crypto.Signer)
	if !ok || s.leaf == nil {
		return true
	}
	pub, ok := s.leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && pub.Equal(k.Public())
}

// keyKind names the types of keys that certificates may have side by side.
func keyKind(pub crypto.PublicKey) string {
	switch pub.(type) {
	case *rsa.PublicKey:
		return "rsa"
	case *ecdsa.PublicKey:
		return "ecdsa"
	case ed25519.PublicKey:
		return "ed25519"
	}
	return ""
}

// usable are the certificates that have both halves, in the order of
// preference.
func usable(slots []slot) []*tls.Certificate {
	var list []*tls.Certificate
	for i := range slots {
		if s := &slots[i]; s.leaf != nil && s.pair.PrivateKey != nil {
			list = append(list, &s.pair)
		}
	}
	return certs.Order(list)
}
