package http1

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"weir/netio/buf"
)

var flagNames = []string{"absolute", "authority", "emptypath", "complex", "quoted", "plus", "fragment"}

// describe prints what a request consists of, one "key=value" per part that is
// not empty.
func describe(b []byte, r *Request) string {
	var w strings.Builder
	fmt.Fprintf(&w, "%d.%d %s", r.Major, r.Minor, r.MethodName.Of(b))
	if r.Method == MethodUnknown {
		w.WriteString("(unknown)")
	}
	for _, part := range []struct {
		name string
		span buf.Span
	}{
		{"target", r.Target}, {"scheme", r.Scheme}, {"host", r.Host}, {"port", r.Port},
		{"path", r.Path}, {"query", r.Query}, {"ext", r.Ext},
	} {
		if !part.span.Empty() {
			fmt.Fprintf(&w, " %s=%s", part.name, part.span.Of(b))
		}
	}
	for i, name := range flagNames {
		if r.Flags&(1<<i) != 0 {
			w.WriteString(" " + name)
		}
	}
	return w.String()
}

func describeFields(b []byte, f *Fields) string {
	var w strings.Builder
	for _, h := range f.Headers {
		fmt.Fprintf(&w, "[%s]=[%s]", h.Name.Of(b), h.Value.Of(b))
		if h.ID == HeaderUnknown {
			w.WriteString("?")
		}
		if h.Flags&HeaderUnderscore != 0 {
			w.WriteString("_")
		}
		if h.Flags&HeaderInvalid != 0 {
			w.WriteString("!")
		}
		w.WriteString(" ")
	}
	return strings.TrimSuffix(w.String(), " ")
}

func TestRequestLine(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       string
	}{
		{"root", "GET / HTTP/1.1", "1.1 GET target=/ path=/"},
		{"HTTP/1.0", "HEAD /index.html HTTP/1.0", "1.0 HEAD target=/index.html path=/index.html ext=html"},
		{"a later minor version", "GET / HTTP/1.9", "1.9 GET target=/ path=/"},
		{"query", "POST /a/b.cgi?x=1&y=%20 HTTP/1.1", "1.1 POST target=/a/b.cgi?x=1&y=%20 path=/a/b.cgi query=x=1&y=%20 ext=cgi"},
		{"empty query", "GET /a? HTTP/1.1", "1.1 GET target=/a? path=/a"},
		{"question marks and slashes in a query", "GET /a?b=//c/../d?e HTTP/1.1", "1.1 GET target=/a?b=//c/../d?e path=/a query=b=//c/../d?e"},
		{"extension of the last segment only", "GET /a.b/c HTTP/1.1", "1.1 GET target=/a.b/c path=/a.b/c"},
		{"last dot begins the extension", "GET /a.tar.gz HTTP/1.1", "1.1 GET target=/a.tar.gz path=/a.tar.gz ext=gz"},
		{"escape", "GET /a%20b.html HTTP/1.1", "1.1 GET target=/a%20b.html path=/a%20b.html quoted"},
		{"double slash", "GET /a//b HTTP/1.1", "1.1 GET target=/a//b path=/a//b complex"},
		{"leading double slash", "GET //a HTTP/1.1", "1.1 GET target=//a path=//a complex"},
		{"dot segment", "GET /a/../b HTTP/1.1", "1.1 GET target=/a/../b path=/a/../b complex"},
		{"plus", "GET /a+b HTTP/1.1", "1.1 GET target=/a+b path=/a+b plus"},
		{"plus in the query does not count", "GET /a?b+c HTTP/1.1", "1.1 GET target=/a?b+c path=/a query=b+c"},
		{"fragment behind the path", "GET /a#f?x HTTP/1.1", "1.1 GET target=/a#f?x path=/a fragment"},
		{"fragment behind the query", "GET /a?x#f HTTP/1.1", "1.1 GET target=/a?x#f path=/a query=x fragment"},
		{"bytes above ASCII", "GET /\xc3\xa9 HTTP/1.1", "1.1 GET target=/\xc3\xa9 path=/\xc3\xa9"},
		{"odd but visible bytes", "GET /<\"\\^`{|}> HTTP/1.1", "1.1 GET target=/<\"\\^`{|}> path=/<\"\\^`{|}>"},
		{"unknown method", "M-SEARCH_X / HTTP/1.1", "1.1 M-SEARCH_X(unknown) target=/ path=/"},
		{"WebDAV method", "PROPPATCH /x HTTP/1.1", "1.1 PROPPATCH target=/x path=/x"},
		{"HTTP/0.9", "GET /old", "0.9 GET target=/old path=/old"},

		{"absolute", "GET http://example.com/a?b HTTP/1.1", "1.1 GET target=/a?b scheme=http host=example.com path=/a query=b absolute"},
		{"absolute with port", "GET HTTPS://Ex.com:8443/ HTTP/1.1", "1.1 GET target=/ scheme=HTTPS host=Ex.com port=8443 path=/ absolute"},
		{"absolute with stray colon", "GET http://ex.com:/a HTTP/1.1", "1.1 GET target=/a scheme=http host=ex.com path=/a absolute"},
		{"absolute with trailing dot", "GET http://ex.com.:80/a HTTP/1.1", "1.1 GET target=/a scheme=http host=ex.com port=80 path=/a absolute"},
		{"absolute without path", "GET http://ex.com HTTP/1.1", "1.1 GET target=/ scheme=http host=ex.com path=/ absolute"},
		{"absolute with query only", "GET http://ex.com?a/b HTTP/1.1", "1.1 GET target=?a/b scheme=http host=ex.com path=/ query=a/b absolute emptypath"},
		{"absolute with IPv6 literal", "GET http://[::1]:81/ HTTP/1.1", "1.1 GET target=/ scheme=http host=[::1] port=81 path=/ absolute"},
		{"absolute to normalise", "GET http://ex.com//a%20 HTTP/1.1", "1.1 GET target=//a%20 scheme=http host=ex.com path=//a%20 absolute complex quoted"},
		{"CONNECT", "CONNECT ex.com:443 HTTP/1.1", "1.1 CONNECT target=/ host=ex.com port=443 path=/ authority"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := []byte(tc.line + "\r\n")
			var p RequestParser
			p.Reset(0, Options{})
			var r Request
			if res := p.Line(b, &r); res != Done {
				t.Fatalf("got %v, want done", res)
			}
			if got := describe(b, &r); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if p.Pos() != len(b) || string(r.Line.Of(b)) != tc.line {
				t.Errorf("got position %d and line %q", p.Pos(), r.Line.Of(b))
			}
		})
	}
}

func TestFaultyRequestLine(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       Result
	}{
		{"lower-case method", "get / HTTP/1.1", BadMethod},
		{"digit in the method", "GE7 / HTTP/1.1", BadMethod},
		{"no method", " / HTTP/1.1", BadMethod},
		{"method alone", "GET", BadMethod},
		{"tab behind the method", "GET\t/ HTTP/1.1", BadMethod},
		{"NUL in the method", "GE\x00T / HTTP/1.1", BadMethod},
		{"two spaces behind the method", "GET  / HTTP/1.1", BadRequest},
		{"two spaces before the version", "GET /  HTTP/1.1", BadRequest},
		{"space behind the version", "GET / HTTP/1.1 ", BadRequest},
		{"space in the target", "GET /a b HTTP/1.1", BadRequest},
		{"lone space in the target", "GET / / HTTP/1.1", BadRequest},
		{"tab in the target", "GET /a\tb HTTP/1.1", BadRequest},
		{"NUL in the target", "GET /a\x00b HTTP/1.1", BadRequest},
		{"control byte in the target", "GET /\x02 HTTP/1.1", BadRequest},
		{"DEL in the target", "GET /\x7f HTTP/1.1", BadRequest},
		{"control byte in the query", "GET /?\x1f HTTP/1.1", BadRequest},
		{"bare CR in the target", "GET /\rX HTTP/1.1", BadRequest},
		{"bare CR behind the version", "GET / HTTP/1.1\r", BadRequest},
		{"no target", "GET HTTP/1.1", BadRequest},
		{"empty target", "GET  HTTP/1.1", BadRequest},
		{"asterisk", "OPTIONS * HTTP/1.1", BadRequest},
		{"relative target", "GET index.html HTTP/1.1", BadRequest},
		{"HTTP/2 preface", "PRI * HTTP/2.0", BadVersion},
		{"version 2", "GET / HTTP/2.0", BadVersion},
		{"version 3.14", "GET / HTTP/3.14", BadVersion},
		{"version 10", "GET / HTTP/10.0", BadVersion},
		{"version 0.9 spelled out", "GET / HTTP/0.9", BadRequest},
		{"two minor digits", "GET / HTTP/1.10", BadRequest},
		{"leading zero", "GET / HTTP/01.1", BadRequest},
		{"no minor version", "GET / HTTP/1", BadRequest},
		{"nothing behind the dot", "GET / HTTP/1.", BadRequest},
		{"letter as minor version", "GET / HTTP/1.x", BadRequest},
		{"lower-case protocol", "GET / http/1.1", BadRequest},
		{"other protocol", "GET / RTSP/1.1", BadRequest},
		{"HTTP/0.9 with POST", "POST /", BadMethod09},
		{"HTTP/0.9 with trailing space", "GET / ", BadRequest},
		{"scheme alone", "GET http: HTTP/1.1", BadRequest},
		{"scheme with one slash", "GET http:/a HTTP/1.1", BadRequest},
		{"scheme that begins with a digit", "GET 1http://a/ HTTP/1.1", BadRequest},
		{"empty host", "GET http:///a HTTP/1.1", BadHost},
		{"host of a dot", "GET http://./a HTTP/1.1", BadHost},
		{"user information", "GET http://user@host/ HTTP/1.1", BadHost},
		{"backslash before the host", "GET http://\\e/x.com HTTP/1.1", BadHost},
		{"double port", "GET http://1.2.3.4:9000:80/ HTTP/1.1", BadHost},
		{"port above 65535", "GET http://1.2.3.4:65536/ HTTP/1.1", BadHost},
		{"underscore in the host", "GET http://a_b/ HTTP/1.1", BadHost},
		{"plus in the host", "GET http://a+b/ HTTP/1.1", BadHost},
		{"escape in the host", "GET http://a%41/ HTTP/1.1", BadHost},
		{"open literal", "GET http://[::1/ HTTP/1.1", BadHost},
		{"fragment behind the host", "GET http://a#b HTTP/1.1", BadHost},
		{"CONNECT without port", "CONNECT ex.com HTTP/1.1", BadRequest},
		{"CONNECT with empty port", "CONNECT ex.com: HTTP/1.1", BadRequest},
		{"CONNECT with an underscore", "CONNECT a_b:443 HTTP/1.1", BadRequest},
		{"CONNECT with a path", "CONNECT / HTTP/1.1", BadRequest},
		{"CONNECT in HTTP/0.9", "CONNECT ex.com:443", BadMethod09},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p RequestParser
			p.Reset(0, Options{})
			var r Request
			if res := p.Line([]byte(tc.line+"\r\n"), &r); res != tc.want {
				t.Errorf("got %v, want %v", res, tc.want)
			}
		})
	}
}

func TestFirstByteIsJudgedAtOnce(t *testing.T) {
	for c := range 256 {
		var p RequestParser
		p.Reset(0, Options{})
		var r Request
		want := BadMethod
		switch c := byte(c); {
		case c >= 'A' && c <= 'Z' || c == '_' || c == '-' || c == '\r':
			want = More
		case c == '\n':
			want = BadRequest
		}
		if res := p.Line([]byte{byte(c)}, &r); res != want {
			t.Errorf("byte %#02x: got %v, want %v", c, res, want)
		}
	}
}

func TestEmptyLinesBeforeARequestAreSkipped(t *testing.T) {
	for _, tc := range []struct {
		in    string
		opt   Options
		want  Result
		start int
	}{
		{"\r\n\r\nGET / HTTP/1.1\r\n", Options{}, Done, 4},
		{"\nGET / HTTP/1.1\r\n", Options{}, BadRequest, 0},
		{"\n\r\n\nGET / HTTP/1.1\n", Options{AllowBareLF: true}, Done, 4},
		{"\rGET / HTTP/1.1\r\n", Options{AllowBareLF: true}, BadRequest, 0},
		{"\r\n\r\n", Options{}, More, 4},
		{"\r\n\r", Options{}, More, 2},
	} {
		var p RequestParser
		p.Reset(0, tc.opt)
		var r Request
		if res := p.Line([]byte(tc.in), &r); res != tc.want {
			t.Errorf("%q: got %v, want %v", tc.in, res, tc.want)
		}
		start := p.LineStart()
		if tc.want == Done {
			start = int(r.Line.Off)
		}
		if start != tc.start {
			t.Errorf("%q: got line start %d, want %d", tc.in, start, tc.start)
		}
	}
}

func TestBareLFNeedsTheOption(t *testing.T) {
	in := []byte("GET / HTTP/1.1\nHost: a\n\n")
	var p RequestParser
	var r Request
	p.Reset(0, Options{})
	if res := p.Line(in, &r); res != BadRequest {
		t.Errorf("line: got %v, want %v", res, BadRequest)
	}
	p.Reset(0, Options{AllowBareLF: true})
	if p.Line(in, &r) != Done || p.Headers(in, &r) != Done || p.Pos() != len(in) {
		t.Errorf("with the option: got position %d, want %d", p.Pos(), len(in))
	}
	for _, rest := range []string{"Host: a\n\r\n", "Host: a\r\n\n"} {
		var f FieldParser
		f.Reset(0, Options{})
		if res := f.Fields([]byte(rest), new(Fields)); res != BadHeader {
			t.Errorf("%q: got %v, want %v", rest, res, BadHeader)
		}
	}
}

func TestHeaderFields(t *testing.T) {
	for _, tc := range []struct {
		name, in, want string
	}{
		{"none", "\r\n", ""},
		{"known and unknown", "Host: a\r\nX-Foo: b\r\n\r\n", "[Host]=[a] [X-Foo]=[b]?"},
		{"case is kept", "hOST: a\r\n\r\n", "[hOST]=[a]"},
		{"no space before the value", "Host:a\r\n\r\n", "[Host]=[a]"},
		{"spaces and tabs around the value", "Host: \t a b \t\r\n\r\n", "[Host]=[a b]"},
		{"tab inside the value", "Host: a\tb\r\n\r\n", "[Host]=[a\tb]"},
		{"empty values", "Host:\r\nTE: \t \r\n\r\n", "[Host]=[] [TE]=[]"},
		{"colons in the value", "Host: a:b:c\r\n\r\n", "[Host]=[a:b:c]"},
		{"bytes above ASCII in the value", "Host: \xff\x80\r\n\r\n", "[Host]=[\xff\x80]"},
		{"underscore", "a_b: c\r\n_: d\r\n\r\n", "[a_b]=[c]?_ [_]=[d]?_"},
		{"other bytes", "a.b: c\r\n</k>: d\r\n\xe9_: e\r\n\r\n", "[a.b]=[c]?! [</k>]=[d]?! [\xe9_]=[e]?_!"},
		{"a name of one byte", "x: y\r\n\r\n", "[x]=[y]?"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := []byte(tc.in)
			var p FieldParser
			p.Reset(0, Options{})
			var f Fields
			if res := p.Fields(b, &f); res != Done {
				t.Fatalf("got %v, want done", res)
			}
			if got := describeFields(b, &f); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
			if p.Pos() != len(b) {
				t.Errorf("got position %d, want %d", p.Pos(), len(b))
			}
		})
	}
}

func TestFaultyHeaderFields(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		at       int // of the byte that is to blame
	}{
		{"space before the colon", "Host : a\r\n\r\n", 4},
		{"tab before the colon", "Host\t: a\r\n\r\n", 4},
		{"folded line", "Host: a\r\n b\r\n\r\n", 9},
		{"folded line with a tab", "Host: a\r\n\tb: c\r\n\r\n", 9},
		{"space before the first name", " Host: a\r\n\r\n", 0},
		{"no colon", "Host\r\n\r\n", 4},
		{"no colon, colon in the next line", "Host\r\nA: b\r\n\r\n", 4},
		{"empty name", ": a\r\n\r\n", 0},
		{"colon first", ":foo: a\r\n\r\n", 0},
		{"NUL in the name", "Ho\x00st: a\r\n\r\n", 2},
		{"control byte in the name", "foo\x02: a\r\n\r\n", 3},
		{"DEL in the name", "foo\x7f: a\r\n\r\n", 3},
		{"CR in the name", "Ho\rst: a\r\n\r\n", 2},
		{"NUL in the value", "Host: a\x00b\r\n\r\n", 7},
		{"control byte in the value", "Host: a\x1bb\r\n\r\n", 7},
		{"DEL in the value", "Host: a\x7fb\r\n\r\n", 7},
		{"bare CR in the value", "Host: a\rb\r\n\r\n", 7},
		{"two CRs", "Host: a\r\r\n\r\n", 7},
		{"bare LF", "Host: a\nX: b\r\n\r\n", 7},
		{"bare LF at the end", "Host: a\r\n\n", 9},
		{"bare CR at the end", "Host: a\r\n\rX", 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p FieldParser
			p.Reset(0, Options{})
			var f Fields
			if res := p.Fields([]byte(tc.in), &f); res != BadHeader {
				t.Fatalf("got %v, want %v", res, BadHeader)
			}
			if p.FaultPos() != tc.at {
				t.Errorf("got fault at %d, want %d", p.FaultPos(), tc.at)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	const line, field = "GET /1234567 HTTP/1.1\r\n", "X-Field: 12345678901234\r\n" // 23 and 25 bytes
	parse := func(in string, step int, opt Options) (*RequestParser, Result) {
		p, r := new(RequestParser), new(Request)
		p.Reset(0, opt)
		return p, feed(step, len(in), func(n int) Result { return p.Line([]byte(in[:n]), r) },
			func(n int) Result { return p.Headers([]byte(in[:n]), r) })
	}
	for _, step := range []int{1, 7, 1000} {
		for _, tc := range []struct {
			name, in string
			opt      Options
			want     Result
			start    int
		}{
			{"line that just fits", line + "\r\n", Options{MaxLine: len(line)}, Done, 25},
			{"line that is a byte too long", line + "\r\n", Options{MaxLine: len(line) - 1}, LineTooLong, 0},
			{"line that does not end", strings.Repeat("A", 100), Options{MaxLine: 50}, LineTooLong, 0},
			{"field that just fits", line + field + "\r\n", Options{MaxLine: len(field)}, Done, 50},
			{"field that is a byte too long", line + field + "\r\n", Options{MaxLine: len(field) - 1}, LineTooLong, 23},
			{"field that does not end", line + "A:" + strings.Repeat("b", 100), Options{MaxLine: 50}, LineTooLong, 23},
			{"as many fields as allowed", line + field + field + "\r\n", Options{MaxFields: 2}, Done, 75},
			{"one field too many", line + field + field + "\r\n", Options{MaxFields: 1}, TooManyFields, 48},
		} {
			p, res := parse(tc.in, step, tc.opt)
			if res != tc.want || p.LineStart() != tc.start {
				t.Errorf("%s, %d bytes at a time: got %v at %d, want %v at %d", tc.name, step, res, p.LineStart(), tc.want, tc.start)
			}
		}
	}
}

// feed calls units one after the other with a prefix that grows by step bytes
// each time the result is More. The prefix is not shrunk between units.
func feed(step, size int, units ...func(n int) Result) (res Result) {
	n := min(step, size)
	for _, unit := range units {
		for {
			if res = unit(n); res != More || n == size {
				break
			}
			n = min(n+step, size)
		}
		if res != Done {
			return res
		}
	}
	return res
}

// requestSamples are complete requests that the split test and the fuzz target
// share.
var requestSamples = []string{
	wrkRequest,
	browserRequest,
	"\r\n\r\nPOST http://Ex.com:8080/a/../b%20?q#f HTTP/1.0\r\nA_b: c\r\nContent-Length:  10 \r\n\r\n0123456789",
	"GET /old\r\n",
	"CONNECT [::1]:443 HTTP/1.1\r\nhost:\r\n\r\n",
	"GET http://h?q HTTP/1.1\r\nX: \t a\tb \r\nTE: trailers\r\nTE: x\r\n\r\n",
}

func TestRequestSplitAtEveryByteEqualsWhole(t *testing.T) {
	for _, in := range requestSamples {
		var whole Request
		wantRes, wantPos := parseSplit([]byte(in), len(in), 0, &whole)
		if wantRes != Done {
			t.Fatalf("%q: got %v, want done", in, wantRes)
		}
		for split := range len(in) {
			for _, step := range []int{1, len(in)} {
				var r Request
				res, pos := parseSplit([]byte(in), split, step, &r)
				if res != wantRes || pos != wantPos || !reflect.DeepEqual(r, whole) {
					t.Fatalf("%q split at %d, then %d bytes at a time: got %v at %d %+v\nwant %v at %d %+v",
						in, split, step, res, pos, r, wantRes, wantPos, whole)
				}
			}
		}
	}
}

// parseSplit parses b, of which first bytes come at once and the rest in steps.
// Each call gets a copy of its own, so that a kept slice would be noticed.
func parseSplit(b []byte, first, step int, r *Request) (Result, int) {
	var p RequestParser
	p.Reset(0, Options{})
	r.Headers = make([]Header, 0, 4)
	n, inHeaders := first, false
	for {
		part := append([]byte(nil), b[:n]...)
		var res Result
		if inHeaders {
			res = p.Headers(part, r)
		} else {
			res = p.Line(part, r)
		}
		clear(part)
		switch {
		case res == Done && !inHeaders && r.Major > 0:
			inHeaders = true
		case res != More || n == len(b):
			return res, p.Pos()
		default:
			n = min(n+max(step, 1), len(b))
		}
	}
}

func TestByteWiseSenderCostsLinearTime(t *testing.T) {
	// 1 MB in a single field, byte by byte: quadratic work would take hours.
	in := []byte("GET / HTTP/1.1\r\nX: " + strings.Repeat("a", 1<<20) + "\r\n\r\n")
	var r Request
	if res, pos := parseByteWise(in, &r); res != Done || pos != len(in) {
		t.Errorf("got %v at %d, want done at %d", res, pos, len(in))
	}
}

func parseByteWise(b []byte, r *Request) (Result, int) {
	var p RequestParser
	p.Reset(0, Options{})
	res := feed(1, len(b), func(n int) Result { return p.Line(b[:n], r) }, func(n int) Result { return p.Headers(b[:n], r) })
	return res, p.Pos()
}

func TestParsingBeginsAtAnyOffset(t *testing.T) {
	in := []byte(wrkRequest + browserRequest)
	var p RequestParser
	var r Request
	for _, want := range []int{len(wrkRequest), len(in)} {
		p.Reset(p.Pos(), Options{})
		if p.Line(in, &r) != Done || p.Headers(in, &r) != Done || p.Pos() != want {
			t.Fatalf("got position %d, want %d", p.Pos(), want)
		}
	}
	if v, _ := r.Value(in, HeaderCacheControl); string(v) != "max-age=0" || len(r.Headers) != 12 {
		t.Errorf("got Cache-Control %q and %d fields", v, len(r.Headers))
	}
}
