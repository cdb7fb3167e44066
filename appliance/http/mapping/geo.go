package mapping

import (
	"bytes"
	"net/netip"
	"slices"
	"sort"
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
		{Name: "geo", In: conf.HTTP, Args: conf.Take12 | conf.HasBlock, Set: setGeo, Syntax: "[$address] $variable { ... }",
			Doc: "Defines a variable whose value depends on an address, by networks or by ranges."},
	},
}

// geo is one geo block.
type geo struct {
	source  int // variable with the address; -1: the client's
	proxies []http.CIDR
	follow  bool // proxy_recursive

	nets    map[netip.Prefix][]byte
	lengths [2][]int    // prefix lengths in use, longest first: IPv4, IPv6
	ranges  []addrRange // instead of nets, sorted

	otherwise []byte
	given     bool // otherwise was set
	byRange   bool
}

// addrRange is an inclusive range of IPv4 addresses.
type addrRange struct {
	first, last netip.Addr
	value       []byte
}

func setGeo(cx *conf.Cx, it *conf.Item) error {
	b := http.BuilderOf(cx)
	g := &geo{source: -1, nets: make(map[netip.Prefix][]byte)}
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
		if len(e.Args) == 0 {
			switch e.Name {
			case "ranges":
				if len(g.nets) > 0 {
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
		return g.add(cx, e.Name, e.Args[0])
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
	switch key {
	case "proxy":
		c, masked, ok := http.ParseCIDR(value)
		if !ok {
			return conf.Errorf("invalid network \"%s\"", value)
		}
		if masked {
			cx.Warn("low address bits of %s are meaningless", value)
		}
		g.proxies = append(g.proxies, c)
		return nil
	case "default":
		if g.given {
			cx.Warn("duplicate default geo value: \"%s\", old value: \"%s\"", value, g.otherwise)
		}
		g.otherwise, g.given = []byte(value), true
		return nil
	}
	if g.byRange {
		return g.addRange(cx, key, value)
	}
	remove := key == "delete"
	if remove {
		key = value
	}
	c, masked, ok := http.ParseCIDR(key)
	if !ok || c.Unix {
		return conf.Errorf("invalid network \"%s\"", key)
	}
	if masked {
		cx.Warn("low address bits of %s are meaningless", key)
	}
	old, dup := g.nets[c.Prefix]
	switch {
	case remove && !dup:
		cx.Warn("no network \"%s\" to delete", key)
	case remove:
		delete(g.nets, c.Prefix)
	default:
		if dup {
			cx.Warn("duplicate network \"%s\", value: \"%s\", old value: \"%s\"", key, value, old)
		}
		g.nets[c.Prefix] = []byte(value)
	}
	return nil
}

// addRange reads "first-last value" and "delete first-last".
func (g *geo) addRange(cx *conf.Cx, key, value string) error {
	remove := key == "delete"
	if remove {
		key = value
	}
	from, to, _ := strings.Cut(key, "-")
	first, err1 := netip.ParseAddr(from)
	last, err2 := netip.ParseAddr(to)
	if err1 != nil || err2 != nil || first.Is4() != last.Is4() || last.Less(first) {
		return conf.Errorf("invalid range \"%s\"", key)
	}
	// A later range takes its part from those given before.
	var kept []addrRange
	overlaps := false
	for _, r := range g.ranges {
		if last.Less(r.first) || r.last.Less(first) || r.first.Is4() != first.Is4() {
			kept = append(kept, r)
			continue
		}
		overlaps = true
		if r.first.Less(first) {
			kept = append(kept, addrRange{r.first, first.Prev(), r.value})
		}
		if last.Less(r.last) {
			kept = append(kept, addrRange{last.Next(), r.last, r.value})
		}
	}
	switch {
	case remove && !overlaps:
		cx.Warn("no address range \"%s\" to delete", key)
	case !remove && overlaps:
		cx.Warn("range \"%s\" overlaps ranges given before", key)
	}
	g.ranges = kept
	if !remove {
		g.ranges = append(g.ranges, addrRange{first, last, []byte(value)})
	}
	return nil
}

func (g *geo) finish() {
	for p := range g.nets {
		f := family(p.Addr())
		if !slices.Contains(g.lengths[f], p.Bits()) {
			g.lengths[f] = append(g.lengths[f], p.Bits())
		}
	}
	for f := range g.lengths {
		sort.Sort(sort.Reverse(sort.IntSlice(g.lengths[f])))
	}
	sort.Slice(g.ranges, func(i, j int) bool { return g.ranges[i].first.Less(g.ranges[j].first) })
	if g.otherwise == nil {
		g.otherwise = []byte{}
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
	a, ok := g.address(r)
	if !ok {
		v.Is(g.otherwise)
		return
	}
	v.Is(g.find(a))
}

// address is the address to look up.
func (g *geo) address(r *http.Request) (netip.Addr, bool) {
	var a sock.Addr
	if g.source < 0 {
		a = r.Client().Remote()
	} else {
		v := r.Var(g.source)
		ip, err := netip.ParseAddr(string(bytes.Trim(v.B, "[]")))
		if !v.Found() || err != nil {
			return netip.Addr{}, false
		}
		a = sock.AddrFrom(ip, 0)
	}
	if len(g.proxies) > 0 {
		var few [4][]byte
		a, _ = http.ForwardedAddr(a, r.In.Values(few[:0], http1.HeaderXForwardedFor), g.proxies, g.follow)
	}
	if a.Family() == sock.Unix {
		// As nginx: the address of a unix socket peer is 255.255.255.255.
		return netip.AddrFrom4([4]byte{255, 255, 255, 255}), true
	}
	return a.IP().Unmap().WithZone(""), true
}

// find returns the value for an address.
func (g *geo) find(a netip.Addr) []byte {
	if g.byRange {
		i := sort.Search(len(g.ranges), func(i int) bool { return a.Less(g.ranges[i].first) }) - 1
		if i >= 0 && g.ranges[i].first.Is4() == a.Is4() && !g.ranges[i].last.Less(a) {
			return g.ranges[i].value
		}
		return g.otherwise
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
	return g.otherwise
}
