package phase_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/netio/sock/socktest"
)

const (
	heldBody  = 32 << 20 // of a response, far more than sockets and buffers take
	heldLimit = 2 << 20  // of buffers that it may have while a filter holds it
)

const heldConf = `
	default_type text/plain; chunked_transfer_encoding off; lua_phase_io relaxed; proxy_max_temp_file_size 0; proxy_read_timeout 600s;
	init_by_lua_block {
		parked = 0
		function wait() parked = parked + 1 local s = sem s:wait(600) s:post() end
	}
	init_worker_by_lua_block { sem = require("ngx.semaphore").new() }
	server {
		listen 127.0.0.1:%d; listen %%LISTEN%%; root %%DIR%%;
		location = /parked { content_by_lua_block { ngx.print(parked) } }
		location = /go { content_by_lua_block { sem:post() ngx.print("gone") } }
		location = /proxy/header { proxy_pass http://127.0.0.1:%[2]d/; header_filter_by_lua_block { wait() } }
		location = /proxy/body { proxy_pass http://127.0.0.1:%[2]d/; body_filter_by_lua_block { wait() } }
		location = /unbuffered/header { proxy_buffering off; proxy_pass http://127.0.0.1:%[2]d/; header_filter_by_lua_block { wait() } }
		location = /unbuffered/body { proxy_buffering off; proxy_pass http://127.0.0.1:%[2]d/; body_filter_by_lua_block { wait() } }
		location = /file/header { alias %%DIR%%/file; header_filter_by_lua_block { wait() } }
		location = /file/body { alias %%DIR%%/file; body_filter_by_lua_block { wait() } }
		location = /lua/body { content_by_lua_block { local s = ("x"):rep(65536) for i = 1, 512 do ngx.print(s) ngx.flush(true) end }
			body_filter_by_lua_block { wait() } }
	}`

// TestHeldResponsesStopTheirProducers has filters hold large responses: their producers stop, and the responses come
// whole when the filters are done.
func TestHeldResponsesStopTheirProducers(t *testing.T) {
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	go func() { // until the listener is closed
		for {
			c, err := backend.Accept()
			if err != nil {
				return
			}
			go func() { // until all is sent
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", heldBody)
				_, _ = io.CopyN(c, zeros{}, heldBody)
			}()
		}
	}()
	for _, at := range []string{"/proxy/header", "/proxy/body", "/unbuffered/header", "/unbuffered/body", "/file/header", "/file/body", "/lua/body"} {
		t.Run(at[1:], func(t *testing.T) {
			s := httptest.Start(t, modules, fmt.Sprintf(heldConf, socktest.Port(t), backend.Addr().(*net.TCPAddr).Port))
			err := os.WriteFile(s.Dir+"/file", nil, 0o644)
			if err == nil {
				err = os.Truncate(s.Dir+"/file", heldBody)
			}
			if err != nil {
				t.Fatal(err)
			}
			c := s.Dial(t)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", at)
			for s.Body(t, "/parked") != "1" {
			}
			most := int64(0)
			for end := time.Now().Add(150 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
				s.Do(func(w *http.Worker) { most = max(most, w.Buffers.Stats().InUse) })
			}
			if most > heldLimit {
				t.Errorf("got %d bytes of buffers in use, want %d at most", most, heldLimit)
			}
			s.Body(t, "/go")
			n, err := io.Copy(io.Discard, c)
			if err != nil || n < heldBody {
				t.Errorf("got %d bytes, %v, want more than %d", n, err, heldBody)
			}
		})
	}
}

// zeros is an endless source.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestAFlushOfHeldOutputEndsWithTheClient has a light thread wait in ngx.flush(true) for output that a filter holds. Let
// go, it waits for a client that does not read, and that for send_timeout only.
func TestAFlushOfHeldOutputEndsWithTheClient(t *testing.T) {
	s := httptest.Start(t, modules, `
		default_type text/plain; chunked_transfer_encoding off; lua_phase_io relaxed; send_timeout 50ms;
		init_by_lua_block { flushed = "waits" }
		init_worker_by_lua_block { sem = require("ngx.semaphore").new() }
		server {
			listen %LISTEN%;
			location = /flushed { content_by_lua_block { ngx.print(flushed) } }
			location = /go { content_by_lua_block { sem:post() ngx.print("gone") } }
			location = /held {
				header_filter_by_lua_block { flushed = "held" sem:wait(600) }
				content_by_lua_block { ngx.print(("x"):rep(32 * 1024 * 1024)) local ok, err = ngx.flush(true) flushed = err or "sent" }
			}
		}`)
	c := s.Dial(t)
	fmt.Fprint(c, "GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
	for s.Body(t, "/flushed") != "held" {
	}
	s.Body(t, "/go")
	got := "held"
	for end := time.Now().Add(20 * time.Second); got == "held" && time.Now().Before(end); {
		got = s.Body(t, "/flushed")
	}
	if got != "timeout" {
		t.Errorf("flush: %q", got)
	}
}
