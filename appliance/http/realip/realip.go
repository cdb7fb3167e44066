package realip

import (
	"net/netip"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
)

var loc http.LocSlot[locConf]

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
	Loc: http.NewLoc(&loc, nil, merge),
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

// source is where the address stands: in the PROXY protocol header, in a field
// known by its ID, or else in the first field of that name.
type source struct {
	proxy bool
	id    http1.HeaderID
	name  []byte // lower case
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
	switch s := it.Args[0]; s {
	case "proxy_protocol":
		c.header.Put(source{proxy: true})
	case "X-Real-IP":
		c.header.Put(source{id: http1.HeaderXRealIP})
	case "X-Forwarded-For":
		c.header.Put(source{id: http1.HeaderXForwardedFor})
	default:
		c.header.Put(source{name: []byte(strings.ToLower(s))})
	}
	return nil
}

// replace runs at the start of the request and again in its location, and
// does its work once. The address stays until the request has been logged.
func replace(r *http.Request) http.Code {
	c := loc.Of(r)
	client := r.Client()
	if c.from == nil || client.RemoteReplaced() {
		return http.Declined
	}
	addr, found := client.Remote(), false
	if src := &c.header.V; src.proxy {
		p := client.ProxyHeader()
		if p == nil || !http.ContainsAny(c.from, addr) {
			return http.Declined
		}
		addr, found = p.Src, p.Src.IsValid()
	} else {
		var few [4][]byte
		addr, found = http.ForwardedAddr(addr, src.values(r, few[:0]), c.from, c.recursive.V)
	}
	if found {
		client.SetRemote(addr)
	}
	return http.Declined
}

// values appends the fields that may hold the address: all X-Forwarded-For
// fields, or the first of others.
func (s *source) values(r *http.Request, dst [][]byte) [][]byte {
	if s.name != nil {
		i := r.In.Next(s.name, 0)
		if i < 0 {
			return nil
		}
		_, v, _, _ := r.In.Field(i)
		return append(dst, v)
	}
	dst = r.In.Values(dst, s.id)
	if s.id != http1.HeaderXForwardedFor && len(dst) > 1 {
		dst = dst[:1]
	}
	return dst
}

// maxAddr is the room for an IPv6 address; a longer text allocates.
const maxAddr = 48

func getAddr(r *http.Request, v *http.Value, _ *http.Variable) {
	v.Is(r.Client().Peer().AppendIP(r.Alloc(maxAddr)[:0]))
}

func getPort(r *http.Request, v *http.Value, _ *http.Variable) {
	p := r.Client().Peer().Port()
	if p == 0 {
		v.Is([]byte{})
		return
	}
	v.Is(http.AppendInt(r.Alloc(8)[:0], int64(p)))
}
