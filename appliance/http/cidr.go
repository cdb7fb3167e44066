package http

import (
	"bytes"
	"net/netip"
	"strings"

	"weir/netio/http1"
	"weir/netio/sock"
)

// CIDR is a network, or "unix:" for all unix socket peers.
type CIDR struct {
	Prefix netip.Prefix
	Unix   bool
}

// ParseCIDR reads "address", "address/bits" and "unix:". masked reports that
// bits of the address beyond the mask were set, and are ignored.
func ParseCIDR(s string) (c CIDR, masked, ok bool) {
	if s == "unix:" {
		return CIDR{Unix: true}, false, true
	}
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return CIDR{}, false, false
		}
		return CIDR{Prefix: netip.PrefixFrom(a, a.BitLen())}, false, true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return CIDR{}, false, false
	}
	m := p.Masked()
	return CIDR{Prefix: m}, m.Addr() != p.Addr(), true
}

// Contains reports whether a belongs to the network. IPv4 addresses that come
// mapped into IPv6 count as IPv4.
func (c CIDR) Contains(a sock.Addr) bool {
	if a.Family() == sock.Unix {
		return c.Unix
	}
	return !c.Unix && c.Prefix.Contains(a.IP().Unmap().WithZone(""))
}

// ContainsAny reports whether any network of list has a.
func ContainsAny(list []CIDR, a sock.Addr) bool {
	for i := range list {
		if list[i].Contains(a) {
			return true
		}
	}
	return false
}

// ForwardedAddr follows a list of addresses that proxies left in values (as
// X-Forwarded-For, last one nearest): while a is one of the trusted proxies,
// it becomes the next address of the list, once or, when recursive, until one
// is not trusted. What is no address ends the list. changed says that a is no
// longer the one given.
func ForwardedAddr(a sock.Addr, values [][]byte, trusted []CIDR, recursive bool) (_ sock.Addr, changed bool) {
	for i := len(values) - 1; i >= 0; i-- {
		for rest, more := values[i], true; more; more = len(rest) > 0 {
			if !ContainsAny(trusted, a) {
				return a, changed
			}
			rest = bytes.TrimRight(rest, " ,")
			start := bytes.LastIndexAny(rest, " ,") + 1
			next, ok := parseForwarded(rest[start:])
			if !ok {
				return a, changed
			}
			a, changed = next, true
			if !recursive {
				return a, true
			}
			rest = rest[:start]
		}
	}
	return a, changed
}

// parseForwarded reads an address, which may have a port; one of IPv6 stands
// in brackets then.
func parseForwarded(b []byte) (sock.Addr, bool) {
	if ip, ok := ParseIP(b); ok {
		return sock.AddrFrom(ip, 0), true
	}
	host, port := b, []byte(nil)
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return sock.Addr{}, false
		}
		host = b[1:end]
		if b = b[end+1:]; len(b) > 0 {
			if b[0] != ':' {
				return sock.Addr{}, false
			}
			port = b
		}
	} else if i := bytes.IndexByte(b, ':'); i >= 0 {
		host, port = b[:i], b[i:]
	}
	ip, ok := ParseIP(host)
	if !ok {
		return sock.Addr{}, false
	}
	if port == nil {
		return sock.AddrFrom(ip, 0), true
	}
	n, ok := parsePort(port[1:])
	return sock.AddrFrom(ip, n), ok
}

// parsePort reads a number from 1 to 65535.
func parsePort(b []byte) (uint16, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return 0, false
		}
	}
	return uint16(n), n > 0
}

// Values appends the values of all fields with that ID to dst.
func (h *Headers) Values(dst [][]byte, id http1.HeaderID) [][]byte {
	if !h.Has(id) {
		return dst
	}
	for i := range h.list {
		if f := &h.list[i]; f.ID == id && f.Flags&fieldDeleted == 0 {
			dst = append(dst, f.Value.Of(h.block))
		}
	}
	return dst
}
