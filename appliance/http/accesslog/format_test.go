package accesslog

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestValuesAreEscapedAsNginxEscapesThem(t *testing.T) {
	for _, c := range []struct{ in, def, js string }{
		{"", "", ""},
		{"plain/1.0 text", "plain/1.0 text", "plain/1.0 text"},
		{`a"b\c`, `a\x22b\x5Cc`, `a\"b\\c`},
		{"\n\r\t\b\f\x01\x1f", `\x0A\x0D\x09\x08\x0C\x01\x1F`, `\n\r\t\b\f\u0001\u001F`},
		{"\x7f\x80\xff", `\x7F\x80\xFF`, "\x7f\x80\xff"},
		{`"`, `\x22`, `\"`},
	} {
		if got := string(appendValue(nil, []byte(c.in), escapeDefault)); got != c.def {
			t.Errorf("%q: default: got %s, want %s", c.in, got, c.def)
		}
		if got := string(appendValue([]byte("x"), []byte(c.in), escapeJSON)); got != "x"+c.js {
			t.Errorf("%q: json: got %s, want %s", c.in, got, c.js)
		}
	}
}

func TestFormatsAreTakenApart(t *testing.T) {
	for _, c := range []struct {
		texts []string
		want  string
	}{
		{[]string{"a ", "b"}, "'a b'"},
		{[]string{"$status"}, "own"},
		{[]string{"${status}x$uri.$args"}, "own'x'<uri>'.'<args>"},
		{[]string{"[$time_local]", " $a_1-"}, "'['own'] '<a_1>'-'"},
		{[]string{""}, ""},
		{[]string{"$"}, `invalid parameter "$"`},
		{[]string{"x$ y"}, `invalid parameter "$ y"`},
		{[]string{"${"}, `invalid parameter "${"`},
		{[]string{"${}"}, `invalid parameter "${}"`},
		{[]string{"${uri"}, `the closing bracket in "uri" variable is missing`},
	} {
		if got := describe(c.texts); got != c.want {
			t.Errorf("%q: got %s, want %s", c.texts, got, c.want)
		}
	}
}

// describe compiles texts and shows the result.
func describe(texts []string) string {
	var f format
	var names []string
	err := f.compile(texts, func(name string) int {
		names = append(names, name)
		return len(names) - 1
	})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, o := range f.ops {
		switch o.kind {
		case opText:
			b.WriteString("'" + string(o.lit) + "'")
		case opVariable:
			b.WriteString("<" + names[o.index] + ">")
		default:
			b.WriteString("own")
		}
	}
	return b.String()
}

func FuzzFormat(f *testing.F) {
	f.Add(combined)
	f.Add(`{"a":"$uri","b":${status}}`)
	f.Add("$$${x}${")
	f.Fuzz(func(t *testing.T, text string) {
		var c format
		if c.compile([]string{text}, func(string) int { return 0 }) != nil {
			return
		}
		n := 0
		for _, o := range c.ops {
			n += len(o.lit)
			if o.kind == opText && len(o.lit) == 0 {
				t.Error("an empty piece of text")
			}
		}
		if n > len(text) {
			t.Errorf("%d bytes of text out of %d", n, len(text))
		}
	})
}

func FuzzEscape(f *testing.F) {
	f.Add([]byte("a\"\\\x00\x7f\xff"))
	f.Fuzz(func(t *testing.T, v []byte) {
		for _, c := range appendValue(nil, v, escapeDefault) {
			if c < ' ' || c >= 0x7f || c == '"' {
				t.Fatalf("byte %#x in a default line", c)
			}
		}
		js := append(append([]byte{'"'}, appendValue(nil, v, escapeJSON)...), '"')
		if !json.Valid(js) {
			t.Fatalf("not JSON: %q", js)
		}
	})
}
