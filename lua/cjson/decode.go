package cjson

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"weir/lua/vm"
)

// decoder reads one JSON text; err is set once and ends the work.
type decoder struct {
	c     *config
	l     *vm.State
	s     string
	i     int
	depth int
	buf   []byte
	err   string
}

func (c *config) decode(l *vm.State) int {
	if l.Top() != 1 {
		l.ArgError(1, "expected 1 argument")
	}
	d := decoder{c: c, l: l, s: l.CheckString(1)}
	// Text in UTF-16 or UTF-32 has a zero byte early.
	if len(d.s) >= 2 && (d.s[0] == 0 || d.s[1] == 0) {
		return c.fail(l, "JSON parser does not support UTF-16 or UTF-32")
	}
	v := d.value()
	if d.err == "" {
		if d.space(); d.i < len(d.s) {
			d.expected("the end")
		}
	}
	if d.err != "" {
		return c.fail(l, d.err)
	}
	return l.Ret(v)
}

func (d *decoder) space() {
	for d.i < len(d.s) {
		switch d.s[d.i] {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return
		}
	}
}

// expected reports what stands at the current position in place of what.
func (d *decoder) expected(what string) vm.Value {
	if d.err == "" {
		at := d.i
		d.fail(what, d.tokenName(), at)
	}
	return vm.Nil
}

func (d *decoder) fail(what, found string, at int) vm.Value {
	if d.err == "" {
		d.err = fmt.Sprintf("Expected %s but found %s at character %d", what, found, at+1)
	}
	return vm.Nil
}

// tokenName names the token at the current position as lua-cjson's messages do.
func (d *decoder) tokenName() string {
	if d.i >= len(d.s) {
		return "T_END"
	}
	switch c := d.s[d.i]; c {
	case '{':
		return "T_OBJ_BEGIN"
	case '}':
		return "T_OBJ_END"
	case '[':
		return "T_ARR_BEGIN"
	case ']':
		return "T_ARR_END"
	case ':':
		return "T_COLON"
	case ',':
		return "T_COMMA"
	case '"':
		mark, err := d.i, d.err
		d.i++
		d.str("")
		bad := d.err
		d.i, d.err = mark, err
		if bad != "" {
			return "invalid token"
		}
		return "T_STRING"
	default:
		rest := d.s[d.i:]
		switch {
		case strings.HasPrefix(rest, "true"), strings.HasPrefix(rest, "false"):
			return "T_BOOLEAN"
		case strings.HasPrefix(rest, "null"):
			return "T_NULL"
		case c >= '0' && c <= '9' || c == '-':
			return "T_NUMBER"
		}
	}
	return "invalid token"
}

func (d *decoder) value() vm.Value {
	d.space()
	if d.i >= len(d.s) {
		return d.expected("value")
	}
	switch c := d.s[d.i]; c {
	case '"':
		d.i++
		return d.str("value")
	case '{':
		d.i++
		return d.object()
	case '[':
		d.i++
		return d.array()
	case 't':
		if strings.HasPrefix(d.s[d.i:], "true") {
			d.i += 4
			return vm.True
		}
	case 'f':
		if strings.HasPrefix(d.s[d.i:], "false") {
			d.i += 5
			return vm.False
		}
	case 'n':
		if strings.HasPrefix(d.s[d.i:], "null") {
			d.i += 4
			return vm.Null
		}
		return d.number()
	default:
		return d.number()
	}
	return d.expected("value")
}

// number reads a number; where invalid ones are allowed also hexadecimal ones, infinities and NaN.
func (d *decoder) number() vm.Value {
	start := d.i
	i := start
	if i < len(d.s) && d.s[i] == '-' {
		i++
	}
	digits := i
	n := 0
	for i < len(d.s) && d.s[i] >= '0' && d.s[i] <= '9' {
		n = n*10 + int(d.s[i]-'0')
		i++
	}
	if i > digits && i-digits <= 15 && (i == len(d.s) || d.s[i] != '.' && d.s[i]|32 != 'e' && d.s[i]|32 != 'x') &&
		(d.s[digits] != '0' || i == digits+1 || d.c.decodeInvalid) {
		d.i = i
		if digits > start {
			return vm.Number(-float64(n))
		}
		return vm.Int(n)
	}
	return d.slowNumber(start)
}

func (d *decoder) slowNumber(start int) vm.Value {
	i := start
	for i < len(d.s) && (d.s[i] == '-' || d.s[i] == '+' || d.s[i] == '.' || d.s[i] >= '0' && d.s[i] <= '9' ||
		d.s[i]|32 >= 'a' && d.s[i]|32 <= 'z') {
		i++
	}
	text := d.s[start:i]
	if text == "" || text[0] != '-' && text[0] != '+' && (text[0] < '0' || text[0] > '9') && !wordNumber(text) {
		return d.expected("value")
	}
	f, ok := vm.ParseNumber(text)
	// What follows the longest valid number is another token.
	for !ok && len(text) > 1 {
		text = text[:len(text)-1]
		f, ok = vm.ParseNumber(text)
	}
	if !ok || !d.c.decodeInvalid && !strictNumber(text) {
		return d.fail("value", "invalid number", start)
	}
	d.i = start + len(text)
	return vm.Number(f)
}

func wordNumber(s string) bool {
	l := strings.ToLower(s)
	return strings.HasPrefix(l, "inf") || strings.HasPrefix(l, "nan")
}

// strictNumber tells whether text is a JSON number.
func strictNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if s == "" || s[0] == '+' || s[0] == '0' && len(s) > 1 && (s[1] >= '0' && s[1] <= '9' || s[1]|32 == 'x') {
		return false
	}
	return s[0] >= '0' && s[0] <= '9'
}

// str reads a string after its opening quote. what is what the caller expected, for messages.
func (d *decoder) str(what string) vm.Value {
	start := d.i
	end := start
	for end < len(d.s) && d.s[end] != '"' && d.s[end] != '\\' && d.s[end] >= 32 {
		end++
	}
	if end < len(d.s) && d.s[end] == '"' {
		d.i = end + 1
		return d.l.Substring(d.s, start, end)
	}
	b := append(d.buf[:0], d.s[start:end]...)
	for d.i = end; ; {
		if d.i >= len(d.s) {
			return d.fail(what, "unexpected end of string", d.i)
		}
		c := d.s[d.i]
		switch {
		case c == '"':
			d.i++
			d.buf = b
			return vm.String(string(b))
		case c == '\\':
			var ok bool
			if b, ok = d.escape(b, what); !ok {
				return vm.Nil
			}
		case c < 32:
			return d.fail(what, "invalid token", d.i)
		default:
			b = append(b, c)
			d.i++
		}
	}
}

func (d *decoder) escape(b []byte, what string) ([]byte, bool) {
	at := d.i
	d.i++
	if d.i >= len(d.s) {
		d.fail(what, "unexpected end of string", d.i)
		return b, false
	}
	c := d.s[d.i]
	d.i++
	switch c {
	case '"', '\\', '/':
		return append(b, c), true
	case 'b':
		return append(b, '\b'), true
	case 'f':
		return append(b, '\f'), true
	case 'n':
		return append(b, '\n'), true
	case 'r':
		return append(b, '\r'), true
	case 't':
		return append(b, '\t'), true
	case 'u':
		if r, ok := d.unicode(); ok {
			return utf8.AppendRune(b, r), true
		}
		d.fail(what, "invalid unicode escape code", at)
		return b, false
	}
	d.fail(what, "invalid escape code", at)
	return b, false
}

func (d *decoder) hex4() (rune, bool) {
	if d.i+4 > len(d.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.s[d.i : d.i+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|32 >= 'a' && c|32 <= 'f':
			r = r<<4 | rune(c|32-'a'+10)
		default:
			return 0, false
		}
	}
	d.i += 4
	return r, true
}

// unicode reads the digits of \u, with the second half of a surrogate pair.
func (d *decoder) unicode() (rune, bool) {
	r, ok := d.hex4()
	if !ok || r >= 0xdc00 && r < 0xe000 {
		return 0, false
	}
	if r < 0xd800 || r >= 0xe000 {
		return r, true
	}
	if !strings.HasPrefix(d.s[d.i:], `\u`) {
		return 0, false
	}
	d.i += 2
	low, ok := d.hex4()
	if !ok || low < 0xdc00 || low >= 0xe000 {
		return 0, false
	}
	return 0x10000 + (r-0xd800)<<10 + low - 0xdc00, true
}

func (d *decoder) descend() bool {
	d.l.Work(1)
	if d.depth++; d.depth > min(d.c.decodeDepth, deepest) {
		if d.err == "" {
			d.err = fmt.Sprintf("Found too many nested data structures (%d)", d.depth)
		}
		return false
	}
	return true
}

func (d *decoder) object() vm.Value {
	if !d.descend() {
		return vm.Nil
	}
	t := d.l.VM().NewTable(0, 4)
	d.space()
	if d.i < len(d.s) && d.s[d.i] == '}' {
		d.i++
		d.depth--
		return t.Value()
	}
	for {
		d.space()
		if d.i >= len(d.s) || d.s[d.i] != '"' {
			return d.expected("object key string")
		}
		d.i++
		k := d.str("object key string")
		if d.err != "" {
			return vm.Nil
		}
		d.space()
		if d.i >= len(d.s) || d.s[d.i] != ':' {
			return d.expected("colon")
		}
		d.i++
		v := d.value()
		if d.err != "" {
			return vm.Nil
		}
		t.Set(k, v)
		d.space()
		if d.i < len(d.s) && d.s[d.i] == ',' {
			d.i++
			continue
		}
		if d.i < len(d.s) && d.s[d.i] == '}' {
			d.i++
			d.depth--
			return t.Value()
		}
		return d.expected("comma or object end")
	}
}

func (d *decoder) array() vm.Value {
	if !d.descend() {
		return vm.Nil
	}
	t := d.l.VM().NewTable(4, 0)
	if d.c.arrayWithMT {
		t.SetMetatable(d.l.VM(), d.c.arrayMT)
	}
	d.space()
	if d.i < len(d.s) && d.s[d.i] == ']' {
		d.i++
		d.depth--
		return t.Value()
	}
	for n := 1; ; n++ {
		v := d.value()
		if d.err != "" {
			return vm.Nil
		}
		t.SetInt(n, v)
		d.space()
		if d.i < len(d.s) && d.s[d.i] == ',' {
			d.i++
			continue
		}
		if d.i < len(d.s) && d.s[d.i] == ']' {
			d.i++
			d.depth--
			return t.Value()
		}
		return d.expected("comma or array end")
	}
}
