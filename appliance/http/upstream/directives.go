package upstream

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/sock"
)

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
	if len(g.servers) == 0 && g.balancer != nil {
		g.servers = []*server{} // the balancer brings the peers
		return nil
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
