package cycle

import (
	"net/netip"
	"strings"

	"weir/appliance/conf"
	"weir/netio/sock"
)

// Events is the events block with defaults filled in.
type Events struct {
	WorkerConnections int            // most connections of a worker, to clients and upstreams together
	MultiAccept       bool           // accept all waiting connections at once
	DebugPrefixes     []netip.Prefix // debug_connection: clients whose connections are logged at debug
	DebugUnix         bool           // debug_connection unix:
}

// eventsConf is the events block while it is read.
type eventsConf struct {
	connections conf.Opt[int]
	use         conf.Opt[string]
	multiAccept conf.Opt[bool]
	mutex       conf.Opt[bool]
	mutexDelay  conf.Opt[int64]
	epollEvents conf.Opt[int]
	aioRequests conf.Opt[int]
	prefixes    []netip.Prefix
	debugUnix   bool
}

var eventsDirectives = []conf.Directive{
	{Name: "events", In: conf.Main, Args: conf.NoArgs | conf.HasBlock,
		Set: conf.Block(setEvents),
		Doc: "Settings of the event loops."},
	{Name: "worker_connections", In: conf.Events, Args: conf.Take1, Default: "512",
		Set: setConnections,
		Doc: "Largest number of open connections of a worker, those to upstreams included."},
	{Name: "use", In: conf.Events, Args: conf.Take1, Default: "epoll",
		Set: setUse,
		Doc: "Event mechanism. Only epoll is built in."},
	{Name: "multi_accept", In: conf.Events, Args: conf.FlagArg, Default: "off",
		Set: conf.Flag(func(e *eventsConf) *conf.Opt[bool] { return &e.multiAccept }),
		Doc: "Accepted; a worker always takes what waits, in fair portions."},
	{Name: "accept_mutex", In: conf.Events, Args: conf.FlagArg, Default: "off",
		Set: conf.Flag(func(e *eventsConf) *conf.Opt[bool] { return &e.mutex }),
		Doc: "Accepted; every worker has listeners of its own, so there is nothing to take turns for."},
	{Name: "accept_mutex_delay", In: conf.Events, Args: conf.Take1, Default: "500ms",
		Set: conf.Msec(func(e *eventsConf) *conf.Opt[int64] { return &e.mutexDelay }),
		Doc: "Accepted; see accept_mutex."},
	{Name: "debug_connection", In: conf.Events, Args: conf.Take1, Syntax: "address | CIDR | unix:",
		Set: setDebugConnection,
		Doc: "Clients whose connections are logged at level debug."},
	{Name: "epoll_events", In: conf.Events, Args: conf.Take1, Default: "512",
		Set: conf.Num(func(e *eventsConf) *conf.Opt[int] { return &e.epollEvents }, 1, conf.NoMax),
		Doc: "Accepted; the loop sizes its event list itself."},
	{Name: "worker_aio_requests", In: conf.Events, Args: conf.Take1, Default: "32",
		Set: conf.Num(func(e *eventsConf) *conf.Opt[int] { return &e.aioRequests }, 0, conf.NoMax),
		Doc: "Accepted; file work has no queue of its own."},
}

func setEvents(cx *conf.Cx, it *conf.Item) error {
	c := Of(cx)
	if c.main.eventsSeen {
		return conf.Tail("is duplicate")
	}
	c.main.eventsSeen = true
	return cx.Walk(it.Block, conf.Events, conf.ScopeFunc(func(any) []any { return []any{&c.events} }))
}

func setConnections(cx *conf.Cx, it *conf.Item) error {
	e := conf.Target[eventsConf](cx)
	if e.connections.Set {
		return conf.Tail("is duplicate")
	}
	n, ok := conf.ParseNum(it.Arg(0))
	if !ok {
		return conf.Errorf("invalid number %q", it.Arg(0))
	}
	e.connections.Put(n)
	return nil
}

func setUse(cx *conf.Cx, it *conf.Item) error {
	e := conf.Target[eventsConf](cx)
	if e.use.Set {
		return conf.Tail("is duplicate")
	}
	switch it.Arg(0) {
	case "epoll":
	case "select", "poll":
		cx.Warn("event type %q is not built in, using \"epoll\"", it.Arg(0))
	default:
		return conf.Errorf("invalid event type %q", it.Arg(0))
	}
	e.use.Put("epoll")
	return nil
}

func setDebugConnection(cx *conf.Cx, it *conf.Item) error {
	e := conf.Target[eventsConf](cx)
	text := it.Arg(0)
	if text == "unix:" {
		e.debugUnix = true
		return nil
	}
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return conf.Errorf("invalid network in debug_connection %q", text)
		}
		if p != p.Masked() {
			cx.Warn("low address bits of %s are meaningless", text)
		}
		e.prefixes = append(e.prefixes, p.Masked())
		return nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return conf.Errorf("host not found in debug_connection %q", text)
	}
	e.prefixes = append(e.prefixes, netip.PrefixFrom(a, a.BitLen()))
	return nil
}

// DebugsAny tells whether there is a debug_connection.
func (e *Events) DebugsAny() bool { return e.DebugUnix || len(e.DebugPrefixes) > 0 }

// Debugs tells whether debug_connection names a client.
func (e *Events) Debugs(a sock.Addr) bool {
	if a.Family() == sock.Unix {
		return e.DebugUnix
	}
	if len(e.DebugPrefixes) == 0 {
		return false
	}
	ip := a.IP().Unmap()
	for _, p := range e.DebugPrefixes {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

func (e *eventsConf) settings() Events {
	return Events{
		WorkerConnections: e.connections.Or(512),
		MultiAccept:       e.multiAccept.Or(false),
		DebugPrefixes:     e.prefixes,
		DebugUnix:         e.debugUnix,
	}
}
