package charset

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// table recodes from one charset to another. Exactly one of the three is set.
type table struct {
	bytes    *[256]byte        // one byte for one
	toUTF8   *[256]string      // UTF-8 for a byte
	fromUTF8 *[256]*[256]uint8 // byte for a character below 65536, by its upper and lower half; 0: none
}

// utf8Involved reports whether lengths change.
func (t *table) utf8Involved() bool { return t.bytes == nil }

// setMap reads charset_map.
func setMap(cx *conf.Cx, it *conf.Item) error {
	m := main.In(http.BuilderOf(cx))
	from, to := m.add(it.Args[0]), m.add(it.Args[1])
	switch {
	case from == to:
		return conf.Errorf("\"charset_map\" between the same charsets \"%s\" and \"%s\"", it.Args[0], it.Args[1])
	case m.isUTF8(from):
		return conf.Errorf("\"charset_map\" with \"utf-8\" charset should be given in the second column")
	case m.tables[pair{from, to}] != nil || m.tables[pair{to, from}] != nil:
		return conf.Errorf("duplicate \"charset_map\" between \"%s\" and \"%s\"", it.Args[0], it.Args[1])
	}
	if m.tables == nil {
		m.tables = make(map[pair]*table)
	}
	there, back := newTables(m.isUTF8(to))
	m.tables[pair{from, to}], m.tables[pair{to, from}] = there, back
	return cx.Entries(it.Block, func(e *conf.Item) error {
		if len(e.Args) != 1 {
			return conf.Errorf("invalid parameters number")
		}
		src, err := strconv.ParseUint(e.Name, 16, 8)
		if err != nil {
			return conf.Errorf("invalid value \"%s\"", e.Name)
		}
		if !join(there, back, byte(src), e.Args[0]) {
			return conf.Errorf("invalid value \"%s\"", e.Args[0])
		}
		return nil
	})
}

// newTables makes both ways with ASCII as it is and nothing else known.
func newTables(toUTF8 bool) (there, back *table) {
	if !toUTF8 {
		there, back = &table{bytes: new([256]byte)}, &table{bytes: new([256]byte)}
		for i := range 256 {
			there.bytes[i], back.bytes[i] = '?', '?'
			if i < 128 {
				there.bytes[i], back.bytes[i] = byte(i), byte(i)
			}
		}
		return there, back
	}
	there, back = &table{toUTF8: new([256]string)}, &table{fromUTF8: new([256]*[256]uint8)}
	back.fromUTF8[0] = new([256]uint8)
	for i := range 256 {
		there.toUTF8[i] = "?"
		if i < 128 {
			there.toUTF8[i] = string(rune(i))
			back.fromUTF8[0][i] = byte(i)
		}
	}
	return there, back
}

// join enters one line: byte src becomes what text says in hexadecimal.
func join(there, back *table, src byte, text string) bool {
	if there.bytes != nil {
		dst, err := strconv.ParseUint(text, 16, 8)
		if err != nil {
			return false
		}
		there.bytes[src], back.bytes[dst] = byte(dst), src
		return true
	}
	b, err := hex.DecodeString(text)
	if err != nil || len(b) > 3 {
		return false
	}
	c, n := utf8.DecodeRune(b)
	if n != len(b) || c == utf8.RuneError && n <= 1 {
		return false
	}
	there.toUTF8[src] = strings.Clone(string(b))
	half := &back.fromUTF8[c>>8]
	if *half == nil {
		*half = new([256]uint8)
	}
	(*half)[c&0xff] = src
	return true
}

// appendTo appends src recoded. With fromUTF8, an incomplete character at the
// end of src is left: rest is its bytes.
func (t *table) appendTo(dst, src []byte) (out, rest []byte) {
	switch {
	case t.bytes != nil:
		for _, c := range src {
			dst = append(dst, t.bytes[c])
		}
	case t.toUTF8 != nil:
		for _, c := range src {
			dst = append(dst, t.toUTF8[c]...)
		}
	default:
		return t.appendFromUTF8(dst, src)
	}
	return dst, nil
}

// appendFromUTF8 writes characters that the charset lacks as HTML does, and a
// question mark for what is no UTF-8.
func (t *table) appendFromUTF8(dst, src []byte) (out, rest []byte) {
	for len(src) > 0 {
		if src[0] < utf8.RuneSelf {
			dst = append(dst, src[0])
			src = src[1:]
			continue
		}
		if !utf8.FullRune(src) {
			return dst, src
		}
		c, n := utf8.DecodeRune(src)
		src = src[n:]
		switch {
		case c == utf8.RuneError && n == 1:
			dst = append(dst, '?')
		case c < 0x10000 && t.fromUTF8[c>>8] != nil && t.fromUTF8[c>>8][c&0xff] != 0:
			dst = append(dst, t.fromUTF8[c>>8][c&0xff])
		default:
			dst = append(strconv.AppendInt(append(dst, "&#"...), int64(c), 10), ';')
		}
	}
	return dst, nil
}

// entityLen is the longest that appendFromUTF8 makes of one character, which
// has two bytes or more: "&#1114111;".
const entityLen = 10

// most is the largest length that src can get.
func (t *table) most(src []byte) int {
	if t.bytes != nil {
		return len(src)
	}
	wide := 0 // bytes beyond ASCII
	for _, c := range src {
		wide += int(c >> 7)
	}
	if t.toUTF8 != nil {
		return len(src) + 2*wide
	}
	return len(src) - wide + (wide+1)/2*entityLen
}
