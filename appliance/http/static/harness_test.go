package static_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/autoindex"
	"weir/appliance/http/charset"
	"weir/appliance/http/httptest"
	"weir/appliance/http/index"
	"weir/appliance/http/notmodified"
	"weir/appliance/http/ranges"
	"weir/appliance/http/static"
	"weir/appliance/http/tryfiles"
)

// testModules are what serves files, in the order of the real list, and
// test_parts.
var testModules = http.Modules{&http.Core, &tryfiles.Module, &index.Module, &autoindex.Module, &static.Module, &parts,
	&notmodified.Module, &ranges.Body, &http.Copy, &charset.Module, &http.Postpone, &ranges.Header}

// parts answers with files by subrequests, between texts of its own.
var parts = http.Module{
	Name: "test_parts",
	Directives: []conf.Directive{
		{Name: "test_parts", In: conf.Location, Args: conf.NoArgs, Doc: "Answers with three files.", Set: func(cx *conf.Cx, _ *conf.Item) error {
			http.ScopeOf(cx).Location().Handler = sendParts
			return nil
		}},
	},
}

func sendParts(r *http.Request) http.Code {
	r.Out.Status = 200
	if rc := r.SendHeader(); rc != http.OK {
		return rc
	}
	for _, uri := range []string{"/a.bin", "/b.bin", "/c.bin"} {
		l := r.Worker().Buffers.MemLink([]byte("<" + uri + ">"))
		var ch http.Chain
		ch.Append(l)
		if rc := r.Output(&ch); rc == http.Error {
			return rc
		}
		if r.Subrequest(http.SubrequestOptions{URI: []byte(uri)}) == nil {
			return http.Error
		}
	}
	return r.SendLast()
}

// server is a live worker with files below html of its folder.
type server struct{ *httptest.Server }

// start serves the inside of a server block.
func start(t testing.TB, text string, files map[string]string) *server {
	t.Helper()
	s := &server{httptest.Start(t, testModules,
		"default_type text/plain; keepalive_requests 10000000; server { listen %LISTEN%; "+text+"}")}
	for name, body := range files {
		p := filepath.Join(s.Dir, "html", name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// get is Get with the header and the body apart.
func (s *server) get(t testing.TB, uri string, fields ...string) (head, body string) {
	t.Helper()
	head, body, ok := strings.Cut(s.Get(t, uri, fields...), "\r\n\r\n")
	if !ok {
		t.Fatalf("%s: no header in %.200q", uri, head)
	}
	return head, body
}

// pattern returns n bytes that differ by place.
func pattern(n int, seed byte) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8)*31 + byte(i)*7 + seed
	}
	return string(b)
}
