package http1

import "weir/netio/buf"

// Authority is a parsed "host[:port]".
type Authority struct {
	// Host is a name or address without a trailing dot; an IPv6 literal keeps
	// its brackets.
	Host buf.Span
	// Port is the digits behind the colon; "host:" gives an empty one.
	Port buf.Span
	// Number is the value of Port, 0 when it is empty.
	Number uint16
	// Upper says that Host has capital letters and must be folded before it is
	// compared with server names.
	Upper bool
}

// ParseAuthority parses the value of a Host field or the authority of a target
// by nginx's rules: the bytes of RFC 3986 reg-name or an IP literal, no empty
// label besides a trailing dot, a port up to 65535. User information is not
// accepted. The spans are offsets into v.
func ParseAuthority(v []byte) (a Authority, ok bool) {
	end, ok := hostEnd(v, &a)
	if !ok {
		return a, false
	}
	if end < len(v) {
		if v[end] != ':' || !a.parsePort(v, end+1) {
			return a, false
		}
	}
	if end > 0 && v[end-1] == '.' {
		end--
	}
	a.Host = span(0, end)
	return a, end > 0
}

// hostEnd returns where the host at the beginning of v ends: at the colon, or
// at len(v).
func hostEnd(v []byte, a *Authority) (end int, ok bool) {
	literal := len(v) > 0 && v[0] == '['
	for i, c := range v {
		switch {
		case class[c]&classHost != 0 && !(literal && c == '%'):
			if c >= 'A' && c <= 'Z' {
				a.Upper = true
			}
		case c == '.':
			if i > 0 && v[i-1] == '.' {
				return 0, false
			}
		case literal && (c == '[' && i == 0 || c == ':'):
		case literal && c == ']':
			return i + 1, true
		case c == ':':
			return i, true
		default:
			return 0, false
		}
	}
	return len(v), !literal
}

// parsePort parses the digits that v has from offset i on.
func (a *Authority) parsePort(v []byte, i int) bool {
	n := uint32(0)
	for _, c := range v[i:] {
		if class[c]&classDigit == 0 {
			return false
		}
		if n = n*10 + uint32(c-'0'); n > 65535 {
			return false
		}
	}
	a.Port = span(i, len(v))
	a.Number = uint16(n)
	return true
}
