package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/tlsio"
)

// Scripts are what another module runs in the handshakes of a server, in this
// order; nil fields do nothing. They run on the handshake's own stack. Those
// that return an error may have it wait (tlsio.Handshake.Park); an error ends
// the handshake, and is Park's or one of those below.
//
//	client's hello ─► Hello ─► session offered? ─► Fetch ─► resumed? ─► Store
//	                                 └────────── no ─► Certificate ─────┘
type Scripts struct {
	Hello       func(c *Connection) error // may limit the versions of TLS
	Fetch       func(c *Connection) error // finds the session SessionID names
	Certificate func(c *Connection) error // chooses certificate and key; not when a session is resumed
	Store       func(c *Connection)       // keeps a new session; may not wait
	// Enter runs before any of them, Leave when the handshake is over.
	Enter, Leave func(c *Connection)
}

// What ends a handshake by a script's decision, in the words of OpenSSL's
// reasons.
var (
	ErrHello       = errors.New("callback failed")
	ErrCertificate = errors.New("cert cb error")
)

// SetScripts gives a server its scripts. It is called in Finish of a module
// that stands behind this one in the list.
func SetScripts(b *http.Builder, v *http.Server, s *Scripts) error {
	c := srvSlot.In(v)
	if c.ctx == nil {
		if s.Hello != nil || s.Certificate != nil {
			return conf.Errorf("no ssl configured for the server")
		}
		return nil
	}
	c.scripts = s
	c.ctx.conf.KeepExporter = true
	for _, other := range b.Generation().Servers {
		if ctx := srvSlot.In(other).ctx; ctx != nil {
			ctx.conf.KeepHello = true // any of them may be an address's default
		}
	}
	if (s.Fetch != nil || s.Store != nil) && !c.tickets.V && !c.reject.V {
		c.ctx.byScript = true
		if c.ctx.sessions == nil {
			c.ctx.resume(c.ctx.newSessions(c))
		}
	}
	return nil
}

// run is a handshake with scripts. It ends with the handshake.
type run struct {
	scripts *Scripts
	h       *tlsio.Handshake
	info    *tls.ClientHelloInfo
	hello   *Hello
	server  *http.Server

	low, high uint16             // versions of TLS that may be agreed on
	limited   bool               // low and high are a script's
	list      []*tls.Certificate // what the client may get
	slots     []slot             // list as scripts change it; see Clear, SetChain, SetKey
	changed   bool
	staple    []byte // a script's, nil for none
	certified bool   // Certificate has run, or is not needed

	verifier *certs.Verifier // of VerifyClient
	names    *x509.CertPool  // clients are told, of VerifyClient

	id      []byte            // of the session that Fetch or Store is about
	storing *tls.SessionState // while Store runs
	fetched *tls.SessionState // what Fetch found
	ticket  []byte            // what the client offered, as it was looked up
	state   *tls.SessionState // its session, until crypto/tls has asked
}

// scripted is choose for a server with scripts.
func (c *Connection) scripted(s *Scripts, h *tlsio.Handshake, info *tls.ClientHelloInfo, v *http.Server) (*tlsio.Config, error) {
	r := &run{scripts: s, h: h, info: info, server: v, hello: parseHello(h.Hello())}
	if r.hello == nil {
		return nil, errHello
	}
	c.run = r
	random := [32]byte(r.hello.Random) // a copy: the hello ends with the handshake
	c.random = &random
	r.low, r.high = limits(c.ctx.conf.TLS)
	s.Enter(c)
	if s.Hello != nil {
		if err := s.Hello(c); err != nil {
			return nil, err
		}
	}
	if c.ctx.rejects {
		return refuse, nil
	}
	base, err := c.base(h, info, v)
	if err != nil {
		return nil, err
	}
	for i := range base.TLS.Certificates {
		r.list = append(r.list, &base.TLS.Certificates[i])
	}
	resumes, err := r.lookUp(c)
	if err != nil {
		return nil, err
	}
	if !resumes {
		if err := r.certify(c); err != nil {
			return nil, err
		}
	}
	return r.config(c, base, resumes)
}

// errHello is for a hello that crypto/tls takes and Hello does not: there is
// none.
var errHello = errors.New("BUG: the client's hello cannot be read")

// limits are the versions of TLS that a configuration speaks.
func limits(t *tls.Config) (low, high uint16) {
	low, high = max(t.MinVersion, tls.VersionTLS12), t.MaxVersion
	if high == 0 {
		high = tls.VersionTLS13
	}
	return low, high
}

// version is the one that will be agreed on, 0 for none.
func (r *run) version() (v uint16) {
	for _, o := range r.info.SupportedVersions {
		if o >= r.low && o <= r.high {
			v = max(v, o)
		}
	}
	return v
}

// certify runs Certificate, once.
func (r *run) certify(c *Connection) error {
	if r.certified {
		return nil
	}
	r.certified = true
	s := r.scripts.Certificate
	if s == nil {
		return c.missing(r)
	}
	if err := s(c); err != nil {
		return err
	}
	if r.changed {
		r.list = usable(r.slots)
	}
	if len(r.list) == 0 {
		return errNoCertificate
	}
	return nil
}

var errNoCertificate = errors.New("no shared cipher")

// missing refuses the name of a server that has no certificate of its own, where
// a script chooses that of the address's default server.
func (c *Connection) missing(r *run) error {
	def := srvSlot.In(c.client.Address().Default)
	if r.server == c.client.Address().Default || srvSlot.In(r.server).ctx != nil || def.scripts == nil || def.scripts.Certificate == nil {
		return nil
	}
	c.client.LogTLS(http.LogAlert, "no ssl_certificate_by_lua* defined in server "+r.server.Name())
	return ErrCertificate
}

// config is what the handshake goes on with.
func (r *run) config(c *Connection, base *tlsio.Config, resumes bool) (*tlsio.Config, error) {
	late := resumes && !r.certified && r.scripts.Certificate != nil
	if !r.changed && !r.limited && r.staple == nil && r.verifier == nil && !late {
		return base, nil
	}
	f := c.ctx.with(r.list)
	t := f.TLS
	for i := range t.Certificates {
		t.Certificates[i] = *r.stapled(&t.Certificates[i])
	}
	t.MinVersion, t.MaxVersion = r.low, r.high
	if r.verifier != nil {
		t.ClientAuth, t.ClientCAs = tls.RequestClientCert, r.names
	}
	if late {
		t.Certificates = nil
		t.GetCertificate = func(info *tls.ClientHelloInfo) (*tls.Certificate, error) { return r.late(c, info) }
	}
	return f, nil
}

// late is asked for the certificate of a handshake that is expected to resume
// a session. TLS 1.2 asks in any case and then needs the type of the key only.
// TLS 1.3 asks when crypto/tls has thought otherwise of the session: then the
// script runs after all.
func (r *run) late(c *Connection, info *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if r.version() == tls.VersionTLS12 {
		return standIn(r.state), nil
	}
	if err := r.certify(c); err != nil {
		return nil, err
	}
	if r.verifier != nil {
		return nil, errLate
	}
	for _, p := range r.list {
		if info.SupportsCertificate(p) == nil {
			return r.stapled(p), nil
		}
	}
	return r.stapled(r.list[0]), nil
}

// stapled is a certificate with the script's staple. There is one for the
// handshake, whatever certificates are set before or after it.
func (r *run) stapled(p *tls.Certificate) *tls.Certificate {
	if r.staple == nil {
		return p
	}
	own := *p
	own.OCSPStaple = r.staple
	return &own
}

var errLate = errors.New("the client's certificate was asked for too late")

// verify is the verifier of the client's certificate, nil for none.
func (c *Connection) verifier() *certs.Verifier {
	if c.run != nil && c.run.verifier != nil {
		return c.run.verifier
	}
	return c.ctx.verifier
}

// check judges the certificate that the client sent. It returns the path to a
// root, nil for a bad one or none.
func (c *Connection) check(chain []*x509.Certificate) (path []*x509.Certificate) {
	if v := c.verifier(); v != nil && len(chain) > 0 {
		path, c.result = v.Path(chain, x509.ExtKeyUsageClientAuth, time.Now())
	}
	return path
}
