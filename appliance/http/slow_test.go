package http_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/static"
)

// TestSlowClientsAreCutAndHoldLittle has many clients stop at the same point,
// looks at the buffers they hold, and waits for the timeout of that point.
func TestSlowClientsAreCutAndHoldLittle(t *testing.T) {
	const clients, timeout = 50, 300 * time.Millisecond
	modules := http.Modules{&http.Core, &http.Copy, &http.Postpone, &static.Module, &testModule}
	s := httptest.Start(t, modules, `client_header_timeout 300ms; client_body_timeout 300ms; send_timeout 300ms; keepalive_timeout 300ms;
		client_body_buffer_size 1k; output_buffers 1 32k; sendfile off;
		server { listen %LISTEN% rcvbuf=8k sndbuf=8k; root %DIR%;
			location / { test_hello; } location /echo { test_echo; } location /big { } }`)
	if err := os.WriteFile(filepath.Join(s.Dir, "big"), make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	const head = "POST /echo HTTP/1.1\r\nHost: x\r\n"
	for _, tc := range []struct {
		name, sent string
		answer     string // what they read begins with this
		hold       int64  // bytes of buffers per client at most
	}{
		{"nothing", "", "", 0},
		{"part of a request line", "GET /so", "", 4 << 10},
		{"part of a head", "GET / HTTP/1.1\r\nHost: x\r\nA: b", "", 4 << 10},
		{"part of a body", head + "Content-Length: 100000\r\n\r\nabc", "", 4<<10 + 4<<10 + 1<<10},
		{"part of a body in chunks", head + "Transfer-Encoding: chunked\r\n\r\n10\r\nabc", "", 4<<10 + 4<<10 + 1<<10 + 16<<10},
		{"an idle connection", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", 0},
		{"a response not read", "GET /big HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 OK\r\n", 3*4<<10 + 32<<10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before uint64
			s.Do(func(w *http.Worker) { before = w.Stats().Accepted })
			conns, late := make([]io.ReadCloser, clients), make([]bool, clients)
			for i := range conns {
				begin := time.Now()
				c := s.Dial(t)
				_, err := io.WriteString(c, tc.sent)
				late[i] = time.Since(begin) > timeout/2
				if err != nil && !late[i] {
					t.Fatal(err)
				}
				conns[i] = c
			}
			var most int64
			wait(t, s, func(w *http.Worker) bool {
				most = max(most, w.Buffers.Stats().InUse)
				return w.Stats().Accepted == before+clients // on a busy machine some have been cut by now
			})
			wait(t, s, func(w *http.Worker) bool {
				most = max(most, w.Buffers.Stats().InUse)
				return w.Active() == 0
			})
			if most > clients*tc.hold {
				t.Errorf("got %d bytes of buffers per client, want at most %d", most/clients, tc.hold)
			}
			for i, c := range conns {
				b, err := io.ReadAll(c)
				if late[i] {
					continue // a busy machine: it may have been cut before it said all
				}
				if err != nil || !strings.HasPrefix(string(b), tc.answer) || len(b) > 8<<20 {
					t.Fatalf("got %.60q, %v, want %q", b, err, tc.answer)
				}
			}
			wait(t, s, func(w *http.Worker) bool { return w.Buffers.Stats().InUse == 0 })
		})
	}
}

// wait asks the worker until it says yes.
func wait(t *testing.T, s *httptest.Server, done func(w *http.Worker) bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		var yes bool
		s.Do(func(w *http.Worker) { yes = done(w) })
		if yes {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it did not come to that in a minute")
		}
	}
}
