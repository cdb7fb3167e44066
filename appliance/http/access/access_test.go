package access_test

import (
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/access"
	"weir/appliance/http/httptest"
	"weir/appliance/http/realip"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/tryfiles"
)

var modules = http.Modules{&http.Core, &realip.Module, &rewrite.Module, &access.Module, &tryfiles.Module, &http.Postpone}

func TestTheFirstRuleThatFitsDecides(t *testing.T) {
	s := httptest.Start(t, modules, `server {
		listen %LISTEN%; set_real_ip_from unix:; location @in { return 200 in; }
		location /order { deny 192.0.2.1; allow 192.0.2.0/24; allow 2001:db8::/32; deny all; try_files /no @in; }
		location /open { deny 192.0.2.1; try_files /no @in; }
		location /unix { allow unix:; deny all; try_files /no @in; }
		location /any { satisfy any; deny all; try_files /no @in; } }`)
	tests := []struct {
		name, target, client string
		in                   bool
	}{
		{"a single address before its network", "/order", "192.0.2.1", false},
		{"the rest of the network", "/order", "192.0.2.2", true},
		{"IPv4 in IPv6", "/order", "::ffff:192.0.2.2", true},
		{"IPv6", "/order", "2001:db8::1", true},
		{"all the others", "/order", "2001:db9::1", false},
		{"a unix socket is one of all", "/order", "", false},
		{"no rule fits", "/open", "192.0.2.2", true},
		{"rules of other families do not fit a unix socket", "/open", "", true},
		{"unix:", "/unix", "", true},
		{"unix: is no IP address", "/unix", "127.0.0.1", false},
		{"satisfy any", "/any", "127.0.0.1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := s.Get(t, tt.target, "X-Real-IP: "+tt.client)
			if want := map[bool]string{true: "HTTP/1.1 200 ", false: "HTTP/1.1 403 "}[tt.in]; !strings.HasPrefix(got, want) {
				t.Errorf("got %.20q, want %q", got, want)
			}
		})
	}
}
