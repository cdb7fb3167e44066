package upstream

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

// Module holds upstream blocks, balancers and the variables of exchanges. It
// stands before every module that passes requests to backends.
var Module = http.Module{
	Name:       "http_upstream",
	Main:       http.NewMain(&mainSlot, nil, nil),
	Local:      http.NewLocal(&workerSlot, newWorkerState),
	Directives: directives,
	Variables:  variables,
	Finish:     func(b *http.Builder) error { return mainSlot.In(b).finish(b) },
	InitWorker: initWorker,
}

func newWorkerState(w *http.Worker) *workerState {
	return &workerState{w: w, groups: make(map[string]*local)}
}

var directives = []conf.Directive{
	{Name: "upstream", In: conf.HTTP, Args: conf.Take1 | conf.HasBlock, Set: setUpstream,
		Doc: "Names a group of backends for proxy_pass and its like."},
	{Name: "server", In: conf.Upstream, Args: conf.OneMore, Set: setServer,
		Syntax: "address [weight=n] [max_conns=n] [max_fails=n] [fail_timeout=time] [backup] [down] [resolve] [service=name]",
		Doc:    "Adds a backend: a name or address with an optional port (80), or unix: and a path."},
	{Name: "resolver", In: conf.Upstream, Args: conf.OneMore, Set: setResolver,
		Doc: "Sets the name servers for servers with the resolve parameter."},
	{Name: "resolver_timeout", In: conf.Upstream, Args: conf.Take1,
		Set: conf.Msec(func(g *Group) *conf.Opt[int64] { return &g.resolverTimeout }), Default: "30s",
		Doc: "Limits the time of looking up one name."},
	{Name: "zone", In: conf.Upstream, Args: conf.Take12, Set: setZone, Syntax: "name [size]",
		Doc: "Allows servers with the resolve parameter. The state of peers is shared by all workers with or without it; the size is ignored."},
	{Name: "least_conn", In: conf.Upstream, Args: conf.NoArgs, Set: setMethod,
		Doc: "Chooses the peer with the fewest requests for its weight."},
	{Name: "ip_hash", In: conf.Upstream, Args: conf.NoArgs, Set: setMethod,
		Doc: "Chooses the peer by the client's address: its first three bytes for IPv4, all of it for IPv6."},
	{Name: "hash", In: conf.Upstream, Args: conf.Take12, Set: setMethod, Syntax: "key [consistent]",
		Doc: "Chooses the peer by the hash of a key; consistent moves few keys when the peers change."},
	{Name: "random", In: conf.Upstream, Args: conf.NoArgs | conf.Take12, Set: setMethod, Syntax: "[two [least_conn]]",
		Doc: "Chooses a peer by chance, or the less busy one of two."},
	{Name: "least_time", In: conf.Upstream, Args: conf.OneMore, Set: notBuilt, Doc: "Belongs to balancing by response times, which is not built in yet."},
	{Name: "sticky", In: conf.Upstream, Args: conf.OneMore, Set: notBuilt, Doc: "Belongs to sticky sessions, which are not built in yet."},
	{Name: "keepalive", In: conf.Upstream, Args: conf.Take12, Set: setKeepalive, Syntax: "connections [local]", Default: "32 local",
		Doc: "Sets how many idle connections to backends each worker keeps; with local a location uses only its own."},
	{Name: "keepalive_requests", In: conf.Upstream, Args: conf.Take1, Default: "1000",
		Set: conf.Num(func(g *Group) *conf.Opt[int] { return &g.keep.requests }, 0, conf.NoMax),
		Doc: "Sets how many requests are sent over one connection."},
	{Name: "keepalive_time", In: conf.Upstream, Args: conf.Take1, Default: "1h",
		Set: conf.Msec(func(g *Group) *conf.Opt[int64] { return &g.keep.time }),
		Doc: "Sets for how long requests are sent over one connection."},
	{Name: "keepalive_timeout", In: conf.Upstream, Args: conf.Take1, Default: "60s",
		Set: conf.Msec(func(g *Group) *conf.Opt[int64] { return &g.keep.timeout }),
		Doc: "Sets how long an idle connection is kept."},
}

func notBuilt(_ *conf.Cx, it *conf.Item) error {
	return conf.Errorf("\"%s\" is not built in yet", it.Name)
}
