package headers_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"weir/appliance/http"
	"weir/appliance/http/headers"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
)

var modules = http.Modules{&http.Core, &rewrite.Module, &headers.Module, &http.Postpone}

func TestFieldsAreAdded(t *testing.T) {
	s := httptest.Start(t, modules, `add_header X-Http http; server { listen %LISTEN%;
		location /inherit { return 200 x; }
		location /own { add_header X-Own $uri; add_header X-Own two; add_header X-Empty ""; return 200 x; }
		location /off { add_header_inherit off; return 200 x; }
		location /merge { add_header_inherit merge; add_header X-Own own; return 200 x; }
		location /error { add_header X-Plain 1; add_header X-Always 2 always; return 404; }
		location /redirect { add_header X-Plain 1; return 302 /; }
		location /if { add_header X-Out 1; if ($arg_a) { add_header X-If 1; return 200 x; } return 200 x; }
		location /known { add_header Cache-Control a; add_header cache-control b; add_header Link c; add_header ETag '"e"';
			add_header Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT"; return 200 x; }
		location /plain { add_header Server mine; add_header Location /x; return 200 x; }
		location /trailer { add_trailer X-T $uri; add_trailer X-Empty ""; add_trailer X-S $sent_http_x_http; return 200 x; }
		location /alwaystrailer { add_trailer X-T always always; add_trailer X-N no; return 404 x; }
		location /nottrailer { add_trailer X-N no; return 404 x; }
	}`)
	for _, c := range []struct{ target, has, hasNot string }{
		{"/inherit", "X-Http: http\r\n", ""},
		{"/own", "X-Own: /own\r\nX-Own: two\r\n", "X-Http"},
		{"/own", "X-Own", "X-Empty"},
		{"/off", "200 OK", "X-Http"},
		{"/merge", "X-Own: own\r\nX-Http: http\r\n", ""},
		{"/error", "X-Always: 2\r\n", "X-Plain"},
		{"/redirect", "X-Plain: 1\r\n", ""},
		{"/if", "X-Out: 1", "X-If"},
		{"/if?a=1", "X-If: 1", "X-Out"},
		{"/known", "Cache-Control: a\r\ncache-control: b\r\nLink: c\r\nETag: \"e\"\r\nLast-Modified: Mon, 28 Sep 1970 06:00:00 GMT\r\n", ""},
		{"/plain", "Server: mine\r\nLocation: /x\r\n", ""},
		{"/trailer", "Transfer-Encoding: chunked\r\n", "Content-Length"},
		{"/trailer", "\r\n\r\n1\r\nx\r\n0\r\nX-T: /trailer\r\nX-S: http\r\n\r\n", "X-Empty"},
		{"/alwaystrailer", "0\r\nX-T: always\r\n\r\n", "X-N"},
		{"/nottrailer", "Content-Length: 1", "X-N"},
	} {
		got := s.Get(t, c.target)
		if !strings.Contains(got, c.has) || c.hasNot != "" && strings.Contains(got, c.hasNot) {
			t.Errorf("%s: got %q, want %q and no %q", c.target, got, c.has, c.hasNot)
		}
	}
	if got := s.Get(t, "/plain"); strings.Count(got, "Server:") != 2 {
		t.Errorf("add_header Server takes the place of the server's own: %q", got)
	}
	if got := s.Exchange(t, "GET /trailer HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\nx") {
		t.Errorf("a trailer for HTTP/1.0: %q", got)
	}
}

func TestExpires(t *testing.T) {
	s := httptest.Start(t, modules, `server { listen %LISTEN%;
		location /epoch { expires epoch; return 200 x; }
		location /max { expires max; return 200 x; }
		location /off { expires off; return 200 x; }
		location /zero { expires 0; return 200 x; }
		location /hour { expires 1h; return 200 x; }
		location /plus { expires +1h; return 200 x; }
		location /past { expires -1; return 200 x; }
		location /modified { expires modified 1h; return 200 x; }
		location /daily { expires @15h30m; return 200 x; }
		location /var { expires $arg_e; return 200 x; }
		location /replace { expires max; add_header Cache-Control private; return 200 x; }
		location /error { expires max; return 404 x; }
	}`)
	for _, c := range []struct {
		target, cache, date string
		ahead               time.Duration
	}{
		{"/epoch", "no-cache", "Thu, 01 Jan 1970 00:00:01 GMT", 0},
		{"/max", "max-age=315360000", "Thu, 31 Dec 2037 23:55:55 GMT", 0},
		{"/off", "", "", 0},
		{"/zero", "max-age=0", "", 0},
		{"/hour", "max-age=3600", "", time.Hour},
		{"/plus", "max-age=3600", "", time.Hour},
		{"/past", "no-cache", "", -time.Second},
		{"/modified", "max-age=3600", "", time.Hour},
		{"/var?e=1h", "max-age=3600", "", time.Hour},
		{"/var?e=max", "max-age=315360000", "", 0},
		{"/var?e=-1", "no-cache", "", -time.Second},
		{"/var?e=off", "", "", 0},
		{"/var?e=what", "", "", 0},
		{"/replace", "max-age=315360000, private", "", 0},
		{"/error", "", "", 0},
	} {
		before := time.Now().Add(-2 * time.Second) // the date has no fractions, and comes from a loop's clock
		head := s.Get(t, c.target)
		after := time.Now()
		cache, date := strings.Join(values(head, "Cache-Control"), ", "), strings.Join(values(head, "Expires"), ", ")
		if cache != c.cache || c.date != "" && date != c.date || (cache == "") != (date == "") {
			t.Errorf("%s: got Cache-Control %q, Expires %q", c.target, cache, date)
		}
		if c.ahead == 0 {
			continue
		}
		at, err := time.Parse(time.RFC1123, date)
		if asked := at.Add(-c.ahead); err != nil || asked.Before(before) || asked.After(after) {
			t.Errorf("%s: Expires %q is not %v after a time between %v and %v", c.target, date, c.ahead, before, after)
		}
	}
	before := time.Now().Add(-2 * time.Second)
	at, err := time.Parse(time.RFC1123, values(s.Get(t, "/daily"), "Expires")[0])
	if at = at.Local(); err != nil || at.Hour() != 15 || at.Minute() != 30 || at.Before(before) || time.Until(at) > 25*time.Hour {
		t.Errorf("daily: got %v (%v)", at, err)
	}
}

// values returns the values of a field.
func values(head, name string) (list []string) {
	for _, m := range regexp.MustCompile(`(?im)^`+name+`: (.*)\r$`).FindAllStringSubmatch(head, -1) {
		list = append(list, m[1])
	}
	return list
}

func TestDirectivesThatAreWrong(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`add_header X y often;`, `invalid parameter "often"`},
		{`add_header X "$nobody";`, `unknown "nobody" variable`},
		{`expires 1h; expires 2h;`, `"expires" directive is duplicate`},
		{`expires often;`, `"expires" directive invalid value`},
		{`expires created 1h;`, `"expires" directive invalid value`},
		{`expires modified @1h;`, `"expires" directive daily time cannot be used with "modified" parameter`},
		{`expires @25h;`, `"expires" directive daily time value must be less than 24 hours`},
		{`add_header_inherit maybe;`, `invalid value "maybe"`},
	} {
		_, err := httptest.Load(t, modules, c.text+" server { listen %LISTEN%; }")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestAddingFieldsAllocatesNothing(t *testing.T) {
	s := httptest.Start(t, modules, `keepalive_requests 10000000; server { listen %LISTEN%; location / {
		add_header X-A $uri; add_header Cache-Control private; add_header X-B "b$args" always; expires 1h; add_trailer X-T $uri; return 200 x; }
		location /var { expires $arg_e; return 200 x; } }`)
	for _, target := range []string{"/x?y", "/var?e=1h30m", "/var?e=@12h"} {
		if n := s.Allocations(t, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); n >= 1 {
			t.Errorf("%s: got %v allocations per request, want 0", target, n)
		}
	}
}
