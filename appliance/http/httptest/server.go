package httptest

import (
	"fmt"
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
	panics []string // the loop's until it has ended
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
		s.serve(ready)
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.loop.Stop()
		<-done
		s.Cycle.Flush()
		for _, p := range s.panics {
			t.Errorf("panic: %s", p)
		}
	})
	return s
}

// serve runs the worker; it says on ready when it listens. What panics is ended
// as in the real server.
func (s *Server) serve(ready chan<- error) {
	loop, err := poll.New(poll.Config{OnPanic: func(what, v any, stack []byte) {
		s.panics = append(s.panics, fmt.Sprintf("%v\n%s", v, stack))
		s.worker.Panicked(what)
	}})
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
	w.Abort() // and the rest as a worker of the program ends: nothing of it stays in the process
	w.End()
	w.TLS.Close()
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

// Panics returns the panics caught so far, each with its stack. Those that no
// test asks for fail it at its end.
func (s *Server) Panics() []string {
	var got []string
	s.Do(func(*http.Worker) { got, s.panics = s.panics, nil })
	return got
}

// task is a function as the loop runs them.
type task func()

// Run implements poll.Task.
func (t task) Run() { t() }

// Conn is a client's connection.
type Conn struct {
	*os.File
	fd int
}

// CloseWrite ends what the client sends; it goes on reading.
func (c Conn) CloseWrite() error {
	if e := sock.ShutdownWrite(c.fd); e != 0 {
		return e
	}
	return nil
}

// patience is the deadline of connections: no test needs it, however busy the
// machine.
const patience = time.Minute

// Dial opens a connection to the server, which the end of the test closes.
func (s *Server) Dial(t testing.TB) Conn {
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
	if err := f.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return Conn{f, fd}
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

// Allocations returns how many allocations one request makes, on a connection
// kept open to a worker that is warm.
func (s *Server) Allocations(t testing.TB, request string) float64 {
	t.Helper()
	once := s.Requests(t, request)
	for range 1000 {
		once()
	}
	return testing.AllocsPerRun(1000, once)
}
