package http1
import "testing"
var wrk = []byte("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
var browser = []byte("GET /static/css/main.2f4c1.css?v=20240101 HTTP/1.1\r\n"+
"Host: www.example.com\r\n"+
"Connection: keep-alive\r\n"+
"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36\r\n"+
"Accept: text/css,*/*;q=0.1\r\n"+
"Accept-Encoding: gzip, deflate, br, zstd\r\n"+
"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n"+
"Referer: https://www.example.com/products/index.html\r\n"+
"Cookie: session=4f3d2c1b0a9988776655443322110000; theme=dark; _ga=GA1.2.1234567890.1700000000\r\n"+
"If-None-Match: \"5f2b-61a3c4d5e6f70\"\r\n"+
"Sec-Fetch-Dest: style\r\n"+
"Sec-Fetch-Mode: no-cors\r\n"+
"Cache-Control: max-age=0\r\n\r\n")
func bench(b *testing.B, m []byte) {
	b.ReportAllocs(); b.SetBytes(int64(len(m)))
	var p RequestParser; var r Request
	r.Headers = make([]Header,0,32)
	for b.Loop() {
		p.Reset(0, Options{})
		if p.Line(m,&r) != Done || p.Headers(m,&r) != Done { b.Fatal() }
		if _, res := CheckRequest(m, &r); res != Done { b.Fatal(res) }
	}
}
func BenchmarkWrk(b *testing.B) { bench(b, wrk) }
func BenchmarkBrowser(b *testing.B) { bench(b, browser) }
