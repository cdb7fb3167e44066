package cosocket

import (
	"crypto/x509"
	"fmt"

	"weir/appliance/certs"
	"weir/lua/api"
	"weir/lua/secure"
	luatls "weir/lua/tls"
	"weir/lua/vm"
	"weir/netio/conn"
	"weir/netio/tlsio"
)

// session is what Lua holds of a TLS session: the leave to resume it. The session itself is in its client's cache.
type session struct{}

// trust is a check of the server's certificate that was passed.
type trust struct {
	by    *secure.Client // nil: there was none
	name  string
	store *luatls.Chain // of settrustedstore
}

// setClientCert is tcpsock:setclientcert.
func setClientCert(l *vm.State) int {
	s := self(l)
	cert, key := l.Arg(2), l.Arg(3)
	switch {
	case s == nil:
		return closed(l)
	case !cert.Truthy() && !key.Truthy():
		s.own, s.ownKey = nil, nil
		return l.Ret(vm.True)
	case !cert.Truthy() || !key.Truthy():
		return api.Fail(l, "client certificate must be supplied with corresponding private key")
	}
	chain, signer := luatls.AsChain(cert), luatls.AsKey(key)
	switch {
	case chain == nil:
		return api.Fail(l, "bad cert arg: cdata expected, got "+cert.TypeName())
	case signer == nil:
		return api.Fail(l, "bad pkey arg: cdata expected, got "+key.TypeName())
	}
	s.own, s.ownKey = chain, signer
	return l.Ret(vm.True)
}

// setTrustedStore is tcpsock:settrustedstore. There are no stores of OpenSSL's: what ngx.ssl.parse_pem_cert returns
// takes their place.
func setTrustedStore(l *vm.State) int {
	s := self(l)
	v := l.Arg(2)
	chain := luatls.AsChain(v)
	if chain == nil && !v.IsNil() {
		return api.Fail(l, "bad store arg: cdata expected, got "+v.TypeName())
	}
	if s == nil || s.conn == nil || s.readClosed || s.writeClosed {
		return closed(l)
	}
	s.owned(l)
	if tlsio.Of(s.conn) != nil {
		return api.Fail(l, "ssl handshake already done; trusted store cannot be changed on an established TLS connection")
	}
	s.store = chain
	return l.Ret(vm.True)
}

// getSession is tcpsock:getsslsession.
func getSession(l *vm.State) int {
	s := self(l)
	switch {
	case s == nil || s.conn == nil || s.readClosed && s.writeClosed:
		return closed(l)
	case tlsio.Of(s.conn) == nil:
		return api.Fail(l, "no session")
	}
	return l.Ret(s.st.env.VM.NewCdata(&session{}).Value())
}

// sslHandshake is tcpsock:sslhandshake. A certificate's status is asked for in every handshake, whatever the last
// argument says.
func sslHandshake(l *vm.State) int {
	if n := l.Top(); n > 5 {
		l.Errorf("ngx.socket sslhandshake: expecting 1 ~ 5 arguments (including the object), but seen %d", n)
	}
	s := self(l)
	resumed := l.Arg(2)
	name := ""
	if v := l.Arg(3); v.Truthy() {
		name = l.CheckString(3)
	}
	verify := l.Arg(4).Truthy()
	if s == nil || s.conn == nil && !s.connecting || s.readClosed || s.writeClosed {
		return closed(l)
	}
	c := s.owned(l)
	if text := s.busyText(busyConnecting | busyReading | busyWriting); text != "" {
		return api.Fail(l, text)
	}
	if s.settings.TLS.Client == nil {
		return api.Fail(l, "TLS is not available here")
	}
	if tlsio.Of(s.conn) == nil {
		_, resume := api.Held[*session](resumed)
		if text := s.secure(l, c, name, resume); text != "" {
			s.finalize()
			return api.Fail(l, text)
		}
	}
	if verify {
		if text := s.verify(c, name); text != "" {
			s.finalize()
			return api.Fail(l, text)
		}
	}
	switch {
	case !resumed.IsNil() && !resumed.Truthy():
		return l.Ret(vm.True)
	case !resumed.IsNil() && s.reused > 0:
		return l.Ret(resumed)
	}
	return l.Ret(s.st.env.VM.NewCdata(&session{}).Value())
}

// handshake is a light thread that waits for the end of a handshake.
type handshake struct {
	s      *socket
	thread *api.Thread // nil until it waits
	done   bool
	err    error
}

// Handshaken implements tlsio.Peer.
func (h *handshake) Handshaken(c *conn.Conn, _ *tlsio.Conn, err error) {
	h.done, h.err = true, err
	c.SetHandler(h.s)
	if h.thread != nil {
		h.thread.Wake()
	}
}

// Abandon implements api.Waiter.
func (h *handshake) Abandon() { h.s.finalize() }

// secure does the handshake. It returns the error for Lua.
func (s *socket) secure(l *vm.State, c *api.Ctx, name string, resume bool) (text string) {
	h := &handshake{s: s}
	if client := s.settings.TLS.Client; s.own != nil {
		own, err := certs.NewPair(s.own.Certs, s.ownKey.Signer)
		if err != nil {
			return "ssl set client private key failed"
		}
		client.ConnectAs(c.Worker().TLS, s.conn, name, own, h)
	} else {
		client.Connect(c.Worker().TLS, s.conn, name, resume, h)
	}
	if !h.done {
		s.conn.SetTimer(conn.ReadTimer, s.timeout(timeConnect)) // instead of the handshake's own
		h.thread = c.Thread()
		s.connecting = true
		c.Park(l, h)
		s.connecting = false
	}
	switch h.err {
	case nil:
		return ""
	case tlsio.ErrTimeout:
		s.logErr(c, "lua ssl handshake timed out", s.remote())
		return "timeout"
	case tlsio.ErrClosedEarly:
		s.logErr(c, "peer closed connection in SSL handshake", s.remote())
	default:
		s.logErr(c, "SSL_do_handshake() failed (SSL: "+certs.Reason(h.err)+")", s.remote())
	}
	return "handshake failed"
}

// verify checks the server's certificate, once for a connection and name. It returns the error for Lua.
func (s *socket) verify(c *api.Ctx, name string) (text string) {
	now := trust{s.settings.TLS.Client, name, s.store}
	if s.trust == now {
		return ""
	}
	var store []*x509.Certificate
	if s.store != nil {
		store = s.store.Certs
	}
	switch res := now.by.Verify(tlsio.Of(s.conn), name, store); {
	case res.OK():
		s.trust = now
		return ""
	case res.Code == secure.Mismatch:
		s.logErr(c, "lua ssl certificate does not match host \""+name+"\"", s.remote())
		return res.Text
	default:
		s.logErr(c, fmt.Sprintf("lua ssl certificate verify error: (%d: %s)", res.Code, res.Text), s.remote())
		return fmt.Sprintf("%d: %s", res.Code, res.Text)
	}
}
