package http1

import "weir/netio/buf"

// Normalized says what Normalize found.
type Normalized struct {
	// Used is how many bytes of the input belong to the path: the offset of
	// the first unescaped '?' or '#', or the input's length.
	Used int
	// Ext is the extension: an offset range of the path that was appended,
	// behind the last '.' of its last segment. Empty when there is none.
	Ext buf.Span
	// Plus says that the path has a '+', escaped or not.
	Plus bool
}

// Normalize appends to dst the path that locations are matched against and
// returns the extended slice: escapes are decoded, "." and ".." segments are
// resolved and, with mergeSlashes, adjacent slashes become one. It is the
// treatment of nginx. An escaped '%', '#' or '?' is an ordinary byte, while an
// escaped '.' or '/' counts as if it were not escaped.
//
// An empty path becomes "/". The result is BadRequest when the path does not
// begin with '/', an escape is malformed, there is a NUL, escaped or not, or ".."
// leads above the root. dst may not overlap path, unless it is path[:0]: what is written
// never overtakes what is read.
func Normalize(dst, path []byte, mergeSlashes bool) ([]byte, Normalized, Result) {
	var n Normalized
	base := len(dst)
	if len(path) == 0 || path[0] == '?' || path[0] == '#' {
		return append(dst, '/'), n, Done
	}
	if path[0] != '/' {
		return dst, n, BadRequest
	}
	dst = append(dst, '/')
	segment := len(dst) // where the current segment begins in dst
	i := 1
scan:
	for i < len(path) {
		c := path[i]
		i++
		if class[c]&classPath != 0 {
			dst = append(dst, c)
			continue
		}
		switch c {
		case 0:
			return dst[:base], n, BadRequest
		case '?', '#':
			i--
			break scan
		case '%':
			if i+2 > len(path) {
				return dst[:base], n, BadRequest
			}
			hi, lo := hexDigit[path[i]], hexDigit[path[i+1]]
			if hi|lo > 15 {
				return dst[:base], n, BadRequest
			}
			i += 2
			if c = hi<<4 | lo; c == 0 {
				return dst[:base], n, BadRequest
			}
		}
		if c == '+' {
			n.Plus = true
		}
		if c != '/' {
			dst = append(dst, c)
			continue
		}
		size := len(dst)
		var ok bool
		if dst, ok = resolveDots(dst, base, segment); !ok {
			return dst[:base], n, BadRequest
		}
		if len(dst) == size && (size > segment || !mergeSlashes) {
			dst = append(dst, '/')
		}
		segment = len(dst)
	}
	n.Used = i
	size := len(dst)
	dst, ok := resolveDots(dst, base, segment)
	if !ok {
		return dst[:base], n, BadRequest
	}
	if len(dst) == size {
		n.Ext = extension(dst[segment:], segment-base)
	}
	return dst, n, Done
}

// resolveDots takes the last segment, dst[segment:], away if it is "." and
// together with the one before it if it is ".."; what remains ends with '/'. It
// fails above the root, the slash at dst[base].
func resolveDots(dst []byte, base, segment int) ([]byte, bool) {
	switch string(dst[segment:]) {
	case ".":
		return dst[:segment], true
	case "..":
		// dst[segment-1] is the slash that opened the segment.
		for i := segment - 2; i >= base; i-- {
			if dst[i] == '/' {
				return dst[:i+1], true
			}
		}
		return dst, false
	}
	return dst, true
}

// extension returns the extension in the segment s, whose offset in the path is
// off. Dots among the first three bytes that only follow other dots do not
// count, so that ".profile" has none; this is nginx's rule.
func extension(s []byte, off int) buf.Span {
	lead := 0
	for lead < len(s) && lead < 3 && s[lead] == '.' {
		lead++
	}
	for i := len(s) - 1; i >= lead; i-- {
		if s[i] == '.' {
			return span(off+i+1, off+len(s))
		}
	}
	return buf.Span{}
}

// hexDigit gives the value of a hexadecimal digit, 0xff for any other byte.
var hexDigit = buildHexDigit()

func buildHexDigit() (t [256]uint8) {
	for i := range t {
		switch c := byte(i); {
		case c >= '0' && c <= '9':
			t[i] = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			t[i] = c | 0x20 - 'a' + 10
		default:
			t[i] = 0xff
		}
	}
	return t
}
