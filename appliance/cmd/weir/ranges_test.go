package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"weir/ebpf/nstest"
)

// ask sends a request to an address and returns the body of the answer, or how
// it failed.
func ask(addr, host string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host)
	b, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	_, body, _ := strings.Cut(string(b), "\r\n\r\n")
	return body
}

// ranges configures servers on ranges of ports and addresses.
func (in *instance) ranges(servers string) {
	in.write("nginx.conf", `user root; worker_processes 2; daemon on; pid t.pid; error_log error.log info; events {} http { access_log off;`+servers+`}`)
}

const answerWhere = ` location / { return 200 "$server_name $server_addr $server_port"; } `

// TestRangesAreServedByOneSocket holds port and address ranges as a client sees
// them, through reload, upgrade and a server that dies.
func TestRangesAreServedByOneSocket(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	in := newInstance(t, "on")
	in.ranges(`
		server { listen 127.0.0.1:8000-8999; server_name a;` + answerWhere + `}
		server { listen 127.0.0.1:8100; server_name b;` + answerWhere + `}
		server { listen 127.0.0.1:8200 bind; server_name c;` + answerWhere + `}
		server { listen 127.9.0.0/16:443; server_name vip;` + answerWhere + `}
		server { listen [::1]:8000-8999; server_name six;` + answerWhere + `}
		server { listen 127.0.0.1:9000-9003; server_name few;` + answerWhere + `}`)
	if code, _, stderr := in.run(); code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	expect := func(when string, want map[string]string) {
		t.Helper()
		for at, answer := range want {
			addr, host, _ := strings.Cut(at, " ")
			if got := ask(addr, host); !strings.HasSuffix(got, answer) {
				t.Errorf("%s, %s: got %q, want %q", when, at, got, answer)
			}
		}
	}
	first := map[string]string{
		"127.0.0.1:8000 a": "a 127.0.0.1 8000", "127.0.0.1:8999 a": "a 127.0.0.1 8999", "127.0.0.1:8123 b": "a 127.0.0.1 8123",
		"127.0.0.1:8100 b": "b 127.0.0.1 8100", "127.0.0.1:8100 a": "a 127.0.0.1 8100",
		"127.0.0.1:8200 c": "c 127.0.0.1 8200",
		"127.9.1.2:443 x":  "vip 127.9.1.2 443",
		"[::1]:8500 x":     "six ::1 8500",
		"127.0.0.1:9003 x": "few 127.0.0.1 9003",
		"127.0.0.1:7999 x": "connection refused", "127.0.0.1:9004 x": "connection refused", "127.8.1.2:443 x": "connection refused",
	}
	expect("at first", first)
	if n := listening(); n > 2*(1+1+1+4)+6 { // two workers, and one more for each range
		t.Errorf("it listens on %d sockets", n)
	}

	old := in.pid("t.pid")
	in.signal(old, syscall.SIGUSR2)
	in.until("the successor", func() bool { p := in.pid("t.pid"); return p != 0 && p != old })
	expect("beside its successor", first)
	in.signal(old, syscall.SIGQUIT)
	in.until("the old master to end", func() bool { s := state(old); return s == "" || strings.Contains(s, ") Z ") })
	expect("after the upgrade", first)

	in.ranges(`
		server { listen 127.0.0.1:8500-9500; server_name moved;` + answerWhere + `}
		server { listen 127.0.0.1:8000; server_name alone;` + answerWhere + `}`)
	in.signal(in.pid("t.pid"), syscall.SIGHUP)
	in.until("the reload", func() bool { return ask("127.0.0.1:9499", "x") == "moved 127.0.0.1 9499" })
	in.until("the end of what was before", func() bool { return strings.HasSuffix(ask("127.0.0.1:8001", "x"), "connection refused") })
	expect("after the reload", map[string]string{
		"127.0.0.1:8000 x": "alone 127.0.0.1 8000", "127.0.0.1:8001 x": "connection refused", "127.9.1.2:443 x": "connection refused",
	})
	in.signal(in.pid("t.pid"), syscall.SIGTERM)
	in.until("the end", func() bool { return strings.HasSuffix(ask("127.0.0.1:8600", "x"), "connection refused") })
}

// TestAPortOfARangeThatIsTakenIsAnError is what nginx, which binds them all,
// says.
func TestAPortOfARangeThatIsTakenIsAnError(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	l, err := net.Listen("tcp", "127.0.0.1:8077")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	in := newInstance(t, "on")
	in.ranges(`server { listen 127.0.0.1:8000-8999; }`)
	code, _, stderr := in.run()
	if code != 1 || !strings.Contains(stderr, "bind() to 127.0.0.1:8077 failed (98: Address already in use)") {
		t.Errorf("code %d, %s", code, stderr)
	}
}

// state is a process's line in /proc, "" for none.
func state(pid int) string {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return string(data)
}

// listening counts the sockets that listen in the namespace.
func listening() (n int) {
	for _, name := range []string{"tcp", "tcp6"} {
		data, _ := os.ReadFile("/proc/thread-self/net/" + name)
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) > 3 && f[3] == "0A" {
				n++
			}
		}
	}
	return n
}
