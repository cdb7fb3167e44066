package master

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/appliance/cycle"
	"weir/ebpf/steer"
	"weir/netio/sock/socktest"
)

// startWith starts the program with a listener as its descriptor 3 and
// variables that only the new process itself can know set by a shell.
func (in *instance) startWith(l *net.TCPListener, shell string, env ...string) {
	in.t.Helper()
	f, err := l.File()
	if err != nil {
		in.t.Fatal(err)
	}
	defer f.Close()
	in.cmd = exec.Command("/bin/sh", "-c", shell+` exec "$0" -p "$1"`, os.Args[0], in.dir)
	in.cmd.Env = append(append(os.Environ(), mainVar+"=1"), env...)
	in.cmd.ExtraFiles = []*os.File{f}
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

// listenAt is a plain listener as nginx makes it, without SO_REUSEPORT.
func listenAt(t *testing.T, addr string) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return l.(*net.TCPListener)
}

func TestListenersComeFromTheProcessBefore(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon on; serve ADDR one;")
	l := listenAt(t, in.addr)
	in.startWith(l, "", "NGINX=3;")
	l.Close() // as the process before does when it ends
	for range 50 {
		if got := in.get(); got != "one" {
			t.Fatalf("got %q", got)
		}
	}
	if in.pid() != in.cmd.Process.Pid {
		t.Error("a process with inherited listeners has gone into the background: its parent waits for it")
	}
	if st, err := in.status(); err != nil || len(st.Listeners) != 1 || st.Listeners[0].Sockets != 2 {
		t.Errorf("status %+v, %v; want 2 sockets, the inherited one and another", st.Listeners, err)
	}
	in.signal(syscall.SIGTERM)
	in.ended(0)
}

func TestTheServiceManagerIsTold(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	path := filepath.Join(in.dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	told := func(want string) {
		t.Helper()
		b := make([]byte, 4096)
		_ = manager.SetReadDeadline(time.Now().Add(patience))
		n, err := manager.Read(b)
		if err != nil || !strings.HasPrefix(string(b[:n]), want) {
			t.Errorf("told %q, %v; want %q", b[:n], err, want)
		}
	}
	l := listenAt(t, in.addr)
	in.startWith(l, "export LISTEN_FDS=1 LISTEN_PID=$$;", "NOTIFY_SOCKET="+path)
	l.Close()
	told(fmt.Sprintf("READY=1\nMAINPID=%d", in.pid()))
	if got := in.get(); got != "one" {
		t.Errorf("got %q on the address that the manager had bound", got)
	}
	in.configure("daemon off; serve ADDR two;")
	in.signal(syscall.SIGHUP)
	told("RELOADING=1\nMONOTONIC_USEC=")
	told("READY=1")
	in.signal(syscall.SIGQUIT)
	told("STOPPING=1")
	in.ended(0)
}

// TestAStatusIsAnsweredWhenTheServerDies holds that a question the server took
// along is answered, and that later ones are passed on again.
func TestAStatusIsAnsweredWhenTheServerDies(t *testing.T) {
	q := &query{answer: make(chan []byte, 1)}
	m := &master{cycle: new(cycle.Cycle), steering: steer.New(), server: new(child), status: &status{waiting: []*query{q}}, stopping: graceful}
	m.serverEnded(exit{signal: syscall.SIGKILL})
	select {
	case body := <-q.answer:
		if !strings.Contains(string(body), `"server": null`) {
			t.Errorf("got %s, want no server in it", body)
		}
	default:
		t.Error("no answer")
	}
	if len(m.status.waiting) != 0 {
		t.Error("the next question would wait for an answer that nobody was asked for")
	}
}

func TestTheStatusSocketOfAnotherInstanceIsLeftAlone(t *testing.T) {
	in := newInstance(t)
	in.configure("daemon off; serve ADDR one;")
	in.start()
	// Two pid files in one directory, as in /run.
	text := strings.Replace(preamble(), "t.pid", "second.pid", 1) + "daemon off; serve " + socktest.Addr(t) + " two;"
	if err := os.WriteFile(filepath.Join(in.dir, "second.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	second := in.command("-c", "second.conf")
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	in.until("the second pid file", func() bool { return in.pidOf("second.pid") != 0 })
	if st, err := in.status(); err != nil || st.Pid != in.pid() {
		t.Errorf("the socket answers for process %d, %v; want %d", st.Pid, err, in.pid())
	}
	_ = second.Process.Signal(syscall.SIGTERM)
	if err := second.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := in.status(); err != nil {
		t.Errorf("after the end of the second the socket says %v", err)
	}
}
