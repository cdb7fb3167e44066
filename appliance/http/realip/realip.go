package realip

import (
	"net/netip"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
	"weir/netio/sock"
)

var (
	loc   http.LocSlot[locConf]
	state http.Slot[original]
)

// Module is the module of set_real_ip_from.
var Module = http.Module{
	Name: "http_realip",
	Directives: []conf.Directive{
		{Name: "set_real_ip_from", In: contexts, Args: conf.Take1, Set: setFrom, Syntax: "address | CIDR | hostname | unix:",
			Doc: "Trusts proxies of these addresses to name the client."},
		{Name: "real_ip_header", In: contexts, Args: conf.Take1, Set: setHeader, Default: "X-Real-IP", Syntax: "field | X-Real-IP | X-Forwarded-For | proxy_protocol",
			Doc: "Sets where the client's address is taken from."},
		{Name: "real_ip_recursive", In: contexts, Args: conf.FlagArg, Default: "off",
			Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.recursive }),
			Doc: "Goes back through a list of addresses to the last one that is not trusted."},
	},
	Variables: []http.Variable{
		{Name: "realip_remote_addr", Get: getAddr, Doc: "Keeps the address of the peer itself."},
		{Name: "realip_remote_port", Get: getPort, Doc: "Keeps the port of the peer itself."},
	},
	Loc:   http.NewLoc(&loc, nil, merge),
	State: http.NewState(&state),
	Handlers: []http.PhaseHandler{
		{Phase: http.PostRead, Run: replace, Used: used},
		{Phase: http.Preaccess, Run: replace, Used: used},
	},
	ConfigureArg: "--with-http_realip_module",
}

const contexts = conf.HTTP | conf.Server | conf.Location

type locConf struct {
	from      []http.CIDR
	recursive conf.Opt[bool]
	header    conf.Opt[source]
}

// source is where the address stands.
type source struct {
	proxy bool // the PROXY protocol header
	id    http1.HeaderID
	name  []byte
}

// original is what the client's address was before it was replaced.
type original struct {
	client *http.Client
	peer   sock.Addr
	now    sock.Addr
}

func merge(_ *http.Builder, p, c *locConf) error {
	conf.MergeList(&c.from, p.from)
	c.recursive.Merge(p.recursive, false)
	c.header.Merge(p.header, source{id: http1.HeaderXRealIP})
	return nil
}

func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if loc.In(l).from != nil {
			return true
		}
	}
	return false
}

func setFrom(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	s := it.Args[0]
	n, masked, ok := http.ParseCIDR(s)
	if ok {
		if masked {
			cx.Warn("low address bits of %s are meaningless", s)
		}
		c.from = append(c.from, n)
		return nil
	}
	ips := http.LookupHost(s)
	if len(ips) == 0 {
		return conf.Errorf("host not found in set_real_ip_from \"%s\"", s)
	}
	for _, ip := range ips {
		c.from = append(c.from, http.CIDR{Prefix: netip.PrefixFrom(ip, ip.BitLen())})
	}
	return nil
}

func setHeader(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.header.Set {
		return conf.Tail("is duplicate")
	}
	s := it.Args[0]
	if s == "proxy_protocol" {
		c.header.Put(source{proxy: true})
		return nil
	}
	name := []byte(strings.ToLower(s))
	c.header.Put(source{id: http1.LookupHeader(name), name: name})
	return nil
}

// replace runs at the start of the request and again in its location, and
// does its work once.
func replace(r *http.Request) http.Code {
	c := loc.Of(r)
	if c.from == nil || r.IsSubrequest() || state.Get(r) != nil || r.Client().RemoteReplaced() {
		return http.Declined
	}
	client := r.Client()
	addr := client.Remote()
	src := &c.header.V
	var found bool
	switch {
	case src.proxy:
		p := client.ProxyHeader()
		if p == nil || !http.ContainsAny(c.from, addr) {
			return http.Declined
		}
		addr, found = p.Src, p.Src.IsValid()
	case src.id == http1.HeaderUnknown:
		i := r.In.Next(src.name, 0)
		if i < 0 {
			return http.Declined
		}
		_, v, _, _ := r.In.Field(i)
		addr, found = http.ForwardedAddr(addr, [][]byte{v}, c.from, c.recursive.V)
	default:
		var few [4][]byte
		values := r.In.Values(few[:0], src.id)
		if src.id != http1.HeaderXForwardedFor && len(values) > 1 {
			values = values[:1]
		}
		addr, found = http.ForwardedAddr(addr, values, c.from, c.recursive.V)
	}
	if !found {
		return http.Declined
	}
	o := &original{client: client, peer: client.Remote(), now: addr}
	state.Set(r, o)
	client.SetRemote(&o.now)
	r.Cleanup(restore, o)
	return http.Declined
}

// restore gives the connection its own address back for the next request.
func restore(data any) { data.(*original).client.SetRemote(nil) }

func peer(r *http.Request) sock.Addr { return r.Client().Peer() }

func getAddr(r *http.Request, v *http.Value, _ *http.Variable) {
	v.Is(r.Copy(peer(r).AppendIP(nil)))
}

func getPort(r *http.Request, v *http.Value, _ *http.Variable) {
	p := peer(r).Port()
	if p == 0 {
		v.Is([]byte{})
		return
	}
	v.Is(http.AppendInt(r.Alloc(8)[:0], int64(p)))
}
