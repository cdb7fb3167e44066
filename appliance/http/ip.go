package http

import "net/netip"

// ParseIP reads an address without port, brackets or zone from bytes. It takes
// what netip.ParseAddr takes and allocates nothing: lists of addresses come
// with every request of a trusted proxy.
func ParseIP(b []byte) (netip.Addr, bool) {
	for _, c := range b {
		switch c {
		case '.':
			v4, ok := parseIP4(b)
			return netip.AddrFrom4(v4), ok
		case ':':
			return parseIP6(b)
		}
	}
	return netip.Addr{}, false
}

// parseIP4 reads four decimal numbers. A leading zero is refused: readers
// disagree whether it means octal.
func parseIP4(b []byte) (ip [4]byte, ok bool) {
	at, digits, n := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if digits > 0 && n == 0 {
				return ip, false
			}
			if n = n*10 + int(c-'0'); n > 255 {
				return ip, false
			}
			digits++
		case c == '.' && digits > 0 && at < 3:
			ip[at] = byte(n)
			at, digits, n = at+1, 0, 0
		default:
			return ip, false
		}
	}
	ip[at] = byte(n)
	return ip, at == 3 && digits > 0
}

// parseIP6 reads up to eight groups of hexadecimal digits, one run of zero
// groups written as "::", and IPv4 notation for the last two groups.
func parseIP6(b []byte) (netip.Addr, bool) {
	var ip [16]byte
	at, gap := 0, -1 // bytes written; where the zeros belong
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, b = 0, b[2:]
	}
	for len(b) > 0 && at < 16 {
		group, digits := hexGroup(b)
		if digits == 0 {
			return netip.Addr{}, false
		}
		if digits < len(b) && b[digits] == '.' {
			v4, ok := parseIP4(b)
			if !ok || at > 12 || gap < 0 && at != 12 {
				return netip.Addr{}, false
			}
			at += copy(ip[at:], v4[:])
			b = nil
			break
		}
		ip[at], ip[at+1] = byte(group>>8), byte(group)
		at += 2
		b = b[digits:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return netip.Addr{}, false
		}
		if b = b[1:]; b[0] == ':' {
			if gap >= 0 {
				return netip.Addr{}, false
			}
			gap, b = at, b[1:]
		}
	}
	if len(b) > 0 || (at == 16) == (gap >= 0) {
		return netip.Addr{}, false
	}
	if gap >= 0 {
		n := copy(ip[16-(at-gap):], ip[gap:at])
		clear(ip[gap : 16-n])
	}
	return netip.AddrFrom16(ip), true
}

// hexGroup reads up to four hexadecimal digits at the start of b. A fifth
// makes the group invalid: digits is 0 then.
func hexGroup(b []byte) (v uint32, digits int) {
	for digits < len(b) {
		c := b[digits]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return v, digits
		}
		if digits == 4 {
			return 0, 0
		}
		v = v<<4 | uint32(c)
		digits++
	}
	return v, digits
}
