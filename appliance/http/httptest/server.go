package httptest

import (
	"io"
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
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// Server is a worker with a configuration.
type Server struct {
	Dir   string // prefix: relative paths of the configuration are below it
	Log   string // the error log, level info
	Cycle *cycle.Cycle

	addr   sock.Addr
	loop   *poll.Loop
	worker *http.Worker
}

// Load reads the inside of an http block with the directives of modules.
// %LISTEN% stands for the socket's address, %DIR% for the prefix.
func Load(t testing.TB, modules http.Modules, text string) (*Server, error) {
	t.Helper()
	modules.Register()
	dir := t.TempDir()
	s := &Server{Dir: dir, Log: filepath.Join(dir, "error.log"), addr: sock.UnixAddr(filepath.Join(dir, "sock"))}
	text = strings.NewReplacer("%LISTEN%", s.addr.String(), "%DIR%", dir).Replace(text)
	text = "error_log " + s.Log + " info; events {} http { client_body_temp_path " + dir + "/body; " + text + "}"
	file := filepath.Join(dir, "nginx.conf")
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil { // where logs are by default
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table := new(conf.Table)
	cycle.AddTo(table)
	table.Add(nil, []conf.Directive{http.HTTPBlock(modules, table)})
	for _, m := range modules {
		table.Add(m, m.Directives)
	}
	var err error
	s.Cycle, err = cycle.Load(table, cycle.LoadOptions{Prefix: dir + "/", ConfFile: file})
	return s, err
}

// Start is Load, then serves until the test ends. What goes wrong fails the
// test.
func Start(t testing.TB, modules http.Modules, text string) *Server {
	t.Helper()
	s, err := Load(t, modules, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.Cycle.Files() {
		fd, err := syscall.Open(f.Path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Reopen(fd); err != nil {
			t.Fatal(err)
		}
	}
	ready, done := make(chan error), make(chan struct{})
	go func() { // ends with the test
		runtime.LockOSThread()
		defer close(done)
		s.serve(t, ready)
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.loop.Stop()
		<-done
		s.Cycle.Flush()
	})
	return s
}

// serve runs the worker; it says on ready when it listens.
func (s *Server) serve(t testing.TB, ready chan<- error) {
	loop, err := poll.New(poll.Config{OnPanic: func(_, v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }})
	if err != nil {
		ready <- err
		return
	}
	s.loop = loop
	d := conn.NewDriver(loop, buf.NewPool(0))
	w := http.NewWorker(d, 0, &http.Process{Version: "test"})
	s.worker = w
	w.Use(s.Cycle.HTTP.(*http.Generation))
	for _, l := range s.Cycle.Listens {
		fd, err := sock.Listen(l.Options)
		if err == nil {
			_, err = conn.NewListener(d, fd, w.Acceptor(l), conn.ListenerOptions{Addr: l.Addr})
		}
		if err != nil {
			ready <- err
			return
		}
	}
	ready <- nil
	loop.Run()
	w.Abort()
	loop.Close()
}

// Do runs f on the worker's loop and waits for its end: what a worker owns can
// be looked at there.
func (s *Server) Do(f func(w *http.Worker)) {
	done := make(chan struct{})
	s.loop.Post(task(func() {
		defer close(done)
		f(s.worker)
	}))
	<-done
}

// task is a function as the loop runs them.
type task func()

// Run implements poll.Task.
func (t task) Run() { t() }

// Dial opens a connection to the server, with a deadline that no test needs.
func (s *Server) Dial(t testing.TB) *os.File {
	t.Helper()
	fd, err := sock.Stream(sock.Unix)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "client")
	t.Cleanup(func() { _ = f.Close() })
	var to sock.RawAddr
	to.Set(s.addr)
	if e := sock.Connect(fd, &to); e != 0 {
		t.Fatal(e)
	}
	if err := f.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return f
}

// Exchange sends raw bytes and reads until the server closes.
func (s *Server) Exchange(t testing.TB, raw string) string {
	t.Helper()
	c := s.Dial(t)
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

// Get asks for target with additional header lines and returns the response.
func (s *Server) Get(t testing.TB, target string, lines ...string) string {
	t.Helper()
	lines = append([]string{"GET " + target + " HTTP/1.1", "Host: localhost", "Connection: close"}, lines...)
	return s.Exchange(t, strings.Join(lines, "\r\n")+"\r\n\r\n")
}

// Body is what Get returns behind the header.
func (s *Server) Body(t testing.TB, target string, lines ...string) string {
	t.Helper()
	_, body, _ := strings.Cut(s.Get(t, target, lines...), "\r\n\r\n")
	return body
}

// Errors returns the error log.
func (s *Server) Errors(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(s.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Requests returns a function that makes one request on a connection kept
// open and reads its response, which must be small. It allocates nothing, for
// tests of allocations and benchmarks.
func (s *Server) Requests(t testing.TB, request string) func() {
	t.Helper()
	c := s.Dial(t)
	if err := c.SetDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	out, in := []byte(request), make([]byte, 16<<10)
	return func() {
		if _, err := c.Write(out); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(in); err != nil {
			t.Fatal(err)
		}
	}
}
