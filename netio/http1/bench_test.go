package http1

import "testing"

// The two requests the package's budget is written for: 150 ns and 600 ns.
const (
	wrkRequest     = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
	browserRequest = "GET /static/css/main.2f4c1.css?v=20240101 HTTP/1.1\r\n" +
		"Host: www.example.com\r\n" +
		"Connection: keep-alive\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n" +
		"Accept: text/css,*/*;q=0.1\r\n" +
		"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
		"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n" +
		"Referer: https://www.example.com/products/index.html\r\n" +
		"Cookie: session=4f3d2c1b0a9988776655443322110000; theme=dark; seen=1234567890.1700000000\r\n" +
		"If-None-Match: \"5f2b-61a3c4d5e6f70\"\r\n" +
		"Sec-Fetch-Dest: style\r\n" +
		"Sec-Fetch-Mode: no-cors\r\n" +
		"Cache-Control: max-age=0\r\n\r\n"
	originResponse = "HTTP/1.1 200 OK\r\n" +
		"Server: weir\r\n" +
		"Date: Sun, 22 Nov 2026 18:00:00 GMT\r\n" +
		"Content-Type: text/html\r\n" +
		"Content-Length: 612\r\n" +
		"Last-Modified: Mon, 01 Jun 2026 08:00:00 GMT\r\n" +
		"Connection: keep-alive\r\n" +
		"ETag: \"665ad880-264\"\r\n" +
		"Accept-Ranges: bytes\r\n\r\n"
)

// parseWhole runs the whole way from bytes to framing, as a server does.
func parseWhole(p *RequestParser, r *Request, b []byte) Result {
	p.Reset(0, Options{})
	if res := p.Line(b, r); res != Done {
		return res
	}
	if res := p.Headers(b, r); res != Done {
		return res
	}
	_, res := CheckRequest(b, r)
	return res
}

func benchmarkRequest(b *testing.B, request string) {
	in := []byte(request)
	var p RequestParser
	r := Request{Fields: Fields{Headers: make([]Header, 0, 32)}}
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if res := parseWhole(&p, &r, in); res != Done {
			b.Fatal(res)
		}
	}
}

func BenchmarkRequestWrk(b *testing.B)     { benchmarkRequest(b, wrkRequest) }
func BenchmarkRequestBrowser(b *testing.B) { benchmarkRequest(b, browserRequest) }

func BenchmarkResponse(b *testing.B) {
	in := []byte(originResponse)
	var p ResponseParser
	r := Response{Fields: Fields{Headers: make([]Header, 0, 32)}}
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		p.Reset(0, Options{})
		if p.Line(in, &r) != Done || p.Headers(in, &r) != Done {
			b.Fatal("not done")
		}
	}
}

func BenchmarkLookupHeader(b *testing.B) {
	for _, name := range []string{"Host", "User-Agent", "Upgrade-Insecure-Requests", "X-Unknown-Field"} {
		b.Run(name, func(b *testing.B) {
			in := []byte(name)
			b.ReportAllocs()
			for b.Loop() {
				LookupHeader(in)
			}
		})
	}
}

func BenchmarkNormalize(b *testing.B) {
	in := []byte("/images/../static//a%20long%20name/picture.png")
	dst := make([]byte, 0, 128)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, res := Normalize(dst, in, true); res != Done {
			b.Fatal(res)
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	var in []byte
	for range 16 {
		in = AppendChunkHeader(in, 4096)
		in = append(append(in, make([]byte, 4096)...), "\r\n"...)
	}
	in = append(in, LastChunk...)
	var c ChunkedReader
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		c.Reset(ChunkedOptions{})
		for rest := in; ; {
			_, n, res := c.Next(rest)
			if rest = rest[n:]; res == Done {
				break
			}
			if res != More {
				b.Fatal(res)
			}
		}
	}
}
