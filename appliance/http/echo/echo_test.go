package echo

import (
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
)

func TestParseSeconds(t *testing.T) {
	for _, c := range []struct {
		text string
		ms   int64
		ok   bool
	}{
		{"1", 1000, true}, {"0.5", 500, true}, {".25", 250, true}, {"1.2345", 1234, true}, {"2.", 2000, true},
		{"", 0, false}, {".", 0, false}, {"1s", 0, false}, {"1.2.3", 0, false}, {"-1", 0, false},
		{strings.Repeat("9", 30), 0, false},
	} {
		ms, ok := parseSeconds([]byte(c.text))
		if ok != c.ok || ok && ms != c.ms {
			t.Errorf("%q: got %d %t, want %d %t", c.text, ms, ok, c.ms, c.ok)
		}
	}
}

func TestParseCount(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int64
		ok   bool
	}{
		{"0", 0, true}, {"1_000", 1000, true}, {"", 0, false}, {"-1", 0, false}, {"1k", 0, false}, {strings.Repeat("9", 30), 0, false},
	} {
		if n, ok := parseCount([]byte(c.text)); ok != c.ok || ok && n != c.n {
			t.Errorf("%q: got %d %t, want %d %t", c.text, n, ok, c.n, c.ok)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ name, text, delimiter, want string }{
		{"parts between", "a,b,c", ",", "a|b|c"},
		{"empty parts are left out", ",a,,b,", ",", "a|b"},
		{"a delimiter of more bytes", "a--b-c", "--", "a|b-c"},
		{"no delimiter in the text", "abc", ",", "abc"},
		{"an empty delimiter", "abc", "", "abc"},
		{"nothing", "", ",", ""},
	} {
		var got []string
		for _, p := range split(nil, []byte(c.text), []byte(c.delimiter)) {
			got = append(got, string(p))
		}
		if s := strings.Join(got, "|"); s != c.want {
			t.Errorf("%s: got %q, want %q", c.name, s, c.want)
		}
	}
}

var modules = http.Modules{&http.Core, &http.Copy, &Module, &http.Postpone}

func TestEchoAllocatesNothing(t *testing.T) {
	s := httptest.Start(t, modules, `keepalive_requests 10000000; server { listen %LISTEN%; default_type text/plain;
		location /echo { echo one $arg_a two; echo -n x; echo_duplicate 3 y; }
		location /each { echo_foreach_split , $arg_a; echo $echo_it; echo_end; }
		location /around { echo_before_body a; echo_after_body b; echo c; }
		location /sub { echo_location /echo; echo c; } }`)
	for _, target := range []string{"/echo?a=b", "/each?a=b,c,d", "/around", "/sub"} {
		if n := s.Allocations(t, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); n >= 1 {
			t.Errorf("%s: got %v allocations per request, want 0", target, n)
		}
	}
}
