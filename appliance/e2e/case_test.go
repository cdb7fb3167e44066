package e2e

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseRefusesMistakes(t *testing.T) {
	const ok = "About.\n-- conf --\nserver {}\n-- request --\nGET / HTTP/1.1\n\n-- response --\n200\n"
	if _, err := Parse([]byte(ok)); err != nil {
		t.Fatalf("a good case: %v", err)
	}
	for _, c := range []struct{ about, text, want string }{
		{"no text", "-- conf --\nx\n", "no text before the first section"},
		{"no configuration", "A.\n-- request --\nGET\n", "want one of the sections conf and nginx.conf"},
		{"two configurations", ok + "-- nginx.conf --\nx\n", "want one of the sections"},
		{"a section twice", ok + "-- conf --\nx\n", "is given twice"},
		{"nothing to do", "A.\n-- conf --\nx\n", "want either requests or"},
		{"requests of a configuration that fails", ok + "-- conf_error --\nx\n", "want either requests or"},
		{"a kind nobody knows", ok + "-- reqest --\n", `unknown section "reqest"`},
		{"a file without its kind", ok + "-- html/a --\n", "unknown section"},
		{"an option nobody knows", ok + "-- request sames --\n", `unknown option "sames"`},
		{"a number that is none", ok + "-- request slow=x --\n", "option slow=x"},
		{"a response before any request", "A.\n-- conf --\nx\n-- response --\n200\n", "before the first request"},
		{"the same connection as none", "A.\n-- conf --\nx\n-- request same --\nGET\n", "cannot be on the same connection"},
		{"a backend that is not there", ok + "-- backend_got x --\nGET\n", `there is no backend "x"`},
		{"a bad pattern", ok + "-- error_log --\n(\n", "missing closing )"},
		{"a log that may say something, and nothing to do", "A.\n-- conf --\nx\n-- error_log maybe --\nx\n", "want either requests or"},
		{"a log that may say a bad pattern", ok + "-- error_log maybe --\n(\n", "missing closing )"},
		{"a need nobody knows", ok + "-- needs --\nroots\n", `nobody knows the need "roots"`},
	} {
		_, err := Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.about, err, c.want)
		}
	}
}

func TestBytesOnTheWire(t *testing.T) {
	for _, c := range []struct {
		header, text, want string
	}{
		{"request", "GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
		{"request", "POST / HTTP/1.1\n\na body\n", "POST / HTTP/1.1\r\n\r\na body"},
		{"request", "POST / HTTP/1.1\nContent-Length: auto\n\na body\n", "POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\na body"},
		{"request", "5\nhello\n0\n\n", "5\r\nhello\r\n0\r\n\r\n"},
		{"request raw", "a\\r\\n\n\\x00\\0\\\\\\tb\n", "a\r\n\x00\x00\\\tb"},
		{"request size=3", "POST / HTTP/1.1\nContent-Length: auto\n", "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n" + string(pattern(3))},
		{"backend", "HTTP/1.1 200 OK\nContent-Length: auto\n\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	} {
		s, err := parseHeader(c.header)
		if err != nil {
			t.Fatal(err)
		}
		s.text = c.text
		got, err := s.wire()
		if err != nil || string(got) != c.want {
			t.Errorf("%s %q: got %q (%v), want %q", c.header, c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{`\`, `\x`, `\xg0`, `\q`} {
		if got, err := unescape(bad); err == nil {
			t.Errorf("unescape(%q) = %q, want an error", bad, got)
		}
	}
}

func TestPatternShowsWhatMoved(t *testing.T) {
	p := pattern(1 << 16)
	if string(p[:4096]) == string(p[4096:8192]) || string(p[100:1000]) == string(p[164:1064]) {
		t.Error("pieces of the pattern look alike")
	}
	if string(pattern(100)) != string(p[:100]) {
		t.Error("the pattern depends on its length")
	}
}

func TestMatch(t *testing.T) {
	m := &message{first: "HTTP/1.1 200 OK", headers: []header{{"A", "1"}, {"B", "x"}, {"a", "2"}}, body: []byte("line\nline 2\n")}
	file := func(string) ([]byte, error) { return []byte("line\nline 2\n"), nil }
	for _, c := range []struct {
		want  string
		wrong int
	}{
		{"200\n", 0}, {"HTTP/1.1 200 OK\n", 0}, {"~^HTTP/1.. 2\n", 0}, {"HTTP/1.1 200\n", 1}, {"20\n", 1}, {"201\n", 1},
		{"200\nA: 1\na: 2\n", 0}, {"200\nA: 1\n", 1}, {"200\nA: 2\nA: 1\n", 1}, {"200\nb: ~^x$\n", 0}, {"200\nB: ~y\n", 1},
		{"200\n!C\n", 0}, {"200\n!b\n", 1}, {"200\nnonsense\n", 1}, {"200\nB: ~(\n", 1},
		{"200\n\nline\nline 2\n\n", 0}, {"200\n\nline\nline 2\n", 1}, {"200\n\n", 1},
		{"200\n\n~^line.*2\n", 0}, {"200\n\n~3\n", 1}, {"200\n\n@file x\n", 0}, {"200\n\n@size 12\n", 1},
		{"\nline\nline 2\n\n", 0}, {"201\nA: 3\n!B\n\nx\n", 4},
	} {
		if got := match(c.want, m, file); len(got) != c.wrong {
			t.Errorf("%q: got %q, want %d complaints", c.want, got, c.wrong)
		}
	}
	if got := match("200\n\n\n\n", &message{first: "HTTP/1.1 200 OK", body: []byte("\n")}, file); got != nil {
		t.Errorf("a body of one newline: %q", got)
	}
}

func TestReadMessage(t *testing.T) {
	for _, c := range []struct {
		about, in           string
		noBody, toEnd, rest bool
		body                string
		fails               string
	}{
		{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabX", false, true, false, "ab", ""},
		{"chunks and a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\nX", false, true, false, "abc", ""},
		{"to the end", "HTTP/1.1 200 OK\r\n\r\nall", false, true, false, "all", ""},
		{"a request without a body", "GET / HTTP/1.1\r\n\r\nnext", false, false, false, "", ""},
		{"an answer to HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, true, false, "", ""},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", false, true, false, "", ""},
		{"chunks as they are", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, true, true, "0\r\n\r\n", ""},
		{"a short body", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false, true, false, "ab", "after 2 of 3 bytes"},
		{"a bare newline", "HTTP/1.1 200 OK\n\r\n", false, true, false, "", "does not end in CR LF"},
		{"a line without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", false, true, false, "", "has no colon"},
		{"an end inside the header", "HTTP/1.1 200 OK\r\nA: 1\r\n", false, true, false, "", "unexpected EOF"},
		{"a bad chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", false, true, false, "", "bad chunk size"},
		{"a chunk that runs over", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc", false, true, false, "", "a chunk ends in"},
		{"chunks without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false, true, false, "a", "in place of a chunk's size"},
	} {
		m, err := readMessage(bufio.NewReader(strings.NewReader(c.in)), c.noBody, c.toEnd, c.rest)
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) || string(m.body) != c.body {
			t.Errorf("%s: got %q, %v; want %q, %q", c.about, m.body, err, c.body, c.fails)
		}
	}
}

// TestBackend talks to a scripted backend over real sockets.
func TestBackend(t *testing.T) {
	p, err := newPlace()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	c, err := Parse([]byte("A.\n-- conf --\nx\n" +
		"-- backend --\nHTTP/1.1 200 OK\nContent-Length: auto\n\none\n" +
		"-- backend delay=1ms --\nHTTP/1.1 200 OK\nConnection: close\n\ntwo %BACKEND_u%\n" +
		"-- backend u unix proxy drop --\n-- request --\nx\n"))
	if err != nil {
		t.Fatal(err)
	}
	backends := map[string]*backend{}
	for _, name := range []string{"u", ""} { // u first: the other names it
		more, err := startBackends(p, slices.DeleteFunc(slices.Clone(c.Backends), func(s section) bool { return s.name != name }))
		if err != nil {
			t.Fatal(err)
		}
		backends[name] = more[name]
		defer more[name].close()
	}
	b, unix := backends[""], backends["u"]
	for range runs {
		b.begin()
		conn, err := net.Dial("tcp", b.addr())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte("POST /1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\n\r\n"))
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		r := bufio.NewReader(conn)
		for _, want := range []string{"one", "two " + unix.addr()} {
			if m, err := readMessage(r, false, true, false); err != nil || string(m.body) != want {
				t.Errorf("got %v (%v), want the body %q", m, err, want)
			}
		}
		conn.Close()
		for _, want := range []string{"POST /1 HTTP/1.1\n\nab\n", "GET /2 HTTP/1.1\n\n"} {
			m, err := b.request(time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if wrong := match(want, m, nil); wrong != nil {
				t.Error(wrong)
			}
		}
		if requests, conns := b.stats(); requests != 2 || conns != 1 {
			t.Errorf("got %d requests by %d connections, want 2 by 1", requests, conns)
		}
	}
	if _, err := b.request(time.Millisecond); err == nil {
		t.Error("got a third request")
	}
	path := strings.TrimSuffix(strings.TrimPrefix(unix.addr(), "unix:"), ":")
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("PROXY TCP4 1.2.3.4 5.6.7.8 9 10\r\nGET / HTTP/1.1\r\n\r\n"))
	if n, err := conn.Read(make([]byte, 1)); err == nil {
		t.Errorf("got %d bytes of a dropped answer", n)
	}
	if m, err := unix.request(time.Minute); err != nil || m.values("Proxy-Protocol") == nil {
		t.Errorf("got %v (%v), want the PROXY line", m, err)
	}
}

func TestPlace(t *testing.T) {
	p, err := newPlace()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	got, err := p.expand("%DIR%/%PORT%/%PORT_a%/%PORT% 100% %2F %OTHER%")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(strings.TrimPrefix(got, p.dir+"/"), "/")
	if len(parts) != 3 || parts[0] == parts[1] || !strings.HasPrefix(parts[2], parts[0]+" 100% %2F %OTHER%") {
		t.Errorf("got %q", got)
	}
	// The port is free to listen on, although it is held.
	ln, err := net.Listen("tcp", "127.0.0.1:"+parts[0])
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := p.expand("%BACKEND_x%"); err == nil {
		t.Error("an unknown backend was expanded")
	}
	if err := p.write(section{name: "../a/b", text: "%PORT%", opts: map[string]string{"mode": "0600"}}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(p.dir, "a/b"))
	info, _ := os.Stat(filepath.Join(p.dir, "a/b"))
	if err != nil || string(data) != parts[0] || info.Mode().Perm() != 0o600 {
		t.Errorf("got %q, %v (%v)", data, info.Mode(), err)
	}
}

func TestConfigKeepsLineNumbers(t *testing.T) {
	c := &Case{HTTP: "one\ntwo\n", Main: "worker_processes 3;\nenv A;\n"}
	got := config(c)
	if l := strings.Split(got, "\n"); !strings.HasSuffix(l[0], " one") || l[1] != "two" {
		t.Errorf("got %q", got)
	}
	if strings.Count(got, "worker_processes") != 1 || !strings.Contains(got, "master_process off;") || !strings.Contains(got, "env A;") {
		t.Errorf("got %q", got)
	}
}
