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
	bits    int  // not 0: addr stands for all that share so many bits with it
	span    bool // one of a range of ports that share it
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

	bits    int // not 0: all addresses that share so many bits with Addr
	names   nameIndex
	servers []*Server
	opts    *listenDirective
	defSet  bool
}

// Port is what one listening socket serves: one address, or a wildcard and
// the specific addresses that share its socket, or that for each port of a
// range.
type Port struct {
	gen   *Generation
	addrs []*Address       // specific ones first, the socket's own last
	ports map[uint16]*Port // of a range; nil for one port
}

// portKey identifies a listening socket.
type portKey = sock.Addr

// find returns the configuration for a connection's local address.
func (p *Port) find(c *conn.Conn) *Address {
	if len(p.addrs) == 1 && p.ports == nil {
		return p.addrs[0]
	}
	local := c.Local()
	if q := p.ports[local.Port()]; q != nil {
		p = q
	}
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
	a, err := listenAddrs(it.Args[0])
	if err != nil {
		return err
	}
	for _, d := range a {
		if err := v.listen(cx, d, it.Args[1:]); err != nil {
			return err
		}
	}
	return nil
}

// listen adds an address with the parameters of a listen directive.
func (v *Server) listen(cx *conf.Cx, d *listenDirective, params []string) error {
	d.it, d.srv, d.v6only = cx.Item, v, true
	// A client of HTTP speaks first, so a connection is accepted when it has:
	// the first receive never misses, and clients that only connect cost no
	// descriptor for their first second. Sockets without TCP ignore it.
	d.opt.Deferred = true
	for _, a := range params {
		if err := d.param(cx, a); err != nil {
			return err
		}
	}
	d.opt.Addr = d.addr
	d.opt.IPv6Only = d.addr.Family() == sock.IPv6 && d.v6only
	d.opt.FreeBind = d.bits != 0 // the addresses are routed here, not configured
	if v.listens[d.addr] != nil {
		return conf.Errorf("a duplicate listen %s", d.text())
	}
	if v.listens == nil {
		v.listens = make(map[sock.Addr]*listenDirective)
	}
	v.listens[d.addr] = d
	v.listenOrder = append(v.listenOrder, d)
	return nil
}

// listenAddrs reads "address", "port", "address:port", "*:port", "[v6]:port",
// "name:port" and "unix:path"; "first-last" may stand for a port, and
// "address/bits" for an address. A name, or a range of ports, makes several
// addresses.
func listenAddrs(s string) ([]*listenDirective, error) {
	bad := func(why string) ([]*listenDirective, error) {
		return nil, conf.Errorf("%s in \"%s\" of the \"listen\" directive", why, s)
	}
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" {
			return bad("no path in the unix domain socket")
		}
		if len(path) > 107 {
			return bad("too long path in the unix domain socket")
		}
		return []*listenDirective{{addr: sock.UnixAddr(path)}}, nil
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
	ips, bits, why := listenIPs(host)
	if why != "" {
		return bad(why)
	}
	var list []*listenDirective
	for port := first; port <= last; port++ {
		for _, ip := range ips {
			list = append(list, &listenDirective{addr: sock.AddrFrom(ip, uint16(port)), bits: bits, span: first != last})
		}
	}
	return list, nil
}

// listenIPs reads the part of a listen address before the port. bits is 0 but
// for a prefix.
func listenIPs(host string) (ips []netip.Addr, bits int, why string) {
	bare := strings.Trim(host, "[]")
	switch {
	case host == "":
		return nil, 0, "no host"
	case host == "*":
		return []netip.Addr{netip.IPv4Unspecified()}, 0, ""
	case strings.Contains(host, "/"):
		p, err := netip.ParsePrefix(bare)
		if err != nil || p.Bits() == 0 || p.Addr().Is6() != (host[0] == '[') {
			return nil, 0, "invalid address range"
		}
		return []netip.Addr{p.Masked().Addr()}, p.Bits(), ""
	case host[0] == '[':
		ip, err := netip.ParseAddr(bare)
		if err != nil || !ip.Is6() {
			return nil, 0, "invalid IPv6 address"
		}
		return []netip.Addr{ip}, 0, ""
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}, 0, ""
	}
	if ips = LookupHost(host); len(ips) == 0 {
		return nil, 0, "host not found"
	}
	return ips, 0, ""
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
		for _, d := range v.listenOrder {
			a := byAddr[d.addr]
			if a == nil {
				a = &Address{Addr: d.addr, bits: d.bits, opts: d, Default: v}
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
	shared := make(map[*Address][]*Address) // by wildcard
	for _, a := range order {
		if w := wildcardFor(a, byAddr); w != nil {
			shared[w] = append(shared[w], a)
		}
	}
	b.gen.ports = make(map[portKey]*Port)
	ranges := make(map[rangeKey]*cycle.Listen)
	for _, a := range order {
		if wildcardFor(a, byAddr) != nil {
			continue
		}
		b.listenOn(a, &Port{gen: b.gen, addrs: append(shared[a], a)}, ranges)
	}
	return nil
}

// rangeKey identifies a range of ports: one directive and address.
type rangeKey struct {
	it *conf.Item
	ip netip.Addr
}

// listenOn registers the socket of an address with the cycle. The ports of a
// range have one together; one of them that has options of its own is not
// among them.
func (b *Builder) listenOn(a *Address, p *Port, ranges map[rangeKey]*cycle.Listen) {
	key := rangeKey{a.opts.it, a.Addr.IP()}
	if l := ranges[key]; l != nil {
		l.AddPort(a.Addr.Port())
		l.Service.(*Port).ports[a.Addr.Port()] = p
		return
	}
	l := &cycle.Listen{
		Addr: a.Addr, Bits: a.bits, Options: a.opts.opt, Text: a.Addr.String(), Service: p,
		Shared: a.Addr.Family() == sock.Unix,
	}
	if a.bits != 0 {
		l.Text = netip.PrefixFrom(a.Addr.IP(), a.bits).String() + ":" + strconv.Itoa(int(a.Addr.Port()))
	}
	if a.opts.span {
		ranges[key] = l
		l.AddPort(a.Addr.Port())
		p = &Port{gen: p.gen, addrs: p.addrs, ports: map[uint16]*Port{a.Addr.Port(): p}}
		l.Service = p
	}
	b.gen.ports[a.Addr] = p
	b.gen.Cycle.AddListen(l)
}

// join adds one directive to its address.
func (a *Address) join(d *listenDirective) error {
	if d.bits != a.bits {
		return Fail(d.it, "conflicting address ranges for %s", d.text())
	}
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
	if a.Addr.Family() == sock.Unix || a.Addr.IsUnspecified() || a.opts.bind || a.bits != 0 {
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
