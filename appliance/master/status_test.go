package master

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// question puts a question to the status socket: the status and the text of the answer.
func (in *instance) question(method, path string) string {
	in.t.Helper()
	c := &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", filepath.Join(in.dir, socketName))
		}}}
	defer c.CloseIdleConnections()
	q, err := http.NewRequest(method, "http://weir"+path, nil)
	if err != nil {
		in.t.Fatal(err)
	}
	r, err := c.Do(q)
	if err != nil {
		return "error: " + err.Error()
	}
	defer r.Body.Close()
	body, _ := io.ReadAll(r.Body)
	return fmt.Sprint(r.StatusCode, " ", strings.TrimSpace(string(body)))
}

func TestQuestionsForTheServerArePassedOn(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon on; serve ADDR one;")
	if code, stderr := in.run(); code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	in.until("the server", func() bool { return in.serverPid() != 0 })
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/top", "200 asked /top"},
		{"GET", "/lua/profile?seconds=1&kind=go", "200 asked /lua/profile?seconds=1&kind=go"},
		{"GET", "/lua/no", "400 no such thing"},
		{"POST", "/top", "405 ask with GET"},
		{"GET", "/other", "404 ask for GET /status, /top, /lua/profile, /lua/memory or /filter"},
	} {
		if got := in.question(c.method, c.path); got != c.want {
			t.Errorf("%s %s: got %q, want %q", c.method, c.path, got, c.want)
		}
	}
	answers := make(chan string)
	const many = 3 * maxQueries
	for range many { // more than are served at once
		go func() { answers <- in.question("GET", "/top") }()
	}
	for range many {
		if got := <-answers; got != "200 asked /top" {
			t.Errorf("got %q", got)
		}
	}
}
