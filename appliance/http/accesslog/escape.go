package accesslog

// escaping is how the values of variables are written.
type escaping uint8

const (
	escapeDefault escaping = iota // \xXX for quote, backslash, control and non-ASCII bytes; "-" for no value
	escapeJSON                    // as inside a JSON string
	escapeNone
)

const hexDigits = "0123456789ABCDEF"

// escaped[c] has bit e set when escaping e changes byte c.
var escaped = func() (t [256]uint8) {
	for c := range t {
		if c < ' ' || c == '"' || c == '\\' {
			t[c] |= 1<<escapeDefault | 1<<escapeJSON
		}
		if c >= 0x7f {
			t[c] |= 1 << escapeDefault
		}
	}
	return t
}()

// appendValue appends v as e says.
func appendValue(dst, v []byte, e escaping) []byte {
	clean := 0 // bytes at the front that stay as they are
	for i, c := range v {
		if escaped[c]>>e&1 == 0 {
			continue
		}
		dst = append(dst, v[clean:i]...)
		clean = i + 1
		if e == escapeDefault {
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = appendJSON(dst, c)
		}
	}
	return append(dst, v[clean:]...)
}

// appendJSON appends a byte that JSON wants escaped.
func appendJSON(dst []byte, c byte) []byte {
	switch c {
	case '\n':
		c = 'n'
	case '\r':
		c = 'r'
	case '\t':
		c = 't'
	case '\b':
		c = 'b'
	case '\f':
		c = 'f'
	case '"', '\\':
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, '\\', c)
}
