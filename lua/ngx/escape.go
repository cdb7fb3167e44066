package ngx

import "weir/lua/vm"

// escapeSet is a set of bytes to be written as %XX.
type escapeSet [4]uint64

func (s *escapeSet) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func setOf(chars string, control, high bool) (s escapeSet) {
	add := func(c int) { s[c>>6] |= 1 << (c & 63) }
	for i := range len(chars) {
		add(int(chars[i]))
	}
	for c := 0; control && c < 0x20; c++ {
		add(c)
	}
	for c := 0x7f; high && c < 0x100; c++ {
		add(c)
	}
	return s
}

// escapeSets are by the type that ngx.escape_uri takes: path, arguments, component, html, refresh, memcached,
// mail_auth.
var escapeSets = [...]escapeSet{
	setOf(" #%?", true, true),
	setOf(" #%+?", true, true),
	setOf(" \"#$%&+,/:;<=>?@[\\]^`{|}", true, true),
	setOf(" #\"%'", true, true),
	setOf(" \"%'", true, true),
	setOf(" %", true, false),
	setOf(" %", true, false),
}

// escapeComponent is the type of ngx.escape_uri unless told otherwise.
const escapeComponent = 2

func appendEscaped(b []byte, s string, set *escapeSet) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; set.has(c) {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

func needsEscape(s string, set *escapeSet) bool {
	for i := range len(s) {
		if set.has(s[i]) {
			return true
		}
	}
	return false
}

func unhex(c byte) (byte, bool) {
	switch {
	case c-'0' < 10:
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// appendUnescaped appends s with %XX and + decoded; what is no escape stays.
func appendUnescaped(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '+':
			b = append(b, ' ')
		case '%':
			if i+2 < len(s) {
				hi, ok1 := unhex(s[i+1])
				lo, ok2 := unhex(s[i+2])
				if ok1 && ok2 {
					b = append(b, hi<<4|lo)
					i += 2
					continue
				}
			}
			b = append(b, c)
		default:
			b = append(b, c)
		}
	}
	return b
}

func unescape(s string) string {
	for i := range len(s) {
		if s[i] == '%' || s[i] == '+' {
			return string(appendUnescaped(make([]byte, 0, len(s)), s))
		}
	}
	return s
}

// encodeArgs appends a table as a query string.
func encodeArgs(l *vm.State, t *vm.Table, b []byte) []byte {
	set := &escapeSets[escapeComponent]
	first := true
	pair := func(key string, v vm.Value) {
		on := v.Type() == vm.TypeBool
		if on && !v.Truthy() {
			return
		}
		if !first {
			b = append(b, '&')
		}
		first = false
		b = appendEscaped(b, key, set)
		if !on {
			b = append(b, '=')
			b = appendEscaped(b, v.Text(), set)
		}
	}
	for pos := uint32(0); ; {
		k, v, next, ok := t.Iter(pos)
		if !ok {
			return b
		}
		pos = next
		key, isText := k.AsString()
		if !isText {
			l.Errorf("attempt to use a non-string key in the \"args\" option table")
		}
		list := v.AsTable()
		if list == nil {
			checkArgValue(l, v)
			pair(key, v)
			continue
		}
		for p := uint32(0); ; {
			_, item, next, ok := list.Iter(p)
			if !ok {
				break
			}
			p = next
			checkArgValue(l, item)
			pair(key, item)
		}
	}
}

func checkArgValue(l *vm.State, v vm.Value) {
	if !v.IsString() && !v.IsNumber() && v.Type() != vm.TypeBool {
		l.Errorf("attempt to use %s as query arg value", v.TypeName())
	}
}

// decodeArgs stores the arguments of a query string in t, at most max of them (0: no bound). cut says that there were
// more.
func decodeArgs(t *vm.Table, s string, max int) (cut bool) {
	count := 0
	for len(s) > 0 {
		pair, rest, more := s, "", false
		for i := range len(s) {
			if s[i] == '&' {
				pair, rest, more = s[:i], s[i+1:], true
				break
			}
		}
		key, v := pair, vm.True
		for i := range len(pair) {
			if pair[i] == '=' {
				key, v = pair[:i], vm.String(unescape(pair[i+1:]))
				break
			}
		}
		if key != "" {
			addField(t, unescape(key), v)
		}
		if count++; max > 0 && count == max && more {
			return true
		}
		s = rest
	}
	return false
}
