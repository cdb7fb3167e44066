package ngx

import (
	"math"

	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/sock"
)

// Balancer is the family of the module ngx.balancer.
var Balancer = api.Family{
	Name:   "ngx.balancer",
	Doc:    "What balancer_by_lua says about the peer of a try.",
	Tables: []api.Table{{Path: "ngx.balancer", Module: true, Funcs: balancerFuncs}},
}

var balancerFuncs = []api.Func{
	{Name: "set_current_peer", In: api.Any, Args: "(address, port?, host?)", Doc: "Sets the address that is tried: an IP address or unix: and a path; names are not looked up. The host is the name that TLS asks for where proxy_ssl_name says none; connections are only used again for the same one.", Run: setCurrentPeer},
	{Name: "set_more_tries", In: api.Any, Args: "(count)", Doc: "Allows so many tries more, within the limit of proxy_next_upstream_tries.", Run: setMoreTries},
	{Name: "get_last_failure", In: api.Any, Args: "()", Doc: "Returns what became of the try before, next or failed, and its status; nil in the first try.", Run: getLastFailure},
	{Name: "set_timeouts", In: api.Any, Args: "(connect?, send?, read?)", Doc: "Sets the timeouts of the request, in seconds; nil leaves one as it is.", Run: setPeerTimeouts},
	{Name: "enable_keepalive", In: api.Any, Args: "(idle_timeout?, max_requests?)", Doc: "Has the connection come from the balancer's pool and go there afterwards: for so many seconds (60) of idleness and so many requests (100), 0 for no limit.", Run: enableKeepalive},
	{Name: "recreate_request", In: api.Any, Args: "()", Doc: "Writes the request to the backend anew, from the header and the variables as they are now.", Run: recreateRequest},
	{Name: "set_upstream_tls", In: api.Any, Args: "(on)", Doc: "Uses TLS towards the peers, or does not, whatever the scheme of proxy_pass is; false and 0 are off.", Run: setUpstreamTLS},
	{Name: "bind_to_local_addr", In: api.Any, Args: "(address)", Doc: "Has connections come from a local IP address, with a port or without.", Run: bindToLocalAddr},
}

// balanced returns the exchange whose peer is being chosen, or why there is none.
func balanced(l *vm.State) (*upstream.Exchange, string) {
	c := api.Of(l)
	if c.R == nil {
		l.Errorf("no request found")
	}
	x := upstream.Of(c.R)
	switch {
	case x == nil:
		return nil, "no upstream found"
	case c.Phase != api.Balancer:
		return nil, "API disabled in the current context"
	}
	return x, ""
}

func setCurrentPeer(l *vm.State) int {
	host := l.CheckString(1)
	port := l.OptInt(2, 0)
	name := ""
	if v := l.Arg(3); v != vm.Nil {
		if v.Type() != vm.TypeString {
			l.Errorf("bad argument #3 to 'set_current_peer' (string expected, got %s)", v.TypeName())
		}
		name, _ = v.AsString()
	}
	x, msg := balanced(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	if port < 0 || port > 65535 {
		return api.Fail(l, "invalid port")
	}
	u, err := upstream.ParseURL(host, uint16(port), false)
	switch {
	case err != nil:
		return api.Fail(l, err.Error())
	case !u.Addr.IsValid():
		return api.Fail(l, "no host allowed")
	}
	x.SetPeer(u.Addr, name)
	return l.Ret(vm.True)
}

func setMoreTries(l *vm.State) int {
	n := l.CheckInt(1)
	x, msg := balanced(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	l.Push(vm.True)
	if !x.MoreTries(max(0, n)) {
		l.PushString("reduced tries due to limit")
		return 2
	}
	return 1
}

func getLastFailure(l *vm.State) int {
	x, msg := balanced(l)
	if msg != "" {
		l.Push(vm.Nil)
		return 1 + api.Fail(l, msg)
	}
	last, status := x.LastTry()
	switch last {
	case upstream.LastNext:
		l.PushString("next")
	case upstream.LastFailed:
		l.PushString("failed")
	default:
		return l.Ret(vm.Nil)
	}
	l.Push(vm.Int(status))
	return 2
}

func setPeerTimeouts(l *vm.State) int {
	x, msg := balanced(l)
	var ms [3]int64
	for i, name := range []string{"connect", "send", "read"} {
		if l.Arg(i+1) == vm.Nil {
			continue
		}
		s, ok := l.Arg(i + 1).AsNumber()
		if !ok || !(s > 0) {
			l.Errorf("bad %s timeout", name)
		}
		ms[i] = int64(min(s, maxSeconds) * 1000)
	}
	if msg != "" {
		l.Push(vm.False)
		l.PushString(msg)
		return 2
	}
	x.SetTimeouts(ms[0], ms[1], ms[2])
	return l.Ret(vm.True)
}

// maxSeconds bounds times that scripts give: about 24 days.
const maxSeconds = 1<<31/1000 - 1

func enableKeepalive(l *vm.State) int {
	x, msg := balanced(l)
	idle, requests := keepLimit(l, 1, 60), keepLimit(l, 2, 100)
	switch {
	case msg != "":
		return api.Fail(l, msg)
	case !x.HasPeer():
		return api.Fail(l, "no current peer set")
	}
	x.KeepIdle(int64(min(idle, maxSeconds)*1000), int(min(requests, math.MaxInt32)))
	return l.Ret(vm.True)
}

// keepLimit returns an argument of enable_keepalive.
func keepLimit(l *vm.State, i int, missing float64) float64 {
	v := l.Arg(i)
	if !v.Truthy() {
		return missing
	}
	n, ok := v.AsNumber()
	switch {
	case !ok:
		l.Errorf("bad argument #%d to 'enable_keepalive' (number expected, got %s)", i, v.TypeName())
	case !(n >= 0):
		l.Errorf("bad argument #%d to 'enable_keepalive' (expected >= 0)", i)
	}
	return n
}

func setUpstreamTLS(l *vm.State) int {
	x, msg := balanced(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	n, isNumber := l.Arg(1).AsNumber()
	if !x.SetSecure(l.Arg(1) != vm.False && (!isNumber || n != 0)) {
		return api.Fail(l, "no TLS settings in the location")
	}
	return l.Ret(vm.True)
}

func bindToLocalAddr(l *vm.State) int {
	text, _ := l.Arg(1).AsString()
	if l.Arg(1).Type() != vm.TypeString {
		l.Errorf("bad argument #1 to 'bind_to_local_addr' (string expected, got %s)", l.Arg(1).TypeName())
	}
	x, msg := balanced(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	a, err := sock.ParseAddr(text)
	if err != nil {
		return api.Fail(l, "invalid addr "+text)
	}
	x.Bind(a)
	return l.Ret(vm.True)
}

func recreateRequest(l *vm.State) int {
	x, msg := balanced(l)
	if msg != "" {
		return api.Fail(l, msg)
	}
	if x.Recreate() != http.OK {
		return api.Fail(l, "failed to recreate the request")
	}
	return l.Ret(vm.True)
}
