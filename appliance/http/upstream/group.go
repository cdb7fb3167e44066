package upstream

import (
	"strings"
	"sync"
	"sync/atomic"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/certfile"
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

	balancer Balancer      // from outside of this package, nil for none
	balanced conf.Opt[int] // idle connections kept for it, per worker

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
	implicit bool // nobody asked for any of this
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
	files  certfile.Store
	secure map[*http.Location]*secure // of locations that pass requests to https
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
				g.keep.local, g.keep.implicit = true, true
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
		if len(g.set.Load().peers) == 0 && !g.resolves(false) && g.balancer == nil {
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
