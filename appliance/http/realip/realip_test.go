package realip_test

import (
	"os"
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/accesslog"
	"weir/appliance/http/httptest"
	"weir/appliance/http/realip"
	"weir/appliance/http/rewrite"
)

var modules = http.Modules{&http.Core, &accesslog.Module, &realip.Module, &rewrite.Module, &http.Postpone}

func TestTheClientsAddressComesFromItsSource(t *testing.T) {
	s := httptest.Start(t, modules, `server {
		listen %LISTEN%; access_log off; set_real_ip_from unix:; set_real_ip_from 10.0.0.0/8;
		if ($remote_addr) { return 200 "$remote_addr:$remote_port $realip_remote_addr:$realip_remote_port"; } }
		server { listen %LISTEN%; server_name xff; set_real_ip_from unix:; real_ip_header X-Forwarded-For; return 200 $remote_addr; }
		server { listen %LISTEN%; server_name own; set_real_ip_from unix:; real_ip_header X-OWN; return 200 $remote_addr; }
		server { listen %LISTEN%; server_name far; set_real_ip_from 10.0.0.1; return 200 $remote_addr; }
		server { listen %LISTEN%; server_name pp; set_real_ip_from unix:; real_ip_header proxy_protocol; return 200 $remote_addr; }`)
	tests := []struct {
		name, host string
		fields     []string
		want       string
	}{
		{"X-Real-IP by default", "a", []string{"X-Real-IP: 192.0.2.1"}, "192.0.2.1: unix::"},
		{"with a port", "a", []string{"X-Real-IP: [2001:db8::1]:99"}, "2001:db8::1:99 unix::"},
		{"the first X-Real-IP", "a", []string{"X-Real-IP: 192.0.2.1", "X-Real-IP: 192.0.2.2"}, "192.0.2.1: unix::"},
		{"nothing", "a", nil, "unix:: unix::"},
		{"what is no address", "a", []string{"X-Real-IP: me"}, "unix:: unix::"},
		{"the last of X-Forwarded-For", "xff", []string{"X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2, 192.0.2.3"}, "192.0.2.3"},
		{"the first field of another name", "own", []string{"X-Own: 192.0.2.1", "x-own: 192.0.2.2"}, "192.0.2.1"},
		{"a proxy that is not trusted", "far", []string{"X-Real-IP: 192.0.2.1"}, "unix:"},
		{"no PROXY protocol", "pp", []string{"X-Real-IP: 192.0.2.1"}, "unix:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw := "GET / HTTP/1.1\r\nConnection: close\r\nHost: " + tt.host + "\r\n" + strings.Join(append(tt.fields, ""), "\r\n") + "\r\n"
			if got := s.Exchange(t, raw); !strings.HasSuffix(got, "\r\n\r\n"+tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTheAddressLastsUntilTheRequestIsLogged(t *testing.T) {
	s := httptest.Start(t, modules, `log_format a "$remote_addr"; server {
		listen %LISTEN%; access_log %DIR%/a.log a; set_real_ip_from unix:; return 200 $remote_addr; }`)
	got := s.Exchange(t, "GET / HTTP/1.1\r\nHost: a\r\nX-Real-IP: 192.0.2.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if !strings.HasSuffix(got, "\r\n\r\nunix:") {
		t.Errorf("the second request of the connection: got %q", got)
	}
	s.Cycle.Flush()
	b, err := os.ReadFile(s.Dir + "/a.log")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != "192.0.2.1\nunix:\n" {
		t.Errorf("logged %q", b)
	}
}
