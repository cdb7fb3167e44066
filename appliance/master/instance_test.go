package master

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/netio/sock/socktest"
)

// instance is a running stand-in with a directory of its own.
type instance struct {
	t    *testing.T
	dir  string
	addr string
	cmd  *exec.Cmd
	errs bytes.Buffer
	gone chan struct{}
}

// newInstance makes a directory; ADDR in configurations is its address.
func newInstance(t *testing.T) *instance {
	t.Helper()
	in := &instance{t: t, dir: t.TempDir(), addr: socktest.Addr(t)}
	if err := os.Chmod(in.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.cleanup)
	return in
}

// preamble makes the instance testable as any user.
func preamble() string {
	if os.Geteuid() == 0 {
		return "user root; worker_processes 2; pid t.pid; error_log error.log info; events {}\n"
	}
	return "worker_processes 2; pid t.pid; error_log error.log info; events {}\n"
}

func (in *instance) configure(text string) {
	in.t.Helper()
	text = preamble() + strings.ReplaceAll(text, "ADDR", in.addr)
	if err := os.WriteFile(filepath.Join(in.dir, "nginx.conf"), []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
}

func (in *instance) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"-p", in.dir}, args...)...)
	cmd.Env = append(os.Environ(), mainVar+"=1")
	return cmd
}

// start runs the program in the foreground until its pid file is there.
func (in *instance) start(args ...string) {
	in.t.Helper()
	in.cmd = in.command(args...)
	in.cmd.Stderr = &in.errs
	in.gone = make(chan struct{})
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	go func() {
		_ = in.cmd.Wait()
		close(in.gone)
	}()
	in.until("the pid file", func() bool { return in.pid() != 0 })
}

// cleanup kills what is left; a test that failed shows the log.
func (in *instance) cleanup() {
	for _, name := range []string{"t.pid", "t.pid" + oldPidSuffix} {
		if pid := in.pidOf(name); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if in.cmd != nil {
		_ = in.cmd.Process.Kill()
		<-in.gone
	}
	if in.t.Failed() {
		in.t.Logf("error log:\n%s", in.log())
	}
}

func (in *instance) pid() int { return in.pidOf("t.pid") }

func (in *instance) pidOf(name string) int {
	data, _ := os.ReadFile(filepath.Join(in.dir, name))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// alive tells whether a process runs; one that only waits to be reaped does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func (in *instance) log() string {
	data, _ := os.ReadFile(filepath.Join(in.dir, "error.log"))
	return string(data)
}

// patience is how long a test waits for what must come. It only bounds tests
// that fail, and the machine may be slow and busy.
const patience = time.Minute

// until waits for a condition, bounded.
func (in *instance) until(what string, cond func() bool) {
	in.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	in.t.Fatalf("waited in vain for %s; standard error: %s", what, in.errs.String())
}

func (in *instance) signal(sig syscall.Signal) {
	in.t.Helper()
	if err := syscall.Kill(in.pid(), sig); err != nil {
		in.t.Fatal(err)
	}
}

// ended waits for the foreground process and checks its exit code.
func (in *instance) ended(code int) {
	in.t.Helper()
	select {
	case <-in.gone:
	case <-time.After(patience):
		in.t.Fatal("the process does not end")
	}
	if got := in.cmd.ProcessState.ExitCode(); got != code {
		in.t.Errorf("exit code is %d, want %d; standard error: %s", got, code, in.errs.String())
	}
}

// get fetches by a connection of its own.
func (in *instance) get() string {
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	return fetch(c, in.addr)
}

func fetch(c *http.Client, addr string) string {
	r, err := c.Get("http://" + addr + "/")
	if err != nil {
		return "error: " + err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return "error: " + err.Error()
	}
	return string(b)
}

// status asks the status socket.
func (in *instance) status() (statusReport, error) {
	c := &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return net.Dial("unix", filepath.Join(in.dir, socketName))
		}}}
	defer c.CloseIdleConnections()
	var st statusReport
	r, err := c.Get("http://weir/status")
	if err != nil {
		return st, err
	}
	defer r.Body.Close()
	return st, json.NewDecoder(r.Body).Decode(&st)
}

// serverPid is the number of the server process, by the status socket.
func (in *instance) serverPid() int {
	st, err := in.status()
	if err != nil || st.Server == nil {
		return 0
	}
	return st.Server.Pid
}

// serves waits until the workers have this many connections.
func (in *instance) serves(connections int) {
	in.t.Helper()
	in.until("connections", func() bool {
		st, err := in.status()
		if err != nil || st.Server == nil {
			return false
		}
		n := 0
		for _, w := range st.Server.Workers {
			n += w.Connections
		}
		return n == connections
	})
}

// load is clients that ask without a pause: half of them on one connection
// each, half with a connection per request.
type load struct {
	stop     atomic.Bool
	wait     sync.WaitGroup
	requests atomic.Int64
	mu       sync.Mutex
	failures []string
	kinds    map[string]int // answers
}

func startLoad(addr string, clients int) *load {
	l := &load{kinds: make(map[string]int)}
	for i := range clients {
		l.wait.Add(1)
		go l.client(addr, i%2 == 0)
	}
	return l
}

func (l *load) client(addr string, keepalive bool) {
	defer l.wait.Done()
	tr := &http.Transport{DisableKeepAlives: !keepalive}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr, Timeout: patience}
	for !l.stop.Load() {
		body := fetch(c, addr)
		l.requests.Add(1)
		l.mu.Lock()
		if strings.HasPrefix(body, "error: ") {
			l.failures = append(l.failures, body)
		} else {
			l.kinds[body]++
		}
		l.mu.Unlock()
		if strings.HasPrefix(body, "error: ") {
			time.Sleep(time.Millisecond)
		}
	}
}

// end stops the clients and tells how many requests failed.
func (l *load) end(t *testing.T) (failed int) {
	l.stop.Store(true)
	l.wait.Wait()
	t.Logf("%d requests, %d failed", l.requests.Load(), len(l.failures))
	for i, f := range l.failures {
		if i == 5 {
			break
		}
		t.Log(f)
	}
	return len(l.failures)
}

func (l *load) saw(body string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kinds[body] > 0
}

func (in *instance) grep(what string) {
	in.t.Helper()
	if !strings.Contains(in.log(), what) {
		in.t.Errorf("the error log has no %q", what)
	}
}

func (in *instance) run(args ...string) (code int, stderr string) {
	in.t.Helper()
	cmd := in.command(args...)
	var b bytes.Buffer
	cmd.Stderr = &b
	err := cmd.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		in.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), b.String()
}
