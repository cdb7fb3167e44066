package http_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"weir/appliance/http"
)

func TestAnErrorPageAnswersForABodyThatIsTooLarge(t *testing.T) {
	s := start(t, `server { listen %LISTEN%; client_max_body_size 10; error_page 413 /page; location / { test_hello; } }`)
	c := s.Dial(t)
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n01234567890123456789"); err != nil {
		t.Fatal(err)
	}
	resp, body := readAnswer(t, bufio.NewReader(c))
	if resp.StatusCode != 413 || body != "hello\n" {
		t.Errorf("got %d %q, want 413 and the page", resp.StatusCode, body)
	}
}

func TestAClientThatStopsInTheMiddleOfAnUnwantedBodyIsAnswered(t *testing.T) {
	s := start(t, `server { listen %LISTEN%; location / { test_hello; } }`)
	c := s.Dial(t)
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n0123"); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasSuffix(string(b), "\r\n\r\nhello\n") {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestAnErrorAnsweredByAPageAsksForNoBody(t *testing.T) {
	s := start(t, `lingering_timeout 50ms; server { listen %LISTEN%; error_page 503 /page; location / { test_hello; } location /err { test_status; } }`)
	c := s.Dial(t)
	if _, err := io.WriteString(c, "POST /err HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: 20\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 503 ") {
		t.Errorf("got %q, %v, want a 503 at once", b, err)
	}
}

// TestABodyIsThrownAwayWhileASubrequestIsActive has a client that reads only
// once it has sent a body far larger than any socket's buffer.
func TestABodyIsThrownAwayWhileASubrequestIsActive(t *testing.T) {
	const size = 16 << 20
	s := start(t, `server { listen %LISTEN%; client_max_body_size 0; location / { test_hello; } location /part { test_part; } location /held { test_held; } }`)
	c := s.Dial(t)
	if _, err := fmt.Fprintf(c, "POST /part HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", size); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, size)); err != nil {
		t.Fatalf("the body was not read: %v", err)
	}
	s.Do(func(*http.Worker) {
		client := held.Client()
		held.Finalize(held.SendResponse(http.StatusOK, textPlain, []byte("part")))
		client.RunPosted()
	})
	br := bufio.NewReader(c)
	if resp, body := readAnswer(t, br); resp.StatusCode != 200 || body != "part" {
		t.Errorf("got %d %q, want the subrequest's answer", resp.StatusCode, body)
	}
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if resp, body := readAnswer(t, br); resp.StatusCode != 200 || body != "hello\n" {
		t.Errorf("got %d %q, want the connection kept", resp.StatusCode, body)
	}
}

// TestShutdownClosesAConnectionThatOnlySeemedToHaveMore has a request fill the
// buffer it is read into, so that more may be there, and the worker stop before
// anybody has looked.
func TestShutdownClosesAConnectionThatOnlySeemedToHaveMore(t *testing.T) {
	s := start(t, `keepalive_timeout 1h; server { listen %LISTEN%; location / { test_shutdown; } }`)
	const head, end = "GET / HTTP/1.1\r\nHost: x\r\nA: ", "\r\n\r\n"
	c := s.Dial(t)
	if _, err := io.WriteString(c, head+strings.Repeat("a", 4096-len(head+end))+end); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "\r\n\r\nhello\n") {
		t.Errorf("got %q, %v, want the answer and the end", b, err)
	}
}

// TestTheBufferOfABodyGoesBackToThePool has bodies of sizes that no buffer of
// the pool has.
func TestTheBufferOfABodyGoesBackToThePool(t *testing.T) {
	s := start(t, `server { listen %LISTEN%; location / { test_echo; } }`)
	inUse := func() (n int64) {
		s.Do(func(w *http.Worker) { n = w.Buffers.Stats().InUse })
		return n
	}
	before := inUse()
	for _, size := range []int{1, 3, 1023, 5000} {
		c := s.Dial(t)
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", size, strings.Repeat("b", size)); err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "bbb"[:min(size, 3)]) {
			t.Fatalf("got %q, %v", b, err)
		}
		if n := inUse(); n != before {
			t.Errorf("after a body of %d bytes %d bytes of buffers are in use, %d before", size, n, before)
		}
	}
}
