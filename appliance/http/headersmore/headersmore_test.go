package headersmore

import (
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
)

func TestChangingFieldsAllocatesNothing(t *testing.T) {
	modules := http.Modules{&http.Core, &rewrite.Module, &Module, &http.Postpone}
	s := httptest.Start(t, modules, `keepalive_requests 10000000; server { listen %LISTEN%; default_type text/plain;
		location /out { more_set_headers "X-A: $arg_a" "X-B: b" "Content-Type: text/x"; more_clear_headers -s 200 Server "X-C*"; return 200 a; } }`)
	if n := s.Allocations(t, "GET /out?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n"); n >= 1 {
		t.Errorf("got %v allocations per request, want 0", n)
	}
}
