package ssl

import (
	"crypto/tls"
	"crypto/x509"
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
	offer  *offer // nil when no variable asks for it
}

// offer is what the client would have taken.
type offer struct {
	ciphers []uint16
	curves  []tls.CurveID
	schemes []tls.SignatureScheme
}

func (s *Connection) setID(id [certs.IDSize]byte) { s.id = &id }

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
	switch {
	case s.ctx.rejects:
		return refuse, nil
	case s.ctx.dynamic != nil:
		return s.load(h, hello, v)
	case s.ctx.staples != nil:
		return s.ctx.withStaples(time.Now()), nil
	}
	return s.ctx.conf, nil
}

// refuse has no certificate: crypto/tls answers with unrecognized_name.
var refuse = &tlsio.Config{TLS: &tls.Config{SessionTicketsDisabled: true}}

// load makes the configuration of one handshake with the certificates whose
// names the client decides on.
func (s *Connection) load(h *tlsio.Handshake, hello *tls.ClientHelloInfo, v *http.Server) (*tlsio.Config, error) {
	c := s.client
	l := localSlot.Of(c.Worker())
	type names struct{ cert, key string }
	wanted := make([]names, len(s.ctx.dynamic))
	r, done := c.Scratch(v)
	l.hello = hello
	for i, d := range s.ctx.dynamic {
		wanted[i].cert, wanted[i].key = d.Names(r)
	}
	l.hello = nil
	done()
	job := &loading{h: h, load: func() (list []*tls.Certificate, err error) {
		for i, d := range s.ctx.dynamic {
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
		c.LogTLS(http.LogErr, job.err.Error())
		return nil, errCertificate
	}
	return s.ctx.with(certs.Order(job.list)), nil
}

// errCertificate ends a handshake without a certificate, which has been logged.
var errCertificate = errors.New("cert cb error")

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
func (s *Connection) Handshaken(_ *conn.Conn, t *tlsio.Conn, err error) {
	c := s.client
	s.client = nil
	switch {
	case err == nil:
		if len(t.Info.Peer) > 0 && s.ctx.verifier != nil {
			s.result = s.ctx.verifier.Verify(t.Info.Peer, x509.ExtKeyUsageClientAuth, time.Now())
		}
		c.Secured(t)
	case err == tlsio.ErrNotTLS:
		c.Secured(nil)
	default:
		logFailure(c, err)
		c.Drop()
	}
}

// Panicked ends a connection whose handshake has panicked.
func (s *Connection) Panicked() {
	if c := s.client; c != nil {
		s.client = nil
		c.Drop()
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
		r.Logf(http.LogInfo, "client SSL certificate verify error: (%d:%s)", res.Code, res.Text)
		return http.StatusCertificateError
	}
	if mode == verifyOn && len(t.Info.Peer) == 0 {
		r.Log(http.LogInfo, "client sent no required SSL certificate")
		return http.StatusNoCertificate
	}
	return http.OK
}
