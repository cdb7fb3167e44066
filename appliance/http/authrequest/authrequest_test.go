package authrequest_test

import (
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/authrequest"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/tryfiles"
)

var modules = http.Modules{&http.Core, &rewrite.Module, &authrequest.Module, &tryfiles.Module, &http.Postpone}

func TestTheAnswersStatusDecides(t *testing.T) {
	s := httptest.Start(t, modules, `server {
		listen %LISTEN%; location @in { return 200 "in:$said"; } auth_request_set $said $status$uri;
		location /200 { auth_request /say/200; try_files /no @in; }
		location /204 { auth_request /say/204; try_files /no @in; }
		location /401 { auth_request /say/401; try_files /no @in; }
		location /403 { auth_request /say/403; try_files /no @in; }
		location /404 { auth_request /say/404; try_files /no @in; }
		location /301 { auth_request /say/301; try_files /no @in; }
		location /page { auth_request /paged; try_files /no @in; }
		location /off { auth_request /say/403; location /off/on { auth_request off; try_files /no @in; } }
		location /loop { auth_request /loop; try_files /no @in; }
		location /say/200 { return 200 x; } location /say/204 { return 204; } location /say/401 { return 401; }
		location /say/403 { return 403; } location /say/404 { return 404; } location /say/301 { return 301 /; }
		location /paged { error_page 403 =200 /say/200; return 403; } }`)
	for target, want := range map[string]string{
		"/200": "200 OK|in:200/say/200", "/204": "200 OK|in:204/say/204", "/off/on": "200 OK|in:",
		"/page": "200 OK|in:200/say/200", "/loop": "200 OK|in:200/loop",
		"/401": "401 Unauthorized|", "/403": "403 Forbidden|", "/404": "500 Internal Server Error|", "/301": "500 Internal Server Error|",
	} {
		got := s.Get(t, target)
		status, body, _ := strings.Cut(want, "|")
		if !strings.HasPrefix(got, "HTTP/1.1 "+status+"\r\n") || !strings.HasSuffix(got, body) {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	for _, want := range []string{"auth request unexpected status: 404", "auth request unexpected status: 301"} {
		if !strings.Contains(s.Errors(t), want) {
			t.Errorf("the error log lacks %q", want)
		}
	}
}
