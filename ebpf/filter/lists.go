package filter

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/cilium/ebpf"
)

// key4 and key6 mirror the keys of the program's lists.
type (
	key4 struct {
		Bits uint32
		Addr [4]byte
	}
	key6 struct {
		Bits uint32
		Addr [16]byte
	}
)

// trie is the map that holds a network of a list, and the network's key.
func (f *Filter) trie(l List, p netip.Prefix) (*ebpf.Map, any) {
	names := [2][2]string{{xdpMapAllow4, xdpMapAllow6}, {xdpMapBlock4, xdpMapBlock6}}
	if p.Addr().Is4() {
		return f.coll.Maps[names[l][0]], key4{uint32(p.Bits()), p.Addr().As4()}
	}
	return f.coll.Maps[names[l][1]], key6{uint32(p.Bits()), p.Addr().As16()}
}

// Add adds networks to a list. What is in it already keeps its counter. On an
// error those before the one that failed are in.
func (f *Filter) Add(l List, networks ...netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range networks {
		if err := f.add(l, p); err != nil {
			return err
		}
	}
	return f.configure()
}

func (f *Filter) add(l List, p netip.Prefix) error {
	p = Normal(p)
	if _, there := f.entries[l][p]; there {
		return nil
	}
	m, key := f.trie(l, p)
	if err := m.Put(key, uint64(0)); err != nil {
		return fmt.Errorf("filter: %s %s: %w", l, p, err)
	}
	f.entries[l][p] = struct{}{}
	f.families[l][family(p)]++
	return nil
}

// Remove takes networks off a list; those that are not in it are no error. It
// returns how many were.
func (f *Filter) Remove(l List, networks ...netip.Prefix) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range networks {
		p = Normal(p)
		if _, there := f.entries[l][p]; !there {
			continue
		}
		if err := f.remove(l, p); err != nil {
			return n, err
		}
		n++
	}
	return n, f.configure()
}

func (f *Filter) remove(l List, p netip.Prefix) error {
	m, key := f.trie(l, p)
	if err := m.Delete(key); err != nil {
		return fmt.Errorf("filter: remove %s %s: %w", l, p, err)
	}
	delete(f.entries[l], p)
	f.families[l][family(p)]--
	return nil
}

// family is 0 for IPv4 and 1 for IPv6.
func family(p netip.Prefix) int {
	if p.Addr().Is4() {
		return 0
	}
	return 1
}

// Set makes a list what is given: what is in both stays, with its counter.
// What is new comes in before what is old goes.
func (f *Filter) Set(l List, networks []netip.Prefix) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	wanted := make(map[netip.Prefix]struct{}, len(networks))
	for _, p := range networks {
		wanted[Normal(p)] = struct{}{}
		if err := f.add(l, p); err != nil {
			return err
		}
	}
	for p := range f.entries[l] {
		if _, ok := wanted[p]; ok {
			continue
		}
		if err := f.remove(l, p); err != nil {
			return err
		}
	}
	return f.configure()
}

// Normal is the form in which a network is kept: masked, IPv4 as such.
func Normal(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// ParseNetwork reads "192.0.2.0/24", "2001:db8::/32" or a single address. A
// network of everything is refused: it could only be a mistake, or be said
// better.
func ParseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return Normal(netip.PrefixFrom(a, a.BitLen())), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("invalid network %q", s)
	}
	if p.Bits() == 0 {
		return p, fmt.Errorf("network %q is everything", s)
	}
	return Normal(p), nil
}

// ParseList reads a list: a network per line, and comments after a number sign.
// All errors are reported, each with its line.
func ParseList(r io.Reader, name string) (list []netip.Prefix, errs []error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := ParseNetwork(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w in %s:%d", err, name, n))
			continue
		}
		list = append(list, p)
		if len(list) > MaxEntries {
			return nil, append(errs, fmt.Errorf("more than %d networks in %s", MaxEntries, name))
		}
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("read %s: %w", name, err))
	}
	return list, errs
}
