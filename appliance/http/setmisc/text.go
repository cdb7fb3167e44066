package setmisc

import (
	"strings"
	"unicode/utf8"

	"weir/appliance/http"
)

// uriSpecial are the printable bytes that set_escape_uri escapes.
const uriSpecial = ` "#%&+/:;<=>?[\]^{}`

const upperHex, lowerHex = "0123456789ABCDEF", "0123456789abcdef"

func escapeURI(r *http.Request, args [][]byte) ([]byte, bool) {
	src := args[0]
	out := r.Alloc(3 * len(src))[:0]
	for _, c := range src {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(uriSpecial, c) >= 0 {
			out = append(out, '%', upperHex[c>>4], upperHex[c&15])
		} else {
			out = append(out, c)
		}
	}
	return out, true
}

// unescapeURI drops the percent sign of an escape that is broken at its first
// digit, and all of one that is broken behind it.
func unescapeURI(r *http.Request, args [][]byte) ([]byte, bool) {
	src := args[0]
	out := r.Alloc(len(src))[:0]
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case '+':
			out = append(out, ' ')
		case '%':
			if i++; i == len(src) {
				break
			}
			hi := strings.IndexByte(lowerHex, src[i]|0x20)
			if hi < 0 || src[i] < '0' {
				out = append(out, src[i])
				break
			}
			if i++; i == len(src) {
				break
			}
			if lo := strings.IndexByte(lowerHex, src[i]|0x20); lo >= 0 && src[i] >= '0' {
				out = append(out, byte(hi<<4|lo))
			}
		default:
			out = append(out, c)
		}
	}
	return out, true
}

// sqlEscapes are the bytes that need a backslash in SQL, and what stands
// behind it.
const (
	sqlBytes   = "\x00\b\n\r\t\\'\"$\x1a"
	sqlEscapes = `0bnrt\'"$Z`
)

func quoteSQL(r *http.Request, args [][]byte) ([]byte, bool) {
	return appendSQL(r.Alloc(2*len(args[0]) + 2)[:0], args[0]), true
}

func appendSQL(out, src []byte) []byte {
	out = append(out, '\'')
	for _, c := range src {
		if i := strings.IndexByte(sqlBytes, c); i >= 0 {
			out = append(out, '\\', sqlEscapes[i])
		} else {
			out = append(out, c)
		}
	}
	return append(out, '\'')
}

// quotePgSQL makes an escape string. Bytes that are no UTF-8 are written as
// octal escapes, which PostgreSQL takes for bytea.
func quotePgSQL(r *http.Request, args [][]byte) ([]byte, bool) {
	src := args[0]
	if len(src) == 0 {
		return []byte("''"), true
	}
	out := appendSQL(append(r.Alloc(2*len(src) + 3)[:0], 'E'), src)
	if utf8.Valid(out) {
		return out, true
	}
	raw := out
	out = r.Alloc(5 * len(raw))[:0]
	for _, c := range raw {
		if c < 0x80 {
			out = append(out, c)
		} else {
			out = append(out, '\\', '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		}
	}
	return out, true
}

const (
	jsonBytes   = "\r\n\\\"\f\b\t"
	jsonEscapes = `rn\"fbt`
)

func quoteJSON(r *http.Request, args [][]byte) ([]byte, bool) {
	src := args[0]
	if len(src) == 0 {
		return []byte("null"), true
	}
	out := append(r.Alloc(6*len(src) + 2)[:0], '"')
	for _, c := range src {
		switch i := strings.IndexByte(jsonBytes, c); {
		case i >= 0:
			out = append(out, '\\', jsonEscapes[i])
		case c < ' ':
			out = append(out, '\\', 'u', '0', '0', lowerHex[c>>4], lowerHex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"'), true
}

// notDigit is what a byte outside of the alphabet of base32 counts.
const notDigit = 0xff

// digitsOf is the table from bytes to digits of an alphabet.
func digitsOf(alphabet string) *[256]byte {
	t := new([256]byte)
	for i := range t {
		t[i] = notDigit
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}

// encodeBase32 is RFC 4648 section 6 with an alphabet of one's own.
func encodeBase32(r *http.Request, args [][]byte) ([]byte, bool) {
	c, src := loc.Of(r), args[0]
	out := r.Alloc((len(src) + 4) / 5 * 8)[:0]
	bits, n := uint(0), 0
	for _, b := range src {
		bits, n = bits<<8|uint(b), n+8
		for n >= 5 {
			n -= 5
			out = append(out, c.alphabet.V[bits>>n&31])
		}
	}
	if n > 0 {
		out = append(out, c.alphabet.V[bits<<(5-n)&31])
	}
	for c.padding.V && len(out)%8 != 0 {
		out = append(out, '=')
	}
	return out, true
}

// decodeBase32 returns nothing for text that is no base32. Bytes behind an
// equals sign do not count.
func decodeBase32(r *http.Request, args [][]byte) ([]byte, bool) {
	digits, src := loc.Of(r).digits, args[0]
	out := r.Alloc(len(src)*5/8 + 1)[:0]
	bits, n, used := uint(0), 0, 0
	for _, b := range src {
		if b == '=' {
			break
		}
		d := digits[b]
		if d == notDigit {
			return nil, true
		}
		used++
		bits, n = bits<<5|uint(d), n+5
		if n >= 8 {
			n -= 8
			out = append(out, byte(bits>>n))
		}
	}
	if m := used % 8; m == 1 || m == 3 || m == 6 {
		return nil, true
	}
	return out, true
}
