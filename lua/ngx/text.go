package ngx

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"hash/crc32"

	"weir/lua/api"
	"weir/lua/vm"
)

var stringFuncs = []api.Func{
	{Name: "escape_uri", In: api.Any, Args: "(text, type?)", Doc: "Escapes text for a URI.", Run: escapeURI},
	{Name: "unescape_uri", In: api.Any, Args: "(text)", Doc: "Decodes escaped text of a URI.", Run: unescapeURI},
	{Name: "encode_args", In: api.Any, Args: "(table)", Doc: "Writes a table as a query string.", Run: encodeArgsFunc},
	{Name: "decode_args", In: api.Any, Args: "(text, max?)", Doc: "Reads a query string as a table.", Run: decodeArgsFunc},
	{Name: "encode_base64", In: api.Any, Args: "(text, no_padding?)", Doc: "Encodes text as base64.", Run: encodeBase64},
	{Name: "decode_base64", In: api.Any, Args: "(text)", Doc: "Decodes base64; nil if it is none.", Run: decodeBase64},
	{Name: "decode_base64mime", In: api.Any, Args: "(text)", Doc: "Decodes base64 among bytes that do not belong to it.", Run: decodeBase64MIME},
	{Name: "crc32_short", In: api.Any, Args: "(text)", Doc: "Returns the CRC-32 of text.", Run: crc32Sum},
	{Name: "crc32_long", In: api.Any, Args: "(text)", Doc: "Returns the CRC-32 of text.", Run: crc32Sum},
	{Name: "md5", In: api.Any, Args: "(text)", Doc: "Returns the MD5 sum of text in hexadecimal.", Run: func(l *vm.State) int {
		h := md5.Sum([]byte(anyText(l)))
		return l.Ret(vm.String(hex.EncodeToString(h[:])))
	}},
	{Name: "md5_bin", In: api.Any, Args: "(text)", Doc: "Returns the MD5 sum of text.", Run: func(l *vm.State) int {
		h := md5.Sum([]byte(anyText(l)))
		return l.Ret(vm.String(string(h[:])))
	}},
	{Name: "sha1_bin", In: api.Any, Args: "(text)", Doc: "Returns the SHA-1 sum of text.", Run: func(l *vm.State) int {
		h := sha1.Sum([]byte(anyText(l)))
		return l.Ret(vm.String(string(h[:])))
	}},
	{Name: "hmac_sha1", In: api.Any, Args: "(key, text)", Doc: "Returns the HMAC-SHA-1 of text.", Run: hmacSHA1},
	{Name: "quote_sql_str", In: api.Any, Args: "(text)", Doc: "Quotes text as a string of SQL (MySQL's rules).", Run: quoteSQL},
}

// anyText is the first argument as text, nil as nothing.
func anyText(l *vm.State) string {
	if l.Arg(1).IsNil() {
		return ""
	}
	return textOf(l, l.Arg(1))
}

func escapeURI(l *vm.State) int {
	s := ""
	if l.Arg(1).Truthy() {
		s = textOf(l, l.Arg(1))
	}
	kind := escapeComponent
	if v := l.Arg(2); !v.IsNil() {
		f, ok := v.AsNumber()
		if !ok {
			l.Throw(vm.String("\"type\" is not a number"))
		}
		if f < 0 || f >= float64(len(escapeSets)) {
			l.Throw(vm.String("\"type\" " + v.Text() + " out of range"))
		}
		kind = int(f)
	}
	set := &escapeSets[kind]
	if !needsEscape(s, set) {
		return l.Ret(vm.String(s))
	}
	b := appendEscaped(l.VM().TakeBuf(), s, set)
	l.PushBytes(b)
	l.VM().KeepBuf(b)
	return 1
}

func unescapeURI(l *vm.State) int {
	s := ""
	if l.Arg(1).Truthy() {
		s = textOf(l, l.Arg(1))
	}
	return l.Ret(vm.String(unescape(s)))
}

func encodeArgsFunc(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("expecting 1 argument but seen %d", n)
	}
	b := encodeArgs(l, l.CheckTable(1), l.VM().TakeBuf())
	l.PushBytes(b)
	l.VM().KeepBuf(b)
	return 1
}

func decodeArgsFunc(l *vm.State) int {
	if n := l.Top(); n != 1 && n != 2 {
		l.Errorf("expecting 1 or 2 arguments but seen %d", n)
	}
	s := l.CheckString(1)
	t := l.VM().NewTable(0, 4)
	cut := decodeArgs(t, s, limit(l, 2))
	l.Push(t.Value())
	if cut {
		l.PushString("truncated")
		return 2
	}
	return 1
}

func encodeBase64(l *vm.State) int {
	enc := base64.StdEncoding
	if v := l.Arg(2); !v.IsNil() {
		if v.Type() != vm.TypeBool {
			l.Errorf("bad no_padding: boolean expected, got %s", v.TypeName())
		}
		if v.Truthy() {
			enc = base64.RawStdEncoding
		}
	}
	return l.Ret(vm.String(enc.EncodeToString([]byte(anyText(l)))))
}

// base64Value is the value of a base64 digit, 64 for other bytes. The URL form's digits count as well.
func base64Value(c byte) byte {
	switch {
	case c-'A' < 26:
		return c - 'A'
	case c-'a' < 26:
		return c - 'a' + 26
	case c-'0' < 10:
		return c - '0' + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return 64
}

// fromBase64 decodes digits up to the padding; skip drops bytes that are none. ok is false for text that is no base64.
func fromBase64(s string, skip bool) (out []byte, ok bool) {
	acc, bits, digits := uint32(0), 0, 0
	for i := range len(s) {
		c := s[i]
		if c == '=' {
			break
		}
		v := base64Value(c)
		if v == 64 {
			if skip {
				continue
			}
			return nil, false
		}
		digits++
		acc = acc<<6 | uint32(v)
		if bits += 6; bits >= 8 {
			bits -= 8
			out = append(out, byte(acc>>bits))
		}
	}
	return out, digits%4 != 1
}

func decodeBase64(l *vm.State) int { return decode64(l, false) }

func decodeBase64MIME(l *vm.State) int { return decode64(l, true) }

func decode64(l *vm.State, skip bool) int {
	s, ok := l.Arg(1).AsString()
	if !ok {
		l.Errorf("string argument only")
	}
	b, ok := fromBase64(s, skip)
	if !ok {
		return l.Ret(vm.Nil)
	}
	l.PushBytes(b)
	return 1
}

func crc32Sum(l *vm.State) int {
	return l.Ret(vm.Number(float64(crc32.ChecksumIEEE([]byte(anyText(l))))))
}

func hmacSHA1(l *vm.State) int {
	if n := l.Top(); n != 2 {
		l.Errorf("expecting 2 arguments, but got %d", n)
	}
	h := hmac.New(sha1.New, []byte(l.CheckString(1)))
	h.Write([]byte(l.CheckString(2)))
	l.PushBytes(h.Sum(nil))
	return 1
}

func quoteSQL(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("expecting one argument")
	}
	s := l.CheckString(1)
	b := append(make([]byte, 0, len(s)+2), '\'')
	for i := range len(s) {
		switch c := s[i]; c {
		case 0:
			b = append(b, `\0`...)
		case '\b':
			b = append(b, `\b`...)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case 0x1a:
			b = append(b, `\Z`...)
		case '\'', '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return l.Ret(vm.String(string(append(b, '\''))))
}
