package tls

import (
	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/appliance/http/ssl"
	"weir/lua/api"
	"weir/lua/vm"
)

// Place is a handshake that a script runs in.
type Place struct {
	Conn  *ssl.Connection
	Phase api.Phase
}

var _ api.Place = (*Place)(nil)

// alive reports whether the handshake goes on: afterwards its client may be another one.
func (p *Place) alive() bool {
	h := p.Conn.Handshake()
	return h != nil && p.Conn.Client() != nil && !h.Conn().Closed()
}

// Log implements api.Place. When the client has gone there is nobody to speak of.
func (p *Place) Log(level errlog.Level, msg string) {
	if p.alive() {
		p.Conn.Client().LogScript(p.Conn.Server(), level, msg, p.Phase.Context())
	}
}

// LogOn implements api.Place.
func (p *Place) LogOn(level errlog.Level) bool {
	return p.alive() && p.Conn.Client().ScriptLogOn(p.Conn.Server(), level)
}

// here is what a function works on: the connection and its client, both nil where there is no TLS.
func here(l *vm.State) (*ssl.Connection, *http.Client) {
	c := api.Of(l)
	switch p, _ := c.Place.(*Place); {
	case p != nil:
		if !p.alive() {
			l.Errorf("the handshake is over")
		}
		return p.Conn, p.Conn.Client()
	case c.R != nil:
		return ssl.Of(c.R.Client()), c.R.Client()
	case c.Phase == api.Init:
		l.Errorf("no request found")
	}
	return nil, nil
}

// ConnectionOf is the client's connection that a function works on, nil where there is no TLS; the handshake may be over.
func ConnectionOf(l *vm.State) *ssl.Connection {
	c, _ := here(l)
	return c
}

const (
	badRequest = "bad request" // there is no TLS
	badConn    = "bad ssl conn"
)
