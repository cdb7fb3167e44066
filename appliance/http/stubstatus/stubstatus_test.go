package stubstatus_test

import (
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/stubstatus"
)

var modules = http.Modules{&http.Core, &rewrite.Module, &stubstatus.Module, &http.Postpone}

const conf = `server { listen %LISTEN%; location / { return 200 x; } location /status { stub_status; }
	location /vars { return 200 "$connections_active $connections_reading $connections_writing $connections_waiting"; } }`

func TestThePageCounts(t *testing.T) {
	s := httptest.Start(t, modules, conf)
	s.Get(t, "/")
	idle := s.Requests(t, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for range 3 {
		idle() // its connection stays
	}
	want := "Active connections: 2 \nserver accepts handled requests\n 3 3 5 \nReading: 0 Writing: 1 Waiting: 1 \n"
	if got := s.Body(t, "/status"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := s.Body(t, "/vars"), "2 0 1 1"; got != want {
		t.Errorf("variables: got %q, want %q", got, want)
	}
	if got := s.Get(t, "/status"); !strings.Contains(got, "Content-Type: text/plain\r\n") {
		t.Errorf("got %q", got)
	}
	if got := s.Exchange(t, "POST /status HTTP/1.0\r\nContent-Length: 0\r\n\r\n"); !strings.Contains(got, "405 Not Allowed") {
		t.Errorf("POST: got %q", got)
	}
}
