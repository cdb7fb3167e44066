package http

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/netio/dns"
)

// resolverConf is one resolver directive. Equal directives share a resolver
// and its cache, also across reloads.
type resolverConf struct{ dns *dns.Resolver }

func setResolver(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	if c.resolver != nil {
		return conf.Tail("is duplicate")
	}
	r, err := NewResolver(cx, it)
	if err != nil {
		return err
	}
	c.resolver = &resolverConf{dns: r}
	return nil
}

// NewResolver reads the arguments of a resolver directive and returns the
// resolver of the process for them.
func NewResolver(cx *conf.Cx, it *conf.Item) (*dns.Resolver, error) {
	cfg := dns.Config{IPv4: true, IPv6: true, OnError: func(server netip.AddrPort, op string, err error) {
		errlog.Default().Printf(errlog.Error, 0, "%s failed%s while resolving, resolver: %s", op, errlog.ErrnoText(err), server)
	}}
	for _, a := range it.Args {
		key, val, _ := strings.Cut(a, "=")
		switch key {
		case "valid":
			sec, ok := conf.ParseTime(val, true)
			if !ok {
				return nil, conf.Errorf("invalid parameter: %s", a)
			}
			cfg.Valid = time.Duration(sec) * time.Second
		case "ipv4", "ipv6":
			on, ok := conf.ParseFlag(val)
			if !ok {
				return nil, conf.Errorf("invalid parameter: %s", a)
			}
			if key == "ipv4" {
				cfg.IPv4 = on
			} else {
				cfg.IPv6 = on
			}
		case "status_zone":
		default:
			cfg.Servers = append(cfg.Servers, a)
		}
	}
	if !cfg.IPv4 && !cfg.IPv6 {
		return nil, conf.Errorf("\"ipv4\" and \"ipv6\" cannot both be \"off\"")
	}
	if len(cfg.Servers) == 0 {
		return nil, conf.Errorf("no name servers defined")
	}
	z, err := cycle.Of(cx).Zone(cycle.ZoneID{Kind: "resolver", Params: strings.Join(it.Args, " ")}, func() (any, error) {
		r, err := dns.New(cfg)
		if err != nil {
			text := err.Error()
			if i := strings.LastIndex(text, ": "); i >= 0 { // "address: what is wrong"
				return nil, conf.Errorf("%s in resolver \"%s\"", text[i+2:], text[:i])
			}
			return nil, conf.Errorf("%s in resolver", text)
		}
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	return z.(*dns.Resolver), nil
}

// Resolver is the location's resolver, nil when none is configured, and the
// time a lookup may take.
func (l *Location) Resolver() (*dns.Resolver, time.Duration) {
	timeout := time.Duration(l.core.resolverTimeout.Or(30000)) * time.Millisecond
	if l.core.resolver == nil {
		return nil, timeout
	}
	return l.core.resolver.dns, timeout
}

// LookupHost asks the system for the addresses of a host while the
// configuration is read. It returns nil where there are none, or none within
// ten seconds.
func LookupHost(host string) []netip.Addr {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil
	}
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	return ips
}
