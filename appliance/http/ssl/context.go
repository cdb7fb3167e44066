package ssl

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync/atomic"
	"time"

	"weir/appliance/certs"
	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
	"weir/netio/tlsio"
)

// context is the TLS of one server. It is immutable.
type context struct {
	conf     *tlsio.Config
	list     []*tls.Certificate  // read with the configuration
	dynamic  []*certfile.Dynamic // read in each handshake
	sessions *certs.Sessions     // nil: none are resumed
	verify   verifyMode
	verifier *certs.Verifier
	// revocation is not nil where responders are asked about clients.
	revocation *revocation
	main       *mainConf
	rejects    bool
	byScript   bool      // sessions are fetched and stored by scripts
	staples    []*staple // of list, some nil; nil when nothing is stapled
	stapling   atomic.Pointer[joined]
}

// protocolsALPN are what servers offer, as nginx does.
var protocolsALPN = []string{"http/1.1", "http/1.0", "http/0.9"}

// finish makes the contexts of all servers that have certificates.
func finish(b *http.Builder) error {
	m := mainSlot.In(b)
	for _, name := range []string{"ssl_ciphers", "ssl_curves", "ssl_sigalgs"} {
		m.clientSet = m.clientSet || b.UsesVariable(name)
	}
	for _, v := range b.Generation().Servers {
		c := srvSlot.In(v)
		if len(c.certs) == 0 && !c.reject.V {
			continue
		}
		ctx, err := newContext(b, m, v, c)
		if err != nil {
			return err
		}
		c.ctx = ctx
		for _, p := range ctx.list {
			b.AddCertificate(p.Leaf, certs.Name(p.Leaf.RawSubject))
		}
	}
	return nil
}

func newContext(b *http.Builder, m *mainConf, v *http.Server, c *srvConf) (*context, error) {
	t := &tls.Config{NextProtos: protocolsALPN}
	ctx := &context{main: m, verify: c.verify.V, rejects: c.reject.V}
	ctx.conf = &tlsio.Config{TLS: t, Timeout: v.HeaderTimeout(), MaxRecord: int(min(c.bufferSize.V, 16<<10)), Owner: ctx}
	for _, step := range []func(*http.Builder, *srvConf) error{ctx.setProtocols, ctx.setCertificates, ctx.setVerify, ctx.setOCSP, ctx.setSessions, ctx.setStapling} {
		if err := step(b, c); err != nil {
			return nil, err
		}
	}
	ctx.conf.Select = choose
	return ctx, nil
}

// setProtocols fixes versions, suites and groups.
func (ctx *context) setProtocols(b *http.Builder, c *srvConf) error {
	files := &mainSlot.In(b).files
	set := certfile.Settings{Prefix: "ssl", Protocols: c.protocols.V, Ciphers: c.ciphers.V, Curve: c.curve.V}
	if err := files.Commands(b, &set, c.commands); err != nil {
		return err
	}
	c.tickets.V = set.Tickets.Or(c.tickets.V)
	if set.Cert != "" && set.Key != "" {
		c.certs, c.keys = []string{set.Cert}, []string{set.Key}
	}
	ctx.conf.KTLS = c.ktls.Or(set.KTLS)
	if c.keyLog.V != "" {
		ctx.conf.KeyLog = b.Cycle().OpenSecretFile(b.Cycle().Path(c.keyLog.V))
	}
	if err := files.Apply(b, &set, ctx.conf.TLS); err != nil {
		return err
	}
	return ctx.setECH(b, c)
}

// setECH loads the keys of Encrypted Client Hello. The hello is opened before a
// name is known: the keys of an address's default server count.
func (ctx *context) setECH(b *http.Builder, c *srvConf) error {
	var keys []tls.EncryptedClientHelloKey
	for i, name := range c.echFiles {
		text, path, err := certfile.Raw(b.Cycle(), b.Cx(), name)
		if err != nil {
			return err
		}
		k, err := certs.ParseECH(text, i == 0)
		if err != nil {
			return conf.Errorf("cannot load keys of ECH \"%s\": %w", path, err)
		}
		keys = append(keys, k...)
	}
	if keys == nil {
		return nil
	}
	ctx.conf.TLS.EncryptedClientHelloKeys = keys
	ctx.conf.TLS.GetEncryptedClientHelloKeys = func(outer *tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
		if h := tlsio.HandshakeOf(outer); h != nil {
			h.Peer().(*Connection).outer(outer.ServerName)
		}
		return keys, nil
	}
	return nil
}

// setCertificates loads what has no variables.
func (ctx *context) setCertificates(b *http.Builder, c *srvConf) error {
	dynamic := false
	for i := range c.certs {
		dynamic = dynamic || variable(c.certs[i]) || variable(c.keys[i])
	}
	if dynamic {
		for i := range c.certs {
			d, err := certfile.NewDynamic(b, c.certs[i], c.keys[i], c.passwords.V, c.certCache.V)
			if err != nil {
				return err
			}
			ctx.dynamic = append(ctx.dynamic, d)
		}
		return nil
	}
	files := &mainSlot.In(b).files
	var list []*tls.Certificate
	for i := range c.certs {
		p, err := files.Pair(b, c.certs[i], c.keys[i], c.passwords.V)
		if err != nil {
			return err
		}
		list = append(list, p)
	}
	ctx.list = certs.Order(list)
	for _, p := range ctx.list {
		ctx.conf.TLS.Certificates = append(ctx.conf.TLS.Certificates, *p)
	}
	return nil
}

func variable(name string) bool {
	return !strings.HasPrefix(name, "data:") && http.HasVariables(name) || strings.HasPrefix(name, "data:$")
}

// setVerify makes what checks clients' certificates.
func (ctx *context) setVerify(b *http.Builder, c *srvConf) error {
	if c.verify.V == verifyOff {
		return nil
	}
	if c.verify.V != verifyOptionalNoCA && c.clientCert.V == "" && c.trustedCert.V == "" {
		return conf.Errorf("no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client")
	}
	files := &mainSlot.In(b).files
	t := ctx.conf.TLS
	t.ClientAuth = tls.RequestClientCert // what they send is judged per request, as by nginx
	ctx.verifier = &certs.Verifier{Depth: c.depth.V}
	if c.clientCert.V != "" {
		chain, err := files.Chain(b, c.clientCert.V)
		if err != nil {
			return err
		}
		ctx.verifier.Trust(chain)
		t.ClientCAs = x509.NewCertPool()
		for _, x := range chain {
			t.ClientCAs.AddCert(x)
		}
	}
	if c.trustedCert.V != "" {
		chain, err := files.Chain(b, c.trustedCert.V)
		if err != nil {
			return err
		}
		ctx.verifier.Trust(chain)
	}
	if c.crl.V != "" {
		var err error
		ctx.verifier.CRLs, err = files.CRLs(b, c.crl.V)
		return err
	}
	return nil
}

// setSessions decides how sessions are resumed.
func (ctx *context) setSessions(b *http.Builder, c *srvConf) error {
	t := ctx.conf.TLS
	if ctx.rejects || !c.tickets.V && c.cache.V.size == 0 {
		t.SessionTicketsDisabled = true
		return nil
	}
	s := ctx.newSessions(c)
	var err error
	if c.tickets.V {
		s.Keys, err = ticketKeys(b, c.ticketKeys, s.Timeout)
	} else {
		s.Cache, err = sessionCache(b.Cycle(), c.cache.V)
	}
	if err != nil {
		return err
	}
	ctx.resume(s)
	return nil
}

// resume has sessions resumed by s.
func (ctx *context) resume(s *certs.Sessions) {
	ctx.sessions = s
	ctx.conf.TLS.SessionTicketsDisabled = false
	ctx.conf.Wrap = func(h *tlsio.Handshake, cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		return h.Data.(*Connection).wrap(cs, ss)
	}
	ctx.conf.Unwrap = func(h *tlsio.Handshake, ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		return h.Data.(*Connection).unwrap(ticket, cs), nil
	}
}

// wrap makes the ticket of a new session.
func (c *Connection) wrap(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
	if c.run != nil {
		if ticket := c.run.wrap(c, ss); ticket != nil {
			return ticket, nil
		}
	}
	ticket, id, err := c.ctx.sessions.Wrap(cs, ss)
	if err == nil {
		c.setID(id)
	}
	return ticket, err
}

// unwrap is the session of a ticket, nil when it cannot be resumed.
func (c *Connection) unwrap(ticket []byte, cs tls.ConnectionState) *tls.SessionState {
	if c.run != nil {
		return c.run.unwrap(ticket)
	}
	ss, id := c.ctx.sessions.Unwrap(ticket, cs)
	if ss != nil {
		c.setID(id)
	}
	return ss
}

func (ctx *context) newSessions(c *srvConf) *certs.Sessions {
	return &certs.Sessions{Timeout: time.Duration(c.timeout.V) * time.Second, Context: ctx.identity(c)}
}

// ticketKeys are those of the files, or the process's own.
func ticketKeys(b *http.Builder, names []string, timeout time.Duration) (*certs.TicketKeys, error) {
	var files [][]byte
	for _, name := range names {
		text, path, err := certfile.Secret(b.Cycle(), b.Cx(), name)
		if err != nil {
			return nil, err
		}
		if len(text) != 48 && len(text) != 80 {
			return nil, conf.Errorf("\"%s\" must be 48 or 80 bytes", path)
		}
		files = append(files, text)
	}
	if files != nil {
		return certs.NewTicketKeys(files, 0), nil
	}
	z, err := b.Cycle().Zone(cycle.ZoneID{Kind: "ssl_session_tickets", Params: timeout.String()},
		func() (any, error) { return certs.NewTicketKeys(nil, timeout), nil })
	if err != nil {
		return nil, err
	}
	return z.(*certs.TicketKeys), nil
}

func sessionCache(c *cycle.Cycle, v cacheConf) (*certs.Cache, error) {
	z, err := c.Zone(cycle.ZoneID{Kind: "ssl_session_cache", Name: v.name, Size: v.size},
		func() (any, error) { return certs.NewCache(v.size), nil })
	if err != nil {
		return nil, err
	}
	return z.(*certs.Cache), nil
}

// identity is nginx's session id context: sessions are good for servers with
// the same certificates, or names of them, and the same authorities.
func (ctx *context) identity(c *srvConf) (id [16]byte) {
	h := sha256.New()
	h.Write([]byte("HTTP"))
	for _, p := range ctx.list {
		h.Write(p.Leaf.Raw)
	}
	if ctx.dynamic != nil {
		h.Write([]byte(strings.Join(c.certs, "\x00")))
	}
	if ctx.verifier != nil {
		h.Write([]byte(c.clientCert.V + "\x00" + c.trustedCert.V + "\x00" + c.crl.V))
	}
	copy(id[:], h.Sum(nil))
	return id
}

// with is the context's configuration with other certificates.
func (ctx *context) with(list []*tls.Certificate) *tlsio.Config {
	f := ctx.conf
	t := f.TLS.Clone()
	t.Certificates = make([]tls.Certificate, len(list))
	for i, p := range list {
		t.Certificates[i] = *p
	}
	return f.With(t)
}
