package static_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/autoindex"
	"weir/appliance/http/index"
	"weir/appliance/http/notmodified"
	"weir/appliance/http/ranges"
	"weir/appliance/http/static"
	"weir/appliance/http/tryfiles"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// testModules are what serves files, in the order of the real list, and
// test_parts.
var testModules = http.Modules{&http.Core, &tryfiles.Module, &index.Module, &autoindex.Module, &static.Module, &parts,
	&notmodified.Module, &ranges.Body, &http.Copy, &http.Postpone, &ranges.Header}

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

// server runs one worker in the test process, on a unix socket.
type server struct {
	dir, path, log string
	loop           *poll.Loop
	worker         *http.Worker
}

// start serves the inside of a server block. files are made below html.
func start(t testing.TB, text string, files map[string]string) *server {
	t.Helper()
	testModules.Register()
	dir := t.TempDir()
	s := &server{dir: dir, path: filepath.Join(dir, "sock"), log: filepath.Join(dir, "error.log")}
	for name, body := range files {
		s.write(t, name, body)
	}
	text = "error_log " + s.log + " info; events {} http { default_type text/plain; keepalive_requests 10000000; client_body_temp_path " + dir +
		"/body; server { listen unix:" + s.path + "; " + strings.ReplaceAll(text, "%DIR%", dir) + "}}"
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table := new(conf.Table)
	cycle.AddTo(table)
	table.Add(nil, []conf.Directive{http.HTTPBlock(testModules, table)})
	for _, m := range testModules {
		table.Add(m, m.Directives)
	}
	c, err := cycle.Load(table, cycle.LoadOptions{Prefix: dir + "/", ConfFile: file})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Files() {
		fd, err := syscall.Open(f.Path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Reopen(fd); err != nil {
			t.Fatal(err)
		}
	}
	s.serve(t, c)
	return s
}

func (s *server) write(t testing.TB, name, body string) {
	t.Helper()
	p := filepath.Join(s.dir, "html", name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (s *server) serve(t testing.TB, c *cycle.Cycle) {
	t.Helper()
	ready, done := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		loop, err := poll.New(poll.Config{OnPanic: func(what, v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }})
		if err != nil {
			ready <- err
			return
		}
		s.loop = loop
		d := conn.NewDriver(loop, buf.NewPool(0))
		s.worker = http.NewWorker(d, 0, &http.Process{Version: "test"})
		s.worker.Use(c.HTTP.(*http.Generation))
		for _, l := range c.Listens {
			fd, err := sock.Listen(l.Options)
			if err != nil {
				ready <- err
				return
			}
			if _, err := conn.NewListener(d, fd, s.worker.Acceptor(l), conn.ListenerOptions{Addr: l.Addr}); err != nil {
				ready <- err
				return
			}
		}
		ready <- nil
		loop.Run()
		s.worker.Abort()
		loop.Close()
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.loop.Stop()
		<-done
	})
}

type task func()

func (f task) Run() { f() }

// onLoop runs f on the worker's loop and waits for it.
func (s *server) onLoop(f func()) {
	done := make(chan struct{})
	s.loop.Post(task(func() { f(); close(done) }))
	<-done
}

func (s *server) dial(t testing.TB) *net.UnixConn {
	t.Helper()
	c, err := net.Dial("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c.(*net.UnixConn)
}

// get sends one request with the given extra header lines and returns header
// and body of the answer.
func (s *server) get(t testing.TB, uri string, fields ...string) (head, body string) {
	t.Helper()
	c := s.dial(t)
	req := "GET " + uri + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
	for _, f := range fields {
		req += f + "\r\n"
	}
	if _, err := io.WriteString(c, req+"\r\n"); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("%s: after %d bytes: %v", uri, len(b), err)
	}
	h, rest, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		t.Fatalf("%s: no header in %.200q", uri, b)
	}
	return string(h), string(rest)
}

// errors returns the error log.
func (s *server) errors(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pattern returns n bytes that differ by place.
func pattern(n int, seed byte) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8)*31 + byte(i)*7 + seed
	}
	return string(b)
}
