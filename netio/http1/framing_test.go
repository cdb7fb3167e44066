package http1

import (
	"strings"
	"testing"
)

// TestSmuggling holds the requests that two servers in a row could cut at
// different places. None of them may come through.
func TestSmuggling(t *testing.T) {
	for _, tc := range []struct {
		name, head string // without the request line and Host
		want       Result
	}{
		{"length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", LengthAndCoding},
		{"coding and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", LengthAndCoding},
		{"two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", RepeatedLength},
		{"two equal lengths", "Content-Length: 5\r\ncontent-length: 5\r\n", RepeatedLength},
		{"a list of lengths", "Content-Length: 5, 5\r\n", BadLength},
		{"signed length", "Content-Length: +5\r\n", BadLength},
		{"negative length", "Content-Length: -5\r\n", BadLength},
		{"hexadecimal length", "Content-Length: 0x5\r\n", BadLength},
		{"empty length", "Content-Length:\r\n", BadLength},
		{"length with a space inside", "Content-Length: 1 0\r\n", BadLength},
		{"length above int64", "Content-Length: 9223372036854775808\r\n", BadLength},
		{"length above uint64", "Content-Length: 18446744073709551621\r\n", BadLength},
		{"two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", RepeatedCoding},
		{"identity and chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", RepeatedCoding},
		{"identity", "Transfer-Encoding: identity\r\n", UnknownCoding},
		{"list that ends with chunked", "Transfer-Encoding: gzip, chunked\r\n", UnknownCoding},
		{"list that begins with chunked", "Transfer-Encoding: chunked, identity\r\n", UnknownCoding},
		{"chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n", UnknownCoding},
		{"quoted", "Transfer-Encoding: \"chunked\"\r\n", UnknownCoding},
		{"misspelt", "Transfer-Encoding: xchunked\r\n", UnknownCoding},
		{"empty coding", "Transfer-Encoding:\r\n", UnknownCoding},
		{"coding behind a vertical tab", "Transfer-Encoding: \x0bchunked\r\n", BadHeader},
		{"space before the colon of the length", "Content-Length : 5\r\n", BadHeader},
		{"space before the colon of the coding", "Transfer-Encoding : chunked\r\n", BadHeader},
		{"tab before the colon of the coding", "Transfer-Encoding\t: chunked\r\n", BadHeader},
		{"space before the name", " Transfer-Encoding: chunked\r\n", BadHeader},
		{"folded coding", "Transfer-Encoding:\r\n chunked\r\n", BadHeader},
		{"folded length", "X: y\r\n\tContent-Length: 5\r\n", BadHeader},
		{"bare LF before the coding", "X: y\nTransfer-Encoding: chunked\r\n", BadHeader},
		{"bare CR before the coding", "X: y\rTransfer-Encoding: chunked\r\n", BadHeader},
		{"NUL in the coding's name", "Transfer\x00-Encoding: chunked\r\n", BadHeader},
		{"NUL in the length", "Content-Length: 5\x00\r\n", BadHeader},
		{"NUL before the colon", "Content-Length\x00: 5\r\n", BadHeader},
		{"no colon", "Content-Length 5\r\n", BadHeader},
		{"empty name", ": chunked\r\n", BadHeader},
		{"two hosts", "Host: b\r\n", RepeatedHost},
		{"two credentials", "Authorization: a\r\nauthorization: b\r\n", RepeatedField},
		{"two conditions", "If-Match: a\r\nX: y\r\nIf-Match: a\r\n", RepeatedField},
		{"two cookies are not a fault", "Cookie: a\r\nCookie: b\r\nContent-Length: 0\r\n", Done},
		{"double CR before the end", "X: y\r\r\n", BadHeader},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := []byte("POST / HTTP/1.1\r\nHost: a\r\n" + tc.head + "\r\n5\r\nhello\r\n0\r\n\r\n")
			var p RequestParser
			var r Request
			if res := parseWhole(&p, &r, in); res != tc.want {
				t.Errorf("got %v, want %v", res, tc.want)
			}
		})
	}
}

func TestNamesThatOnlyLookLikeAFramingFieldAreFlagged(t *testing.T) {
	for _, name := range []string{"Tran\xc5\xbffer-Encoding", "Transfer.Encoding", "Transfer_Encoding", "Content_Length", "Content-Length\xa0"} {
		in := []byte("POST / HTTP/1.1\r\nHost: a\r\n" + name + ": 5\r\n\r\n")
		var p RequestParser
		var r Request
		if res := parseWhole(&p, &r, in); res != Done || r.Odd == 0 || r.Headers[1].ID != HeaderUnknown {
			t.Errorf("%q: got %v and fields %s", name, res, describeFields(in, &r.Fields))
		}
	}
}

func TestCheckRequest(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		body     Body
		want     Result
	}{
		{"no body", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", Body{Length: -1}, Done},
		{"length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", Body{Length: 12}, Done},
		{"length 0", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Body{Length: 0}, Done},
		{"largest length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 09223372036854775807\r\n\r\n", Body{Length: 1<<63 - 1}, Done},
		{"chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \tChunked \r\n\r\n", Body{Length: -1, Chunked: true}, Done},
		{"HTTP/1.0 without host", "GET / HTTP/1.0\r\n\r\n", Body{Length: -1}, Done},
		{"HTTP/1.1 without host", "GET / HTTP/1.1\r\n\r\n", Body{Length: -1}, NoHost},
		{"absolute target without host", "GET http://a/ HTTP/1.1\r\n\r\n", Body{Length: -1}, NoHost},
		{"empty host is for the caller", "GET / HTTP/1.1\r\nHost:\r\n\r\n", Body{Length: -1}, Done},
		{"coding in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", Body{Length: -1}, CodingInHTTP10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := []byte(tc.in)
			var p RequestParser
			p.Reset(0, Options{})
			var r Request
			if p.Line(in, &r) != Done || p.Headers(in, &r) != Done {
				t.Fatal("not done")
			}
			if body, res := CheckRequest(in, &r); body != tc.body || res != tc.want {
				t.Errorf("got %+v and %v, want %+v and %v", body, res, tc.body, tc.want)
			}
		})
	}
}

func TestCheckResponse(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		body     Body
		want     Result
	}{
		{"until close", "HTTP/1.0 200 OK\r\n\r\n", Body{Length: -1}, Done},
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", Body{Length: 3}, Done},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Body{Length: -1, Chunked: true}, Done},
		{"length and coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", Body{Length: -1}, LengthAndCoding},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", Body{Length: -1}, RepeatedLength},
		{"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", Body{Length: -1}, UnknownCoding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := []byte(tc.in)
			var p ResponseParser
			p.Reset(0, Options{})
			var r Response
			if p.Line(in, &r) != Done || p.Headers(in, &r) != Done {
				t.Fatal("not done")
			}
			if body, res := CheckResponse(in, &r); body != tc.body || res != tc.want {
				t.Errorf("got %+v and %v, want %+v and %v", body, res, tc.body, tc.want)
			}
		})
	}
}

func TestConnectionTokens(t *testing.T) {
	for in, want := range map[string]Tokens{
		"":                            0,
		"close":                       TokenClose,
		"Keep-Alive":                  TokenKeepAlive,
		"Upgrade":                     TokenUpgrade,
		"TE, close":                   TokenTE | TokenClose,
		" keep-alive ,\tUPGRADE ,x":   TokenKeepAlive | TokenUpgrade,
		",,close,,":                   TokenClose,
		"not-close, closed, xupgrade": 0,
		"keep_alive":                  0,
	} {
		if got := ConnectionTokens([]byte(in)); got != want {
			t.Errorf("%q: got %b, want %b", in, got, want)
		}
	}
}

func TestEveryResultHasAText(t *testing.T) {
	seen := map[string]bool{}
	for r := range resultCount {
		if s := r.String(); s == "" || seen[s] || strings.HasPrefix(s, "unknown result") {
			t.Errorf("result %d: got %q", r, s)
		} else {
			seen[s] = true
		}
		if r.Failed() != (r >= BadMethod) {
			t.Errorf("%v: got failed %v", r, r.Failed())
		}
	}
}
