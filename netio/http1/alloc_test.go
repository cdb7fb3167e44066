package http1

import "testing"

func TestHotPathsDoNotAllocate(t *testing.T) {
	var p RequestParser
	r := Request{Fields: Fields{Headers: make([]Header, 0, 32)}}
	request := []byte(browserRequest)
	var rp ResponseParser
	resp := Response{Fields: Fields{Headers: make([]Header, 0, 32)}}
	response := []byte(originResponse)
	var c ChunkedReader
	chunked := []byte("5;x=y\r\nhello\r\n0\r\nX-T: 1\r\n\r\n")
	path, dst := []byte("/a/./b%20c/../d.html"), make([]byte, 0, 64)
	host, tokens := []byte("Example.com:8080"), []byte("keep-alive, Upgrade")

	for _, tc := range []struct {
		name string
		run  func()
	}{
		{"a request", func() { parseWhole(&p, &r, request) }},
		{"a faulty request", func() { parseWhole(&p, &r, request[:len(request)-3]) }},
		{"a response", func() {
			rp.Reset(0, Options{})
			rp.Line(response, &resp)
			rp.Headers(response, &resp)
			CheckResponse(response, &resp)
		}},
		{"a chunked body", func() {
			c.Reset(ChunkedOptions{})
			for b, res := chunked, More; res == More; {
				var n int
				_, n, res = c.Next(b)
				b = b[n:]
			}
		}},
		{"a chunk header", func() { AppendChunkHeader(dst, 65536) }},
		{"a path", func() { Normalize(dst, path, true) }},
		{"an authority", func() { ParseAuthority(host) }},
		{"a connection field", func() { ConnectionTokens(tokens) }},
	} {
		if n := testing.AllocsPerRun(100, tc.run); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", tc.name, n)
		}
	}
}
