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

// threadTime is what the calling thread has used of the processor, in
// nanoseconds.
func threadTime(b *testing.B) int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return t.Nano()
}
