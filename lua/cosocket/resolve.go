package cosocket

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/dns"
	"weir/netio/sock"
)

// target is a host and port as they were given, or the address they are.
type target struct {
	addr sock.Addr // invalid for a name
	name string
	port int
}

// parseTarget takes a host apart: an address, "unix:path", or a name, each with or without a port of its own.
func parseTarget(host string, port int) (t target, err error) {
	if len(host) >= 5 && strings.EqualFold(host[:5], "unix:") {
		t.addr, err = sock.ParseAddr("unix:" + host[5:])
		if err != nil {
			return t, errors.New("no path in the unix domain socket")
		}
		return t, nil
	}
	if a, err := sock.ParseAddr(host); err == nil {
		if a.Port() == 0 {
			a = a.WithPort(uint16(port))
		}
		return target{addr: a}, nil
	}
	name := host
	if before, after, ok := strings.Cut(host, ":"); ok {
		name = before
		n, err := strconv.ParseUint(after, 10, 16)
		if err != nil || n == 0 {
			return t, errors.New("invalid port")
		}
		port = int(n)
	}
	switch {
	case name == "":
		return t, errors.New("no host")
	case name[0] == '[' || strings.ContainsAny(name, "/ "):
		return t, errors.New("invalid host")
	}
	return target{name: name, port: port}, nil
}

// address finds out what the socket connects to. It returns the error for Lua.
func (s *socket) address(l *vm.State, c *api.Ctx) (a sock.Addr, text string) {
	t, err := parseTarget(s.host, s.port)
	switch {
	case err != nil:
		return a, fmt.Sprintf("failed to parse host name \"%s\": %s", s.host, err)
	case t.addr.IsValid():
		return t.addr, ""
	}
	return lookUp(l, c, t, func() { s.connecting, s.ctx = true, c }, func() { s.connecting = false })
}

// lookUp asks the resolver of the place for a name. Where it has to wait it calls begin before and end after.
func lookUp(l *vm.State, c *api.Ctx, t target, begin, end func()) (a sock.Addr, text string) {
	resolver, timeout := resolverOf(c)
	if resolver == nil {
		return a, fmt.Sprintf("no resolver defined to resolve \"%s\"", t.name)
	}
	loop := c.Worker().Loop
	q := dns.Query{Name: t.name}
	res, ok := resolver.Cached(q, time.Unix(loop.Unix(), 0))
	if !ok {
		w := &lookup{thread: c.Thread()}
		w.cancel = resolver.LookupTimeout(q, timeout, func(res dns.Result) { loop.Post(&lookupDone{w, res}) })
		begin()
		c.Park(l, w)
		end()
		res = w.res
	}
	if res.Err != nil {
		return a, fmt.Sprintf("%s could not be resolved (%d: %s)", t.name, res.Err.Code, res.Err.Text)
	}
	if len(res.Addrs) == 0 {
		return a, fmt.Sprintf("%s could not be resolved", t.name)
	}
	return sock.AddrFrom(res.Addrs[rand.IntN(len(res.Addrs))], uint16(t.port)), ""
}

// resolverOf is the resolver of the location, or of the http block where there is no request.
func resolverOf(c *api.Ctx) (*dns.Resolver, time.Duration) {
	var at *http.Location
	if c.R != nil {
		at = c.R.Location()
	} else {
		at = c.Env().Main.Root
	}
	return at.Resolver()
}

// lookup is a light thread that waits for the resolver.
type lookup struct {
	thread *api.Thread // nil once it is gone
	cancel func()
	res    dns.Result
}

// Abandon implements api.Waiter.
func (w *lookup) Abandon() {
	w.thread = nil
	w.cancel()
}

// lookupDone brings the result to the worker.
type lookupDone struct {
	w   *lookup
	res dns.Result
}

// Run implements poll.Task.
func (d *lookupDone) Run() {
	if t := d.w.thread; t != nil {
		d.w.res = d.res
		t.Wake()
	}
}
