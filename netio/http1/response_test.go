package http1

import (
	"fmt"
	"reflect"
	"testing"
)

func TestStatusLine(t *testing.T) {
	for _, tc := range []struct {
		name, line, want string
	}{
		{"usual", "HTTP/1.1 200 OK", "1.1 200 [200 OK] [OK]"},
		{"HTTP/1.0", "HTTP/1.0 404 Not Found", "1.0 404 [404 Not Found] [Not Found]"},
		{"empty reason", "HTTP/1.1 200 ", "1.1 200 [200 ] []"},
		{"no reason", "HTTP/1.1 204", "1.1 204 [204] []"},
		{"several spaces before the code", "HTTP/1.1   200 OK", "1.1 200 [200 OK] [OK]"},
		{"decimal code", "HTTP/1.1 403.1 Denied", "1.1 403 [403.1 Denied] [.1 Denied]"},
		{"odd code", "HTTP/1.1 999 Whatever", "1.1 999 [999 Whatever] [Whatever]"},
		{"tab and bytes above ASCII in the reason", "HTTP/1.1 200 a\t\xe9", "1.1 200 [200 a\t\xe9] [a\t\xe9]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := []byte(tc.line + "\r\n")
			var p ResponseParser
			p.Reset(0, Options{})
			var r Response
			if res := p.Line(b, &r); res != Done {
				t.Fatalf("got %v, want done", res)
			}
			got := fmt.Sprintf("%d.%d %d [%s] [%s]", r.Major, r.Minor, r.Status, r.StatusLine.Of(b), r.Reason.Of(b))
			if got != tc.want || string(r.Line.Of(b)) != tc.line {
				t.Errorf("got %s of %q, want %s", got, r.Line.Of(b), tc.want)
			}
		})
	}
}

func TestFaultyStatusLine(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     Result
	}{
		{"a body without head", "<html>", BadStatusLine},
		{"another protocol is known by its first bytes", "SSH-2", BadStatusLine},
		{"lower case", "http/1.1 200 OK\r\n", BadStatusLine},
		{"HTTP/2", "HTTP/2 200\r\n", BadStatusLine},
		{"HTTP/0.9", "HTTP/0.9 200 OK\r\n", BadStatusLine},
		{"two minor digits", "HTTP/1.10 200 OK\r\n", BadStatusLine},
		{"no code", "HTTP/1.1 \r\n", BadStatusLine},
		{"only spaces", "HTTP/1.1          \r\n", BadStatusLine},
		{"short code", "HTTP/1.1 20 OK\r\n", BadStatusLine},
		{"long code", "HTTP/1.1 2000 OK\r\n", BadStatusLine},
		{"code below 100", "HTTP/1.1 099 OK\r\n", BadStatusLine},
		{"letters behind the code", "HTTP/1.1 200OK\r\n", BadStatusLine},
		{"no space before the code", "HTTP/1.1200 OK  \r\n", BadStatusLine},
		{"NUL in the reason", "HTTP/1.1 200 O\x00K\r\n", BadStatusLine},
		{"bare CR in the reason", "HTTP/1.1 200 O\rK\r\n", BadStatusLine},
		{"bare LF", "HTTP/1.1 200 OK\n", BadStatusLine},
		{"empty line", "\r\n", BadStatusLine},
		{"beginning of a status line", "HTTP", More},
		{"line without end", "HTTP/1.1 200 OK\r", More},
		{"nothing", "", More},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p ResponseParser
			p.Reset(0, Options{})
			var r Response
			if res := p.Line([]byte(tc.in), &r); res != tc.want {
				t.Errorf("got %v, want %v", res, tc.want)
			}
		})
	}
}

func TestFurtherStatusLinesAmongResponseFieldsAreIgnored(t *testing.T) {
	b := []byte("HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\nHttp/x: y\r\nServer: x\r\n\r\n")
	var p ResponseParser
	p.Reset(0, Options{})
	var r Response
	if p.Line(b, &r) != Done || p.Headers(b, &r) != Done {
		t.Fatal("not done")
	}
	if got, want := describeFields(b, &r.Fields), "[Http/x]=[y]?! [Server]=[x]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

var responseSamples = []string{
	originResponse,
	"HTTP/1.0 200\r\n\r\n",
	"HTTP/1.1 403.1  x\r\nHTTP/1.1 again\r\nX-Accel-Redirect: /a\r\nh: \t\r\n\r\nbody",
}

// parseResponse parses b, given in a first part and then in steps.
func parseResponse(b []byte, first, step int, r *Response) (Result, int) {
	var p ResponseParser
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
		case res == Done && !inHeaders:
			inHeaders = true
		case res != More || n == len(b):
			return res, p.Pos()
		default:
			n = min(n+max(step, 1), len(b))
		}
	}
}

func TestResponseSplitAtEveryByteEqualsWhole(t *testing.T) {
	for _, in := range responseSamples {
		var whole Response
		wantRes, wantPos := parseResponse([]byte(in), len(in), 0, &whole)
		if wantRes != Done {
			t.Fatalf("%q: got %v, want done", in, wantRes)
		}
		for split := range len(in) {
			for _, step := range []int{1, len(in)} {
				var r Response
				res, pos := parseResponse([]byte(in), split, step, &r)
				if res != wantRes || pos != wantPos || !reflect.DeepEqual(r, whole) {
					t.Fatalf("%q split at %d, then %d bytes at a time: got %v at %d %+v\nwant %v at %d %+v",
						in, split, step, res, pos, r, wantRes, wantPos, whole)
				}
			}
		}
	}
}

func TestResponseLimits(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Result
	}{
		{"HTTP/1.1 200 OK\r\n", Done},
		{"HTTP/1.1 200 OK!\r\n", LineTooLong},
		{"HTTP/1.1 200 very much", LineTooLong},
	} {
		for _, step := range []int{1, len(tc.in)} {
			var p ResponseParser
			p.Reset(0, Options{MaxLine: 17})
			var r Response
			if res := feed(step, len(tc.in), func(n int) Result { return p.Line([]byte(tc.in[:n]), &r) }); res != tc.want {
				t.Errorf("%q, %d bytes at a time: got %v, want %v", tc.in, step, res, tc.want)
			}
		}
	}
}

func TestInterimResponsesAreReadOneAfterTheOther(t *testing.T) {
	b := []byte("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nAge: 1\r\n\r\n")
	var p ResponseParser
	var r Response
	for _, want := range []uint16{103, 200} {
		p.Reset(p.Pos(), Options{})
		if p.Line(b, &r) != Done || p.Headers(b, &r) != Done || r.Status != want || len(r.Headers) != 1 {
			t.Fatalf("got status %d with %d fields, want %d with 1", r.Status, len(r.Headers), want)
		}
	}
	if p.Pos() != len(b) {
		t.Errorf("got position %d, want %d", p.Pos(), len(b))
	}
}
