package setmisc

import (
	"testing"
	"time"

	"weir/appliance/http"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
)

func TestAppendTime(t *testing.T) {
	at := time.Date(2027, 1, 3, 0, 4, 5, 0, time.UTC) // a Sunday in ISO week 53 of 2026
	for _, c := range []struct{ format, want string }{
		{"%Y-%m-%dT%H:%M:%S%z", "2027-01-03T00:04:05+0000"},
		{"%a %A %b %B %h %e %j %y %C", "Sun Sunday Jan January Jan  3 003 27 20"},
		{"%I %l %k %p %P %r %R %T", "12 12  0 AM am 12:04:05 AM 00:04 00:04:05"},
		{"%u %w %U %W %V %G %g", "7 0 01 00 53 2026 26"},
		{"%c|%x|%X|%D|%F|%s|%Z", "Sun Jan  3 00:04:05 2027|01/03/27|00:04:05|01/03/27|2027-01-03|1798934645|UTC"},
		{"%% %n%t %! %", "% \n\t %! %"},
	} {
		if got := string(appendTime(nil, []byte(c.format), at)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.format, got, c.want)
		}
	}
}

func TestFunctionsAreFoundByName(t *testing.T) {
	if f := Lookup("set_md5"); f == nil || f.Name != "set_md5" || f.Args != 1 {
		t.Errorf("set_md5: got %+v", f)
	}
	if f := Lookup("set"); f != nil {
		t.Errorf("set: got %+v", f)
	}
}

func TestSettingAllocatesNothing(t *testing.T) {
	modules := http.Modules{&http.Core, &rewrite.Module, &Module, &http.Postpone}
	s := httptest.Start(t, modules, `keepalive_requests 10000000; server { listen %LISTEN%;
		location / { set_escape_uri $a $arg_a; set_md5 $a; set_quote_json_str $b $arg_a; set_encode_base32 $c $arg_a; set_decode_base32 $c; set_random $d 1 9; return 200 "$a $b $c"; } }`)
	if n := s.Allocations(t, "GET /?a=b/c HTTP/1.1\r\nHost: localhost\r\n\r\n"); n >= 1 {
		t.Errorf("got %v allocations per request, want 0", n)
	}
}
