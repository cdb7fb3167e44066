package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/appliance/master"
	"weir/netio/sock/socktest"
)

// TestMain makes the test binary the program when it is started as one: as
// itself with mainVar, and as the server process or a runner by its master.
func TestMain(m *testing.M) {
	for _, name := range []string{"WEIR_LINK", "WEIR_RUNNER", mainVar} {
		if os.Getenv(name) != "" {
			os.Exit(program(os.Args))
		}
	}
	os.Exit(m.Run())
}

const mainVar = "WEIR_TEST_MAIN"

// instance is weir in a directory of its own.
type instance struct {
	t         *testing.T
	dir, addr string
	origin    string // address of what /origin/ is proxied to
}

func newInstance(t *testing.T, daemon string) *instance {
	t.Helper()
	in := &instance{t: t, dir: t.TempDir(), addr: socktest.Addr(t), origin: origin(t)}
	in.configure("worker_processes 2; daemon " + daemon + ";")
	in.write("html/index.html", "index")
	in.write("html/big", strings.Repeat("0123456789", 20000))
	t.Cleanup(in.cleanup)
	return in
}

// configure writes the configuration with directives for the main context.
func (in *instance) configure(main string) {
	in.t.Helper()
	if os.Geteuid() == 0 {
		main += " user root;"
	}
	in.write("nginx.conf", fmt.Sprintf(`%s pid t.pid; error_log error.log info;
		events { worker_connections 512; }
		http {
			access_log access.log;
			upstream origin { server %s; keepalive 8; }
			server {
				listen %s;
				root html;
				location /origin/ {
					proxy_pass http://origin/;
					proxy_http_version 1.1;
					proxy_set_header Connection $http_connection;
					proxy_set_header Upgrade $http_upgrade;
				}
			}
		}`, main, in.origin, in.addr))
}

// reload sends HUP and waits until generation n serves.
func (in *instance) reload(n int) {
	in.t.Helper()
	in.signal(in.pid("t.pid"), syscall.SIGHUP)
	in.until("the reload", func() bool {
		return strings.Contains(in.read("error.log"), fmt.Sprintf("generation %d serves", n))
	})
}

func (in *instance) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(in.dir, name))
	return string(data)
}

// origin is a server to proxy to; it lives as long as the test. It answers
// "origin", never answers /hang, and upgrades where that is asked for: then it
// sends back what it gets.
func origin(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/hang":
			<-r.Context().Done()
		case r.Header.Get("Upgrade") != "":
			c, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer c.Close()
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
			io.Copy(c, rw)
		default:
			io.WriteString(w, "origin")
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

func (in *instance) write(name, text string) {
	in.t.Helper()
	path := filepath.Join(in.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		in.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		in.t.Fatal(err)
	}
}

// run starts the program and waits for its end.
func (in *instance) run(args ...string) (code int, stdout, stderr string) {
	in.t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-p", in.dir, "-c", "nginx.conf", "-e", "error.log"}, args...)...)
	cmd.Env = append(os.Environ(), mainVar+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		in.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func (in *instance) pid(name string) int {
	data, _ := os.ReadFile(filepath.Join(in.dir, name))
	pid, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return pid
}

// child is the only child of the master, the server process.
func (in *instance) child() int {
	// Each thread has its own list.
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", in.pid("t.pid")))
	for _, name := range lists {
		data, _ := os.ReadFile(name)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil {
			return pid
		}
	}
	return 0
}

func (in *instance) cleanup() {
	for _, name := range []string{"t.pid", "t.pid.oldbin"} {
		if pid := in.pid(name); pid > 0 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if in.t.Failed() {
		in.t.Logf("error log:\n%s", in.read("error.log"))
	}
}

// patience is how long a test waits for what must come. It only bounds tests
// that fail, and the machine may be slow and busy.
const patience = time.Minute

func (in *instance) until(what string, cond func() bool) {
	in.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if cond() {
			return
		}
	}
	in.t.Fatalf("waited in vain for %s", what)
}

func (in *instance) signal(pid int, sig syscall.Signal) {
	in.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		in.t.Fatal(err)
	}
}

// load asks for files of two sizes and for what is proxied, without a pause;
// every other client opens a connection per request.
type load struct {
	stop     atomic.Bool
	wait     sync.WaitGroup
	requests atomic.Int64
	mu       sync.Mutex
	failures []string
}

func startLoad(addr string, clients int) *load {
	l := new(load)
	for i := range clients {
		l.wait.Go(func() {
			tr := &http.Transport{DisableKeepAlives: i%2 == 1}
			defer tr.CloseIdleConnections()
			c := &http.Client{Transport: tr, Timeout: patience}
			for n := 0; !l.stop.Load(); n++ {
				url, size := "http://"+addr+"/", len("index")
				switch n % 8 {
				case 3, 6:
					url, size = url+"origin/", len("origin")
				case 7:
					url, size = url+"big", 200000
				}
				if err := get(c, url, size); err != nil {
					l.mu.Lock()
					l.failures = append(l.failures, err.Error())
					l.mu.Unlock()
				}
				l.requests.Add(1)
			}
		})
	}
	return l
}

func get(c *http.Client, url string, size int) error {
	r, err := c.Get(url)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.StatusCode != 200 || len(b) != size {
		return fmt.Errorf("%s: status %d with %d bytes, want 200 with %d", url, r.StatusCode, len(b), size)
	}
	return nil
}

// end stops the clients; failed requests fail the test.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop.Store(true)
	l.wait.Wait()
	t.Logf("%d requests", l.requests.Load())
	if len(l.failures) > 0 {
		t.Errorf("%d requests failed, first %q", len(l.failures), l.failures[0])
	}
}

func (in *instance) start() {
	in.t.Helper()
	if code, _, stderr := in.run(); code != 0 {
		in.t.Fatalf("start: code %d, %s", code, stderr)
	}
}

func (in *instance) quit() {
	in.t.Helper()
	in.signal(in.pid("t.pid"), syscall.SIGQUIT)
	in.until("the end", func() bool { return in.pid("t.pid") == 0 })
}

// replace upgrades the binary, to the same one.
func (in *instance) replace() {
	in.t.Helper()
	old := in.pid("t.pid")
	in.signal(old, syscall.SIGUSR2)
	in.until("the successor", func() bool { p := in.pid("t.pid"); return p != 0 && p != old })
	in.signal(old, syscall.SIGWINCH)
	in.signal(old, syscall.SIGQUIT)
	in.until("the old master to end", func() bool { return in.pid("t.pid.oldbin") == 0 })
}

func TestAnswersThatNeedNoServer(t *testing.T) {
	in := newInstance(t, "on")
	for _, c := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"version", []string{"-v"}, 0, `^$`, `^nginx version: nginx/\d+\.\d+\.\d+ \(weir .*\)\n$`},
		{"configure arguments", []string{"-V"}, 0, `^$`, `(?m)^built with OpenSSL \d+\.\d+\.\d+.*\nTLS SNI support enabled\nconfigure arguments: .*--with-http_ssl_module`},
		{"help", []string{"-h"}, 0, `^$`, `-s signal`},
		{"test", []string{"-t"}, 0, `^$`, `syntax is ok\nnginx: configuration file .* test is successful\n$`},
		{"quiet test", []string{"-t", "-q"}, 0, `^$`, `^$`},
		{"dump", []string{"-T"}, 0, `^# configuration file /.*/nginx.conf:\n`, `test is successful`},
		{"globals", []string{"-t", "-g", "bogus 1;"}, 1, `^$`, `\[emerg\] unknown directive "bogus" in command line\n`},
		{"unknown signal", []string{"-s", "nosuch"}, 1, `^$`, `^nginx: invalid option: "-s nosuch"\n$`},
		{"signal without a server", []string{"-s", "stop"}, 1, `^$`, `\[emerg\] open\(\) ".*t.pid" failed \(2: No such file or directory\)`},
	} {
		code, stdout, stderr := in.run(c.args...)
		if code != c.code || !regexp.MustCompile(c.stdout).MatchString(stdout) || !regexp.MustCompile(c.stderr).MatchString(stderr) {
			t.Errorf("%s: code %d, stdout %.200q, stderr %.200q", c.name, code, stdout, stderr)
		}
	}
	if in.pid("t.pid") != 0 {
		t.Error("there is a pid file")
	}
}

func TestReloadsUnderLoadLoseNothing(t *testing.T) {
	in := newInstance(t, "on")
	in.start()
	l := startLoad(in.addr, 32)
	n := 100
	if testing.Short() {
		n = 10
	}
	for i := range n {
		in.reload(i + 2)
	}
	l.end(t)
	in.quit()
}

func TestUpgradesUnderLoadLoseNothing(t *testing.T) {
	in := newInstance(t, "on")
	in.start()
	l := startLoad(in.addr, 32)
	n := 20
	if testing.Short() {
		n = 3
	}
	for range n {
		in.replace()
	}
	l.end(t)
	in.quit()
}

func TestAKilledServerIsBackAtOnce(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: otherwise master and server are one process")
	}
	in := newInstance(t, "on")
	in.start()
	l := startLoad(in.addr, 16) // its requests in flight fail, which is what a kill means
	n, worst := 20, time.Duration(0)
	if testing.Short() {
		n = 3
	}
	tr := &http.Transport{DisableKeepAlives: true}
	c := &http.Client{Transport: tr, Timeout: patience}
	for range n {
		pid := 0
		in.until("the server process", func() bool { pid = in.child(); return pid != 0 })
		begin := time.Now()
		in.signal(pid, syscall.SIGKILL)
		in.until("an answer", func() bool { return get(c, "http://"+in.addr+"/", len("index")) == nil })
		worst = max(worst, time.Since(begin))
	}
	t.Logf("longest pause %v", worst)
	l.stop.Store(true)
	l.wait.Wait()
	for _, f := range l.failures {
		if strings.Contains(f, "refused") {
			t.Fatalf("a new connection was refused: %s", f)
		}
	}
	in.quit()
}

func TestBothProcessesAreCalledWeir(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: otherwise master and server are one process")
	}
	in := newInstance(t, "on")
	in.start()
	pid := 0
	in.until("the server process", func() bool { pid = in.child(); return pid != 0 })
	for _, pid := range []int{in.pid("t.pid"), pid} {
		in.until(fmt.Sprintf("the name of process %d", pid), func() bool {
			comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
			return string(comm) == "weir\n"
		})
	}
	in.quit()
}

// TestServerLinkIsNotForUsers holds that the internal variable alone, without
// the socket, does not turn a command line into a server process.
func TestServerLinkIsNotForUsers(t *testing.T) {
	t.Setenv("WEIR_LINK", "0")
	if _, ok := master.ServerLink(); ok {
		t.Error("standard input was taken for the master's link")
	}
}
