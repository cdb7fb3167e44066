package resty

import (
	"encoding/base64"

	"weir/lua/api"
	"weir/lua/vm"
)

var base64Funcs = []api.Func{
	{Name: "encode_base64url", In: api.Any, Args: "(text)", Run: encodeURL, Doc: "Returns a text in base64url without padding."},
	{Name: "decode_base64url", In: api.Any, Args: "(text)", Run: decodeURL, Doc: "Returns the text of its base64url form, or nil and an error."},
}

func encodeURL(l *vm.State) int {
	s, ok := l.Arg(1).AsString()
	if !ok {
		return api.Fail(l, "must provide a string")
	}
	buf := l.VM().TakeBuf()
	buf = append(buf, s...)
	n := len(buf)
	buf = base64.RawURLEncoding.AppendEncode(buf, buf[:n:n])
	l.PushBytes(buf[n:])
	l.VM().KeepBuf(buf)
	return 1
}

func decodeURL(l *vm.State) int {
	s, ok := l.Arg(1).AsString()
	if !ok {
		return api.Fail(l, "must provide a string")
	}
	buf := l.VM().TakeBuf()
	buf, n, ok := unpadded(buf, s)
	if ok {
		buf, ok = appendDecoded(buf, n)
	}
	if !ok {
		l.VM().KeepBuf(buf)
		return api.Fail(l, "invalid input")
	}
	l.PushBytes(buf[n:])
	l.VM().KeepBuf(buf)
	return 1
}

// unpadded appends what stands before the padding; ok is false for bytes that are not of the alphabet. Line ends are
// not, though the standard library would skip them.
func unpadded(buf []byte, s string) (b []byte, n int, ok bool) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '=':
			return buf, len(buf), true
		case c < '-' || c > 'z':
			return buf, len(buf), false
		default:
			buf = append(buf, c)
		}
	}
	return buf, len(buf), true
}

func appendDecoded(buf []byte, n int) ([]byte, bool) {
	if n%4 == 1 {
		return buf, false
	}
	out, err := base64.RawURLEncoding.AppendDecode(buf, buf[:n:n])
	return out, err == nil
}
