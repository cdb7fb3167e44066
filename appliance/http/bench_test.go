package http_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/stdmodules"
)

// BenchmarkOwnWork is what a keepalive request costs besides the kernel: from
// the bytes of its head to those of its response, with all modules built in.
func BenchmarkOwnWork(b *testing.B) {
	for _, bc := range []struct{ name, conf, target string }{
		{"return", "location / { return 200 ok; }", "/"},
		{"file", "open_file_cache max=10; location / { }", "/file"},
		{"lua", `location / { content_by_lua_block { ngx.say("hello world") } }`, "/"},
		{"lua phases", `location / { rewrite_by_lua_block { if ngx.status > 900 then ngx.exit(403) end }
			access_by_lua_block { local h = ngx.req.get_method() } header_filter_by_lua_block { local s = ngx.status }
			content_by_lua_block { ngx.print("hello ", 1, "\n") } log_by_lua_block { local s = ngx.status } }`, "/"},
		{"logged", "access_log %DIR%/access.log; location / { return 200 ok; }", "/"},
	} {
		b.Run(bc.name, func(b *testing.B) {
			s := httptest.Start(b, stdmodules.Modules(), "keepalive_requests 2000000000; keepalive_time 100h; access_log off;"+
				"server { listen %LISTEN%; root %DIR%; "+bc.conf+" }")
			if err := os.WriteFile(filepath.Join(s.Dir, "file"), make([]byte, 600), 0o600); err != nil {
				b.Fatal(err)
			}
			request := "GET " + bc.target + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: wrk/4.2\r\nAccept: */*\r\n\r\n"
			s.Requests(b, request)() // opens the connection
			b.ReportAllocs()
			b.ResetTimer()
			s.Do(func(w *http.Worker) {
				before := threadTime(b)
				w.ServeInMemory([]byte(request), b.N)
				b.ReportMetric(float64(threadTime(b)-before)/float64(b.N), "cpu-ns/op")
			})
		})
	}
}

// TestARequestServedByLuaAllocatesNothing holds Lua's part in a request to what
// its pools hold: contexts, light threads, output buffers.
func TestARequestServedByLuaAllocatesNothing(t *testing.T) {
	s := httptest.Start(t, stdmodules.Modules(), `keepalive_requests 2000000000; keepalive_time 100h; access_log off;
		server { listen %LISTEN%; location / { content_by_lua_block { ngx.say("hello world") } } }`)
	request := "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	s.Requests(t, request)()
	s.Do(func(w *http.Worker) {
		w.ServeInMemory([]byte(request), 100)
		// A thousand requests a run: what the clock and the date allocate now and then does not count.
		n := testing.AllocsPerRun(5, func() { w.ServeInMemory([]byte(request), 1000) })
		if n > 50 {
			t.Errorf("got %v allocations in 1000 requests", n)
		}
	})
}

// threadTime is what the calling thread has used of the processor, in
// nanoseconds.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}
