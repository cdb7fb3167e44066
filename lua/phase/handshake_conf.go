package phase

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/ssl"
	"weir/lua/api"
)

// Steps of a handshake with a client that a server has scripts for.
const (
	atHello = iota
	atFetch
	atCertificate
	atStore
	numHandshakeSteps
)

// srvConf is the scripts of a server's handshakes.
type srvConf struct {
	scripts [numHandshakeSteps]*code
}

func mergeSrv(_ *http.Builder, up, c *srvConf) error {
	for i, s := range up.scripts {
		if c.scripts[i] == nil {
			c.scripts[i] = s
		}
	}
	return nil
}

// handshakeSteps are the directives of handshakes. Sessions may be offered before it is known which server the client
// wants: their scripts stand in the http block.
var handshakeSteps = [numHandshakeSteps]struct {
	name  string
	in    conf.Context
	phase api.Phase
	doc   string
}{
	atHello: {"ssl_client_hello", inServers, api.SSLClientHello, "Runs Lua when a client's hello has come, before anything is chosen for it; ngx.exit(ngx.ERROR) ends the handshake."},
	atFetch: {"ssl_session_fetch", conf.HTTP, api.SSLSessionFetch, "Runs Lua that finds the session a client wants to resume, where ssl_session_tickets is off. All versions of TLS have it."},
	atCertificate: {"ssl_certificate", inServers, api.SSLCert, "Runs Lua that chooses the certificate of a handshake, unless a session is resumed; ngx.exit(ngx.ERROR) ends the handshake. " +
		"What ssl_certificate names holds where Lua sets none."},
	atStore: {"ssl_session_store", conf.HTTP, api.SSLSessionStore, "Runs Lua that keeps a new session, where ssl_session_tickets is off. It may not wait."},
}

func handshakeRows() []conf.Directive {
	var rows []conf.Directive
	for at, s := range handshakeSteps {
		rows = append(rows,
			conf.Directive{Name: s.name + "_by_lua_block", In: s.in, Args: conf.NoArgs, RawBlock: true, Set: setHandshake(at, false), Doc: s.doc},
			conf.Directive{Name: s.name + "_by_lua_file", In: s.in, Args: conf.Take1, Syntax: "path", Set: setHandshake(at, true), Doc: s.doc + " The code stands in a file."})
	}
	return rows
}

func setHandshake(step int, file bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		at := &conf.Target[srvConf](cx).scripts[step]
		if *at != nil {
			return conf.Tail("is duplicate")
		}
		text, line, err := source(it, 0)
		if err != nil {
			return err
		}
		if file && http.HasVariables(text) {
			return conf.Errorf("variables cannot be used in \"%s\", there is no request in a handshake", it.Name)
		}
		s := handshakeSteps[step]
		*at, err = newScript(cx, it, s.phase, s.name+"_by_lua", text, line, file)
		return err
	}
}

// setHandshakes gives the servers their scripts.
func (m *mainConf) setHandshakes(b *http.Builder) error {
	for _, v := range b.Generation().Servers {
		c := srv.In(v)
		s := &ssl.Scripts{Enter: m.enter, Leave: leave}
		any := false
		for at, f := range []*func(*ssl.Connection) error{atHello: &s.Hello, atFetch: &s.Fetch, atCertificate: &s.Certificate} {
			if sc := c.scripts[at]; sc != nil {
				any = true
				*f = func(conn *ssl.Connection) error { return runHandshake(conn, sc) }
			}
		}
		if sc := c.scripts[atStore]; sc != nil {
			any = true
			s.Store = func(conn *ssl.Connection) { runStore(conn, sc) }
		}
		if !any {
			continue
		}
		if err := ssl.SetScripts(b, v, s); err != nil {
			return err
		}
	}
	return nil
}
