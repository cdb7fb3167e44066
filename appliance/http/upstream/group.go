package upstream

import (
	"strings"
	"sync"
	"sync/atomic"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/netio/dns"
	"weir/netio/sock"
)

// Group is an upstream block, or the addresses behind a proxy_pass without
// one. It is made while the configuration is read and immutable afterwards,
// except for the set of peers, which name resolution replaces.
type Group struct {
	Name string // of the block, or the host
	Port uint16 // of a host that is no block

	explicit bool // made by an upstream block
	noPort   bool
	item     *conf.Item // where it was first named

	servers []*server
	method  method
	hashKey *http.Complex
	backups bool // the method knows backup servers
	zone    bool

	keep keepaliveConf

	resolver        *dns.Resolver
	resolverTimeout conf.Opt[int64]

	state   *groupState
	once    sync.Once   // starts resolving
	mu      sync.Mutex  // held by rebuild
	retired atomic.Bool // a newer configuration has taken its place
	set     atomic.Pointer[Set]
	locals  []*local // by worker
}

// keepaliveConf is what the keepalive directives of a block say.
type keepaliveConf struct {
	max      conf.Opt[int]
	local    bool // connections are not shared between locations
	requests conf.Opt[int]
	time     conf.Opt[int64] // milliseconds
	timeout  conf.Opt[int64]
}

// server is one server directive.
type server struct {
	url         URL
	addrs       []sock.Addr // nil for those resolved at run time
	weight      int
	maxConns    int
	maxFails    int
	failTimeout int64
	backup      bool
	down        bool
	resolve     bool
	service     string
	found       atomic.Pointer[[]address] // what resolution brought
}

// mainConf lists the groups of a configuration.
type mainConf struct {
	groups []*Group
}

var mainSlot http.MainSlot[mainConf]

// Find returns the group that url names, making an implicit one when there is
// none. It is for setters of directives such as proxy_pass; the block may come
// later in the file.
func Find(cx *conf.Cx, u *URL) (*Group, error) {
	c := mainSlot.In(http.BuilderOf(cx))
	for _, g := range c.groups {
		if !strings.EqualFold(g.Name, u.Host) {
			continue
		}
		if g.explicit && !u.NoPort {
			return nil, conf.Errorf("upstream \"%s\" may not have port %d", u.Host, u.Port)
		}
		if !g.explicit && g.Port != 0 && u.Port != 0 && g.Port != u.Port {
			continue
		}
		return g, nil
	}
	g := &Group{Name: u.Host, Port: u.Port, noPort: u.NoPort, item: cx.Item, backups: true}
	if u.Addr.IsValid() {
		g.servers = []*server{{url: *u, addrs: []sock.Addr{u.Addr}, weight: 1, maxFails: 1, failTimeout: 10}}
	}
	c.groups = append(c.groups, g)
	return g, nil
}

// lookup finds the group for an address known only at run time.
func (c *mainConf) lookup(u *URL) *Group {
	for _, g := range c.groups {
		if len(g.Name) == len(u.Host) && (g.Port == 0 && u.NoPort || g.Port == u.Port) && strings.EqualFold(g.Name, u.Host) {
			return g
		}
	}
	return nil
}

// setUpstream reads an upstream block.
func setUpstream(cx *conf.Cx, it *conf.Item) error {
	b := http.BuilderOf(cx)
	c := mainSlot.In(b)
	name := it.Args[0]
	var g *Group
	for _, o := range c.groups {
		if !strings.EqualFold(o.Name, name) {
			continue
		}
		if o.explicit {
			return conf.Errorf("duplicate upstream \"%s\"", name)
		}
		if !o.noPort {
			return http.Fail(o.item, "upstream \"%s\" may not have port %d", name, o.Port)
		}
		g = o
		break
	}
	if g == nil {
		g = &Group{}
		c.groups = append(c.groups, g)
	}
	g.Name, g.Port, g.explicit, g.noPort, g.item, g.backups, g.servers = name, 0, true, true, it, true, nil
	if err := cx.Walk(it.Block, conf.Upstream, http.ScopeOf(cx).With(g)); err != nil {
		return err
	}
	if len(g.servers) == 0 {
		return it.CloseErrorf("no servers are inside upstream")
	}
	return nil
}

// setServer reads a server directive of an upstream block.
func setServer(cx *conf.Cx, it *conf.Item) error {
	g := conf.Target[Group](cx)
	s := &server{weight: 1, maxFails: 1, failTimeout: 10}
	for _, a := range it.Args[1:] {
		if err := s.param(g, a); err != nil {
			return err
		}
	}
	if s.service != "" && !s.resolve {
		return conf.Errorf("service upstream \"%s\" requires \"resolve\" parameter", it.Args[0])
	}
	var err error
	if s.url, err = ParseURL(it.Args[0], 80, false); err != nil {
		return conf.Errorf("%s in upstream \"%s\"", err, it.Args[0])
	}
	switch {
	case s.service != "" && !s.url.NoPort:
		return conf.Errorf("service upstream \"%s\" may not have port", it.Args[0])
	case s.service != "" && s.url.Addr.IsValid():
		return conf.Errorf("service upstream \"%s\" requires domain name", it.Args[0])
	case s.url.Addr.IsValid():
		s.addrs, s.resolve = []sock.Addr{s.url.Addr}, false
	case !s.resolve:
		if s.addrs = addressesOf(&s.url); len(s.addrs) == 0 {
			return conf.Errorf("host not found in upstream \"%s\"", it.Args[0])
		}
	}
	g.servers = append(g.servers, s)
	return nil
}

// addressesOf asks the system for the addresses of a name.
func addressesOf(u *URL) []sock.Addr {
	var list []sock.Addr
	for _, ip := range http.LookupHost(u.Host) {
		list = append(list, sock.AddrFrom(ip, u.Port))
	}
	return list
}

func (s *server) param(g *Group, a string) error {
	key, val, has := strings.Cut(a, "=")
	num := func(low int, to *int) error {
		n, ok := conf.ParseNum(val)
		if !ok || n < low {
			return conf.Errorf("invalid parameter \"%s\"", a)
		}
		*to = n
		return nil
	}
	switch {
	case key == "weight" && has:
		return num(1, &s.weight)
	case key == "max_conns" && has:
		return num(0, &s.maxConns)
	case key == "max_fails" && has:
		return num(0, &s.maxFails)
	case key == "fail_timeout" && has:
		t, ok := conf.ParseTime(val, true)
		if !ok {
			return conf.Errorf("invalid parameter \"%s\"", a)
		}
		s.failTimeout = t
	case a == "backup":
		if !g.backups {
			return conf.Errorf("balancing method does not support parameter \"%s\"", a)
		}
		s.backup = true
	case a == "down":
		s.down = true
	case a == "resolve":
		s.resolve = true
	case key == "service" && has:
		if val == "" {
			return conf.Errorf("service is empty")
		}
		s.service = val
	default:
		return conf.Errorf("invalid parameter \"%s\"", a)
	}
	return nil
}

// setMethod reads least_conn, ip_hash, hash and random.
func setMethod(cx *conf.Cx, it *conf.Item) error {
	g := conf.Target[Group](cx)
	if g.method != roundRobin {
		cx.Warn("load balancing method redefined")
	}
	g.backups = it.Name == "least_conn"
	switch it.Name {
	case "least_conn":
		g.method = leastConn
	case "ip_hash":
		g.method = ipHash
	case "random":
		g.method = random
		if len(it.Args) > 0 {
			if it.Args[0] != "two" || len(it.Args) == 2 && it.Args[1] != "least_conn" {
				return conf.Errorf("invalid parameter \"%s\"", it.Args[len(it.Args)-1])
			}
			g.method = randomTwo
		}
	case "hash":
		var err error
		if g.hashKey, err = http.BuilderOf(cx).CompileComplex(it.Args[0]); err != nil {
			return err
		}
		g.method = keyHash
		if len(it.Args) == 2 {
			if it.Args[1] != "consistent" {
				return conf.Errorf("invalid parameter \"%s\"", it.Args[1])
			}
			g.method = consistentHash
		}
	}
	return nil
}

// setKeepalive reads keepalive N [local].
func setKeepalive(cx *conf.Cx, it *conf.Item) error {
	k := &conf.Target[Group](cx).keep
	if k.max.Set {
		return conf.Tail("is duplicate")
	}
	n, ok := conf.ParseNum(it.Args[0])
	if !ok {
		return conf.Errorf("invalid value \"%s\" in \"%s\" directive", it.Args[0], it.Name)
	}
	k.max.Put(n)
	if len(it.Args) == 2 {
		if it.Args[1] != "local" {
			return conf.Errorf("invalid parameter \"%s\"", it.Args[1])
		}
		k.local = true
	}
	return nil
}

// setZone reads zone: peers' state is shared by all workers with or without
// it, so it only allows names that are resolved at run time.
func setZone(cx *conf.Cx, it *conf.Item) error {
	g := conf.Target[Group](cx)
	if g.zone {
		return conf.Tail("is duplicate")
	}
	if len(it.Args) == 2 {
		if _, ok := conf.ParseSize(it.Args[1]); !ok {
			return conf.Errorf("invalid zone size \"%s\"", it.Args[1])
		}
	}
	g.zone = true
	return nil
}

func setResolver(cx *conf.Cx, it *conf.Item) error {
	g := conf.Target[Group](cx)
	if g.resolver != nil {
		return conf.Tail("is duplicate")
	}
	var err error
	g.resolver, err = http.NewResolver(cx, it)
	return err
}

// finish fills in defaults and makes the first set of peers of every group.
func (c *mainConf) finish(b *http.Builder) error {
	cyc := b.Cycle()
	root := b.Locations()[0]
	for _, g := range c.groups {
		if err := g.resolveNames(root); err != nil {
			return err
		}
		if g.explicit {
			if !g.keep.max.Set {
				g.keep.max.Put(defaultKeepalive)
				g.keep.local = true
			}
			g.keep.requests.Merge(conf.Opt[int]{}, 1000)
			g.keep.time.Merge(conf.Opt[int64]{}, 3600_000)
			g.keep.timeout.Merge(conf.Opt[int64]{}, 60_000)
		}
		z, err := cyc.Zone(cycle.ZoneID{Kind: "upstream", Name: g.Name, Params: g.portText()}, func() (any, error) {
			return &groupState{peers: make(map[string]*peerState), found: make(map[string][]address)}, nil
		})
		if err != nil {
			return err
		}
		g.state = z.(*groupState)
		for _, s := range g.servers {
			if s.resolve {
				g.state.recall(s)
			}
		}
		g.rebuild()
		if len(g.set.Load().peers) == 0 && !g.resolves(false) {
			return http.Fail(g.item, "no servers in upstream \"%s\"", g.Name)
		}
	}
	cyc.OnFinish(func() error {
		for _, g := range c.groups {
			g.locals = make([]*local, max(cyc.Core.Workers, 1))
		}
		return nil
	})
	return nil
}

// defaultKeepalive is how many idle connections a group keeps per worker
// when it does not say, each for the location that made it.
const defaultKeepalive = 32

func (g *Group) portText() string {
	if g.explicit {
		return ""
	}
	return itoa(int64(g.Port))
}

// resolves reports whether a server's name is resolved at run time; backup
// limits the question to backup servers or to the others.
func (g *Group) resolves(backup bool) bool {
	for _, s := range g.servers {
		if s.resolve && s.backup == backup {
			return true
		}
	}
	return false
}

// resolveNames looks up what an implicit group names and checks what names
// resolved at run time need.
func (g *Group) resolveNames(root *http.Location) error {
	if g.servers == nil {
		u := URL{Host: g.Name, Port: g.Port}
		if g.Port == 0 {
			return http.Fail(g.item, "no port in upstream \"%s\"", g.Name)
		}
		addrs := addressesOf(&u)
		if len(addrs) == 0 {
			return http.Fail(g.item, "host not found in upstream \"%s\"", g.Name)
		}
		u.Text = g.Name
		g.servers = []*server{{url: u, addrs: addrs, weight: 1, maxFails: 1, failTimeout: 10}}
		return nil
	}
	if !g.resolves(false) && !g.resolves(true) {
		return nil
	}
	if !g.zone {
		return http.Fail(g.item, "resolving names at run time requires upstream \"%s\" to be in shared memory", g.Name)
	}
	r, timeout := root.Resolver()
	if g.resolver == nil {
		g.resolver = r
	}
	g.resolverTimeout.Merge(conf.Opt[int64]{}, timeout.Milliseconds())
	if g.resolver == nil {
		return http.Fail(g.item, "no resolver defined to resolve names at run time in upstream \"%s\"", g.Name)
	}
	return nil
}

// rebuild makes the set of peers from the servers' addresses.
func (g *Group) rebuild() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var peers, backup []*Peer
	seen := make(map[string]int)
	for _, s := range g.servers {
		for _, a := range s.addresses() {
			p := &Peer{
				Addr: a.addr, Name: a.addr.AppendTo(nil), Server: s.url.Text,
				Weight: int32(a.weight), MaxFails: int32(s.maxFails), MaxConns: int32(s.maxConns),
				FailTimeout: s.failTimeout, Down: s.down,
			}
			p.state = g.state.of(p, seen)
			if s.backup || a.backup {
				backup = append(backup, p)
			} else {
				peers = append(peers, p)
			}
		}
	}
	g.state.prune(seen)
	set := newSet(peers, backup)
	if g.method == consistentHash {
		set.layOut()
	}
	g.set.Store(set)
}

// address is one address of a server.
type address struct {
	addr   sock.Addr
	weight int
	backup bool // of a service, a target of lower priority
}

// addresses are those the server has now.
func (s *server) addresses() []address {
	if f := s.found.Load(); f != nil {
		return *f
	}
	list := make([]address, len(s.addrs))
	for i, a := range s.addrs {
		list[i] = address{addr: a, weight: s.weight}
	}
	return list
}
