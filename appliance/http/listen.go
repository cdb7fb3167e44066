package http

import (
	"net/netip"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/netio/conn"
	"weir/netio/sock"
)

// listenDirective is one listen directive of one server.
type listenDirective struct {
	it      *conf.Item
	srv     *Server
	addr    sock.Addr
	opt     sock.ListenOptions
	isSet   bool // some socket option was given: it may be given once per address
	bind    bool // a socket of its own even where a wildcard listens
	def     bool
	proxy   bool // PROXY protocol header expected
	tls     bool
	v6only  bool
	v6given bool
}

// Address is the configuration of one local address and port.
type Address struct {
	Addr    sock.Addr
	Default *Server // for hosts no server is named after
	Proxy   bool    // connections begin with a PROXY protocol header
	TLS     bool    // connections are secured

	names   nameIndex
	servers []*Server
	opts    *listenDirective
	defSet  bool
}

// Port is what one listening socket serves: one address, or a wildcard and
// the specific addresses that share its socket.
type Port struct {
	gen   *Generation
	addrs []*Address // specific ones first, the socket's own last
}

// portKey identifies a listening socket.
type portKey = sock.Addr

// find returns the configuration for a connection's local address.
func (p *Port) find(c *conn.Conn) *Address {
	if len(p.addrs) == 1 {
		return p.addrs[0]
	}
	local := c.Local()
	for _, a := range p.addrs[:len(p.addrs)-1] {
		if a.Addr == local || a.Addr == local.Unmap() {
			return a
		}
	}
	return p.addrs[len(p.addrs)-1]
}

// defaultListen is the address of a server without a listen directive: port 80
// where the master may bind it.
func defaultListen(c *cycle.Cycle) sock.Addr {
	port := uint16(8000)
	if c.Root {
		port = 80
	}
	return sock.AddrFrom(netip.IPv4Unspecified(), port)
}

// setListen reads a listen directive.
func setListen(cx *conf.Cx, it *conf.Item) error {
	v := ScopeOf(cx).host
	addrs, err := listenAddrs(it.Args[0])
	if err != nil {
		return err
	}
	for _, addr := range addrs {
		if err := v.listen(cx, addr, it.Args[1:]); err != nil {
			return err
		}
	}
	return nil
}

// listen adds an address with the parameters of a listen directive.
func (v *Server) listen(cx *conf.Cx, addr sock.Addr, params []string) error {
	d := &listenDirective{it: cx.Item, srv: v, addr: addr, v6only: true}
	// A client of HTTP speaks first, so a connection is accepted when it has:
	// the first receive never misses, and clients that only connect cost no
	// descriptor for their first second. Sockets without TCP ignore it.
	d.opt.Deferred = true
	for _, a := range params {
		if err := d.param(cx, a); err != nil {
			return err
		}
	}
	d.opt.Addr = addr
	d.opt.IPv6Only = addr.Family() == sock.IPv6 && d.v6only
	for _, o := range v.listens {
		if o.addr == addr {
			return conf.Errorf("a duplicate listen %s", d.text())
		}
	}
	v.listens = append(v.listens, d)
	return nil
}

// listenAddrs reads "address", "port", "address:port", "*:port", "[v6]:port",
// "name:port" and "unix:path"; "first-last" may stand for a port. A name, or a
// range of ports, makes several addresses.
func listenAddrs(s string) ([]sock.Addr, error) {
	bad := func(why string) ([]sock.Addr, error) {
		return nil, conf.Errorf("%s in \"%s\" of the \"listen\" directive", why, s)
	}
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return bad("no path in the unix domain socket")
		}
		if len(path) > 107 {
			return bad("too long path in the unix domain socket")
		}
		return []sock.Addr{sock.UnixAddr(path)}, nil
	}
	host, ports := s, "80"
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, ports = s[:i], s[i+1:]
	} else if strings.Trim(s, "0123456789-") == "" {
		host, ports = "*", s
	}
	first, last, ok := portRange(ports)
	switch {
	case !ok && first > last && last > 0:
		return bad("invalid port range")
	case !ok:
		return bad("invalid port")
	}
	ips, why := listenIPs(host)
	if why != "" {
		return bad(why)
	}
	var addrs []sock.Addr
	for port := first; port <= last; port++ {
		for _, ip := range ips {
			addrs = append(addrs, sock.AddrFrom(ip, uint16(port)))
		}
	}
	return addrs, nil
}

// listenIPs reads the part of a listen address before the port.
func listenIPs(host string) (ips []netip.Addr, why string) {
	switch {
	case host == "":
		return nil, "no host"
	case host == "*":
		return []netip.Addr{netip.IPv4Unspecified()}, ""
	case host[0] == '[':
		ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil || !ip.Is6() {
			return nil, "invalid IPv6 address"
		}
		return []netip.Addr{ip}, ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, ""
	}
	if ips = LookupHost(host); len(ips) == 0 {
		return nil, "host not found"
	}
	return ips, ""
}

// portRange reads "port" or "first-last".
func portRange(s string) (first, last int, ok bool) {
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	a, err1 := strconv.ParseUint(from, 10, 16)
	b, err2 := strconv.ParseUint(to, 10, 16)
	return int(a), int(b), err1 == nil && err2 == nil && 1 <= a && a <= b
}

// param applies one parameter of a listen directive.
func (d *listenDirective) param(cx *conf.Cx, a string) error {
	key, val, _ := strings.Cut(a, "=")
	number := func(into *int) error {
		n, err := strconv.Atoi(val)
		if err != nil || n <= 0 {
			return conf.Errorf("invalid %s \"%s\"", key, a)
		}
		*into, d.isSet, d.bind = n, true, true
		return nil
	}
	size := func(into *int) error {
		n, ok := conf.ParseSize(val)
		if !ok || n == 0 || n > 1<<30 {
			return conf.Errorf("invalid %s \"%s\"", key, a)
		}
		*into, d.isSet, d.bind = int(n), true, true
		return nil
	}
	switch key {
	case "default_server", "default":
		d.def = true
	case "bind":
		d.isSet, d.bind = true, true
	case "fastopen":
		return number(&d.opt.FastOpen)
	case "backlog":
		return number(&d.opt.Backlog)
	case "rcvbuf":
		return size(&d.opt.RcvBuf)
	case "sndbuf":
		return size(&d.opt.SndBuf)
	case "deferred":
		if val != "" && val != "on" && val != "off" {
			return conf.Errorf("invalid deferred \"%s\"", a)
		}
		d.opt.Deferred, d.isSet, d.bind = val != "off", true, true
	case "reuseport": // every worker has a socket of its own anyway
		d.isSet, d.bind = true, true
	case "ipv6only":
		return d.setV6Only(val)
	case "so_keepalive":
		return d.setKeepalive(val)
	case "proxy_protocol":
		d.proxy = true
	case "http2":
		cx.Warn("HTTP/2 is not built in yet: \"http2\" of the \"listen\" directive has no effect, clients use HTTP/1.1")
	case "ssl":
		d.tls = true
	case "quic":
		return conf.Errorf("the \"quic\" parameter requires HTTP/3, which is not built in yet")
	case "setfib", "accept_filter":
		return conf.Errorf("%s \"%s\" is not supported on this platform", key, val)
	case "multipath":
		return conf.Errorf("multipath is not supported on this platform, ignored")
	default:
		return conf.Errorf("invalid parameter \"%s\"", a)
	}
	return nil
}

func (d *listenDirective) setV6Only(val string) error {
	switch val {
	case "on":
		d.v6only = true
	case "off":
		d.v6only = false
	default:
		return conf.Errorf("invalid ipv6only flags \"%s\"", val)
	}
	if d.addr.Family() != sock.IPv6 {
		return conf.Errorf("ipv6only is not supported on addr \"%s\"", d.text())
	}
	d.isSet, d.bind, d.v6given = true, true, true
	return nil
}

// setKeepalive reads on, off, or idle:interval:count with empty parts.
func (d *listenDirective) setKeepalive(val string) error {
	d.isSet, d.bind = true, true
	switch val {
	case "on":
		d.opt.KeepAlive.On = true
		return nil
	case "off":
		d.opt.KeepAlive.Off = true
		return nil
	}
	bad := conf.Errorf("invalid so_keepalive value: \"%s\"", val)
	parts := strings.Split(val, ":")
	if len(parts) > 3 || val == "" || val == "::" {
		return bad
	}
	k := &d.opt.KeepAlive
	for i, p := range parts {
		if p == "" {
			continue
		}
		if i == 2 {
			n, err := strconv.Atoi(p)
			if err != nil || n <= 0 {
				return bad
			}
			k.Count = n
			continue
		}
		sec, ok := conf.ParseTime(p, true)
		if !ok || sec == 0 {
			return bad
		}
		if i == 0 {
			k.Idle = int(sec)
		} else {
			k.Intvl = int(sec)
		}
	}
	k.On = true
	return nil
}

// text is the address as messages show it.
func (d *listenDirective) text() string { return d.addr.String() }

// finishListen groups all listen directives by socket and registers the
// sockets with the cycle.
func (b *Builder) finishListen() error {
	var order []*Address
	byAddr := make(map[sock.Addr]*Address)
	for _, v := range b.gen.Servers {
		for _, d := range v.listens {
			a := byAddr[d.addr]
			if a == nil {
				a = &Address{Addr: d.addr, opts: d, Default: v}
				byAddr[d.addr] = a
				order = append(order, a)
			}
			if err := a.join(d); err != nil {
				return err
			}
		}
	}
	for _, a := range order {
		b.nameServers(a)
		if err := b.checkTLS(a); err != nil {
			return err
		}
	}
	b.gen.ports = make(map[portKey]*Port)
	for _, a := range order {
		if w := wildcardFor(a, byAddr); w != nil {
			continue
		}
		p := &Port{gen: b.gen}
		for _, o := range order {
			if o != a && wildcardFor(o, byAddr) == a {
				p.addrs = append(p.addrs, o)
			}
		}
		p.addrs = append(p.addrs, a)
		b.gen.ports[a.Addr] = p
		b.gen.Cycle.AddListen(&cycle.Listen{
			Addr: a.Addr, Options: a.opts.opt, Text: a.Addr.String(), Service: p,
			Shared: a.Addr.Family() == sock.Unix,
		})
	}
	return nil
}

// join adds one directive to its address.
func (a *Address) join(d *listenDirective) error {
	if d != a.opts && d.isSet {
		if a.opts.isSet {
			return Fail(d.it, "duplicate listen options for %s", d.text())
		}
		a.opts = d
	}
	if d.def {
		if a.defSet {
			return Fail(d.it, "a duplicate default server for %s", d.text())
		}
		a.Default, a.defSet = d.srv, true
	}
	a.Proxy = a.Proxy || d.proxy
	a.TLS = a.TLS || d.tls
	a.servers = append(a.servers, d.srv)
	return nil
}

// wildcardFor returns the wildcard address whose socket serves a, nil when a
// has a socket of its own.
func wildcardFor(a *Address, all map[sock.Addr]*Address) *Address {
	if a.Addr.Family() == sock.Unix || a.Addr.IsUnspecified() || a.opts.bind {
		return nil
	}
	any4 := netip.IPv4Unspecified()
	if a.Addr.Family() == sock.IPv6 {
		any4 = netip.IPv6Unspecified()
	}
	return all[sock.AddrFrom(any4, a.Addr.Port())]
}

// nameServers fills the name index of an address and warns of names that
// several servers claim.
func (b *Builder) nameServers(a *Address) {
	for _, v := range a.servers {
		for _, n := range v.names {
			if a.names.add(n) {
				b.cx.Warn("conflicting server name \"%s\" on %s, ignored", n.text, a.Addr.String())
			}
		}
	}
}
