package api

import (
	"slices"
	"weak"

	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/appliance/http/ssl"
	"weir/lua/vm"
)

// Place is where Lua runs that has neither a request nor is alone: a handshake with a client. Messages of the script go
// where it says.
type Place interface {
	Log(level errlog.Level, msg string)
	LogOn(level errlog.Level) bool
}

// Shared is what scripts keep with a connection: ssl.Connection.Local.
type Shared struct {
	Env weak.Pointer[Env] // whose scripts ran in the handshake; connections may outlive it
	// Ctx is ngx.ctx of the handshake's phases, nil when they have not used it. It is the metatable of ngx.ctx of the
	// connection's requests.
	Ctx *vm.Table
}

// SharedCtx is ngx.ctx of the handshake of c's connection, nil when there is none for this VM.
func (c *Ctx) SharedCtx() *vm.Table {
	if c.R == nil {
		return nil
	}
	t := ssl.Of(c.R.Client())
	if t == nil {
		return nil
	}
	s, ok := t.Local.(*Shared)
	if !ok {
		return nil
	}
	if s.Env.Value() != c.env { // of a configuration that has been replaced, whose memory goes now
		t.Local = nil
		return nil
	}
	return s.Ctx
}

// EnvOn returns the VM of a configuration on a worker, nil when there is none any more.
func EnvOn(w *http.Worker, g *http.Generation) *Env {
	local := Workers.Of(w)
	if e := local.Current; e != nil && e.Gen == g {
		return e
	}
	for _, e := range slices.Backward(local.Older) {
		if e.Gen == g {
			return e
		}
	}
	return nil
}
