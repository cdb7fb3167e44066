package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/appliance/http/httptest"
)

const request = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

// answering is a backend that sends the same bytes for every request and keeps
// its connections open. count counts connections.
func answering(t testing.TB, answer string, count *atomic.Int32) string {
	return backend(t, func(c net.Conn, br *bufio.Reader) {
		count.Add(1)
		for readHead(br) != "" {
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
		}
	})
}

func TestAProxiedKeepaliveRequestAllocatesNothing(t *testing.T) {
	addr := backend(t, func(c net.Conn, _ *bufio.Reader) {
		in, out := make([]byte, 4096), []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n")
		for {
			if _, err := c.Read(in); err != nil {
				return
			}
			if _, err := c.Write(out); err != nil {
				return
			}
		}
	})
	f := serve(t, `keepalive_requests 1000000; upstream u { server `+addr+`; keepalive 4; keepalive_requests 1000000; }
		server { listen %LISTEN%; location / { proxy_pass http://u; proxy_set_header X-Real-IP $remote_addr; } }`)
	if got := f.Get(t, "/"); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
		t.Fatalf("got %q", got)
	}
	if n := f.Allocations(t, "GET /x/y?a=b HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"); n >= 1 {
		t.Errorf("got %v allocations per request, want 0", n)
	}
}

func TestAResponseSplitAtAnyByteIsPassedOn(t *testing.T) {
	for name, answer := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
		"chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
		"100":    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
	} {
		var at atomic.Int32
		addr := backend(t, func(c net.Conn, br *bufio.Reader) {
			for readHead(br) != "" {
				i := int(at.Load())
				_, _ = io.WriteString(c, answer[:i])
				time.Sleep(time.Millisecond) // two segments, so two receives
				_, _ = io.WriteString(c, answer[i:])
			}
		})
		f := serve(t, `upstream u { server `+addr+`; } server { listen %LISTEN%; location / { proxy_pass http://u; }
			location /off { proxy_buffering off; proxy_pass http://u; } }`)
		for i := range len(answer) {
			at.Store(int32(i))
			for _, path := range []string{"/", "/off"} {
				got := f.Exchange(t, "GET "+path+" HTTP/1.0\r\nHost: a\r\n\r\n")
				if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(got, "\r\nX-A: b\r\n\r\nhello") {
					t.Fatalf("%s %s: split at %d: got %q", name, path, i, got)
				}
			}
		}
	}
}

func TestResponsesWithDoubtfulFramingAre502(t *testing.T) {
	for name, answer := range map[string]string{
		"length and coding": "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
		"two lengths":       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
		"a signed length":   "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
		"unknown coding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\na",
		"no status line":    "hello\r\n\r\n",
		"folded field":      "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
		"101 unasked":       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
	} {
		var n atomic.Int32
		f := serve(t, `upstream u { server `+answering(t, answer, &n)+`; } server { listen %LISTEN%; location / { proxy_pass http://u; } }`)
		if got := f.Exchange(t, request); !strings.HasPrefix(got, "HTTP/1.1 502 Bad Gateway\r\n") {
			t.Errorf("%s: got %q, want 502", name, got)
		}
		if !strings.Contains(f.Errors(t), "[error]") {
			t.Errorf("%s: nothing in the error log", name)
		}
	}
}

func TestAConnectionWithExtraBytesIsNotUsedAgain(t *testing.T) {
	for name, answer := range map[string]string{
		"behind a length":     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc",
		"behind no body":      "HTTP/1.1 204 No Content\r\n\r\nabc",
		"behind a last chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nabc",
		"behind an empty one": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nabc",
	} {
		var n atomic.Int32
		f := serve(t, `upstream u { server `+answering(t, answer, &n)+`; keepalive 4; } server { listen %LISTEN%; location / { proxy_pass http://u; } }`)
		for range 3 {
			if got := f.Exchange(t, request); strings.Contains(got, "abc") || !strings.HasPrefix(got, "HTTP/1.1 20") {
				t.Errorf("%s: got %q", name, got)
			}
		}
		if n.Load() != 3 {
			t.Errorf("%s: got %d connections for 3 requests, want 3", name, n.Load())
		}
	}
}

func TestAnIdleConnectionThatDiesIsReplaced(t *testing.T) {
	var n atomic.Int32
	addr := backend(t, func(c net.Conn, br *bufio.Reader) {
		n.Add(1)
		if readHead(br) == "" {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		readHead(br) // the next request is read and not answered
	})
	f := serve(t, `upstream u { server `+addr+`; keepalive 4; } server { listen %LISTEN%; location / { proxy_pass http://u; } }`)
	for i := range 5 {
		if got := f.Exchange(t, request); !strings.HasSuffix(got, "\r\n\r\nok") {
			t.Fatalf("request %d: got %q", i, got)
		}
	}
	if n.Load() != 5 {
		t.Errorf("got %d connections, want 5", n.Load())
	}
	// A request that must not be sent twice gets the error.
	got := f.Exchange(t, "POST /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n\r\na")
	if !strings.HasPrefix(got, "HTTP/1.1 502 ") {
		t.Errorf("POST: got %q, want 502", got)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MB
	chunked := func(w io.Writer) {
		_, _ = io.WriteString(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
		for b := body; len(b) > 0; {
			n := min(len(b), 10007)
			fmt.Fprintf(w, "%x\r\n%s\r\n", n, b[:n])
			b = b[n:]
		}
		_, _ = io.WriteString(w, "0\r\n\r\n")
	}
	addr := backend(t, func(c net.Conn, br *bufio.Reader) {
		for head := readHead(br); head != ""; head = readHead(br) {
			switch {
			case strings.HasPrefix(head, "GET /c"):
				chunked(c)
			case strings.HasPrefix(head, "GET /e"):
				_, _ = io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\n")
				_, _ = c.Write(body)
				return
			default:
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
				_, _ = c.Write(body)
			}
		}
	})
	for name, options := range map[string]string{
		"buffered": "", "unbuffered": "proxy_buffering off;", "without a file": "proxy_max_temp_file_size 0;",
		"with a small file": "proxy_max_temp_file_size 64k;",
	} {
		f := serve(t, `upstream u { server `+addr+`; } server { listen %LISTEN%; location / { proxy_pass http://u; `+options+` } }`)
		for _, path := range []string{"/l", "/c", "/e"} {
			c := f.Dial(t)
			_, _ = io.WriteString(c, "GET "+path+" HTTP/1.0\r\nHost: a\r\n\r\n")
			time.Sleep(20 * time.Millisecond) // a slow reader: buffers fill up
			got, err := io.ReadAll(c)
			_, rest, _ := bytes.Cut(got, []byte("\r\n\r\n"))
			if err != nil || !bytes.Equal(rest, body) {
				t.Errorf("%s %s: got %d bytes, %v, want %d", name, path, len(rest), err, len(body))
			}
		}
	}
}

func TestBodiesCutShortAreNotEnded(t *testing.T) {
	for name, answer := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
		"chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
	} {
		addr := backend(t, func(c net.Conn, br *bufio.Reader) {
			readHead(br)
			_, _ = io.WriteString(c, answer)
		})
		f := serve(t, `server { listen %LISTEN%; location / { proxy_pass http://`+addr+`; } }`)
		got := f.Exchange(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n") // the front has to close
		if !strings.Contains(got, "abc") || strings.HasSuffix(got, "0\r\n\r\n") {
			t.Errorf("%s: got %q", name, got)
		}
		if !strings.Contains(f.Errors(t), "upstream prematurely closed connection while reading upstream, client: ") {
			t.Errorf("%s: got log %q", name, f.Errors(t))
		}
	}
}

func TestWhatGoesUpstreamIsWrittenAnew(t *testing.T) {
	heads := make(chan string, 1)
	addr := backend(t, func(c net.Conn, br *bufio.Reader) {
		for head := readHead(br); head != ""; head = readHead(br) {
			heads <- head
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	f := serve(t, `upstream u { server `+addr+`; }
		server { listen %LISTEN%; server_name a;
		location / { proxy_pass http://u; }
		location /uri/ { proxy_pass http://u/base/; }
		location ~ ^/re { proxy_pass http://u; }
		location /set/ { proxy_pass http://u; proxy_set_header Host $host; proxy_set_header X-Empty ""; proxy_set_header X-Two "a $request_method"; proxy_set_header Accept ""; }
		location /nolen/ { proxy_pass http://u; proxy_set_header Content-Length ""; }
		location /10/ { proxy_pass http://u; proxy_http_version 1.0; proxy_method PUT; proxy_pass_request_headers off; proxy_set_body "b$arg_x"; } }`)
	for _, tc := range []struct{ send, want string }{
		{"GET /a%2fb//c?x=%20 HTTP/1.1\r\nHost: a\r\nAccept: x\r\nTE: trailers\r\nKeep-Alive: 1\r\nConnection: close\r\nUpgrade: h2c\r\n\r\n",
			"GET /a%2fb//c?x=%20 HTTP/1.1\r\nHost: u\r\nAccept: x\r\n\r\n"},
		{"GET /uri/a%20b?c HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /base/a%20b?c HTTP/1.1\r\nHost: u\r\n\r\n"},
		{"GET http://a/re/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /re/x HTTP/1.1\r\nHost: u\r\n\r\n"},
		{"HEAD /set/ HTTP/1.1\r\nHost: a\r\nAccept: x\r\nB:  c \r\nConnection: close\r\n\r\n",
			"HEAD /set/ HTTP/1.1\r\nHost: a\r\nX-Two: a HEAD\r\nB: c\r\n\r\n"},
		{"POST /nolen/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 25\r\n\r\nGET /evil HTTP/1.1\r\nA: b\r\n",
			"POST /nolen/ HTTP/1.1\r\nHost: u\r\n\r\n"},
		{"GET /10/?x=1 HTTP/1.1\r\nHost: a\r\nAccept: x\r\nConnection: close\r\n\r\n",
			"PUT /10/?x=1 HTTP/1.0\r\nHost: u\r\nContent-Length: 2\r\n\r\n"},
	} {
		f.Exchange(t, tc.send)
		if got := <-heads; got != tc.want {
			t.Errorf("for %q: got %q, want %q", tc.send, got, tc.want)
		}
	}
}

func TestConfigurationsThatMakeNoSenseAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"proxy_pass ftp://x;":                                           `invalid URL prefix in `,
		"proxy_pass http://;":                                           `invalid URL prefix in `,
		"proxy_pass http://127.0.0.1:99999;":                            `invalid port in upstream "127.0.0.1:99999" in `,
		"proxy_pass http://127.0.0.1; proxy_pass http://a;":             `"proxy_pass" directive is duplicate in `,
		"proxy_pass http://127.0.0.1; proxy_buffers 1 4k;":              `there must be at least 2 "proxy_buffers" in `,
		"proxy_cache zone;":                                             `"proxy_cache" is not built in yet in `,
		"proxy_redirect default;":                                       `"proxy_redirect default" should be placed after the "proxy_pass" directive in `,
		"proxy_next_upstream error bad;":                                `invalid value "bad" in `,
		"location ~ x { proxy_pass http://127.0.0.1/uri; }":             `"proxy_pass" cannot have URI part in location given by regular expression, or inside named location, or inside "if" statement, or inside "limit_except" block in `,
		"proxy_pass http://u; } } upstream u { } server { location / {": `no servers are inside upstream in `,
	} {
		_, err := httptest.Load(t, modules, "server { location / { "+text+" } }")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestDecodedLineEndsDoNotSplitRequests(t *testing.T) {
	heads := make(chan string, 1)
	addr := backend(t, func(c net.Conn, br *bufio.Reader) {
		for head := readHead(br); head != ""; head = readHead(br) {
			heads <- head
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	f := serve(t, `upstream u { server `+addr+`; } server { listen %LISTEN%;
		location / { proxy_pass http://u; proxy_set_header X-Path $uri; }
		location /var { proxy_pass http://u$uri; } }`)
	for _, tc := range []struct{ path, want string }{
		{"/a%0d%0aX-Evil:%201", "GET /a%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: u\r\nX-Path: /a\r\n\r\n"},
		{"/var%0d%0aX:%20HTTP/1.1%20y", "GET /var%0D%0AX:%20HTTP/1.1%20y HTTP/1.1\r\nHost: u\r\n\r\n"},
	} {
		f.Exchange(t, "GET "+tc.path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if got := <-heads; got != tc.want {
			t.Errorf("for %q: got %q, want %q", tc.path, got, tc.want)
		}
	}
}

func TestTrailersPassOnlyWhereAsked(t *testing.T) {
	var n atomic.Int32
	answer := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 42\r\nX-Hidden: 1\r\n\r\n"
	f := serve(t, `upstream u { server `+answering(t, answer, &n)+`; } server { listen %LISTEN%; location / { proxy_pass http://u; }
		location /on { proxy_pass_trailers on; proxy_hide_header X-Hidden; proxy_pass http://u; } }`)
	for path, want := range map[string]string{
		"/":   "2\r\nok\r\n0\r\n\r\n",
		"/on": "2\r\nok\r\n0\r\nX-Sum: 42\r\n\r\n",
	} {
		got := f.Exchange(t, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		if _, body, _ := strings.Cut(got, "\r\n\r\n"); body != want {
			t.Errorf("%s: got %q, want %q", path, body, want)
		}
	}
	if n.Load() > 2 {
		t.Errorf("got %d connections, want them used again", n.Load())
	}
}

func TestATunnelPassesBothWaysUntilBothSidesHaveClosed(t *testing.T) {
	addr := backend(t, func(c net.Conn, br *bufio.Reader) {
		if readHead(br) == "" {
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nfirst ")
		all, err := io.ReadAll(br) // until the client has closed its side
		if err == nil {
			_, _ = c.Write(append(all, " last"...))
		}
	})
	f := serve(t, `server { listen %LISTEN%; location / { proxy_pass http://`+addr+`; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }`)
	c := f.Dial(t)
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nearly ")
	// Before there is a tunnel, a client that closes its side has gone away.
	var got []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(got), "\r\n\r\nfirst "); {
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
		got = append(got, b[:n]...)
	}
	_, _ = io.WriteString(c, "late")
	_ = c.CloseWrite()
	rest, err := io.ReadAll(c)
	got = append(got, rest...)
	if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 101 ") || !strings.HasSuffix(string(got), "\r\n\r\nfirst early late last") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestStoredResponsesAreWholeOrNotThere(t *testing.T) {
	body := strings.Repeat("0123456789", 30000)
	addr := backend(t, func(c net.Conn, br *bufio.Reader) {
		for head := readHead(br); head != ""; head = readHead(br) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
			if strings.HasPrefix(head, "GET /cut") {
				_, _ = io.WriteString(c, body[:20000])
				return
			}
			_, _ = io.WriteString(c, body)
		}
	})
	dir := t.TempDir()
	f := serve(t, `server { listen %LISTEN%; location / { proxy_pass http://`+addr+`; proxy_store `+dir+`/kept$uri; proxy_temp_path `+dir+`/temp; } }`)
	for _, path := range []string{"/a/whole", "/cut"} {
		got := f.Exchange(t, "GET "+path+" HTTP/1.0\r\nHost: a\r\n\r\n")
		if path == "/a/whole" && !strings.HasSuffix(got, body) {
			t.Errorf("%s: got %d bytes", path, len(got))
		}
	}
	kept, err := os.ReadFile(dir + "/kept/a/whole")
	if err != nil || string(kept) != body {
		t.Errorf("got %d bytes, %v, want %d", len(kept), err, len(body))
	}
	var files []string
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if !d.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) != 1 {
		t.Errorf("got files %q, want the whole one only", files)
	}
}
