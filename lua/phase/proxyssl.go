package phase

import (
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/lua/api"
)

// proxySSL is proxy_ssl_certificate_by_lua or proxy_ssl_verify_by_lua of a location. It implements upstream.Script.
type proxySSL struct{ script *code }

// setProxySSL gives the scripts of handshakes with backends to the locations that have them.
func setProxySSL(b *http.Builder) error {
	for _, l := range b.Locations() {
		c := loc.In(l)
		var s upstream.Scripts
		if sc := c.scripts[atProxySSLCert]; sc != nil {
			s.Certificate = &proxySSL{sc}
		}
		if sc := c.scripts[atProxySSLVerify]; sc != nil {
			s.Verify, s.SkipVerify = &proxySSL{sc}, c.skipVerify.V
		}
		if s.Certificate == nil && s.Verify == nil || upstream.SetScripts(b, l, s) {
			continue
		}
		for _, step := range []int{atProxySSLCert, atProxySSLVerify} {
			if c.own&(1<<step) != 0 { // not inherited
				return http.Fail(l.Item, "%s should be used with proxy_pass https url", c.scripts[step].phase.Context())
			}
		}
	}
	return nil
}

// Begin implements upstream.Script. It starts the script in the request's context, where no other Lua runs: the
// handlers of the phases are done, or wait for this request's response.
func (p *proxySSL) Begin(x *upstream.Exchange) {
	c := api.For(x.R)
	fn, _ := p.script.load(c)
	if fn == nil {
		x.ScriptDone(false)
		return
	}
	c.OnDone = proxySSLDone
	if c.Start(p.script.phase, fn) {
		proxySSLDone(c)
	}
}

// proxySSLDone is the end of the script: an error, and ngx.exit with one, fail the handshake.
func proxySSLDone(c *api.Ctx) {
	to := http.Code(c.ExitCode)
	ok := !c.Failed && !(c.Exited && (to == http.Error || to >= http.StatusSpecialResponse))
	c.Over, c.Exited, c.ExitCode, c.Failed, c.OnDone, c.Phase = false, false, 0, false, nil, 0
	upstream.Of(c.R).ScriptDone(ok)
}

// Abort implements upstream.Script.
func (p *proxySSL) Abort(x *upstream.Exchange) {
	if c := api.Requests.Get(x.R); c != nil {
		c.OnDone = nil
		c.KillAll()
	}
}

// Action implements upstream.Script.
func (p *proxySSL) Action() string { return p.script.phase.Action() }
