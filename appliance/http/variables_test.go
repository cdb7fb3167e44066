package http_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
)

// variableModules show variables by `return`.
var variableModules = http.Modules{&http.Core, &rewrite.Module, &http.Postpone, &testModule}

// show makes a server whose every location returns the value of text.
func show(t testing.TB, text string) *httptest.Server {
	t.Helper()
	return httptest.Start(t, variableModules, fmt.Sprintf(`keepalive_requests 10000000; keepalive_timeout 75s 20s;
		server { listen %%LISTEN%%; server_name first.test second.test; root %%DIR%%; default_type text/plain; limit_rate 0;
		location / { return 200 "%s"; } }`, text))
}

func TestVariablesOfTheRequest(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"User-Agent: ua", "Referer: ref", "Via: a", "via: b", "X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 2.2.2.2",
		"Cookie: a=1; B=two ;c = 3", "Cookie: d=4", "X-Multi-Name: x", "X-Multi-Name: ", "X-multi-name: z", "Content-Type: text/x",
		"Authorization: basic bWU6c2VjcmV0"}
	for _, c := range []struct{ vars, target, want string }{
		{"$http_host", "/", "localhost"},
		{"$http_user_agent|$http_referer|$http_via", "/", "ua|ref|a, b"},
		{"$http_x_forwarded_for", "/", "1.1.1.1, 2.2.2.2"},
		{"$http_cookie", "/", "a=1; B=two ;c = 3; d=4"},
		{"$http_x_multi_name", "/", "x, , z"},
		{"[$http_none]", "/", "[]"},
		{"$cookie_a|$cookie_b|$cookie_c|$cookie_d|$cookie_e", "/", "1|two |3|4|"},
		{"$content_type|$content_length", "/", "text/x|"},
		{"$host|$server_name", "/", "localhost|first.test"},
		{"$request", "/a?b", "GET /a?b HTTP/1.1"},
		{"$request_method|$server_protocol|$scheme|$https|", "/", "GET|HTTP/1.1|http||"},
		{"$uri|$document_uri|$request_uri", "/a//b/../c%20d?x=%20y", "/a/c d|/a/c d|/a//b/../c%20d?x=%20y"},
		{"$args|$query_string|$is_args", "/?a=1&b", "a=1&b|a=1&b|?"},
		{"[$args$is_args]", "/?", "[]"},
		{"$arg_a|$arg_b|$arg_c|$arg_d|$arg_", "/?xa=0&A=1%20&b=2&b=3&c=&a=9&d", "1%20|2|||"},
		{"$request_port|$is_request_port", "/", "|"},
		{"$remote_user", "/", "me"},
		{"$remote_addr|$remote_port|$binary_remote_addr", "/", "unix:||unix:"},
		{"$connection_requests|$pipe", "/", "1|."},
		{"$request_completion|$request_body|$request_body_file|", "/", "|||"},
		{"$limit_rate", "/", "0"},
		{"$hostname", "/", strings.ToLower(host)},
		{"$nginx_version", "/", "1.31.3"},
		{"$pid", "/", fmt.Sprint(os.Getpid())},
		{"[$tcpinfo_rtt$proxy_protocol_addr$proxy_protocol_port$proxy_protocol_tlv_alpn]", "/", "[]"},
		{"$status", "/", "200"},
		{"$bytes_sent|$body_bytes_sent", "/", "0|0"},
		{"$sent_http_connection", "/", "close"},
		{"[$sent_http_content_type$sent_http_location$sent_http_x$sent_trailer_y]", "/", "[]"},
	} {
		s := show(t, c.vars)
		if got := s.Body(t, c.target, lines...); got != c.want {
			t.Errorf("%s of %s: got %q, want %q", c.vars, c.target, got, c.want)
		}
		if log := s.Errors(t); log != "" {
			t.Errorf("%s: error log: %s", c.vars, log)
		}
	}
	s := show(t, "$document_root|$realpath_root|$request_filename")
	want := fmt.Sprintf("%s|%[1]s|%[1]s/x", s.Dir)
	if got := s.Body(t, "/x"); got != want {
		t.Errorf("roots: got %q, want %q", got, want)
	}
	s = show(t, "$request_port$is_request_port$host")
	for raw, want := range map[string]string{
		"GET / HTTP/1.0\r\nHost: Example.com:8080\r\n\r\n":          "8080:example.com",
		"GET http://a.test:81/ HTTP/1.0\r\nHost: b.test:82\r\n\r\n": "81:a.test",
		"GET http://a.test/ HTTP/1.0\r\nHost: b.test:82\r\n\r\n":    "a.test",
		"GET / HTTP/1.0\r\n\r\n":                                    "first.test",
	} {
		if _, got, _ := strings.Cut(s.Exchange(t, raw), "\r\n\r\n"); got != want {
			t.Errorf("%q: got %q, want %q", raw, got, want)
		}
	}
}

func TestVariablesOfTimeAndChance(t *testing.T) {
	for vars, want := range map[string]string{
		"$msec":                          `^\d{10,}\.\d\d\d$`,
		"$time_iso8601":                  `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$`,
		"$time_local":                    `^\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}$`,
		"$request_time|$connection_time": `^\d+\.\d\d\d\|\d+\.\d\d\d$`,
		"$connection":                    `^\d+$`,
		"$request_length":                `^\d+$`,
		"$request_id $request_id":        `^[0-9a-f]{32} [0-9a-f]{32}$`,
		"$server_addr|$server_port|":     `^unix:/.*/sock\|\|$`,
	} {
		if got := show(t, vars).Body(t, "/"); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: got %q, want %s", vars, got, want)
		}
	}
	s := show(t, "$request_id $request_id")
	a, b := s.Body(t, "/"), s.Body(t, "/")
	if one, two, _ := strings.Cut(a, " "); one != two {
		t.Errorf("$request_id changed within a request: %q", a)
	}
	if a == b {
		t.Errorf("two requests have the same $request_id: %q", a)
	}
}

func TestBrokenCredentialsHaveNoUser(t *testing.T) {
	s := show(t, "[$remote_user]")
	for header, want := range map[string]string{
		"Basic bWU6":       "[me]",
		"BASIC   bWU6c2U=": "[me]",
		"Basic bWU":        "[]", // no colon
		"Basic !!!":        "[]",
		"Basic":            "[]",
		"Bearer bWU6":      "[]",
	} {
		if got := s.Body(t, "/", "Authorization: "+header); got != want {
			t.Errorf("%s: got %s, want %s", header, got, want)
		}
	}
}

func TestVariablesAllocateNothing(t *testing.T) {
	for _, vars := range []string{
		"$http_x_a$http_via$cookie_b$arg_c$content_length$content_type$host",
		"$request$uri$args$is_args$server_protocol$scheme$request_port",
		"$document_root$request_filename$remote_user$server_name",
		"$remote_addr$binary_remote_addr$server_addr$connection$connection_requests$connection_time$pipe",
		"$request_time$msec$time_local$time_iso8601$request_id$request_length$status$bytes_sent$body_bytes_sent$pid$hostname",
		"$sent_http_x$sent_http_connection$sent_http_keep_alive$sent_http_content_length$tcpinfo_rtt$limit_rate",
	} {
		s := show(t, vars)
		if n := s.Allocations(t, "GET /x?c=1 HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nX-A: 2\r\nCookie: b=1\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\r\n"); n >= 1 {
			t.Errorf("%s: got %v allocations per request, want 0", vars, n)
		}
	}
}
