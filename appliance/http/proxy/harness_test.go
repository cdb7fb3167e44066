package proxy_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/proxy"
	"weir/appliance/http/upstream"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

var modules = http.Modules{&http.Core, &upstream.Module, &proxy.Module, &http.Postpone}

// register gives the modules their places before the first worker runs.
var register sync.Once

// front runs one worker with the proxy in the test process, on a unix socket.
type front struct {
	path, log string
	loop      *poll.Loop
}

func load(t testing.TB, dir, text string) (*cycle.Cycle, error) {
	t.Helper()
	register.Do(modules.Register)
	file := filepath.Join(dir, "nginx.conf")
	text = "error_log " + dir + "/error.log info; events {} http { client_body_temp_path " + dir + "/body; " + text + "}"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	table := new(conf.Table)
	cycle.AddTo(table)
	table.Add(nil, []conf.Directive{http.HTTPBlock(modules, table)})
	for _, m := range modules {
		table.Add(m, m.Directives)
	}
	return cycle.Load(table, cycle.LoadOptions{Prefix: dir + "/", ConfFile: file})
}

// serve starts a front for the inside of an http block; %LISTEN% stands for
// its address.
func serve(t testing.TB, text string) *front {
	t.Helper()
	dir := t.TempDir()
	f := &front{path: filepath.Join(dir, "sock"), log: filepath.Join(dir, "error.log")}
	c, err := load(t, dir, strings.ReplaceAll(text, "%LISTEN%", "unix:"+f.path))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range c.Files() {
		fd, err := syscall.Open(file.Path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_APPEND|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := file.Reopen(fd); err != nil {
			t.Fatal(err)
		}
	}
	f.run(t, c)
	return f
}

func (f *front) run(t testing.TB, c *cycle.Cycle) {
	t.Helper()
	ready, done := make(chan error, 1), make(chan struct{})
	go func() { // ends with the loop, at the end of the test
		runtime.LockOSThread()
		defer close(done)
		loop, err := poll.New(poll.Config{})
		if err != nil {
			ready <- err
			return
		}
		f.loop = loop
		d := conn.NewDriver(loop, buf.NewPool(0))
		w := http.NewWorker(d, 0, &http.Process{Version: "test"})
		w.Use(c.HTTP.(*http.Generation))
		for _, l := range c.Listens {
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
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.loop.Stop()
		<-done
	})
}

func (f *front) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", f.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// get sends a request and reads until the front closes.
func (f *front) get(t testing.TB, raw string) string {
	t.Helper()
	c := f.dial(t)
	if _, err := io.WriteString(c, raw); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

func (f *front) errors(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(f.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// backend listens on a port of its own and has handle serve each connection.
func backend(t testing.TB, handle func(c net.Conn, br *bufio.Reader)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() { // ends when the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // ends with its connection, which the front closes
				defer c.Close()
				handle(c, bufio.NewReader(c))
			}()
		}
	}()
	return l.Addr().String()
}

// readHead reads a request head and returns it; "" at the end.
func readHead(br *bufio.Reader) string {
	var head strings.Builder
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return ""
		}
		head.WriteString(line)
		if line == "\r\n" {
			return head.String()
		}
	}
}
