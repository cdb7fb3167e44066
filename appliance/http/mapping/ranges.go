package mapping

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"weir/appliance/conf"
)

// block is the ranges inside one /16 network of IPv4, in order and without
// overlaps. A range across several such networks has a part in each, as in
// nginx: `delete` and the checks for overlaps see the parts.
type block []part

// part is an inclusive range of the low 16 bits of an address.
type part struct {
	first, last uint16
	value       []byte
}

// addRange reads "first-last value" and "delete first-last".
func (g *geo) addRange(cx *conf.Cx, key, value string) error {
	net, remove := key, key == "delete"
	if remove {
		net = value
	}
	first, last, ok := parseRange(net)
	if !ok {
		return conf.Errorf("invalid range \"%s\"", net)
	}
	if g.blocks == nil {
		g.blocks = make(map[uint16]block)
	}
	missing := false
	for h := first >> 16; h <= last>>16; h++ {
		p := part{first: 0, last: 0xffff, value: []byte(value)}
		if h == first>>16 {
			p.first = uint16(first)
		}
		if h == last>>16 {
			p.last = uint16(last)
		}
		b := g.blocks[uint16(h)]
		if remove {
			if !b.remove(p) {
				missing = true
			}
		} else if err := b.insert(cx, uint16(h), p, net); err != nil {
			return err
		}
		g.blocks[uint16(h)] = b
	}
	if missing {
		cx.Warn("no address range \"%s\" to delete", net)
	}
	return nil
}

// parseRange reads two IPv4 addresses with a dash between them.
func parseRange(s string) (first, last uint32, ok bool) {
	from, to, _ := strings.Cut(s, "-")
	a, err1 := netip.ParseAddr(from)
	b, err2 := netip.ParseAddr(to)
	if err1 != nil || err2 != nil || !a.Is4() || !b.Is4() {
		return 0, 0, false
	}
	first, last = number(a), number(b)
	return first, last, first <= last
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

// insert adds p. A range inside another one takes its part from it; ranges
// that cross are an error.
func (b *block) insert(cx *conf.Cx, high uint16, p part, net string) error {
	i, _ := slices.BinarySearchFunc(*b, p.first, func(q part, first uint16) int { return int(q.last) - int(first) })
	if i == len(*b) || p.last < (*b)[i].first {
		*b = slices.Insert(*b, i, p)
		return nil
	}
	q := (*b)[i]
	switch {
	case p.first == q.first && p.last == q.last:
		cx.Warn("duplicate range \"%s\", value: \"%s\", old value: \"%s\"", net, p.value, q.value)
		(*b)[i] = p
		return nil
	case p.first < q.first || p.last > q.last:
		// nginx names the last of the ranges that are crossed.
		for i+1 < len(*b) && (*b)[i+1].first <= p.last {
			i++
		}
		return conf.Errorf("range \"%s\" overlaps \"%s-%s\"", net, dotted(high, (*b)[i].first), dotted(high, (*b)[i].last))
	}
	parts := make([]part, 0, 3)
	if q.first < p.first {
		parts = append(parts, part{q.first, p.first - 1, q.value})
	}
	parts = append(parts, p)
	if p.last < q.last {
		parts = append(parts, part{p.last + 1, q.last, q.value})
	}
	*b = slices.Replace(*b, i, i+1, parts...)
	return nil
}

// remove takes away a range that is exactly p.
func (b *block) remove(p part) bool {
	i := slices.IndexFunc(*b, func(q part) bool { return q.first == p.first && q.last == p.last })
	if i < 0 {
		return false
	}
	*b = slices.Delete(*b, i, i+1)
	return true
}

func dotted(high, low uint16) string {
	return fmt.Sprintf("%d.%d.%d.%d", high>>8, high&0xff, low>>8, low&0xff)
}

// findRange returns the value for an address. Ranges are IPv4 only: an IPv6
// address is looked up as none.
func (g *geo) findRange(a netip.Addr) []byte {
	if !a.Is4() {
		a = noAddress
	}
	n := number(a)
	b, low := g.blocks[uint16(n>>16)], uint16(n)
	i, _ := slices.BinarySearchFunc(b, low, func(q part, low uint16) int { return int(q.last) - int(low) })
	if i < len(b) && b[i].first <= low {
		return b[i].value
	}
	return g.otherwise
}
