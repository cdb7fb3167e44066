package ssl

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"
	"syscall"
	"time"

	"weir/appliance/certs"
	"weir/appliance/http"
	"weir/netio/conn"
	"weir/netio/tlsio"
)

// security is the module as the core sees it.
type security struct{}

// local is the module's state of one worker.
type local struct {
	hello *tls.ClientHelloInfo // of the handshake whose variables are being worked out
}

func newLocal(*http.Worker) *local { return new(local) }

// Connection is what is known of a connection besides tlsio.Conn.Info. It is the
// peer of its handshake and afterwards the Data of its record layer.
type Connection struct {
	client *http.Client // nil after the handshake
	ctx    *context     // chosen by the client's name
	result certs.Result // of its certificate
	id     *[certs.IDSize]byte
	offer  *offer  // nil when no variable asks for it
	ech    *string // the name outside, where the client has tried ECH

	resumed bool      // the handshake resumed a session
	run     *run      // nil without scripts, and when they are over
	random  *[32]byte // of the client's hello; nil without scripts
	// Local is whatever the module of the scripts keeps with the connection.
	Local any
}

// offer is what the client would have taken.
type offer struct {
	ciphers []uint16
	curves  []tls.CurveID
	schemes []tls.SignatureScheme
}

// Of is what is known of a client's connection besides Client.TLS, nil for one
// without TLS.
func Of(c *http.Client) *Connection {
	t := c.TLS()
	if t == nil {
		return nil
	}
	s, _ := t.Data.(*Connection)
	return s
}

// outer notes that the client has tried Encrypted Client Hello, and the name
// that everybody can read. It is asked for twice where that is refused.
func (c *Connection) outer(name string) {
	if c.ech == nil {
		c.ech = &name
	}
}

func (c *Connection) setID(id [certs.IDSize]byte) { c.id = &id }

// Listens implements http.Security.
func (security) Listens(_ *http.Builder, def *http.Server, all []*http.Server) error {
	return listens(def, all)
}

// Verifies implements http.Security.
func (security) Verifies(v *http.Server) bool { return srvSlot.In(v).verify.V != verifyOff }

// Handshake implements http.Security.
func (security) Handshake(c *http.Client, first []byte) {
	s := &Connection{client: c, ctx: srvSlot.In(c.Address().Default).ctx}
	c.Worker().TLS.Accept(c.Net(), s.ctx.conf, first, s)
}

// choose is the Select of every context: it finds the server by name, and
// loads the certificate where that is different for each client.
func choose(h *tlsio.Handshake, hello *tls.ClientHelloInfo) (*tlsio.Config, error) {
	s := h.Peer().(*Connection)
	h.Data = s
	s.renew(h)
	v := s.client.Address().Default
	if named := s.client.ServerFor(strings.ToLower(hello.ServerName)); named != nil {
		v = named
		if c := srvSlot.In(v); c.ctx != nil {
			s.ctx = c.ctx
		}
	}
	if s.ctx.main.clientSet {
		s.offer = &offer{hello.CipherSuites, hello.SupportedCurves, hello.SignatureSchemes}
	}
	if scripts := s.scripts(v); scripts != nil {
		return s.scripted(scripts, h, hello, v)
	}
	if s.ctx.rejects {
		return refuse, nil
	}
	return s.base(h, hello, v)
}

// renew takes the newest configuration: that of the time when the client came
// may have ended, and scripts with it.
func (c *Connection) renew(h *tlsio.Handshake) {
	a := c.client.Newest()
	if a == nil || a == c.client.Address() {
		return
	}
	if ctx := srvSlot.In(a.Default).ctx; ctx != nil && (!ctx.conf.KeepHello || h.Hello() != nil) {
		c.client.Adopt(a)
		c.ctx = ctx
	}
}

// scripts are those for the handshake in the name of v, nil for none. A default
// server's Hello holds for all names that have none of their own.
func (c *Connection) scripts(v *http.Server) *Scripts {
	own, def := srvSlot.In(v).scripts, srvSlot.In(c.client.Address().Default).scripts
	if def == nil || own != nil && (own.Hello != nil || def.Hello == nil) {
		return own
	}
	both := *def
	both.Certificate = nil
	if own != nil {
		both.Certificate, both.Fetch, both.Store = own.Certificate, own.Fetch, own.Store
	}
	return &both
}

// base is the configuration that the directives ask for.
func (c *Connection) base(h *tlsio.Handshake, hello *tls.ClientHelloInfo, v *http.Server) (*tlsio.Config, error) {
	switch {
	case c.ctx.dynamic != nil:
		return c.load(h, hello, v)
	case c.ctx.staples != nil:
		return c.ctx.withStaples(time.Now()), nil
	}
	return c.ctx.conf, nil
}

// refuse has no certificate: crypto/tls answers with unrecognized_name.
var refuse = &tlsio.Config{TLS: &tls.Config{SessionTicketsDisabled: true}}

// load makes the configuration of one handshake with the certificates whose
// names the client decides on.
func (c *Connection) load(h *tlsio.Handshake, hello *tls.ClientHelloInfo, v *http.Server) (*tlsio.Config, error) {
	cl := c.client
	l := localSlot.Of(cl.Worker())
	type names struct{ cert, key string }
	wanted := make([]names, len(c.ctx.dynamic))
	r, done := cl.Scratch(v)
	l.hello = hello
	for i, d := range c.ctx.dynamic {
		wanted[i].cert, wanted[i].key = d.Names(r)
	}
	l.hello = nil
	done()
	job := &loading{h: h, load: func() (list []*tls.Certificate, err error) {
		for i, d := range c.ctx.dynamic {
			p, err := d.Load(wanted[i].cert, wanted[i].key)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
		return list, nil
	}}
	go job.run() // bounded by the handshakes under way; ends when the files are read
	if err := h.Park(); err != nil {
		return nil, err
	}
	if job.err != nil {
		cl.LogTLS(http.LogErr, job.err.Error())
		return nil, ErrCertificate
	}
	return c.ctx.with(certs.Order(job.list)), nil
}

// loading reads files for a handshake that waits.
type loading struct {
	h    *tlsio.Handshake
	load func() ([]*tls.Certificate, error)
	list []*tls.Certificate
	err  error
}

func (j *loading) run() {
	j.list, j.err = j.load()
	j.h.Conn().Driver().Loop.Post(j)
}

// Run is the end of the job, on the loop.
func (j *loading) Run() { j.h.Wake() }

// Handshaken implements tlsio.Peer.
func (c *Connection) Handshaken(_ *conn.Conn, t *tlsio.Conn, err error) {
	cl := c.client
	c.leave()
	c.client = nil
	switch {
	case err == nil:
		path := c.check(t.Info.Peer)
		c.run, c.resumed = nil, t.Info.Resumed
		if v := c.ctx.revocation; v != nil && path != nil {
			v.ask(c, cl, t, path)
			return
		}
		cl.Secured(t)
	case err == tlsio.ErrNotTLS:
		cl.Secured(nil)
	default:
		logFailure(cl, err)
		cl.Drop()
	}
}

// Panicked ends a connection whose handshake has panicked.
func (c *Connection) Panicked() {
	if cl := c.client; cl != nil {
		c.leave()
		c.client = nil
		cl.Drop()
	}
}

// leave ends the time of the scripts.
func (c *Connection) leave() {
	if c.run != nil {
		c.run.scripts.Leave(c)
	}
}

// logFailure says why a handshake failed, at the level at which nginx does.
func logFailure(c *http.Client, err error) {
	var no syscall.Errno
	switch {
	case err == tlsio.ErrTimeout:
		c.SetTimedOut()
		c.LogTLS(http.LogInfo, "client timed out (110: Connection timed out)")
	case err == tlsio.ErrClosedEarly, errors.Is(err, io.EOF):
		c.LogTLS(http.LogInfo, "peer closed connection in SSL handshake")
	case errors.As(err, &no):
		c.LogTLS(http.LogInfo, "SSL_do_handshake() failed ("+http.ErrnoText(no)+")")
	case err == tlsio.ErrBusy:
		c.LogTLS(http.LogAlert, "too many SSL handshakes at once")
	default:
		c.LogTLS(http.LogInfo, "SSL_do_handshake() failed (SSL: "+certs.Reason(err)+")")
	}
}

// Check implements http.Security.
func (security) Check(r *http.Request) http.Code {
	mode := srvSlot.Of(r).verify.V
	if mode == verifyOff {
		return http.OK
	}
	t := r.Client().TLS()
	res := t.Data.(*Connection).result
	if !res.OK() && (mode != verifyOptionalNoCA || !res.Optional()) {
		if res.Code < 0 { // of a responder
			r.Logf(http.LogInfo, "client SSL certificate verify error: %s", res.Text)
		} else {
			r.Logf(http.LogInfo, "client SSL certificate verify error: (%d:%s)", res.Code, res.Text)
		}
		return http.StatusCertificateError
	}
	if mode == verifyOn && len(t.Info.Peer) == 0 {
		r.Log(http.LogInfo, "client sent no required SSL certificate")
		return http.StatusNoCertificate
	}
	return http.OK
}
