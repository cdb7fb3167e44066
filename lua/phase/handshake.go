package phase

import (
	"weak"

	"weir/appliance/http"
	"weir/appliance/http/ssl"
	"weir/lua/api"
	"weir/lua/ngx"
	"weir/lua/tls"
	"weir/netio/tlsio"
)

// handshake is a script that a handshake with a client waits for. The script runs on the loop, as that of a request
// does, and not on the handshake's stack:
//
//	handshake's stack: runHandshake -> Loop.Defer, Park .................. -> outcome
//	loop:                              Run -> Ctx.Start -> (waits) -> done -> Wake
//
// When the handshake ends before the script, by its timeout or because the client has gone, the script is aborted.
type handshake struct {
	conn *ssl.Connection
	h    *tlsio.Handshake
	sc   *code
	ctx  *api.Ctx // nil before it began and after its end
	over bool
	ok   bool // the handshake may go on
	gone bool // the handshake has ended
}

// enter holds the VM for as long as scripts may run in a handshake.
func (m *mainConf) enter(c *ssl.Connection) {
	e := api.EnvOn(c.Client().Worker(), m.gen)
	if e != nil {
		e.Hold()
	}
	c.Local = &api.Shared{Env: weak.Make(e)}
}

func leave(c *ssl.Connection) {
	if e := c.Local.(*api.Shared).Env.Value(); e != nil {
		e.Release()
	}
}

// env is the VM for a script of a handshake, nil when a reload has ended it meanwhile.
func env(c *ssl.Connection) *api.Env {
	e := c.Local.(*api.Shared).Env.Value()
	if e == nil || e.Closed() {
		return nil
	}
	return e
}

// runHandshake runs a script and waits for its end. An error ends the handshake.
func runHandshake(c *ssl.Connection, sc *code) error {
	x := &handshake{conn: c, h: c.Handshake(), sc: sc}
	loop := c.Client().Worker().Loop
	x.h.WatchPeer(settingsOf(c).CheckClientAbort.V)
	defer x.h.WatchPeer(false)
	loop.Defer(x)
	for !x.over {
		if err := x.h.Park(); err != nil {
			x.gone = true
			loop.Defer(x)
			return err
		}
	}
	switch {
	case x.ok, sc.phase == api.SSLSessionFetch: // a session that is not found only costs a full handshake
		return nil
	case sc.phase == api.SSLClientHello:
		return ssl.ErrHello
	}
	return ssl.ErrCertificate
}

func settingsOf(c *ssl.Connection) *api.Settings { return api.Locations.In(c.Server().Root()) }

// Run begins the script, or ends it when its handshake is over; the loop calls it.
func (x *handshake) Run() {
	switch {
	case !x.gone:
		x.start()
	case x.ctx != nil:
		x.ctx.OnDone = nil
		x.close()
	}
}

func (x *handshake) start() {
	x.ctx = newHandshakeCtx(x.conn, x.sc.phase)
	if x.ctx == nil {
		x.end(false)
		return
	}
	fn, _ := x.sc.load(x.ctx)
	if fn == nil {
		x.end(false)
		return
	}
	x.ctx.OnDone = x.done
	if x.ctx.Start(x.sc.phase, fn) {
		x.done(x.ctx)
	}
}

// done is the end of the script.
func (x *handshake) done(c *api.Ctx) {
	x.end(!c.Failed && (!c.Exited || c.ExitCode != int(http.Error) && c.ExitCode < int(http.StatusBadRequest)))
}

// end has the handshake go on.
func (x *handshake) end(ok bool) {
	x.ok, x.over = ok, true
	x.close()
	x.h.Wake()
}

// close ends the script's context and keeps its ngx.ctx for what comes next on the connection.
func (x *handshake) close() {
	if c := x.ctx; c != nil {
		x.ctx = nil
		closeHandshakeCtx(x.conn, c)
	}
}

// newHandshakeCtx makes the context of a script, nil when there is no VM for it any more.
func newHandshakeCtx(conn *ssl.Connection, p api.Phase) *api.Ctx {
	e := env(conn)
	if e == nil {
		return nil
	}
	c := e.NewCtx(nil, p)
	c.Place = &tls.Place{Conn: conn, Phase: p}
	c.SetSettings(settingsOf(conn))
	c.NgxCtx = conn.Local.(*api.Shared).Ctx
	return c
}

func closeHandshakeCtx(conn *ssl.Connection, c *api.Ctx) {
	conn.Local.(*api.Shared).Ctx = c.NgxCtx
	c.Close()
}

// runStore runs ssl_session_store_by_lua, on the handshake's stack: it may not wait.
func runStore(conn *ssl.Connection, sc *code) {
	c := newHandshakeCtx(conn, sc.phase)
	if c == nil {
		return
	}
	if fn, _ := sc.load(c); fn != nil {
		if err := c.Env().CallAside(c, sc.phase, fn, nil, 0, nil); err != nil {
			c.Log(http.LogErr, "failed to run session_store_by_lua*: "+ngx.ErrorWithTrace(err))
		}
	}
	closeHandshakeCtx(conn, c)
}
