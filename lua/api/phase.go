package api

// Phase is a set of the places Lua runs in; the running one is a set of one.
type Phase uint32

// The places Lua runs in.
const (
	Init Phase = 1 << iota
	InitWorker
	ExitWorker
	Set
	ServerRewrite
	Rewrite
	Access
	Precontent
	Content
	HeaderFilter
	BodyFilter
	Log
	Balancer
	Timer
	SSLClientHello
	SSLCert
	SSLSessionFetch
	SSLSessionStore
	ProxySSLCert
	ProxySSLVerify
	numPhases = iota
)

// Sets of phases that rows name often.
const (
	// Any is every phase, also those without a request.
	Any Phase = 1<<numPhases - 1
	// Yieldable are the phases in which Lua may wait.
	Yieldable = ServerRewrite | Rewrite | Access | Precontent | Content | Timer |
		SSLClientHello | SSLCert | SSLSessionFetch | ProxySSLCert | ProxySSLVerify
	// Handlers are the phases of a request before and while its response is made.
	Handlers = ServerRewrite | Rewrite | Access | Precontent | Content
	// ProxySSL are the phases of a handshake with a backend.
	ProxySSL = ProxySSLCert | ProxySSLVerify
	// Captures are the phases that may make subrequests.
	Captures = Rewrite | Access | Content
	// Request are the phases that have a real request.
	Request = Set | Handlers | HeaderFilter | BodyFilter | Log | Balancer | ProxySSL
	// SSL are the phases of a handshake with a client.
	SSL = SSLClientHello | SSLCert | SSLSessionFetch | SSLSessionStore
)

// phaseNames are by bit: as messages name the phase, and as ngx.get_phase does.
var phaseNames = [numPhases]struct{ context, phase string }{
	{"init_by_lua*", "init"},
	{"init_worker_by_lua*", "init_worker"},
	{"exit_worker_by_lua*", "exit_worker"},
	{"set_by_lua*", "set"},
	{"server_rewrite_by_lua*", "server_rewrite"},
	{"rewrite_by_lua*", "rewrite"},
	{"access_by_lua*", "access"},
	{"precontent_by_lua*", "precontent"},
	{"content_by_lua*", "content"},
	{"header_filter_by_lua*", "header_filter"},
	{"body_filter_by_lua*", "body_filter"},
	{"log_by_lua*", "log"},
	{"balancer_by_lua*", "balancer"},
	{"ngx.timer", "timer"},
	{"ssl_client_hello_by_lua*", "ssl_client_hello"},
	{"ssl_certificate_by_lua*", "ssl_cert"},
	{"ssl_session_fetch_by_lua*", "ssl_session_fetch"},
	{"ssl_session_store_by_lua*", "ssl_session_store"},
	{"proxy_ssl_certificate_by_lua*", "proxy_ssl_cert"},
	{"proxy_ssl_verify_by_lua*", "proxy_ssl_verify"},
}

// bit is the place of the lowest phase of p in phaseNames; -1 for none.
func (p Phase) bit() int {
	for i := range numPhases {
		if p&(1<<i) != 0 {
			return i
		}
	}
	return -1
}

// Action is what log messages of the phase say the request was at, "" for nothing in particular.
func (p Phase) Action() string {
	switch p {
	case Log:
		return "logging request"
	case ProxySSLCert:
		return "loading proxy ssl certificate by lua"
	case ProxySSLVerify:
		return "loading proxy ssl verify by lua"
	}
	return ""
}

// Context names the phase as error messages do: "content_by_lua*".
func (p Phase) Context() string {
	if i := p.bit(); i >= 0 {
		return phaseNames[i].context
	}
	return "(unknown)"
}

// Name names the phase as ngx.get_phase does: "content".
func (p Phase) Name() string {
	if i := p.bit(); i >= 0 {
		return phaseNames[i].phase
	}
	return ""
}

// Names lists the phases of a set as ngx.get_phase names them, for documentation.
func (p Phase) Names() []string {
	var names []string
	for i := range numPhases {
		if p&(1<<i) != 0 {
			names = append(names, phaseNames[i].phase)
		}
	}
	return names
}
