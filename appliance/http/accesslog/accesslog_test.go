package accesslog_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/http"
	"weir/appliance/http/accesslog"
	"weir/appliance/http/httptest"
	"weir/appliance/http/rewrite"
)

var modules = http.Modules{&http.Core, &accesslog.Module, &rewrite.Module, &http.Postpone}

// log returns what is in a log file, when all is written.
func log(t *testing.T, s *httptest.Server, name string) string {
	t.Helper()
	s.Cycle.Flush()
	b, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLinesOfEveryKind(t *testing.T) {
	s := httptest.Start(t, modules, `
		log_format line "$uri:$status:$body_bytes_sent:$request_length:$pipe";
		log_format js escape=json '{"ua":"$http_user_agent","none":"$http_none"}';
		log_format raw escape=none "$http_user_agent|$http_none|";
		log_format plain "$http_user_agent|$http_none|";
		access_log off;
		server { listen %LISTEN%; root %DIR%;
			location /combined { access_log combined.log; return 200 OK; }
			location /line { access_log line.log line; return 404; }
			location /esc { access_log js.log js; access_log raw.log raw; access_log plain.log plain; return 200; }
			location /off { return 200; }
			location /if { access_log if.log line if=$arg_log; return 200; }
			location /var { access_log var-$arg_n.log line; return 200; }
			location /cached { open_log_file_cache max=2 min_uses=1; access_log cached-$arg_n.log line; return 200; }
			location /nowhere { root %DIR%/none; access_log nowhere-$arg_n.log line; return 200; }
			location /buffered { access_log buffered.log line buffer=4k; return 200; }
			location /gzip { access_log zip.log line gzip=9; return 200; }
		}`)
	s.Get(t, "/combined?a=%22b", "Authorization: Basic bWU6c2VjcmV0", "Referer: http://r/", "User-Agent: test \"1\"")
	s.Get(t, "/line")
	s.Get(t, "/esc", "User-Agent: q\"\xe9")
	s.Get(t, "/off")
	for _, v := range []string{"", "?log=0", "?log=1", "?log=no"} {
		s.Get(t, "/if"+v)
	}
	for _, n := range []string{"a", "b", "a"} {
		s.Get(t, "/var?n="+n)
		s.Get(t, "/cached?n="+n)
	}
	s.Get(t, "/nowhere?n=x")
	s.Get(t, "/buffered")
	s.Get(t, "/gzip/1")
	s.Get(t, "/gzip/2")
	got := log(t, s, "combined.log")
	before, after, _ := strings.Cut(got, "[")
	stamp, after, _ := strings.Cut(after, "]")
	if _, err := time.Parse("02/Jan/2006:15:04:05 -0700", stamp); err != nil {
		t.Error(err)
	}
	if want := `unix: - me  "GET /combined?a=%22b HTTP/1.1" 200 2 "http://r/" "test \x221\x22"` + "\n"; before+after != want {
		t.Errorf("combined: got %q, want %q", before+after, want)
	}
	for _, c := range []struct{ file, want string }{
		{"js.log", `{"ua":"q\"` + "\xe9" + `","none":""}` + "\n"},
		{"raw.log", "q\"\xe9||\n"},
		{"plain.log", `q\x22\xE9|-|` + "\n"},
		{"if.log", "/if:200:0:62:.\n/if:200:0:63:.\n"},
		{"var-a.log", "/var:200:0:61:.\n/var:200:0:61:.\n"},
		{"var-b.log", "/var:200:0:61:.\n"},
		{"cached-a.log", "/cached:200:0:64:.\n/cached:200:0:64:.\n"},
		{"buffered.log", "/buffered:200:0:62:.\n"},
	} {
		if got := log(t, s, c.file); got != c.want {
			t.Errorf("%s: got %q, want %q", c.file, got, c.want)
		}
	}
	if got := log(t, s, "line.log"); !strings.HasPrefix(got, "/line:404:") {
		t.Errorf("line.log: got %q", got)
	}
	if got := unzip(t, filepath.Join(s.Dir, "zip.log")); got != "/gzip/1:200:0:60:.\n/gzip/2:200:0:60:.\n" {
		t.Errorf("zip.log: got %q", got)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "nowhere-x.log")); err == nil {
		t.Error("a log was made for a root that is not there")
	}
	if want := `none" existence failed (2: No such file or directory)`; !strings.Contains(s.Errors(t), want) {
		t.Errorf("the error log has no %s", want)
	}
}

func unzip(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestLinesReachTheFileByThemselves(t *testing.T) {
	s := httptest.Start(t, modules, `server { listen %LISTEN%; location / { access_log a.log; access_log b.log combined buffer=1m flush=50ms; return 200; } }`)
	s.Get(t, "/x")
	end := time.Now().Add(time.Minute)
	for _, name := range []string{"a.log", "b.log"} {
		for size := int64(0); size == 0; {
			info, err := os.Stat(filepath.Join(s.Dir, name))
			if err == nil {
				size = info.Size()
			}
			if time.Now().After(end) {
				t.Fatalf("%s stays empty", name)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

func TestNoLineIsLostUnderLoad(t *testing.T) {
	s := httptest.Start(t, modules, `keepalive_requests 1000000; log_format n "$arg_n";
		server { listen %LISTEN%; location / { access_log n.log n; return 200; } }`)
	once := s.Requests(t, "GET /?n=0123456789012345678901234567890123456789 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	const n = 5000
	for range n {
		once()
	}
	s.Get(t, "/?n=last") // the log phase of the last of them has run by now
	got := log(t, s, "n.log")
	want := strings.Repeat("0123456789012345678901234567890123456789\n", n) + "last\n"
	if got != want {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func TestReopeningSplitsTheLogBetweenRequests(t *testing.T) {
	s := httptest.Start(t, modules, `log_format u "$uri"; server { listen %LISTEN%; location / { access_log u.log u; return 200; } }`)
	s.Get(t, "/1")
	s.Cycle.Flush()
	path := filepath.Join(s.Dir, "u.log")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Cycle.Files() {
		if f.Path == path {
			fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Reopen(fd); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Get(t, "/2")
	if a, b := log(t, s, "u.log.1"), log(t, s, "u.log"); a != "/1\n" || b != "/2\n" {
		t.Errorf("got %q and %q", a, b)
	}
}

func TestSyslogGetsADatagramPerLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "syslog")
	c, err := net.ListenPacket("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s := httptest.Start(t, modules, `log_format u "$uri"; server { listen %LISTEN%;
		location / { access_log syslog:server=unix:`+path+`,facility=user,tag=t,severity=warn,nohostname u; return 200; } }`)
	s.Get(t, "/x")
	b := make([]byte, 1000)
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	n, _, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b[:n]); !strings.HasPrefix(got, "<12>") || !strings.HasSuffix(got, " t: /x") {
		t.Errorf("got %q", got)
	}
}

func TestDirectivesThatAreWrong(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`log_format combined x;`, `duplicate "log_format" name "combined"`},
		{`log_format a escape=xml x;`, `unknown log format escaping "xml"`},
		{`log_format a "$nobody";`, `unknown "nobody" variable`},
		{`access_log off x;`, `invalid parameter "x"`},
		{`access_log a.log x;`, `unknown log format "x"`},
		{`access_log a.log combined buffer=0;`, `invalid buffer size "0"`},
		{`access_log a.log combined flush=1s;`, `no buffer is defined for access_log "a.log"`},
		{`access_log a.log combined buffer=1k flush=x;`, `invalid flush time "x"`},
		{`access_log a.log combined gzip=10;`, `invalid compression level "10"`},
		{`access_log a.log combined other;`, `invalid parameter "other"`},
		{`access_log a-$uri combined buffer=1k;`, `buffered logs cannot have variables in name`},
		{`access_log syslog:server=127.0.0.1 combined buffer=1k;`, `logs to syslog cannot be buffered`},
		{`access_log syslog:server=;`, `no host in syslog server`},
		{`access_log a.log combined buffer=1k; access_log a.log combined buffer=2k;`,
			`access_log "a.log" already defined with conflicting parameters`},
		{`open_log_file_cache max=x;`, `invalid "open_log_file_cache" parameter "max=x"`},
		{`open_log_file_cache valid=1m;`, `"open_log_file_cache" must have "max" parameter`},
	} {
		_, err := httptest.Load(t, modules, c.text+" server { listen %LISTEN%; }")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestLoggingAllocatesNothing(t *testing.T) {
	s := httptest.Start(t, modules, `keepalive_requests 10000000; server { listen %LISTEN%; location / { access_log a.log; return 200 ok; } }`)
	if n := s.Allocations(t, "GET /x?y=z HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nReferer: http://localhost/\r\n\r\n"); n >= 1 {
		t.Errorf("got %v allocations per request, want 0", n)
	}
}

func BenchmarkCombined(b *testing.B) {
	for _, c := range []struct{ name, log string }{{"off", "off"}, {"on", "a.log"}} {
		b.Run(c.name, func(b *testing.B) {
			s := httptest.Start(b, modules, fmt.Sprintf(`keepalive_requests 10000000;
				server { listen %%LISTEN%%; location / { access_log %s; return 200 ok; } }`, c.log))
			once := s.Requests(b, "GET /x?y=z HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\n\r\n")
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}
