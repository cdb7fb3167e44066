package phase_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"weir/appliance/http/httptest"
)

// answers serves HTTP on a port of its own until the test ends: every request of one segment gets the same answer.
func answers(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() { // until the listener is closed
		out := []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		in := make([]byte, 4096)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			for {
				if _, err := c.Read(in); err != nil {
					break
				}
				if _, err := c.Write(out); err != nil {
					break
				}
			}
			c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestABalancedRequestAllocatesNothing(t *testing.T) {
	s := httptest.Start(t, modules, `keepalive_requests 1000000; upstream u { balancer_by_lua_block {
			local b = require "ngx.balancer"
			b.set_current_peer("127.0.0.1", `+strconv.Itoa(answers(t))+`, "name.test")
			b.enable_keepalive(60, 0)
		} }
		server { listen %LISTEN%; location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://u; } }`)
	if got := s.Get(t, "/"); !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
		t.Fatalf("got %q", got)
	}
	if n := s.Allocations(t, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"); n >= 1 {
		t.Errorf("got %v allocations per request, want 0", n)
	}
}
