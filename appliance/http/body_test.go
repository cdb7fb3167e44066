package http_test

import (
	"bufio"
	"io"
	"strings"
	"testing"
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
