package http_test

import (
	"bufio"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"
)

// readAnswer reads one response and its body.
func readAnswer(t *testing.T, br *bufio.Reader) (*nethttp.Response, string) {
	t.Helper()
	resp, err := nethttp.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestAHeadThatOutgrowsItsBufferKeepsItsRequestLine(t *testing.T) {
	s := start(t, `server { listen %LISTEN%; server_name a.example; location / { test_request; } }`)
	for _, target := range []string{"/path/of?the=request", "//path/./of?the=request", "http://A.example/path/of?the=request", "http://a.example/path/of?the=request"} {
		line := "GET " + target + " HTTP/1.1"
		path := target[max(0, strings.Index(target, "/path")):]
		if strings.HasPrefix(target, "//") {
			path = target
		}
		c := s.Dial(t)
		if _, err := io.WriteString(c, line+"\r\nHost: a.example\r\n"); err != nil {
			t.Fatal(err)
		}
		for range 40 { // in pieces, so that the line is parsed before the head grows
			if _, err := io.WriteString(c, "X: "+strings.Repeat("x", 300)+"\r\n"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := io.WriteString(c, "\r\n"); err != nil {
			t.Fatal(err)
		}
		_, got := readAnswer(t, bufio.NewReader(c))
		want := line + "|" + path + "|/path/of|the=request|a.example|HTTP/1.1|"
		if got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
}

func TestAResponseThatNeverEndsEndsItsConnection(t *testing.T) {
	s := start(t, `server { listen %LISTEN%; location / { test_hello; } location /unfinished { test_unfinished; } }`)
	got := s.Exchange(t, "GET /unfinished HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if strings.Contains(got, "hello") {
		t.Errorf("got %q, want the connection closed instead of another response", got)
	}
}

func TestABodyNobodyReadIsNotTakenForARequest(t *testing.T) {
	s := start(t, `lingering_timeout 50ms; server { listen %LISTEN%; location / { test_hello; } location /careless { test_careless; } }`)
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	for _, head := range []string{fmt.Sprintf("Content-Length: %d\r\n\r\n", len(smuggled)), "Transfer-Encoding: chunked\r\n\r\n"} {
		got := s.Exchange(t, "POST /careless HTTP/1.1\r\nHost: x\r\n"+head+smuggled)
		if n := strings.Count(got, "HTTP/1.1 "); n != 1 {
			t.Errorf("%.14s: got %d responses in %q, want 1", head, n, got)
		}
	}
}
