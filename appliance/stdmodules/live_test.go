package stdmodules

import (
	"strings"
	"testing"

	"weir/appliance/http/httptest"
)

func TestModulesAllocateNothingPerRequest(t *testing.T) {
	s := httptest.Start(t, Modules(), `keepalive_requests 1000000; access_log off; default_type text/plain;
		map $arg_m $mapped { default none; one 1; Two 2; }
		map $http_user_agent $agent { default other; ~^te(?<rest>.+)$ "te $rest"; }
		map $host $hosted { hostnames; default no; *.example.com below; }
		geo $place { default far; 192.0.2.0/24 near; 127.0.0.0/8 here; }
		geo $span { ranges; default far; 192.0.2.0-192.0.2.99 near; }
		split_clients "$remote_addr$uri" $half { 50% a; * b; }
		set_real_ip_from unix:; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; real_ip_recursive on;
		server {
			listen %LISTEN%;
			allow 192.0.2.0/24; deny all;
			location / { return 200 "$mapped $agent $hosted $place $span $half $remote_addr $realip_remote_addr"; }
			location /asked { auth_request /auth; auth_request_set $status_of $status; mirror /mirrored; mirror_request_body off; try_files /none @in; }
			location @in { return 200 "in $status_of"; }
			location /auth { return 204; }
			location /mirrored { return 204; }
		}`)
	tests := []struct {
		name, target, fields, want string
	}{
		{"variables by map, geo and split_clients, and realip", "/x?m=two",
			"User-Agent: test\r\nX-Forwarded-For: 1.2.3.4, 192.0.2.7, 10.0.0.1\r\n", "2 te st below near near b 192.0.2.7 unix:"},
		{"access, auth_request and mirror", "/asked", "X-Forwarded-For: 192.0.2.7\r\n", "in 204"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := "GET " + tt.target + " HTTP/1.1\r\nHost: a.Example.com\r\n" + tt.fields
			if got := s.Exchange(t, request+"Connection: close\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\n"+tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			if n := s.Allocations(t, request+"\r\n"); n >= 1 {
				t.Errorf("got %v allocations per request, want 0", n)
			}
		})
	}
}
