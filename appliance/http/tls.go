package http

import (
	"crypto/x509"
	"time"

	"weir/appliance/errlog"
	"weir/netio/conn"
	"weir/netio/tlsio"
)

// Security is the module that owns the TLS directives, as the core sees it.
type Security interface {
	// Listens checks the servers of an address that listens with TLS once the
	// configuration has been read; all holds def and the others.
	Listens(b *Builder, def *Server, all []*Server) error
	// Handshake secures a new connection, of which first has been read. It
	// ends with Client.Secured or Client.Drop.
	Handshake(c *Client, first []byte)
	// Check decides whether a request may be served as its server's client
	// certificate rules have it.
	Check(r *Request) Code
	// Verifies reports whether a server asks for client certificates:
	// requests for it must come over a handshake in its name.
	Verifies(v *Server) bool
}

// SetSecurity makes s the TLS of the configuration, in Module.Prepare.
func (b *Builder) SetSecurity(s Security) { b.gen.security = s }

// checkTLS checks the servers of an address that listens with TLS.
func (b *Builder) checkTLS(a *Address) error {
	switch {
	case !a.TLS:
		return nil
	case b.gen.security == nil:
		return Fail(a.opts.it, "the \"ssl\" parameter requires a module that is not built in")
	}
	return b.gen.security.Listens(b, a.Default, a.servers)
}

// Address is the configuration of the address the client connected to, as of
// its current or next request.
func (c *Client) Address() *Address { return c.addr }

// TLS is the record layer of a secured connection, nil for a plain one. What
// it says of the handshake stays valid until the client is gone.
func (c *Client) TLS() *tlsio.Conn { return c.tls }

// HeaderTimeout is client_header_timeout in milliseconds.
func (v *Server) HeaderTimeout() int64 { return v.core.headerTimeout.V }

// UsesVariable reports whether what has been read refers to a variable.
func (b *Builder) UsesVariable(name string) bool { return b.vars.used[name] != nil }

// Certificate is one that the configuration names, with what operators want to
// know of it.
type Certificate struct {
	Subject  string // as in RFC 2253
	Serial   string // hexadecimal
	NotAfter time.Time
	cert     *x509.Certificate
}

// AddCertificate notes a certificate that servers use; one may come again.
func (b *Builder) AddCertificate(c *x509.Certificate, subject string) {
	for _, o := range b.gen.certs {
		if o.cert == c {
			return
		}
	}
	b.gen.certs = append(b.gen.certs, Certificate{subject, c.SerialNumber.Text(16), c.NotAfter, c})
}

// Certificates are those of AddCertificate. Certificates whose names have
// variables are not among them.
func (g *Generation) Certificates() []Certificate { return g.certs }

// Worker is the worker the client is on.
func (c *Client) Worker() *Worker { return c.w }

// Generation is the configuration a request beginning now would have.
func (c *Client) Generation() *Generation { return c.acc.port.gen }

// ServerFor is the server that a name sent in a TLS handshake chooses, nil for
// a name that no server has. name is in lower case.
func (c *Client) ServerFor(name string) *Server {
	return c.addr.names.findName(c.w, name)
}

// findName is find for a name outside of a request.
func (x *nameIndex) findName(w *Worker, name string) *Server {
	if name == "" {
		return nil
	}
	host := []byte(name)
	if v, ok := x.hosts.Find(host); ok {
		return v
	}
	for _, n := range x.regexes {
		if w.Matches(n.re, host) {
			return n.srv
		}
	}
	return nil
}

// server is the one a request belongs to before its host is known.
func (c *Client) server() *Server {
	if c.sni != nil {
		return c.sni
	}
	return c.addr.Default
}

// findSNI chooses the server by the name of the handshake, under the
// configuration that holds now.
func (c *Client) findSNI() {
	c.sni = nil
	if c.tls != nil {
		c.sni = c.ServerFor(c.tls.Info.ServerName)
	}
}

// handshake hands the connection to the handshake, with what came behind a
// PROXY protocol header.
func (h *h1Conn) handshake() {
	h.state = h1Handshake
	h.net.ClearTimer(conn.ReadTimer)
	if h.addr.Default.root.core.nodelay.V {
		_ = h.net.SetNoDelay(true) // refused only for sockets without the option
	}
	first := h.head[h.pos:]
	h.acc.port.gen.security.Handshake(&h.Client, first)
}

// Secured ends the handshake: the connection speaks HTTP from now on. t is nil
// for a client that does not speak TLS: it gets an error as its answer.
func (c *Client) Secured(t *tlsio.Conn) {
	h := c.stream.(*h1Conn)
	h.tls = t
	h.findSNI()
	h.dropBuffers()
	h.state = h1Idle
	h.net.SetHandler(h)
	h.net.SetTimer(conn.ReadTimer, h.server().core.headerTimeout.V)
	if h.net.ReadReady() {
		h.readHead()
	}
}

// Drop closes a connection whose handshake failed. The reason has been logged.
func (c *Client) Drop() {
	h := c.stream.(*h1Conn)
	h.net.SetHandler(h)
	h.state = h1Idle
	h.close()
}

// Newest is the configuration of the client's address that holds now, which may
// be newer than Address in a handshake; nil where TLS is not spoken any more.
func (c *Client) Newest() *Address {
	if a := c.acc.port.find(c.net); a != nil && a.TLS {
		return a
	}
	return nil
}

// Adopt makes a the client's Address.
func (c *Client) Adopt(a *Address) { c.addr = a }

// Scratch returns a request of c that serves to evaluate variables while there
// is none, in the handshake: its location is srv's root. It is given back by
// the function, when what was evaluated has been used.
func (c *Client) Scratch(srv *Server) (r *Request, done func()) {
	r = c.w.takeRequest(c.acc.port.gen)
	r.begin(c, srv)
	return r, func() {
		r.runCleanups()
		r.ownArena.Reset()
		c.w.putRequest(r)
	}
}

// checkTLS answers requests that must not be served on their connection.
func (r *Request) checkTLS() Code {
	if r.c.tls == nil {
		r.Log(LogInfo, "client sent plain HTTP request to HTTPS port")
		return StatusHTTPToHTTPS
	}
	return r.gen.security.Check(r)
}

// LogScript writes a message of a script that runs in a handshake in the name of
// srv to its error log. context names the script.
func (c *Client) LogScript(srv *Server, level errlog.Level, msg, context string) {
	l := srv.root.core.errorLog
	if c.flags&clientDebug != 0 {
		l = srv.root.core.debugLog
	}
	if !l.On(level) {
		return
	}
	b := append(append(append(c.w.line[:0], msg...), ", context: "...), context...)
	b = c.AppendRemoteIP(append(b, ", client: "...))
	b = c.addr.Addr.AppendTo(append(b, ", server: "...))
	c.w.line = b
	l.Write(level, c.Number(), b)
}

// ScriptLogOn reports whether LogScript writes messages of that level.
func (c *Client) ScriptLogOn(srv *Server, level errlog.Level) bool {
	if c.flags&clientDebug != 0 {
		return srv.root.core.debugLog.On(level)
	}
	return srv.root.core.errorLog.On(level)
}

// LogTLS writes a message about a handshake to the client's error log.
func (c *Client) LogTLS(level errlog.Level, msg string) {
	if l := c.log(); l.On(level) {
		c.logWhile(l, level, msg, "SSL handshaking")
	}
}
