package cjson

import (
	"encoding/json"
	"math"
	"regexp"
	"strings"
	"testing"

	"weir/lua/vm"
)

// looseNumber finds what lua-cjson takes and JSON does not, even with decode_invalid_numbers(false): "1." and "-.5".
var looseNumber = regexp.MustCompile(`\.([^0-9]|$)|(^|[^0-9])\.|[eE][+-]?([^0-9+-]|$)`)

// same compares two values from encoding/json: an empty array and an empty object are one, and numbers agree in
// thirteen digits.
func same(a, b any) bool {
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		if !ok {
			o, ok := b.(map[string]any)
			return ok && len(x)+len(o) == 0
		}
		for i := range min(len(x), len(y)) {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return len(x) == len(y)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return len(x) == 0 && same(b, a)
		}
		for k := range x {
			if v, ok := y[k]; !ok || !same(x[k], v) {
				return false
			}
		}
		return len(x) == len(y)
	case float64:
		y, ok := b.(float64)
		return ok && (x == y || math.Abs(x-y) <= 1e-13*math.Abs(y))
	}
	return a == b
}

// FuzzDecode compares with encoding/json: what it accepts must decode, and encode again to a text of the same
// meaning; what it refuses must be refused, but for the numbers lua-cjson is known to let pass.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9"],"b":null}`, `[[[]]]`, `"\ud83d\ude00"`, `-0x1p4`, `nan`, `{"a":`, `[1,2,]`, `01`, `1.`,
		`{"a":1,"a":2}`, "\"\t\"", `"\ud800"`, ` [ true , false ] `, `{"1":1,"":{}}`, `[null,null]`, `1e400`, `"\/\b\f\n\r\t\u0000"`, "\"\x80\""} {
		f.Add(s)
	}
	v, _ := newVM()
	p, err := vm.Compile(`local safe = require 'cjson.safe' safe.decode_invalid_numbers(false)
		return function(s)
			local x, e = safe.decode(s)
			if e then return nil end
			return x == nil and "null" or (assert(safe.encode(x)))
		end`, "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	l := v.Main()
	l.Push(v.Load(p).Value())
	if _, e := l.PCall(0, 1); e != nil {
		f.Fatal(e.Traceback)
	}
	fn := l.Pop1()
	f.Fuzz(func(t *testing.T, s string) {
		l.Push(fn)
		l.PushString(s)
		if _, e := l.PCall(1, 1); e != nil {
			if strings.Contains(e.Text, "must not be NaN or Infinity") {
				return // a number such as 1e400
			}
			t.Fatalf("%q: %s", s, e.Traceback)
		}
		out, ok := l.Pop1().AsString()
		var want, got any
		err := json.Unmarshal([]byte(s), &want)
		switch {
		case ok && err != nil:
			if json.Valid([]byte(s)) || looseNumber.MatchString(s) {
				return // out of the range of a float64, or a loose number
			}
			t.Fatalf("%q was accepted: %v", s, err)
		case !ok && err != nil:
			return
		case !ok:
			if loneSurrogate(s) || len(s) >= 2 && (s[0] == 0 || s[1] == 0) || strings.Count(s, "[")+strings.Count(s, "{") > 1000 {
				return
			}
			t.Fatalf("%q was refused", s)
		}
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%q became %q: %v", s, out, err)
		}
		if !same(got, want) {
			t.Fatalf("%q became %q", s, out)
		}
	})
}

// loneSurrogate reports whether a text may have an escaped half of a surrogate pair, which lua-cjson refuses.
func loneSurrogate(s string) bool {
	s = strings.ToLower(s)
	for _, half := range [...]string{`\ud8`, `\ud9`, `\uda`, `\udb`, `\udc`, `\udd`, `\ude`, `\udf`} {
		if strings.Contains(s, half) {
			return true
		}
	}
	return false
}

// FuzzEncode encodes an array and an object of a string and a number: encoding/json must read the same, with the
// number in 14 digits, and decode must give the string's very bytes.
func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\x1f\"\\/\x7f", "\xff\xc3", "é€😀", "</script>"} {
		f.Add(s, math.Pi, true)
	}
	v, _ := newVM()
	p, err := vm.Compile(`local cjson = require 'cjson' return function(s, n, slash)
		cjson.encode_escape_forward_slash(slash)
		local text = cjson.encode({s, n, {[s] = n}})
		local back = cjson.decode(text)
		assert(back[1] == s, "the string came back as another")
		return text end`, "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	l := v.Main()
	l.Push(v.Load(p).Value())
	if _, e := l.PCall(0, 1); e != nil {
		f.Fatal(e.Traceback)
	}
	fn := l.Pop1()
	f.Fuzz(func(t *testing.T, s string, n float64, slash bool) {
		if n != n || math.IsInf(n, 0) {
			n = 0
		}
		l.Push(fn)
		l.PushString(s)
		l.PushNumber(n)
		l.PushBool(slash)
		if _, e := l.PCall(3, 1); e != nil {
			t.Fatal(e.Traceback)
		}
		out, _ := l.Pop1().AsString()
		var got []any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			if math.Abs(n) < math.MaxFloat64*0.999 {
				t.Fatalf("%q: %v", out, err)
			}
			return // rounded up beyond the range
		}
		key := jsonText(s)
		want := []any{key, n, map[string]any{key: n}}
		if !same(any(got), any(want)) {
			t.Fatalf("got %q, want %v", out, want)
		}
	})
}

// jsonText is s as encoding/json reads it: each byte that is no UTF-8 becomes U+FFFD.
func jsonText(s string) string { return string([]rune(s)) }
