package ssl

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"io"
	"slices"

	"weir/appliance/certs"

	"golang.org/x/crypto/cryptobyte"
)

// lookUp finds the session that the client offers before crypto/tls asks for
// it: the certificate is chosen first there, and its script does not run when a
// session is resumed. It reports whether that is sure.
func (r *run) lookUp(c *Connection) (resumes bool, err error) {
	v := r.version()
	ticket := r.hello.offered(v == tls.VersionTLS13)
	if c.ctx.sessions == nil || len(ticket) == 0 || v == 0 {
		return false, nil
	}
	ss, err := r.find(c, ticket)
	if err != nil || ss == nil {
		return false, err
	}
	r.ticket, r.state = ticket, ss
	return r.verifier == nil && r.sure(c, v), nil
}

// find is the session of a ticket: what Fetch finds, else what is in it or in
// the cache.
func (r *run) find(c *Connection, ticket []byte) (*tls.SessionState, error) {
	ctx := c.ctx
	if !ctx.byScript || r.scripts.Fetch == nil {
		if ctx.sessions.Keys == nil && ctx.sessions.Cache == nil {
			return nil, nil
		}
		ss, id := ctx.sessions.Unwrap(ticket, tls.ConnectionState{})
		if ss != nil {
			c.setID(id)
		}
		return ss, nil
	}
	if len(ticket) != certs.IDSize {
		return nil, nil // of another kind
	}
	r.id = ticket
	err := r.scripts.Fetch(c)
	r.id = nil
	if err != nil || r.fetched == nil {
		return nil, err
	}
	id, ok := ctx.sessions.Accept(r.fetched)
	if !ok || !bytes.Equal(id[:], ticket) {
		return nil, nil // of another server, another session, or too old
	}
	c.setID(id)
	return r.fetched, nil
}

// unwrap is tls.Config.UnwrapSession of a handshake with scripts. A client whose
// certificate a script wants to see resumes nothing.
func (r *run) unwrap(ticket []byte) *tls.SessionState {
	if r.verifier != nil || r.state == nil || !bytes.Equal(ticket, r.ticket) {
		return nil
	}
	ss := r.state
	r.state = nil
	return ss
}

// wrap has a new session stored by script. It returns its name, which is the
// ticket the client gets, or nil when sessions are not the script's.
func (r *run) wrap(c *Connection, ss *tls.SessionState) (ticket []byte) {
	ctx := c.ctx
	switch {
	case r.verifier != nil:
		// What a script has found out about the client is not in the session:
		// the ticket is good for nothing.
		ticket = make([]byte, certs.IDSize)
		_, _ = rand.Read(ticket) // never fails
		return ticket
	case !ctx.byScript, r.scripts.Store == nil && ctx.sessions.Cache != nil:
		return nil
	}
	id := ctx.sessions.Stamp(ss)
	c.setID(id)
	if r.scripts.Store != nil {
		r.id, r.storing = id[:], ss
		r.scripts.Store(c)
		r.id, r.storing = nil, nil
	}
	return id[:]
}

// sure reports whether crypto/tls will resume the session found. Where its
// rules are not simple the answer is no: then the script runs although it need
// not have.
func (r *run) sure(c *Connection, version uint16) bool {
	s := describe(r.state)
	if s.version != version || s.clientCert || !slices.Contains(r.hello.Ciphers, s.suite) {
		return false
	}
	if version == tls.VersionTLS13 {
		// The session's hash must be that of the suite chosen now, which is
		// TLS_AES_128_GCM_SHA256 where the client has it, or another one.
		sha384 := s.suite == tls.TLS_AES_256_GCM_SHA384
		first := slices.Contains(r.hello.Ciphers, tls.TLS_AES_128_GCM_SHA256)
		return !sha384 && first
	}
	_, extended := r.hello.Extension(extExtendedMS)
	return s.extended == extended && slices.Contains(r.h.Engine().Suites(c.ctx.conf), s.suite) && standInKey(s.suite) != nil
}

// description is what crypto/tls does not tell of a session.
type description struct {
	version, suite uint16
	extended       bool // master secret (RFC 7627)
	clientCert     bool
}

// describe reads the encoding of a session, which crypto/tls promises to extend
// at its end only:
//
//	version 2 | side 1 | suite 2 | created 8 | secret <1> | extra <3> | extended 1 | early data 1 | certificates <3> | ...
func describe(ss *tls.SessionState) (d description) {
	b, err := ss.Bytes()
	s := cryptobyte.String(b)
	var secret, extra, chain cryptobyte.String
	var extended uint8
	if err != nil || !s.ReadUint16(&d.version) || !s.Skip(1) || !s.ReadUint16(&d.suite) || !s.Skip(8) ||
		!s.ReadUint8LengthPrefixed(&secret) || !s.ReadUint24LengthPrefixed(&extra) || !s.ReadUint8(&extended) || !s.Skip(1) ||
		!s.ReadUint24LengthPrefixed(&chain) {
		return description{}
	}
	d.extended, d.clientCert = extended == 1, len(chain) > 0
	return d
}

// standIn stands in for the certificate of a TLS 1.2 handshake that resumes:
// crypto/tls asks its key which suites it is good for, and no more.
func standIn(ss *tls.SessionState) *tls.Certificate {
	if ss == nil {
		return nil
	}
	return &tls.Certificate{PrivateKey: keyless{standInKey(describe(ss).suite)}}
}

// standInKey is a public key of the type that a suite of TLS 1.2 needs.
func standInKey(suite uint16) crypto.PublicKey {
	switch suite {
	case tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256:
		return (*ecdsa.PublicKey)(nil)
	case tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:
		return (*rsa.PublicKey)(nil)
	}
	return nil
}

// keyless is a private key that signs nothing.
type keyless struct{ pub crypto.PublicKey }

// Public implements crypto.Signer.
func (k keyless) Public() crypto.PublicKey { return k.pub }

// Sign implements crypto.Signer.
func (keyless) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errStandIn }

var errStandIn = errors.New("the session was not resumed, and no certificate had been chosen")
