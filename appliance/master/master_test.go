package master

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/netio/sock/socktest"
)

func TestItServesAndEndsGracefully(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR hello 300ms;")
	in.start()
	if in.pid() != in.cmd.Process.Pid {
		t.Errorf("the pid file names %d, want the started process %d", in.pid(), in.cmd.Process.Pid)
	}
	answer := make(chan string)
	go func() { answer <- in.get() }()
	in.serves(1)
	in.signal(syscall.SIGQUIT)
	if got := <-answer; got != "hello" {
		t.Errorf("the request in flight got %q, want hello", got)
	}
	in.ended(0)
	if got := in.get(); !strings.Contains(got, "refused") {
		t.Errorf("after the end a request got %q, want it refused", got)
	}
	if in.pid() != 0 {
		t.Error("the pid file is still there")
	}
	if _, err := os.Stat(filepath.Join(in.dir, socketName)); err == nil {
		t.Error("the status socket is still there")
	}
	if strings.Contains(in.log(), "[alert]") || strings.Contains(in.log(), "[emerg]") {
		t.Error("the log has alerts")
	}
}

func TestQuitRefusesNewConnectionsAtOnce(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR hello 1s;")
	in.start()
	go in.get()
	in.serves(1)
	in.signal(syscall.SIGQUIT)
	in.until("refusal", func() bool {
		c, err := net.Dial("tcp", in.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	in.ended(0)
}

func TestTermEndsAtOnce(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR hello 60s;")
	in.start()
	go in.get()
	in.serves(1)
	begin := time.Now()
	in.signal(syscall.SIGTERM)
	in.ended(0)
	if d := time.Since(begin); d > 30*time.Second { // the request would take a minute
		t.Errorf("it took %v", d)
	}
}

func TestShutdownTimeoutEndsAGracefulStop(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; worker_shutdown_timeout 200ms; serve ADDR hello 60s;")
	in.start()
	go in.get()
	in.serves(1)
	in.signal(syscall.SIGQUIT)
	in.ended(0)
}

func TestReloadTakesTheNewConfiguration(t *testing.T) {
	in := newInstance(t)
	other := socktest.Addr(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	server := in.serverPid()
	in.configure("daemon off; worker_processes 1; serve ADDR two; serve " + other + " second;")
	in.configure(strings.Replace("daemon off; serve ADDR two; serve OTHER second;", "OTHER", other, 1))
	in.signal(syscall.SIGHUP)
	in.until("the new answer", func() bool { return in.get() == "two" })
	if got := (&instance{addr: other}).get(); got != "second" {
		t.Errorf("the new address answers %q", got)
	}
	if in.serverPid() != server {
		t.Error("the server process is another one")
	}
	in.configure("daemon off; serve ADDR three;")
	in.signal(syscall.SIGHUP)
	in.until("the third answer", func() bool { return in.get() == "three" })
	in.until("the address to be closed", func() bool {
		return strings.Contains((&instance{addr: other}).get(), "refused")
	})
	in.grep("generation 3 serves on 2 workers, generation 2 exited with code 0")
}

func TestABadConfigurationChangesNothing(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a mistake", "daemon off; nonsense on; serve ADDR two;", `unknown directive "nonsense"`},
		{"an address in use", "daemon off; serve ADDR two; serve BUSY x;", "failed (98: Address already in use)"},
		{"a log that cannot be opened", "daemon off; error_log /nowhere/e.log; serve ADDR two;", `open() "/nowhere/e.log" failed (2: No such file or directory)`},
		{"a refusal by the server only", "daemon off; serve ADDR two; serve FREE fail;", "only the server refuses this"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstance(t)
			in.configure("daemon off; serve ADDR one;")
			in.start()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			in.configure(strings.NewReplacer("BUSY", l.Addr().String(), "FREE", socktest.Addr(t)).Replace(c.text))
			in.signal(syscall.SIGHUP)
			in.until("the error", func() bool { return strings.Contains(in.log(), c.want) })
			if got := in.get(); got != "one" {
				t.Errorf("got %q, want the old answer", got)
			}
			in.configure("daemon off; serve ADDR three;")
			in.signal(syscall.SIGHUP)
			in.until("the next good configuration", func() bool { return in.get() == "three" })
		})
	}
}

func TestTheNumberOfWorkersChanges(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	l := startLoad(in.addr, 8)
	for i, workers := range []int{4, 1, 3, 2} {
		text := strings.Replace(preamble(), "worker_processes 2", fmt.Sprint("worker_processes ", workers), 1)
		text += fmt.Sprintf("daemon off; serve %s n%d;", in.addr, i)
		if err := os.WriteFile(filepath.Join(in.dir, "nginx.conf"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		in.signal(syscall.SIGHUP)
		in.until("the answer", func() bool { return l.saw(fmt.Sprint("n", i)) })
		st, err := in.status()
		if err != nil || st.Server == nil || len(st.Server.Workers) != workers {
			t.Errorf("status %+v, %v; want %d workers", st.Server, err, workers)
		}
	}
	if l.end(t) != 0 {
		t.Error("requests failed")
	}
}

func TestManyReloadsUnderLoadLoseNothing(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR r0;")
	in.start()
	l := startLoad(in.addr, 32)
	n := 100
	if testing.Short() {
		n = 10
	}
	for i := range n {
		in.configure(fmt.Sprintf("daemon off; serve ADDR r%d;", i+1))
		in.signal(syscall.SIGHUP)
		in.until("the answer", func() bool { return l.saw(fmt.Sprintf("r%d", i+1)) })
	}
	if l.end(t) != 0 {
		t.Error("requests failed")
	}
}

func TestReopenWritesToNewFiles(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	log := filepath.Join(in.dir, "error.log")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	in.signal(syscall.SIGUSR1)
	in.until("the new log", func() bool { _, err := os.Stat(log); return err == nil })
	in.signal(syscall.SIGQUIT)
	in.ended(0)
	in.grep("gracefully shutting down") // said by the server
	in.grep("exit")                     // said by the master
}

func TestAServerThatDiesIsReplaced(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: otherwise master and server are one process")
	}
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	stop := make(chan struct{})
	refused := make(chan error, 1)
	go func() { // dials all the time: the kernel must always take the connection
		defer close(refused)
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, err := net.DialTimeout("tcp", in.addr, patience)
			if err != nil {
				refused <- err
				return
			}
			c.Close()
			time.Sleep(time.Millisecond)
		}
	}()
	n := 20
	if testing.Short() {
		n = 4
	}
	worst := time.Duration(0)
	for range n {
		pid := in.serverPid()
		if pid == 0 {
			t.Fatal("no server process")
		}
		begin := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		in.until("an answer", func() bool { return in.get() == "one" })
		worst = max(worst, time.Since(begin))
		in.until("the next server", func() bool { p := in.serverPid(); return p != 0 && p != pid })
	}
	close(stop)
	if err := <-refused; err != nil {
		t.Errorf("a connection was refused: %v", err)
	}
	t.Logf("longest pause %v", worst)
	in.grep("exited on signal 9")
}

func TestAServerThatCannotStartIsNotStartedForEver(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR fail;")
	code, stderr := in.run()
	if code != 1 || !strings.Contains(stderr, "only the server refuses this") {
		t.Errorf("got code %d and %q", code, stderr)
	}
	if in.pid() != 0 {
		t.Error("there is a pid file")
	}
}

func TestAPanicEndsOneConnection(t *testing.T) {
	in := newInstance(t)
	bad := socktest.Addr(t)
	in.configure("daemon off; serve ADDR one; serve " + bad + " panic;")
	in.start()
	before := in.serverPid()
	c, err := net.Dial("tcp", bad)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\n\r\n")
	in.until("the panic to be logged", func() bool { return strings.Contains(in.log(), "asked for by the configuration") })
	if got := in.get(); got != "one" || in.serverPid() != before {
		t.Errorf("got %q from process %d, want one from %d", got, in.serverPid(), before)
	}
}

func TestUpgradesUnderLoadLoseNothing(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon on; serve ADDR one;")
	if code, stderr := in.run(); code != 0 {
		t.Fatalf("daemon: code %d, %s", code, stderr)
	}
	l := startLoad(in.addr, 32)
	n := 20
	if testing.Short() {
		n = 3
	}
	for range n {
		old := in.pid()
		in.signal(syscall.SIGUSR2)
		in.until("the successor", func() bool { p := in.pid(); return p != 0 && p != old })
		if in.pidOf("t.pid.oldbin") != old {
			t.Fatalf("the old pid file does not name %d", old)
		}
		if err := syscall.Kill(old, syscall.SIGWINCH); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(old, syscall.SIGQUIT); err != nil {
			t.Fatal(err)
		}
		in.until("the old master to end", func() bool { return in.pidOf("t.pid.oldbin") == 0 })
		in.until("the successor to be on its own", func() bool { return !alive(old) })
	}
	if l.end(t) != 0 {
		t.Error("requests failed")
	}
	pid := in.pid()
	in.signal(syscall.SIGQUIT)
	in.until("the end", func() bool { return !alive(pid) })
}

func TestAFailedUpgradeIsTakenBack(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon on; serve ADDR one;")
	if code, stderr := in.run(); code != 0 {
		t.Fatalf("daemon: code %d, %s", code, stderr)
	}
	old := in.pid()
	in.signal(syscall.SIGUSR2)
	in.until("the successor", func() bool { p := in.pid(); return p != 0 && p != old })
	if err := syscall.Kill(old, syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	in.until("the old server to end", func() bool { return strings.Contains(in.log(), "exited with code 0") || os.Geteuid() != 0 })
	in.signal(syscall.SIGTERM) // the successor
	in.until("the old pid file", func() bool { return in.pid() == old })
	if os.Geteuid() == 0 {
		in.until("the old master to serve", func() bool { return in.get() == "one" })
	}
	in.until("the status socket", func() bool { st, err := in.status(); return err == nil && st.Pid == old })
	in.signal(syscall.SIGTERM)
	in.until("the end", func() bool { return !alive(old) })
}

func TestDaemonReportsItsStart(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon on; serve ADDR one;")
	code, stderr := in.run()
	if code != 0 || stderr != "" {
		t.Fatalf("code %d, %q", code, stderr)
	}
	if got := in.get(); got != "one" || in.pid() == 0 { // no wait: it is bound and the file written
		t.Errorf("got %q, pid %d", got, in.pid())
	}
	pid := in.pid()
	code, stderr = in.run() // the same again
	if code != 1 || !strings.Contains(stderr, "nginx: [emerg] bind() to "+in.addr+" failed (98: Address already in use)") ||
		!strings.Contains(stderr, "still could not bind()") {
		t.Errorf("the second start: code %d, %q", code, stderr)
	}
	if in.pid() != pid || in.get() != "one" {
		t.Error("the first one was disturbed")
	}
	if code, stderr := in.run("-s", "stop"); code != 0 {
		t.Errorf("-s stop: code %d, %q", code, stderr)
	}
	in.until("the end", func() bool { return !alive(pid) })
	if code, stderr := in.run("-s", "stop"); code != 1 || !strings.Contains(stderr, "t.pid\" failed (2: No such file or directory)") {
		t.Errorf("-s stop without a server: code %d, %q", code, stderr)
	}
}

func TestOneProcessDoesBothRoles(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; master_process off; serve ADDR one;")
	in.start()
	if st, err := in.status(); err != nil || !st.Joined || st.Server == nil || st.Server.Pid != in.pid() {
		t.Errorf("status %+v, %v", st, err)
	}
	in.configure("daemon off; master_process off; serve ADDR two;")
	in.signal(syscall.SIGHUP)
	in.until("the new answer", func() bool { return in.get() == "two" })
	in.signal(syscall.SIGQUIT)
	in.ended(0)
}

func TestAMasterThatDiesTakesTheServerAlong(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	in.signal(syscall.SIGKILL)
	in.until("the address to be free", func() bool { return strings.Contains(in.get(), "refused") })
}

func TestUnixSocketsAreServedAndRemoved(t *testing.T) {
	in := newInstance(t)
	path := filepath.Join(in.dir, "s.sock")
	// What a killed process leaves behind is no obstacle.
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	in.configure("daemon off; serve unix:" + path + " one;")
	in.start()
	for range 20 {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(c, "GET / HTTP/1.1\r\n\r\n")
		b := make([]byte, 100)
		n, err := c.Read(b)
		if err != nil || !strings.HasSuffix(string(b[:n]), "one") {
			t.Errorf("got %q, %v", b[:n], err)
		}
		c.Close()
	}
	in.signal(syscall.SIGTERM)
	in.ended(0)
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket's file is still there")
	}
}

func TestTheConfigurationIsTested(t *testing.T) {
	in := newInstance(t)
	in.configure("serve ADDR one;")
	if code, stderr := in.run("-t"); code != 0 ||
		stderr != "nginx: the configuration file "+in.dir+"/nginx.conf syntax is ok\nnginx: configuration file "+in.dir+"/nginx.conf test is successful\n" {
		t.Errorf("code %d, %q", code, stderr)
	}
	if in.pid() != 0 {
		t.Error("the test left a pid file")
	}
	in.configure("serve ADDR one;\nnonsense on;")
	code, stderr := in.run("-t")
	if code != 1 || !strings.Contains(stderr, `nginx: [emerg] unknown directive "nonsense" in `+in.dir+"/nginx.conf:3\n") ||
		!strings.HasSuffix(stderr, "test failed\n") {
		t.Errorf("code %d, %q", code, stderr)
	}
	in.grep(`[emerg]`)
}

func TestTheServerHasNoRightsLeft(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: there are no rights to lose")
	}
	in := newInstance(t)
	text := strings.Replace(preamble(), "user root", "user nobody nogroup", 1) + "daemon off; worker_rlimit_nofile 777; env A=b; serve " + in.addr + " one;"
	if err := os.WriteFile(filepath.Join(in.dir, "nginx.conf"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	in.start()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", in.serverPid()))
	if err != nil || len(tasks) < 3 {
		t.Fatalf("tasks %v, %v", tasks, err)
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // a thread that has ended
		}
		wanted := []string{"Uid:\t65534\t65534\t65534\t65534", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000"}
		if !builtWithCgo() {
			wanted = append(wanted, "NoNewPrivs:\t1")
		}
		for _, want := range wanted {
			if !strings.Contains(string(data), want) {
				t.Errorf("%s has no %q", task, want)
			}
		}
	}
	limits, _ := os.ReadFile(fmt.Sprintf("/proc/%d/limits", in.serverPid()))
	if !strings.Contains(string(limits), "Max open files            777                  777") {
		t.Errorf("limits are %s", limits)
	}
	in.configure("daemon off; nonsense on;")
	if got := in.get(); got != "one" {
		t.Errorf("got %q", got)
	}
}

// builtWithCgo tells whether this is not the kind of binary that ships.
func builtWithCgo() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "CGO_ENABLED" {
			return s.Value == "1"
		}
	}
	return false
}
