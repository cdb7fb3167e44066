package http

import (
	"context"
	"net"
	"net/netip"
	"time"

	"weir/appliance/conf"
)

// resolverConf is one resolver directive.
type resolverConf struct{}

func setResolver(*conf.Cx, *conf.Item) error { return nil }

// lookupHost asks the system for the addresses of a host while the
// configuration is read.
func lookupHost(host string) []netip.Addr {
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
