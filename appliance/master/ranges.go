package master

import (
	"cmp"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/ebpf/lookup"
	"weir/netio/sock"
)

// fewPorts is up to how many ports of a range are bound each by itself.
const fewPorts = 16

// arrange decides how the ranges of c are listened on: by one group of sockets
// and a program that finds it, or, where ports are few or there can be no
// program, by sockets for each port.
func (m *master) arrange(c *cycle.Cycle) error {
	if !slices.ContainsFunc(c.Listens, (*cycle.Listen).Wide) {
		return nil
	}
	var list []*cycle.Listen
	for _, l := range c.Listens {
		if !l.Wide() || l.Bits == 0 && ports(l) <= fewPorts {
			list = append(list, l.Each()...)
			continue
		}
		switch err := m.ranges.Available(); {
		case err == nil:
			list = append(list, l)
		case l.Bits != 0:
			return emerg("listen on %s needs a program in the kernel, which cannot be loaded: %s", l.Text, unloadable(err))
		default:
			errlog.Default().Printf(errlog.Notice, 0, "%d ports from %s on have sockets of their own, because a program cannot be loaded: %s",
				ports(l), l.Text, unloadable(err))
			list = append(list, l.Each()...)
		}
	}
	c.Listens = list
	return nil
}

// ports counts the ports of a range.
func ports(l *cycle.Listen) (n int) {
	for _, r := range l.Ports {
		n += int(r.Last-r.First) + 1
	}
	return n
}

// tryRange binds every port of a range for a moment: like one that is listened
// on, it must not be another process's.
func (ls listeners) tryRange(l *cycle.Listen) error {
	if l.Bits != 0 {
		return nil
	}
	for _, one := range l.Each()[1:] { // the first is bound for good
		if ls[one.Key()] != nil {
			continue // ours, until the reload is through
		}
		fd, err := sock.Listen(listenOptions(one))
		if err != nil {
			return err
		}
		unix.Close(fd)
	}
	return nil
}

// applyRanges has the kernel follow the ranges of the cycle in force.
func (m *master) applyRanges() error {
	return m.ranges.Apply(m.rangeRules(m.cycle))
}

// rangeRules are the rules for the ranges of c, most specific first. A single
// address within a range that has a socket of its own keeps its connections.
func (m *master) rangeRules(c *cycle.Cycle) []lookup.Rule {
	var wide, rules []lookup.Rule
	for _, l := range c.Listens {
		if l.Wide() {
			wide = append(wide, rulesOf(l, m.listeners[l.Key()].front)...)
		}
	}
	for _, l := range c.Listens {
		if l.Wide() || l.Addr.Family() == sock.Unix {
			continue
		}
		if ip, port := l.Addr.IP(), l.Addr.Port(); slices.ContainsFunc(wide, func(r lookup.Rule) bool {
			return r.Prefix.Contains(ip) && r.First <= port && port <= r.Last
		}) {
			rules = append(rules, lookup.Rule{Prefix: netip.PrefixFrom(ip, ip.BitLen()), First: port, Last: port, Socket: lookup.Pass})
		}
	}
	slices.SortStableFunc(wide, func(a, b lookup.Rule) int {
		return cmp.Or(cmp.Compare(b.Prefix.Bits(), a.Prefix.Bits()), cmp.Compare(a.Last-a.First, b.Last-b.First))
	})
	return append(rules, wide...)
}

// rulesOf are the rules of one range.
func rulesOf(l *cycle.Listen, socket int) (rules []lookup.Rule) {
	ip := l.Addr.IP()
	prefix := netip.PrefixFrom(ip, cmp.Or(l.Bits, ip.BitLen()))
	if ip.IsUnspecified() {
		prefix = netip.PrefixFrom(ip, 0)
	}
	ports := l.Ports
	if ports == nil {
		ports = []cycle.PortRange{{First: l.Addr.Port(), Last: l.Addr.Port()}}
	}
	for _, r := range ports {
		rules = append(rules, lookup.Rule{Prefix: prefix, First: r.First, Last: r.Last, Socket: socket})
		if ip.IsUnspecified() && ip.Is6() && !l.Options.IPv6Only { // takes IPv4 too
			rules = append(rules, lookup.Rule{Prefix: netip.PrefixFrom(netip.IPv4Unspecified(), 0), First: r.First, Last: r.Last, Socket: socket})
		}
	}
	return rules
}
