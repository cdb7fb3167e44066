package rewrite_test

import (
	"strings"
	"testing"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
)

var modules = http.Modules{&http.Core, &rewrite.Module, &http.Postpone}

const conf = `default_type text/plain; server { listen %LISTEN%;
	set $from_server s;
	if ($arg_srv) { set $from_server if; }
	location /text { return 200 "uri $uri args $args"; }
	location /empty { return 200; }
	location /code { return 404; }
	location /codetext { return 404 "not here"; }
	location /close { return 444; }
	location /nocontent { return 204; }
	location /url { return http://other.test/x?$args; }
	location /moved { return 301 /new; }
	location /see { return 303 $scheme://$host/y; }
	location /server { return 200 $from_server; }

	location /last { rewrite ^/last/(.*)$ /text/$1 last; return 500; }
	location /lastargs { rewrite ^/lastargs/(.*)$ /text?p=$1 last; }
	location /dropargs { rewrite ^/dropargs/(.*)$ /text?p=$1? last; }
	location /noargs { rewrite ^ /text? last; }
	location /break { rewrite ^/break/(.*)$ /b/$1 break; return 200 "still $uri"; }
	location /stopped { rewrite ^ /b break; set $x after; }
	location /continue { rewrite ^/continue(.*)$ /one$1; rewrite ^/one(.*)$ /text/two$1; }
	location /redirect { rewrite ^/redirect/(.*)$ /to/$1 redirect; }
	location /permanent { rewrite ^/permanent/(.*)$ http://o.test/$1?a=b permanent; }
	location /implied { rewrite ^/implied(.*)$ http://o.test$1; }
	location /cycle { rewrite ^ /cycle/x last; }
	location /zero { rewrite ^/zero(.*)$ $1; }

	location /if {
		set $a 0;
		if ($arg_t) { set $a "true"; }
		if ($arg_e = "x y") { set $a "eq $a"; }
		if ($arg_e != x) { set $a "ne $a"; }
		if ($arg_r ~ ^a(.)c$) { set $a "re-$1"; }
		if ($arg_r ~* ^X(.)Z$) { set $a "ire-$1"; }
		if ($arg_r !~ ^[ax]) { set $a "nre $a"; }
		if ($request_method = POST) { return 405; }
		return 200 $a;
	}
	location /nested { set $n 0; if ($arg_a) { set $n 1; if ($arg_b) { set $n 2; } } return 200 $n; }
	location /inner { if ($arg_a) { return 402; } if ($arg_b) { return 200 b; } return 200 none; }
	location /file {
		set $r "";
		if (-f %DIR%/nginx.conf) { set $r "${r}f"; }
		if (!-f %DIR%) { set $r "${r}F"; }
		if (-d %DIR%) { set $r "${r}d"; }
		if (!-d %DIR%/none) { set $r "${r}D"; }
		if (-e %DIR%/nginx.conf) { set $r "${r}e"; }
		if (!-e %DIR%/none/none) { set $r "${r}E"; }
		if (-x %DIR%/nginx.conf) { set $r "${r}x"; }
		if (!-x %DIR%/nginx.conf) { set $r "${r}X"; }
		return 200 $r;
	}
	location /vars { set $x "a$arg_p-${arg_q}b"; set $y $x; set $x 2; return 200 "$y $x"; }
	location /args { set $args "q=1"; return 200 "$args $arg_q $is_args $query_string"; }
	location /un { return 200 "[$late]"; }
	location /unq { uninitialized_variable_warn off; return 200 "[$late]"; }
	location /late { set $late 1; }
	location /field { set $http_x_test mine; return 200 $http_x_test; }
	location /fieldread { return 200 $http_x_test; }
	location ~ ^/quoted/(.*)$ { set $q $1; return 200 "$q $1"; }
	location /enc { rewrite ^/enc/(.*)$ /r/$1 redirect; }
	location /encargs { rewrite ^/encargs/(.*)$ /text?p=$1? last; }
	location /log { rewrite_log on; rewrite ^/log/(.*)$ /text/$1 last; }
	location ~ ^/named/(?<part>[a-z]+) { return 200 "p=$part"; }
	location ~ ^/greedy/(?<Part2>[a-z]+)/ { rewrite (.*) /text last; }
} `

func TestBodies(t *testing.T) {
	s := httptest.Start(t, modules, conf)
	for _, c := range []struct{ name, target, want string }{
		{"return with a text evaluates it", "/text?a=b", "uri /text args a=b"},
		{"a server's set is seen in locations", "/server", "s"},
		{"if works in a server", "/server?srv=1", "if"},
		{"last chooses a location anew", "/last/x?q", "uri /text/x args q"},
		{"new arguments come before the old", "/lastargs/x?q", "uri /text args p=x&q"},
		{"a question mark at the end drops the old arguments", "/dropargs/x?q", "uri /text args p=x"},
		{"a question mark alone drops all arguments", "/noargs?q", "uri /text args "},
		{"without a flag the next rewrite sees the new path", "/continue/z", "uri /text/two/z args "},
		{"false: neither", "/if?e=x&r=a", "0"},
		{"zero is false", "/if?t=0&e=x&r=a", "0"},
		{"a value is true", "/if?t=00&e=x&r=a", "true"},
		{"not equal", "/if?r=a", "ne 0"},
		{"expression with a capture", "/if?e=x&r=abc", "re-b"},
		{"expression without case", "/if?e=x&r=xyz", "ire-y"},
		{"negated expression", "/if?e=x&r=b", "nre 0"},
		{"nested if, outer false", "/nested?b=1", "0"},
		{"nested if, inner false", "/nested?a=1", "1"},
		{"nested if, both true", "/nested?a=1&b=1", "2"},
		{"the first if that returns wins", "/inner?b=1", "b"},
		{"nothing holds", "/inner", "none"},
		{"files are tested", "/file", "fFdDeEX"},
		{"values are taken when set runs", "/vars?p=1&q=2", "a1-2b 2"},
		{"set on $args changes the query string", "/args?x=y", "q=1 1 ? q=1"},
		{"a variable that was not set is empty", "/un", "[]"},
		{"set may shadow a field", "/field", "mine"},
		{"until then the field is seen", "/fieldread", "sent"},
		{"escaped captures stay escaped in set", "/quoted/a%26b%20c", "a%26b%20c a&b c"},
		{"escaped captures stay escaped in arguments", "/encargs/a%26b", "uri /text args p=a%26b"},
		{"groups have names", "/named/abc", "p=abc"},
	} {
		if got := s.Body(t, c.target, "X-Test: sent"); got != c.want {
			t.Errorf("%s: %s: got %q, want %q", c.name, c.target, got, c.want)
		}
	}
	log := s.Errors(t)
	if want := `using uninitialized "late" variable, client: unix:, server: , request: "GET /un HTTP/1.1", host: "localhost"`; !strings.Contains(log, want) {
		t.Errorf("the error log has no %q:\n%s", want, log)
	}
}

func TestHeads(t *testing.T) {
	s := httptest.Start(t, modules, conf)
	for _, c := range []struct{ name, target, want string }{
		{"return with a status alone", "/code", "404 Not Found"},
		{"a text goes with any status", "/codetext", "\r\n\r\nnot here"},
		{"return 200 without a text is empty", "/empty", "Content-Length: 0\r\n"},
		{"204 has no body", "/nocontent", "204 No Content"},
		{"return with a URL alone is 302", "/url?z=1", "302 Moved Temporarily"},
		{"return with a URL evaluates it", "/url?z=1", "Location: http://other.test/x?z=1\r\n"},
		{"return 301 with a path is made absolute", "/moved", "Location: http://localhost/new\r\n"},
		{"return 303 with variables", "/see", "Location: http://localhost/y\r\n"},
		{"redirect", "/redirect/a?b", "Location: http://localhost/to/a?b\r\n"},
		{"redirect is 302", "/redirect/a", "302 Moved"},
		{"permanent is 301, arguments are joined by &", "/permanent/a?c=d", "301 Moved Permanently"},
		{"arguments join those of the replacement", "/permanent/a?c=d", "Location: http://o.test/a?a=b&c=d\r\n"},
		{"a URL as replacement redirects by itself", "/implied/q", "Location: http://o.test/q\r\n"},
		{"what can be decoded in a redirect is", "/enc/%41%20%3d", "Location: http://localhost/r/A%20=\r\n"},
		{"ten rounds are enough", "/cycle", "500 Internal Server Error"},
		{"an empty path is an error", "/zero", "500 Internal Server Error"},
		{"if may end a request", "/inner?a=1", "402 Payment Required"},
	} {
		if got := s.Get(t, c.target); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: got %q, want %q in it", c.name, c.target, got, c.want)
		}
	}
	if got := s.Get(t, "/close"); got != "" {
		t.Errorf("return 444 sent %q", got)
	}
	s.Get(t, "/log/abc")
	log := s.Errors(t)
	for _, want := range []string{
		`rewrite or internal redirection cycle while processing "/cycle/x"`,
		`the rewritten URI has a zero length`,
		`"^/log/(.*)$" matches "/log/abc"`,
		`rewritten data: "/text/abc", args: ""`,
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the error log has no %q:\n%s", want, log)
		}
	}
}

func TestAfterBreakTheLocationStays(t *testing.T) {
	s := httptest.Start(t, modules, conf)
	// `return` behind `rewrite ... break` does not run: break ends the program.
	if got := s.Get(t, "/break/x"); !strings.Contains(got, "404 Not Found") {
		t.Errorf("got %q", got)
	}
	if log := s.Errors(t); !strings.Contains(log, "no handler found") {
		t.Errorf("error log: %s", log)
	}
}

func TestServersRewriteBeforeLocationsAreChosen(t *testing.T) {
	s := httptest.Start(t, modules, `server { listen %LISTEN%; default_type text/plain;
		if ($arg_stop) { return 403; }
		if ($uri ~ ^/old/(.*)$) { set $rest $1; rewrite ^ /new/$rest; }
		rewrite ^/a/(.*)$ /b/$1;
		rewrite ^/b/(.*)$ /c/$1 last;
		rewrite ^/c/(.*)$ /d/$1;
		error_page 404 = @none;
		location /new/ { return 200 "new $uri"; }
		location /c/ { return 200 "c $uri"; }
		location /d/ { return 200 "d $uri"; }
		location /missing { return 404; }
		location @none { set $named "named $uri"; return 200 $named; }
	}`)
	for target, want := range map[string]string{
		"/old/x":   "new /new/x",
		"/a/x":     "c /c/x", // last ends the directives of the server
		"/c/x":     "d /d/x",
		"/missing": "named /missing",
	} {
		if got := s.Body(t, target); got != want {
			t.Errorf("%s: got %q, want %q", target, got, want)
		}
	}
	if got := s.Get(t, "/c/x?stop=1"); !strings.HasPrefix(got, "HTTP/1.1 403") {
		t.Errorf("got %q", got)
	}
	s = httptest.Start(t, modules, `server { listen %LISTEN%; return 200 "all $uri"; }`)
	if got := s.Body(t, "/x"); got != "all /x" {
		t.Errorf("got %q", got)
	}
}

func TestDirectivesThatAreWrong(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`rewrite ^ "";`, `empty replacement`},
		{`rewrite ^ /x wrong;`, `invalid parameter "wrong"`},
		{`rewrite ( /x;`, `pcre2_compile() failed`},
		{`return 1000;`, `invalid return code "1000"`},
		{`return word;`, `invalid return code "word"`},
		{`return word text;`, `invalid return code "word"`},
		{`set x 1;`, `invalid variable name "x"`},
		{`set $uri 1;`, `the duplicate "uri" variable`},
		{`set $a "${b";`, `the closing bracket in "b" variable is missing`},
		{`if $a { }`, `invalid condition "$a"`},
		{`if ($arg_a { }`, `invalid condition "$arg_a"`},
		{`if ($arg_a =) { }`, `invalid condition "$arg_a"`},
		{`if ($arg_a == b) { }`, `unexpected "==" in condition`},
		{`if (-q x) { }`, `invalid condition "-q"`},
		{`if (-f) { }`, `invalid condition "-f"`},
		{`if (x) { }`, `invalid condition "x"`},
		{`if ($nobody) { }`, `unknown "nobody" variable`},
	} {
		_, err := httptest.Load(t, modules, "server { listen %LISTEN%; location / { "+c.text+" } }")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestRewritingAllocatesNothing(t *testing.T) {
	s := httptest.Start(t, modules, "keepalive_requests 10000000; "+conf)
	for _, target := range []string{"/text?a=b", "/if?t=1&r=abc", "/last/abc?q", "/dropargs/x", "/vars?p=1"} {
		if n := s.Allocations(t, "GET "+target+" HTTP/1.1\r\nHost: localhost\r\n\r\n"); n >= 1 {
			t.Errorf("%s: got %v allocations per request, want 0", target, n)
		}
	}
}
