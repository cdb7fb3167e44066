package secure

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"time"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
	"weir/netio/conn"
	"weir/netio/tlsio"
)

// Conf is the lua_ssl_* directives of a location.
type Conf struct {
	Protocols             conf.Opt[certfile.Protocols]
	Ciphers, Trusted, CRL conf.Opt[string]
	KeyLog                conf.Opt[string]
	Certs, Keys           []string
	Depth                 conf.Opt[int]
	Commands              []conf.KeyVal

	// Client is made by Finish; nil before.
	Client *Client
}

// Merge inherits from the enclosing block.
func (c *Conf) Merge(up *Conf) {
	c.Protocols.Merge(up.Protocols, certfile.Default)
	c.Ciphers.Merge(up.Ciphers, "DEFAULT")
	c.Trusted.Merge(up.Trusted, "")
	c.CRL.Merge(up.CRL, "")
	c.KeyLog.Merge(up.KeyLog, "")
	conf.MergeList(&c.Certs, up.Certs)
	conf.MergeList(&c.Keys, up.Keys)
	c.Depth.Merge(up.Depth, 1)
	conf.MergeList(&c.Commands, up.Commands)
}

// Client is how cosockets of some locations do TLS.
type Client struct {
	fresh, resume *tlsio.Config // of one cache of sessions: the first only fills it
	verifier      certs.Verifier
}

// maxSessions bounds the sessions a Client keeps, by server name or address.
const maxSessions = 1024

// keeps is a cache of sessions that offers none.
type keeps struct{ tls.ClientSessionCache }

// Get implements tls.ClientSessionCache.
func (keeps) Get(string) (*tls.ClientSessionState, bool) { return nil, false }

// Connect begins TLS on a connection that stands; see tlsio.Engine.Connect. name is whom to ask for, "" for nobody in
// particular. resume offers the session of an earlier handshake with that name or, without one, that address.
func (t *Client) Connect(e *tlsio.Engine, c *conn.Conn, name string, resume bool, p tlsio.Peer) {
	f := t.fresh
	if resume {
		f = t.resume
	}
	e.Connect(c, f, name, p)
}

// ConnectAs is Connect with a certificate in place of that of lua_ssl_certificate. It resumes no session, which would
// bring the certificate it was made with.
func (t *Client) ConnectAs(e *tlsio.Engine, c *conn.Conn, name string, own *tls.Certificate, p tlsio.Peer) {
	f := t.fresh.TLS.Clone()
	f.ClientSessionCache = nil
	f.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own, nil }
	e.Connect(c, t.fresh.With(f), name, p)
}

// Verify checks the server's certificate against lua_ssl_trusted_certificate, or against store if that is not nil, and
// if name is not "" that it is one for name. The result is OK, one of OpenSSL's, or one without a code for a name that
// does not match.
func (t *Client) Verify(c *tlsio.Conn, name string, store []*x509.Certificate) certs.Result {
	by := &t.verifier
	if store != nil {
		by = &certs.Verifier{Depth: by.Depth, CRLs: by.CRLs}
		by.Trust(store)
	}
	res := by.Verify(c.Info.Peer, x509.ExtKeyUsageServerAuth, time.Now())
	if res.Code == noFirst && by.Empty() {
		// OpenResty has OpenSSL stop at the first error only where no trusted certificates are set.
		res = certs.Result{Code: 20, Text: "unable to get local issuer certificate"}
	}
	if res.OK() && name != "" && !certs.MatchesHost(c.Info.Peer[0], name) {
		res.Code, res.Text = Mismatch, "certificate host mismatch"
	}
	return res
}

// Mismatch is the code of Verify's result for a certificate of another host; OpenSSL's codes are positive.
const Mismatch = -1

// noFirst is X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE.
const noFirst = 21

// Maker makes the clients of one configuration: one for all places that say the same.
type Maker struct {
	files certfile.Store
	made  []Conf
}

// Finish makes c.Client. c has been merged.
func (m *Maker) Finish(b *http.Builder, c *Conf) error {
	for i := range m.made {
		if m.made[i].says(c) {
			c.Client = m.made[i].Client
			return nil
		}
	}
	f := &tls.Config{InsecureSkipVerify: true} // the chain is checked by Verify
	set := certfile.Settings{Prefix: "lua_ssl", Protocols: c.Protocols.V, Ciphers: c.Ciphers.V, Curve: "auto"}
	if err := m.files.Commands(b, &set, c.Commands); err != nil {
		return err
	}
	if err := m.files.Apply(b, &set, f); err != nil {
		return err
	}
	t := &Client{}
	t.verifier.Depth = c.Depth.V
	if err := m.read(b, c, f, t); err != nil {
		return err
	}
	again := f.Clone()
	again.ClientSessionCache = tls.NewLRUClientSessionCache(maxSessions)
	f.ClientSessionCache = keeps{again.ClientSessionCache}
	t.fresh = &tlsio.Config{TLS: f, KTLS: set.KTLS}
	t.resume = &tlsio.Config{TLS: again, KTLS: set.KTLS}
	if c.KeyLog.V != "" {
		log := b.Cycle().OpenSecretFile(b.Cycle().Path(c.KeyLog.V))
		t.fresh.KeyLog, t.resume.KeyLog = log, log
	}
	c.Client = t
	m.made = append(m.made, *c)
	return nil
}

// says reports whether two places say the same.
func (c *Conf) says(o *Conf) bool {
	return c.Protocols.V == o.Protocols.V && c.Ciphers.V == o.Ciphers.V && c.Trusted.V == o.Trusted.V && c.CRL.V == o.CRL.V &&
		c.KeyLog.V == o.KeyLog.V && c.Depth.V == o.Depth.V && slices.Equal(c.Certs, o.Certs) && slices.Equal(c.Keys, o.Keys) &&
		slices.Equal(c.Commands, o.Commands)
}

// suited is the first certificate whose key the server takes. Whatever issuers it names, it gets one.
func suited(own []*tls.Certificate, r *tls.CertificateRequestInfo) *tls.Certificate {
	any := tls.CertificateRequestInfo{SignatureSchemes: r.SignatureSchemes, Version: r.Version}
	for _, p := range own {
		if any.SupportsCertificate(p) == nil {
			return p
		}
	}
	return own[0]
}

// read reads the files that c names.
func (m *Maker) read(b *http.Builder, c *Conf, f *tls.Config, t *Client) error {
	if len(c.Keys) < len(c.Certs) {
		return conf.Errorf("no \"lua_ssl_certificate_key\" is defined for certificate \"%s\"", c.Certs[len(c.Certs)-1])
	}
	var own []*tls.Certificate
	for i := range c.Certs {
		pair, err := m.files.Pair(b, c.Certs[i], c.Keys[i], nil)
		if err != nil {
			return err
		}
		own = append(own, pair)
	}
	if own = certs.Order(own); len(own) > 0 {
		f.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) { return suited(own, r), nil }
	}
	if c.Trusted.V != "" {
		list, err := m.files.Chain(b, c.Trusted.V)
		if err != nil {
			return err
		}
		t.verifier.Trust(list)
	}
	if c.CRL.V != "" {
		var err error
		if t.verifier.CRLs, err = m.files.CRLs(b, c.CRL.V); err != nil {
			return err
		}
	}
	return nil
}
