package cycle

import (
	"strings"

	"weir/appliance/conf"
)

// Filter is an xdp_filter block: what is dropped before the network stack.
type Filter struct {
	Interfaces []string
	Mode       string // auto, native or generic
	AllowLists []string
	BlockLists []string // full paths
	SYNRate    int      // new TCP connections per second and source; 0: no limit
	SYNBurst   int
	Confirm    int64  // milliseconds after which a change is taken back unless it is confirmed; 0: it stays
	Server     string // which lists modules of the server may change: off, block or both
}

// filterConf is the block while it is read.
type filterConf struct {
	interfaces   []string
	mode         conf.Opt[string]
	allow, block []string
	rate, burst  int
	confirm      conf.Opt[int64]
	server       conf.Opt[string]
}

// filterConfirm is the default of confirm_timeout in milliseconds.
const filterConfirm = 60_000

var filterDirectives = []conf.Directive{
	{Name: "xdp_filter", In: conf.Main, Args: conf.NoArgs | conf.HasBlock,
		Set: conf.Block(setFilter),
		Doc: "Drops packets at the network device, by lists and by a limit of new connections per source. Needs root. See docs/filter.md."},
	{Name: "interface", In: conf.XDPFilter, Args: conf.Take1, Syntax: "device",
		Set: conf.StrList(func(f *filterConf) *[]string { return &f.interfaces }),
		Doc: "Network device that is filtered. It may be repeated."},
	{Name: "xdp_mode", In: conf.XDPFilter, Args: conf.Take1, Syntax: "auto | native | generic", Default: "auto",
		Set: conf.Enum(func(f *filterConf) *conf.Opt[string] { return &f.mode }, []conf.EnumValue[string]{
			{Name: "auto", Value: "auto"}, {Name: "native", Value: "native"}, {Name: "generic", Value: "generic"}}),
		Doc: "Whether the device's driver runs the program, or the entry of the network stack. `auto` takes the driver where it can."},
	{Name: "allow_list", In: conf.XDPFilter, Args: conf.Take1, Syntax: "file",
		Set: conf.StrList(func(f *filterConf) *[]string { return &f.allow }),
		Doc: "File of networks that are never dropped, one per line. It is read again when it changes, and may be repeated."},
	{Name: "block_list", In: conf.XDPFilter, Args: conf.Take1, Syntax: "file",
		Set: conf.StrList(func(f *filterConf) *[]string { return &f.block }),
		Doc: "File of networks from which everything is dropped, one per line. It is read again when it changes, and may be repeated."},
	{Name: "syn_rate", In: conf.XDPFilter, Args: conf.Take12, Syntax: "number [burst=number]",
		Set: setSYNRate,
		Doc: "New TCP connections per second that a source, an IPv4 address or an IPv6 /64, may begin, and how many at once beyond that (the rate, unless said)."},
	{Name: "confirm_timeout", In: conf.XDPFilter, Args: conf.Take1, Syntax: "time | off", Default: "60s",
		Set: setConfirm,
		Doc: "Time after which a filter with new settings is taken back unless it was confirmed by the status socket."},
	{Name: "server_lists", In: conf.XDPFilter, Args: conf.Take1, Syntax: "off | block | both", Default: "block",
		Set: conf.Enum(func(f *filterConf) *conf.Opt[string] { return &f.server }, []conf.EnumValue[string]{
			{Name: "off", Value: "off"}, {Name: "block", Value: "block"}, {Name: "both", Value: "both"}}),
		Doc: "Lists that modules of the server, such as Lua's `weir.filter`, may change. What a network is allowed is never dropped, so `both` trusts them with more than `block`."},
}

func setFilter(cx *conf.Cx, it *conf.Item) error {
	c := Of(cx)
	if c.main.filter != nil {
		return conf.Tail("is duplicate")
	}
	f := new(filterConf)
	c.main.filter = f
	if err := cx.Walk(it.Block, conf.XDPFilter, conf.ScopeFunc(func(any) []any { return []any{f} })); err != nil {
		return err
	}
	if len(f.interfaces) == 0 {
		return conf.Errorf("no \"interface\" in \"xdp_filter\"")
	}
	for _, list := range [][]string{f.allow, f.block} {
		for i := range list {
			list[i] = cx.Path(list[i], true)
		}
	}
	return nil
}

func setSYNRate(cx *conf.Cx, it *conf.Item) error {
	f := conf.Target[filterConf](cx)
	if f.rate != 0 {
		return conf.Tail("is duplicate")
	}
	n, ok := conf.ParseNum(it.Arg(0))
	if !ok || n < 1 || n > 1e6 {
		return conf.Errorf("invalid rate %q", it.Arg(0))
	}
	f.rate, f.burst = n, n
	if arg := it.Arg(1); arg != "" {
		text, named := strings.CutPrefix(arg, "burst=")
		n, ok := conf.ParseNum(text)
		if !named || !ok || n > 1e6 {
			return conf.Errorf("invalid parameter %q", arg)
		}
		f.burst = n
	}
	return nil
}

func setConfirm(cx *conf.Cx, it *conf.Item) error {
	f := conf.Target[filterConf](cx)
	if f.confirm.Set {
		return conf.Tail("is duplicate")
	}
	ms, ok := conf.ParseTime(it.Arg(0), false)
	if it.Arg(0) == "off" {
		ms, ok = 0, true
	}
	if !ok {
		return conf.Tail("invalid value")
	}
	f.confirm.Put(ms)
	return nil
}

// settings is the block with defaults filled in; nil for none.
func (f *filterConf) settings() *Filter {
	if f == nil {
		return nil
	}
	return &Filter{Interfaces: f.interfaces, Mode: f.mode.Or("auto"), AllowLists: f.allow, BlockLists: f.block,
		SYNRate: f.rate, SYNBurst: f.burst, Confirm: f.confirm.Or(filterConfirm), Server: f.server.Or("block")}
}
