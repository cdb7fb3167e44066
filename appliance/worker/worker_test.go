package worker

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// echo is a service that sends back what it gets, with a mark of the
// configuration in force before it.
type echo struct {
	d        *conn.Driver
	mark     string
	active   int
	shutdown atomic.Int32 // 1 by Shutdown, 2 by Handover
	closed   atomic.Bool
	panicked atomic.Int32
	cut      atomic.Int32 // what Cut was given last
}

func (e *echo) Driver() *conn.Driver                  { return e.d }
func (e *echo) Prepare(*cycle.Cycle) <-chan struct{}  { return nil }
func (e *echo) Use(c *cycle.Cycle)                    { e.mark = c.Prefix }
func (e *echo) Acceptor(*cycle.Listen) conn.Acceptor  { return e }
func (e *echo) Shutdown()                             { e.shutdown.Store(1) }
func (e *echo) Handover()                             { e.shutdown.Store(2) }
func (e *echo) Active() int                           { return e.active }
func (e *echo) Cut(generation int) int                { e.cut.Store(int32(generation)); return 0 }
func (e *echo) Close()                                { e.closed.Store(true) }
func (e *echo) Panicked(what any)                     { e.panicked.Add(1) }
func (e *echo) Writable(c *conn.Conn)                 {}
func (e *echo) Expired(c *conn.Conn, id conn.TimerID) {}
func (e *echo) Accepted(c *conn.Conn) {
	e.active++
	c.SetHandler(e)
}

func (e *echo) Readable(c *conn.Conn) {
	b := make([]byte, 100)
	n, err := c.Recv(b)
	switch {
	case err == sock.ErrAgain:
	case err != nil || n == 0:
		e.active--
		c.Close()
	case bytes.HasPrefix(b, []byte("panic")):
		panic("asked for")
	default:
		var ch buf.Chain
		ch.Append(e.d.Pool.MemLink(append([]byte(e.mark), b[:n]...)))
		_, _ = c.Send(&ch, 0)
	}
}

// start runs a worker that listens on a free port.
func start(t *testing.T, cpus []int) (w *Worker, e *echo, b Bound) {
	t.Helper()
	e = new(echo)
	w, err := Start(Config{ID: 0, CPUs: cpus, New: func(loop *poll.Loop, id int) Service {
		e.d = conn.NewDriver(loop, buf.NewPool(0))
		return e
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.Stop()
		<-w.Done()
	})
	addr, _ := sock.ParseAddr("127.0.0.1:0")
	fd, err := sock.Listen(sock.ListenOptions{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sock.Close(fd) })
	if addr, errno := sock.Getsockname(fd); errno == 0 {
		b = Bound{&cycle.Listen{Addr: addr, Text: addr.String()}, fd}
	}
	return w, e, b
}

func configuration(mark string, connections int) *cycle.Cycle {
	return &cycle.Cycle{Prefix: mark, Events: cycle.Events{WorkerConnections: connections}}
}

// ask sends a word on c and returns the answer.
func ask(t *testing.T, c net.Conn, word string) string {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, word); err != nil {
		return "error"
	}
	b := make([]byte, 100)
	n, err := c.Read(b)
	if err != nil {
		return "error"
	}
	return string(b[:n])
}

func dial(t *testing.T, b Bound) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.Listen.Text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// logTo makes a file the process-wide log for the test.
func logTo(t *testing.T) (read func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	f := errlog.NewFile(path)
	fd, err := unix.Open(path, unix.O_CREAT|unix.O_WRONLY|unix.O_APPEND|unix.O_CLOEXEC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(fd); err != nil {
		t.Fatal(err)
	}
	before := errlog.Default()
	errlog.SetDefault(errlog.New(errlog.Output{Target: errlog.Target{File: f}, Level: errlog.Info}))
	t.Cleanup(func() { errlog.SetDefault(before) })
	return func() string {
		data, _ := os.ReadFile(path)
		return string(data)
	}
}

func TestAConnectionStaysAcrossConfigurations(t *testing.T) {
	w, _, b := start(t, nil)
	if err := w.Apply(configuration("one ", 10), []Bound{b}, nil); err != nil {
		t.Fatal(err)
	}
	c := dial(t, b)
	if got := ask(t, c, "a"); got != "one a" {
		t.Errorf("got %q, want the first configuration's answer", got)
	}
	if err := w.Apply(configuration("two ", 10), []Bound{b}, nil); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, c, "b"); got != "two b" {
		t.Errorf("got %q, want the second configuration's answer", got)
	}
	if st := w.Status(nil); st.Connections != 1 || st.Listeners != 1 || st.Thread == 0 {
		t.Errorf("status is %+v", st)
	}
	// Without the listener the connection stays and no new one is taken.
	if err := w.Apply(configuration("three ", 10), nil, nil); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, c, "c"); got != "three c" {
		t.Errorf("got %q", got)
	}
	if st := w.Status(nil); st.Listeners != 0 {
		t.Errorf("status is %+v, want no listener", st)
	}
}

func TestWorkerConnectionsAreHeld(t *testing.T) {
	read := logTo(t)
	w, _, b := start(t, nil)
	if err := w.Apply(configuration("", 2), []Bound{b}, nil); err != nil {
		t.Fatal(err)
	}
	var open []net.Conn
	for range 2 {
		c := dial(t, b)
		if got := ask(t, c, "x"); got != "x" {
			t.Fatalf("got %q", got)
		}
		open = append(open, c)
	}
	if got := ask(t, dial(t, b), "x"); got != "error" {
		t.Errorf("the third connection got %q, want it closed", got)
	}
	if !strings.Contains(read(), "[alert]") || !strings.Contains(read(), "2 worker_connections are not enough") {
		t.Errorf("the log has %q", read())
	}
	open[0].Close()
	for end := time.Now().Add(30 * time.Second); ; {
		if got := ask(t, dial(t, b), "x"); got == "x" {
			break
		}
		if time.Now().After(end) {
			t.Fatal("there is no room although a connection was closed")
		}
	}
}

func TestQuitWaitsForTheLastConnection(t *testing.T) {
	for _, c := range []struct {
		name     string
		handover bool
		want     int32
	}{{"for good", false, 1}, {"with a successor", true, 2}} {
		t.Run(c.name, func(t *testing.T) {
			w, e, b := start(t, nil)
			if err := w.Apply(configuration("", 10), []Bound{b}, nil); err != nil {
				t.Fatal(err)
			}
			nc := dial(t, b)
			ask(t, nc, "x")
			w.Quit(c.handover)
			if got := e.shutdown.Load(); got != c.want {
				t.Errorf("the service was told %d, want %d", got, c.want)
			}
			if got := ask(t, nc, "y"); got != "y" {
				t.Errorf("got %q on the open connection", got)
			}
			select {
			case <-w.Done():
				t.Error("the worker has ended with a connection open")
			case <-time.After(5 * drainEvery * time.Millisecond):
			}
			nc.Close()
			select {
			case <-w.Done():
			case <-time.After(30 * time.Second):
				t.Error("the worker does not end")
			}
			if !e.closed.Load() {
				t.Error("the service was not closed")
			}
			if err := w.Apply(configuration("", 10), nil, nil); err == nil {
				t.Error("a worker that has ended takes a configuration")
			}
		})
	}
}

func TestSupersededConfigurationsAreCutInTime(t *testing.T) {
	w, e, _ := start(t, nil)
	for n := 1; n <= 3; n++ {
		c := configuration("", 10)
		c.Generation = n
		if n == 1 { // the time is that of the configuration which is left
			c.Core.ShutdownTimeout = 1
		}
		if err := w.Apply(c, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(30 * time.Second); e.cut.Load() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if got := e.cut.Load(); got != 2 {
		t.Errorf("what began before configuration %d was cut, want 2", got)
	}
}

func TestCutEndsAWorkerThatWaits(t *testing.T) {
	w, _, b := start(t, nil)
	if err := w.Apply(configuration("", 10), []Bound{b}, nil); err != nil {
		t.Fatal(err)
	}
	ask(t, dial(t, b), "x")
	w.Quit(false)
	w.Cut()
	select {
	case <-w.Done(): // although the service has left the connection open
	case <-time.After(30 * time.Second):
		t.Error("the worker does not end")
	}
}

func TestAPanicIsLoggedAndTheServiceTold(t *testing.T) {
	read := logTo(t)
	w, e, b := start(t, nil)
	if err := w.Apply(configuration("", 10), []Bound{b}, nil); err != nil {
		t.Fatal(err)
	}
	c := dial(t, b)
	ask(t, c, "x")
	if _, err := io.WriteString(c, "panic"); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, dial(t, b), "x"); got != "x" {
		t.Errorf("another connection got %q", got)
	}
	for end := time.Now().Add(30 * time.Second); e.panicked.Load() == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if e.panicked.Load() != 1 {
		t.Errorf("the service was told of %d panics, want 1", e.panicked.Load())
	}
	if log := read(); !strings.Contains(log, "panic in worker 0: asked for") || !strings.Contains(log, "worker_test.go") {
		t.Errorf("the log has %q, want value and stack", log)
	}
}

func TestTheThreadIsBoundAndNoOther(t *testing.T) {
	var mine unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mine); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !mine.IsSet(cpu) {
		cpu++
	}
	w, _, b := start(t, []int{cpu})
	if err := w.Apply(configuration("", 10), []Bound{b}, nil); err != nil {
		t.Fatal(err)
	}
	var bound, free unix.CPUSet
	if err := unix.SchedGetaffinity(w.Status(nil).Thread, &bound); err != nil {
		t.Fatal(err)
	}
	if bound.Count() != 1 || !bound.IsSet(cpu) {
		t.Errorf("the worker's thread may run on %d CPUs, want CPU %d alone", bound.Count(), cpu)
	}
	if err := unix.SchedGetaffinity(0, &free); err != nil {
		t.Fatal(err)
	}
	if free != mine {
		t.Error("the test's thread is bound too")
	}
}
