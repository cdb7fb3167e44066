package upstream

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
	"weir/netio/conn"
	"weir/netio/tlsio"
)

// TLSConf is TLS towards backends. Module "proxy" calls the fields
// proxy_ssl_verify and so on.
type TLSConf struct {
	SessionReuse, ServerName, Verify conf.Opt[bool]
	Depth                            conf.Opt[int]
	Protocols                        conf.Opt[certfile.Protocols]
	Ciphers                          conf.Opt[string]
	Name                             conf.Opt[*http.Complex]
	Cert, Key                        conf.Opt[string]
	CertCache                        conf.Opt[*certfile.Cache]
	Passwords                        conf.Opt[[][]byte]
	Trusted, CRL, KeyLog             conf.Opt[string]
	Commands                         []conf.KeyVal

	ready *secure // nil where no https is passed to
}

// merge inherits from the enclosing block.
func (c *TLSConf) merge(p *TLSConf) {
	c.SessionReuse.Merge(p.SessionReuse, true)
	c.ServerName.Merge(p.ServerName, false)
	c.Verify.Merge(p.Verify, false)
	c.Depth.Merge(p.Depth, 1)
	c.Protocols.Merge(p.Protocols, certfile.Default)
	c.Ciphers.Merge(p.Ciphers, "DEFAULT")
	c.Name.Merge(p.Name, nil)
	c.Cert.Merge(p.Cert, "")
	c.Key.Merge(p.Key, "")
	c.CertCache.Merge(p.CertCache, nil)
	c.Passwords.Merge(p.Passwords, nil)
	c.Trusted.Merge(p.Trusted, "")
	c.CRL.Merge(p.CRL, "")
	c.KeyLog.Merge(p.KeyLog, "")
	conf.MergeList(&c.Commands, p.Commands)
}

// secure is the TLS of one location towards its backends. It is immutable.
type secure struct {
	conf     *tlsio.Config
	name     *http.Complex // nil: that of the group
	sni      bool
	verify   bool
	verifier certs.Verifier
	dynamic  *certfile.Dynamic // nil: no variables in the certificate's name
	scripts  Scripts
}

// scripted reports whether handshakes have scripts.
func (s *secure) scripted() bool { return s.scripts.Certificate != nil || s.scripts.Verify != nil }

// maxSessions is how many backends a location keeps a session of.
const maxSessions = 256

// FinishTLS makes what location l, which passes requests to https, needs.
// prefix is the module's: "proxy".
func (c *Conf) FinishTLS(b *http.Builder, l *http.Location, prefix string) error {
	t := &c.TLS
	m := mainSlot.In(b)
	files := &m.files
	// Verification is this package's, by OpenSSL's rules: see Handshaken.
	f := &tls.Config{InsecureSkipVerify: true}
	s := &secure{name: t.Name.V, sni: t.ServerName.V, verify: t.Verify.V}
	set := certfile.Settings{Prefix: prefix + "_ssl", Protocols: t.Protocols.V, Ciphers: t.Ciphers.V, Curve: "auto"}
	if err := files.Commands(b, &set, t.Commands); err != nil {
		return err
	}
	if err := files.Apply(b, &set, f); err != nil {
		return err
	}
	if err := s.setCertificate(b, files, t, f, prefix); err != nil {
		return err
	}
	if err := s.setVerify(b, files, t, prefix); err != nil {
		return err
	}
	// With names that differ by request a session would bring the
	// certificate it was made with.
	if t.SessionReuse.V && set.Tickets.Or(true) && s.dynamic == nil {
		f.ClientSessionCache = tls.NewLRUClientSessionCache(maxSessions)
	}
	s.conf = &tlsio.Config{TLS: f, Timeout: c.ConnectTimeout.V, KTLS: set.KTLS}
	if t.KeyLog.V != "" {
		s.conf.KeyLog = b.Cycle().OpenSecretFile(b.Cycle().Path(t.KeyLog.V))
	}
	t.ready = s
	if m.secure == nil {
		m.secure = make(map[*http.Location]*secure)
	}
	m.secure[l] = s
	return nil
}

func (s *secure) setCertificate(b *http.Builder, files *certfile.Store, t *TLSConf, f *tls.Config, prefix string) error {
	switch {
	case t.Cert.V == "":
		return nil
	case t.Key.V == "":
		return conf.Errorf("no \"%s_ssl_certificate_key\" is defined for certificate \"%s\"", prefix, t.Cert.V)
	case http.HasVariables(t.Cert.V), http.HasVariables(t.Key.V):
		var err error
		s.dynamic, err = certfile.NewDynamic(b, t.Cert.V, t.Key.V, t.Passwords.V, t.CertCache.V)
		return err
	}
	pair, err := files.Pair(b, t.Cert.V, t.Key.V, t.Passwords.V)
	if err != nil {
		return err
	}
	f.GetClientCertificate = sends(pair)
	return nil
}

// sends gives a backend that asks the certificate, whatever issuers it names.
func sends(pair *tls.Certificate) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair, nil }
}

func (s *secure) setVerify(b *http.Builder, files *certfile.Store, t *TLSConf, prefix string) error {
	if !s.verify {
		return nil
	}
	if t.Trusted.V == "" {
		return conf.Errorf("no %s_ssl_trusted_certificate for %s_ssl_verify", prefix, prefix)
	}
	list, err := files.Chain(b, t.Trusted.V)
	if err != nil {
		return err
	}
	s.verifier.Depth = t.Depth.V
	s.verifier.Trust(list)
	if t.CRL.V != "" {
		s.verifier.CRLs, err = files.CRLs(b, t.CRL.V)
	}
	return err
}

// identity is what two requests must have in common to share a connection with
// TLS; the zero identity is that of plain ones.
type identity struct {
	secure    *secure
	name      string // asked for, or checked
	cert, key string // with variables
}

// identify works out the identity of a request's connections.
func (x *Exchange) identify() (id identity) {
	s := x.conf.TLS.ready
	id.secure = s
	if s.sni || s.verify {
		id.name = x.sslName(s)
	}
	if s.dynamic != nil {
		id.cert, id.key = s.dynamic.Names(x.R)
	}
	return id
}

// sslName is the host part of proxy_ssl_name, or of what stands in proxy_pass.
func (x *Exchange) sslName(s *secure) string {
	if s.name == nil {
		if x.outside.host != "" {
			return x.outside.host
		}
		return x.hostName()
	}
	name := s.name.Eval(x.R)
	from := 0
	if len(name) > 0 && name[0] == '[' {
		from = max(0, bytes.IndexByte(name, ']'))
	}
	if i := bytes.IndexByte(name[from:], ':'); i >= 0 {
		name = name[:from+i]
	}
	return string(name)
}

// hostName is the name of the group, or the host that the request named.
func (x *Exchange) hostName() string {
	if x.Target != nil {
		return x.Target.Host
	}
	return x.group.Name
}

// handshake secures a connection that stands.
func (x *Exchange) handshake() {
	id := &x.key.tls
	x.step = stepHandshake
	x.action = "SSL handshaking to upstream"
	f := id.secure.conf
	if id.cert != "" {
		pair, err := id.secure.dynamic.Load(id.cert, id.key)
		if err != nil {
			x.logErr(err.Error())
			x.finalize(http.StatusInternalServerError)
			return
		}
		own := f.TLS.Clone()
		own.GetClientCertificate = sends(pair)
		f = f.With(own)
	}
	name := ""
	if id.secure.sni && !isAddress(id.name) {
		name = id.name
	}
	x.c.ClearTimer(conn.WriteTimer)
	if id.secure.scripted() {
		f = id.secure.config(x, f)
	}
	x.ws.w.TLS.Connect(x.c, f, name, x)
}

// isAddress reports whether a name is an IP address, which RFC 6066 does not
// let stand for a name.
func isAddress(name string) bool {
	if len(name) > 0 && name[0] == '[' {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// Handshaken implements tlsio.Peer.
func (x *Exchange) Handshaken(c *conn.Conn, t *tlsio.Conn, err error) {
	client := x.R.Client()
	c.SetHandler(x)
	trusted := err == nil && x.trusts(t)
	x.endShaking()
	switch {
	case err == tlsio.ErrTimeout:
		x.tryNext(FailTimeout)
	case err != nil:
		x.handshakeFailed(err)
		x.tryNext(FailError)
	case !trusted:
		x.tryNext(FailError)
	default:
		x.step = stepHead
		x.send(true)
	}
	client.RunPosted()
}

func (x *Exchange) handshakeFailed(err error) {
	if err == tlsio.ErrClosedEarly {
		x.logErr("peer closed connection in SSL handshake")
		return
	}
	x.logErr("SSL_do_handshake() failed (SSL: " + certs.Reason(err) + ")")
}

// trusts checks the backend's certificate where that is asked for.
func (x *Exchange) trusts(t *tlsio.Conn) bool {
	id := &x.key.tls
	if !id.secure.verify {
		return true
	}
	var res certs.Result
	if x.shaking != nil {
		res = x.shaking.result
	} else {
		res = id.secure.verifier.Verify(t.Info.Peer, x509.ExtKeyUsageServerAuth, time.Now())
	}
	if !res.OK() {
		x.R.Logf(http.LogErr, "upstream SSL certificate verify error: (%d:%s) while %s", res.Code, res.Text, x.action)
		return false
	}
	if !certs.MatchesHost(t.Info.Peer[0], id.name) {
		x.R.Logf(http.LogErr, "upstream SSL certificate does not match \"%s\" while %s", id.name, x.action)
		return false
	}
	return true
}
