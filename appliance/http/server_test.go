package http_test

import (
	"bufio"
	"fmt"
	"io"
	nethttp "net/http"
	"runtime"
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/httptest"
)

var (
	helloBody = []byte("hello\n")
	textPlain = []byte("text/plain")
)

// testModule gives locations simple handlers, so that the core is tested
// without any other module.
var testModule = http.Module{
	Name: "test",
	Directives: []conf.Directive{
		{Name: "test_hello", In: conf.Location, Args: conf.NoArgs, Doc: "Answers hello.", Set: handler(func(r *http.Request) http.Code {
			return r.SendResponse(http.StatusOK, textPlain, helloBody)
		})},
		{Name: "test_echo", In: conf.Location, Args: conf.NoArgs, Doc: "Answers with the request body.", Set: handler(echoBody)},
		{Name: "test_status", In: conf.Location, Args: conf.NoArgs, Doc: "Answers 503.", Set: handler(func(*http.Request) http.Code { return 503 })},
		{Name: "test_request", In: conf.Location, Args: conf.NoArgs, Doc: "Answers with what the request line says.", Set: handler(showRequest)},
		{Name: "test_unfinished", In: conf.Location, Args: conf.NoArgs, Doc: "Ends before its response does.", Set: handler(unfinished)},
		{Name: "test_careless", In: conf.Location, Args: conf.NoArgs, Doc: "Answers and leaves the body unread.", Set: handler(careless)},
		{Name: "test_part", In: conf.Location, Args: conf.NoArgs, Doc: "Answers with what /held answers, the body unread.", Set: handler(part)},
		{Name: "test_held", In: conf.Location, Args: conf.NoArgs, Doc: "Answers when the test says so.", Set: handler(hold)},
		{Name: "test_shutdown", In: conf.Location, Args: conf.NoArgs, Doc: "Answers, then stops the worker gracefully.", Set: handler(shutdown)},
		{Name: "test_panic", In: conf.Location, Args: conf.NoArgs, Doc: "Panics.", Set: handler(func(*http.Request) http.Code { panic("test") })},
	},
}

func handler(h http.Handler) conf.Setter {
	return func(cx *conf.Cx, _ *conf.Item) error {
		http.ScopeOf(cx).Location().Handler = h
		return nil
	}
}

func showRequest(r *http.Request) http.Code {
	scribble := r.Alloc(1000) // over a buffer that was given back too early
	for i := range scribble {
		scribble[i] = '#'
	}
	var b []byte
	for _, part := range [][]byte{r.RequestLine, r.UnparsedURI, r.URI, r.Args, r.HostName, r.Protocol} {
		b = append(append(b, part...), '|')
	}
	return r.SendResponse(http.StatusOK, textPlain, b)
}

func unfinished(r *http.Request) http.Code {
	r.Out.Status, r.Out.ContentLength = 200, 6
	if rc := r.SendHeader(); rc != http.OK {
		return rc
	}
	l := r.Link()
	l.Mem = r.CopyString("SECRET")
	return r.OutputLink(l)
}

func careless(r *http.Request) http.Code {
	r.Out.Status, r.Out.ContentLength = 200, 0
	if rc := r.SendHeader(); rc != http.OK {
		return rc
	}
	return r.SendLast()
}

// part throws its body away while a subrequest is the one that may send.
func part(r *http.Request) http.Code {
	if rc := r.DiscardBody(); rc != http.OK {
		return rc
	}
	r.Out.Status = 200
	if rc := r.SendHeader(); rc != http.OK {
		return rc
	}
	if r.Subrequest(http.SubrequestOptions{URI: []byte("/held")}) == nil {
		return http.Error
	}
	return r.SendLast()
}

// held is the request of the last test_held. It is its worker's.
var held *http.Request

func hold(r *http.Request) http.Code {
	r.Hold()
	held = r
	return http.Done
}

func shutdown(r *http.Request) http.Code {
	r.Worker().Loop.Post(stopWorker{r.Worker()})
	return r.SendResponse(http.StatusOK, textPlain, helloBody)
}

// stopWorker is the end of a worker as a letter to its loop.
type stopWorker struct{ w *http.Worker }

func (s stopWorker) Run() { s.w.Shutdown() }

func echoBody(r *http.Request) http.Code {
	return r.ReadBody(func(r *http.Request) {
		b := r.Body().Bytes()
		if f := r.Body().File; f != nil {
			b = make([]byte, f.Len())
			if _, err := f.ReadAt(b, 0); err != nil {
				r.Finalize(http.StatusInternalServerError)
				return
			}
		}
		r.Finalize(r.SendResponse(http.StatusOK, []byte("text/plain"), b))
	})
}

var testModules = http.Modules{&http.Core, &http.Postpone, &testModule}

// start serves a configuration given as the inside of the http block; %LISTEN%
// is replaced by the address.
func start(t testing.TB, text string) *httptest.Server {
	t.Helper()
	return httptest.Start(t, testModules, text)
}

const basic = `server { listen %LISTEN%; server_name a.example;
	location / { test_hello; }
	location /echo { test_echo; lingering_timeout 50ms; client_max_body_size 100k; client_body_buffer_size 1k; }
	location /err { test_status; error_page 503 =200 /page; }
	location /panic { test_panic; } }`

func TestRequestsOfAKeepaliveConnectionAreAnsweredInOrder(t *testing.T) {
	s := start(t, basic)
	var raw strings.Builder
	for i := range 20 {
		fmt.Fprintf(&raw, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n%04d", i)
		fmt.Fprintf(&raw, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nc%04d\r\n0\r\n\r\n", i)
	}
	c := s.Dial(t)
	go func() { _, _ = io.WriteString(c, raw.String()) }()
	br := bufio.NewReader(c)
	for i := range 40 {
		resp, err := nethttp.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("response %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintf("%04d", i/2)
		if i%2 == 1 {
			want = "c" + want
		}
		if string(body) != want {
			t.Fatalf("response %d: got %q, want %q", i, body, want)
		}
	}
}

func TestARequestSplitAtAnyByteIsServed(t *testing.T) {
	s := start(t, basic)
	raw := "POST /echo HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
	for i := 1; i < len(raw); i++ {
		c := s.Dial(t)
		_, _ = io.WriteString(c, raw[:i])
		runtime.Gosched()
		_, _ = io.WriteString(c, raw[i:])
		b, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(string(b), "\r\n\r\nabcde") {
			t.Fatalf("split at %d: got %q, %v", i, b, err)
		}
		_ = c.Close()
	}
}

func TestDangerousRequestsGet400AndAClose(t *testing.T) {
	s := start(t, basic)
	for name, raw := range map[string]string{
		"length and coding":    "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":          "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
		"bare line feed":       "GET / HTTP/1.1\nHost: x\n\n",
		"folded field":         "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
		"space before colon":   "GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
		"NUL in a value":       "GET / HTTP/1.1\r\nHost: x\r\nA: b\x00c\r\n\r\n",
		"no host":              "GET / HTTP/1.1\r\n\r\n",
		"two hosts":            "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"bad chunk size":       "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n",
		"huge chunk size":      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
		"path above the root":  "GET /../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
		"escaped NUL":          "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n",
		"negative length":      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"coding in HTTP/1.0":   "POST /echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"host with user":       "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
		"method in lower case": "get / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		got := s.Exchange(t, raw+"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request\r\n") || strings.Count(got, "HTTP/1.1 ") != 1 {
			t.Errorf("%s: got %q, want one 400", name, got)
		}
	}
}

func TestOversizedHeadsGetTheStatusOfTheirLimit(t *testing.T) {
	s := start(t, "large_client_header_buffers 2 1k; "+basic)
	for _, tc := range []struct {
		name, raw, status string
	}{
		{"a long request line", "GET /" + strings.Repeat("a", 2000) + " HTTP/1.1\r\nHost: x\r\n\r\n", "414 "},
		{"a long field", "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 2000) + "\r\n\r\n", "400 "},
		{"many fields", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: "+strings.Repeat("b", 500)+"\r\n", 20) + "\r\n", "400 "},
		{"no end", "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("A: b\r\n", 5000), "400 "},
	} {
		if got := s.Exchange(t, tc.raw); !strings.HasPrefix(got, "HTTP/1.1 "+tc.status) {
			t.Errorf("%s: got %.60q, want %s", tc.name, got, tc.status)
		}
	}
}

func TestABodyOverItsLimitIsRefused(t *testing.T) {
	s := start(t, basic)
	got := s.Exchange(t, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("announced: got %.40q", got)
	}
	got = s.Exchange(t, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30000\r\n"+strings.Repeat("x", 0x30000)+"\r\n0\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("chunked: got %.40q", got)
	}
}

func TestABodyLargerThanItsBufferGoesThroughAFile(t *testing.T) {
	s := start(t, basic)
	body := strings.Repeat("0123456789", 5000)
	got := s.Exchange(t, fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if !strings.HasSuffix(got, body) {
		t.Errorf("got %d bytes", len(got))
	}
}

func TestAPanicEndsOneRequestOnly(t *testing.T) {
	s := start(t, basic)
	got := s.Exchange(t, "GET /panic HTTP/1.1\r\nHost: x\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 500 ") {
		t.Errorf("got %q, want a 500", got)
	}
	if p := s.Panics(); len(p) != 1 || !strings.Contains(p[0], "server_test.go") {
		t.Errorf("got the panics %q, want the one of test_panic with its stack", p)
	}
	got = s.Exchange(t, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.HasSuffix(got, "\r\n\r\nhello\n") {
		t.Errorf("got %q", got)
	}
}

func TestAKeepaliveRequestAllocatesNothing(t *testing.T) {
	s := start(t, "keepalive_requests 1000000; "+basic)
	if n := s.Allocations(t, "GET /x/y?a=b HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n"); n >= 1 {
		t.Errorf("got %v allocations per request, want 0", n)
	}
}
