package mapping

import (
	"net/netip"
	"slices"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
	"weir/netio/sock"
)

// Geo is the module of the geo directive.
var Geo = http.Module{
	Name: "http_geo",
	Directives: []conf.Directive{
		{Name: "geo", In: conf.HTTP, Args: conf.Take12 | conf.HasBlock, Set: setGeo, Syntax: "[$address] $variable",
			Doc: "Defines a variable whose value depends on an address, by networks or by ranges."},
	},
}

// geo is one geo block.
type geo struct {
	source  int // variable with the address; -1: the client's
	proxies []http.CIDR
	follow  bool // proxy_recursive

	nets    map[netip.Prefix][]byte // without `ranges`; default is a network of length 0
	lengths [2][]int                // prefix lengths in use, longest first: IPv4, IPv6

	byRange   bool // `ranges`: blocks instead of nets
	blocks    map[uint16]block
	otherwise []byte // default of ranges, nil when not given
}

func setGeo(cx *conf.Cx, it *conf.Item) error {
	b := http.BuilderOf(cx)
	g := &geo{source: -1}
	for i, a := range it.Args {
		name, ok := strings.CutPrefix(a, "$")
		if !ok || name == "" {
			return conf.Errorf("invalid variable name \"%s\"", a)
		}
		if i == 0 && len(it.Args) == 2 {
			g.source = b.VariableIndex(name)
		}
	}
	v, err := b.DefineVariable(it.Args[len(it.Args)-1][1:], http.VarChangeable)
	if err != nil {
		return err
	}
	err = cx.Entries(it.Block, func(e *conf.Item) error {
		at := *cx
		at.Item = e // for warnings
		if len(e.Args) == 0 {
			switch e.Name {
			case "ranges":
				if g.nets != nil {
					return conf.Errorf("the \"ranges\" directive must be the first directive inside \"geo\" block")
				}
				g.byRange = true
				return nil
			case "proxy_recursive":
				g.follow = true
				return nil
			case "volatile":
				v.Flags |= http.VarNoCacheable
				return nil
			}
		}
		if len(e.Args) != 1 {
			return conf.Errorf("invalid number of the geo parameters")
		}
		return g.add(&at, e.Name, e.Args[0])
	})
	if err != nil {
		return err
	}
	g.finish()
	v.Data, v.Get = g, getGeo
	return nil
}

// add reads one line of the block.
func (g *geo) add(cx *conf.Cx, key, value string) error {
	switch {
	case key == "proxy":
		c, err := network(cx, value)
		g.proxies = append(g.proxies, c)
		return err
	case g.byRange && key == "default":
		if g.otherwise != nil {
			cx.Warn("duplicate default geo range value: \"%s\", old value: \"%s\"", value, g.otherwise)
		}
		g.otherwise = append([]byte{}, value...)
		return nil
	case g.byRange:
		return g.addRange(cx, key, value)
	}
	if g.nets == nil {
		g.nets = make(map[netip.Prefix][]byte)
	}
	switch key {
	case "default":
		for _, zero := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
			g.addNet(cx, netip.PrefixFrom(zero, 0), key, value)
		}
	case "delete":
		c, err := network(cx, value)
		if err != nil {
			return err
		}
		if _, ok := g.nets[c.Prefix]; !ok {
			cx.Warn("no network \"%s\" to delete", value)
		}
		delete(g.nets, c.Prefix)
	default:
		c, err := network(cx, key)
		if err != nil {
			return err
		}
		g.addNet(cx, c.Prefix, key, value)
	}
	return nil
}

// network reads an address or a network.
func network(cx *conf.Cx, s string) (http.CIDR, error) {
	c, masked, ok := http.ParseCIDR(s)
	if !ok || c.Unix {
		return c, conf.Errorf("invalid network \"%s\"", s)
	}
	if masked {
		cx.Warn("low address bits of %s are meaningless", s)
	}
	return c, nil
}

func (g *geo) addNet(cx *conf.Cx, p netip.Prefix, key, value string) {
	if old, dup := g.nets[p]; dup {
		cx.Warn("duplicate network \"%s\", value: \"%s\", old value: \"%s\"", key, value, old)
	}
	g.nets[p] = []byte(value)
}

func (g *geo) finish() {
	for p := range g.nets {
		f := family(p.Addr())
		if !slices.Contains(g.lengths[f], p.Bits()) {
			g.lengths[f] = append(g.lengths[f], p.Bits())
		}
	}
	for f := range g.lengths {
		slices.SortFunc(g.lengths[f], func(a, b int) int { return b - a })
	}
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

func getGeo(r *http.Request, v *http.Value, d *http.Variable) {
	g := d.Data.(*geo)
	v.Is(g.find(g.address(r)))
}

// noAddress stands for clients without an IP address (unix sockets) and for
// values that are none, as in nginx.
var noAddress = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// address is the address to look up.
func (g *geo) address(r *http.Request) netip.Addr {
	a := r.Client().Remote()
	if g.source >= 0 {
		v := r.Var(g.source)
		ip, ok := http.ParseIP(v.B)
		if !v.Found() || !ok {
			return noAddress
		}
		a = sock.AddrFrom(ip, 0)
	}
	if len(g.proxies) > 0 {
		var few [4][]byte
		a, _ = http.ForwardedAddr(a, r.In.Values(few[:0], http1.HeaderXForwardedFor), g.proxies, g.follow)
	}
	if a.Family() == sock.Unix {
		return noAddress
	}
	return a.IP().Unmap()
}

// find returns the value for an address; nothing found is the empty value.
func (g *geo) find(a netip.Addr) []byte {
	if g.byRange {
		return g.findRange(a)
	}
	for _, bits := range g.lengths[family(a)] {
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if v, ok := g.nets[p]; ok {
			return v
		}
	}
	return nil
}
