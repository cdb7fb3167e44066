package upstream

import (
	"time"

	"weir/appliance/errlog"
	"weir/appliance/http"
	"weir/netio/dns"
	"weir/netio/sock"
)

// startResolving begins to look up, once per process and configuration, the
// names of servers with the resolve parameter, and ends doing so for the
// configuration before.
func startResolving(_ *http.Worker, g *http.Generation) {
	if old, ok := g.Cycle.OldHTTP().(*http.Generation); ok && old != nil {
		for _, gr := range mainSlot.Of(old).groups {
			gr.retired.Store(true)
		}
	}
	for _, gr := range mainSlot.Of(g).groups {
		gr.once.Do(gr.resolveAll)
	}
}

func (g *Group) resolveAll() {
	for _, s := range g.servers {
		if s.resolve {
			g.resolve(s)
		}
	}
}

// minResolve bounds how often a name is asked for.
const minResolve = time.Second

// resolve asks for a server's addresses now and again when they expire, until
// the group is retired. It runs off the workers.
func (g *Group) resolve(s *server) {
	if g.retired.Load() {
		return
	}
	q := dns.Query{Name: s.url.Host}
	if s.service != "" {
		q.Type, q.Service = dns.SRV, s.service
	}
	timeout := time.Duration(g.resolverTimeout.V) * time.Millisecond
	g.resolver.LookupTimeout(q, timeout, func(res dns.Result) {
		g.resolved(s, res)
		time.AfterFunc(max(time.Until(res.Expires), minResolve), func() { g.resolve(s) })
	})
}

// resolved takes the result of a lookup. A name that is gone leaves the
// server without addresses; other failures leave it what it had.
func (g *Group) resolved(s *server, res dns.Result) {
	var list []address
	switch {
	case res.Err != nil:
		errlog.Default().Printf(errlog.Error, 0, "%s could not be resolved (%d: %s)", s.url.Host, res.Err.Code, res.Err.Text)
		if res.Err.Code != dns.CodeNotFound {
			return
		}
	case s.service != "":
		for _, t := range res.Targets {
			for _, ip := range t.Addrs {
				list = append(list, address{addr: sock.AddrFrom(ip, t.Port), weight: max(int(t.Weight), 1),
					backup: t.Priority != res.Targets[0].Priority})
			}
		}
	default:
		for _, ip := range res.Addrs {
			list = append(list, address{addr: sock.AddrFrom(ip, s.url.Port), weight: s.weight})
		}
	}
	s.found.Store(&list)
	g.state.remember(s, list)
	g.rebuild()
}

// beginTarget finds out what an address known only for this request stands
// for: a group, an address, or a name to look up.
func (x *Exchange) beginTarget() {
	u, r := x.Target, x.R
	if g := mainSlot.Of(r.Generation()).lookup(u); g != nil {
		x.group = g
		x.beginGroup()
		return
	}
	if u.Addr.IsValid() {
		x.beginAddresses([]sock.Addr{u.Addr})
		return
	}
	if u.Port == 0 {
		r.Logf(http.LogErr, "no port in upstream \"%s\"", u.Host)
		x.finalize(http.StatusInternalServerError)
		return
	}
	resolver, timeout := r.Location().Resolver()
	if resolver == nil {
		r.Logf(http.LogErr, "no resolver defined to resolve %s", u.Host)
		x.finalize(http.StatusBadGateway)
		return
	}
	q := dns.Query{Name: u.Host}
	if res, ok := resolver.Cached(q, time.Unix(x.ws.w.Loop.Unix(), 0)); ok {
		x.resolved(res)
		return
	}
	x.step = stepResolve
	x.action = "resolving upstream"
	l := &lookup{x: x}
	x.lookup = l
	loop := x.ws.w.Loop
	l.cancel = resolver.LookupTimeout(q, timeout, func(res dns.Result) {
		loop.Post(&lookupDone{l, res})
	})
}

// lookup is a name being looked up for an exchange.
type lookup struct {
	x      *Exchange // nil once nobody waits any more
	cancel func()
}

func (l *lookup) abandon() {
	l.x = nil
	l.cancel()
}

// lookupDone brings a result to the worker.
type lookupDone struct {
	l   *lookup
	res dns.Result
}

// Run implements poll.Task.
func (d *lookupDone) Run() {
	x := d.l.x
	if x == nil {
		return
	}
	x.lookup = nil
	c := x.R.Client()
	x.resolved(d.res)
	c.RunPosted()
}

// resolved goes on with the addresses of the name.
func (x *Exchange) resolved(res dns.Result) {
	if res.Err != nil {
		x.R.Logf(http.LogErr, "%s could not be resolved (%d: %s)", x.Target.Host, res.Err.Code, res.Err.Text)
		x.finalize(http.StatusBadGateway)
		return
	}
	n := len(res.Addrs)
	if n == 0 {
		x.finalize(http.StatusBadGateway)
		return
	}
	list := make([]sock.Addr, n)
	for i := range list {
		list[i] = sock.AddrFrom(res.Addrs[(i+int(res.Turn))%n], x.Target.Port)
	}
	x.beginAddresses(list)
}

// beginAddresses tries addresses that belong to no group, in order.
func (x *Exchange) beginAddresses(list []sock.Addr) {
	peers := make([]*Peer, len(list))
	for i, a := range list {
		peers[i] = &Peer{Addr: a, Name: a.AppendTo(nil), Weight: 1, MaxFails: 1, FailTimeout: 10, state: new(peerState)}
	}
	s := &x.sel
	*s = selection{more: s.more[:0], set: newSet(peers, nil)}
	s.follow()
	s.tries = s.set.allTries()
	x.beginTries()
}
