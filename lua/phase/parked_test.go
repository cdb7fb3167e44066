package phase_test

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/lua/api"
	"weir/netio/sock/socktest"
)

// parkedAt is how much a request that waits somewhere may take beside its idle connection, in bytes of spans of the heap
// and of stacks. Filters hold the response besides.
var parkedAt = []struct {
	name  string
	limit int64
}{{"access", 16 << 10}, {"content", 16 << 10}, {"header", 20 << 10}, {"body", 24 << 10}}

const parkedConf = `default_type text/plain; keepalive_timeout 600s; lua_phase_io relaxed;
	server { listen 127.0.0.1:%d; listen %%LISTEN%%;
		location = /idle { content_by_lua_block { ngx.say("x") } }
		location = /access { access_by_lua_block { ngx.sleep(600) } content_by_lua_block { ngx.say("x") } }
		location = /content { content_by_lua_block { ngx.sleep(600) ngx.say("x") } }
		location = /header { content_by_lua_block { ngx.say("x") } header_filter_by_lua_block { ngx.sleep(600) } }
		location = /body { content_by_lua_block { ngx.say("x") } body_filter_by_lua_block { ngx.sleep(600) } }
	}`

// TestParkedRequestsAreSmall has 10,000 requests (short: 500) wait on as many connections.
func TestParkedRequestsAreSmall(t *testing.T) {
	n := 500
	if os.Getenv(soakVar) != "" {
		n = 10000
		var files syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
			n = min(n, int(files.Cur-200)/2) // both ends are this process's
		}
	}
	for _, at := range parkedAt {
		t.Run(at.name, func(t *testing.T) {
			port := socktest.Port(t)
			s := httptest.Start(t, modules, fmt.Sprintf(parkedConf, port))
			conns := make([]net.Conn, n)
			for i := range conns {
				c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				conns[i] = c
				ask(t, c, "idle")
				if _, err := c.Read(make([]byte, 4096)); err != nil {
					t.Fatal(err)
				}
			}
			before := memory()
			for _, c := range conns {
				ask(t, c, at.name)
			}
			for parked := 0; parked < n; {
				s.Do(func(w *http.Worker) {
					all, idle := api.Workers.Of(w).Current.VM.Tasks()
					parked = all - idle
				})
			}
			after := memory()
			heap, stacks := int64(after.HeapInuse-before.HeapInuse)/int64(n), int64(after.StackInuse-before.StackInuse)/int64(n)
			t.Logf("%d requests: %d bytes each: heap %d, stacks %d", n, heap+stacks, heap, stacks)
			if heap+stacks > at.limit && !raceEnabled {
				t.Errorf("got %d bytes for each request, want at most %d", heap+stacks, at.limit)
			}
		})
	}
}

func ask(t *testing.T, c net.Conn, at string) {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", at); err != nil {
		t.Fatal(err)
	}
}

// memory is what is in use when all garbage is gone.
func memory() (m runtime.MemStats) {
	for range 3 { // stacks are freed by the cycle after the one that finds them
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m
}
