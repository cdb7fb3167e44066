package conn_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// The cost of a keepalive request through poll and conn, beside nginx's: run
// it with
//
//	WEIR_COST=1 go test -run TestCostBesideNginx -v ./netio/conn
//
// It needs nginx, wrk and taskset. The server is this test binary started
// again, pinned to CPU 0 with all its threads; wrk is on CPU 1. CPU time is
// that of the whole process, from /proc/PID/task/*/schedstat.

const costReply = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\n" +
	"Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n"

func TestMain(m *testing.M) {
	if addr := os.Getenv("WEIR_COST_SERVE"); addr != "" {
		serveCost(addr)
		return
	}
	os.Exit(m.Run())
}

// replier answers whatever it receives with one fixed reply.
type replier struct {
	d     *conn.Driver
	chain buf.Chain
	reply []byte
	last  []byte // the reply to a request that wants the connection closed
}

func (r *replier) Accepted(c *conn.Conn) {
	c.SetHandler(r)
	c.SetTimer(conn.ReadTimer, 60000)
	r.Readable(c)
}

func (r *replier) Readable(c *conn.Conn) {
	for {
		b := r.d.Pool.Get(1024)
		n, err := c.Recv(b[:cap(b)])
		if err != nil {
			r.d.Pool.Put(b)
			if err != conn.ErrAgain {
				c.Close()
			}
			return
		}
		reply := r.reply
		oneShot := bytes.Contains(b[:n], []byte("Connection: close"))
		if oneShot {
			reply = r.last
		}
		r.chain.Append(r.d.Pool.MemLink(reply))
		if _, err := c.Send(&r.chain, 0); err != nil {
			r.d.Pool.DoneChain(&r.chain)
			r.d.Pool.Put(b)
			c.Close()
			return
		}
		r.d.Pool.Put(b)
		if oneShot {
			c.Close()
			return
		}
		c.SetTimer(conn.ReadTimer, 60000)
	}
}

func (r *replier) Writable(c *conn.Conn)                { c.Close() }
func (r *replier) Expired(c *conn.Conn, _ conn.TimerID) { c.Close() }

// relay joins each client to a backend connection of its own and passes bytes
// both ways: four calls per request.
type relay struct {
	d       *conn.Driver
	backend sock.Addr
}

type relayed struct {
	d          *conn.Driver
	client, up *conn.Conn
	chain      buf.Chain
}

func (r *relay) Accepted(c *conn.Conn) {
	p := &relayed{d: r.d, client: c}
	c.SetHandler(p)
	up, err := conn.Dial(r.d, r.backend, conn.DialOptions{}, p)
	if err != nil {
		c.Close()
		return
	}
	p.up = up
}

func (p *relayed) Readable(c *conn.Conn) {
	to := p.up
	if c == p.up {
		to = p.client
	}
	for {
		b := p.d.Pool.Get(1024)
		n, err := c.Recv(b[:cap(b)])
		if err != nil {
			p.d.Pool.Put(b)
			if err != conn.ErrAgain {
				p.close()
			}
			return
		}
		p.chain.Append(p.d.Pool.BufferLink(b, b[:n]))
		c.SetTimer(conn.ReadTimer, 60000)
		if to.Connecting() {
			return
		}
		if _, err := to.Send(&p.chain, 0); err != nil {
			p.close()
			return
		}
	}
}

func (p *relayed) Writable(c *conn.Conn) {
	if _, err := c.Send(&p.chain, 0); err != nil {
		p.close()
	}
}

func (p *relayed) Expired(*conn.Conn, conn.TimerID) { p.close() }

func (p *relayed) close() {
	p.d.Pool.DoneChain(&p.chain)
	p.client.Close()
	p.up.Close()
}

func serveCost(addr string) {
	runtime.LockOSThread()
	if os.Getenv("WEIR_COST_SLACK") == "" {
		if err := errors.Join(poll.RelaxThreads(), poll.KeepTime()); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	procs, _ := strconv.Atoi(os.Getenv("WEIR_COST_PROCS"))
	if procs == 0 {
		procs = 2
	}
	runtime.GOMAXPROCS(procs)
	a, err := sock.ParseAddr(addr)
	if err != nil {
		panic(err)
	}
	deferred := os.Getenv("WEIR_COST_DEFERRED") != ""
	fd, err := sock.Listen(sock.ListenOptions{Addr: a, Backlog: 8192, Deferred: deferred})
	if err != nil {
		panic(err)
	}
	loop, err := poll.New(poll.Config{})
	if err != nil {
		panic(err)
	}
	d := conn.NewDriver(loop, buf.NewPool(0))
	r := &replier{d: d, reply: []byte(costReply)}
	r.last = bytes.Replace(r.reply, []byte("keep-alive"), []byte("close"), 1)
	var acceptor conn.Acceptor = r
	if to := os.Getenv("WEIR_COST_BACKEND"); to != "" {
		backend, err := sock.ParseAddr(to)
		if err != nil {
			panic(err)
		}
		acceptor = &relay{d: d, backend: backend}
	}
	if _, err := conn.NewListener(d, fd, acceptor, conn.ListenerOptions{Addr: a, Deferred: deferred}); err != nil {
		panic(err)
	}
	loop.Run()
}

// startPinned runs a program on one CPU and waits until addr answers.
func startPinned(t *testing.T, cpu int, addr string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("taskset", append([]string{"-c", strconv.Itoa(cpu)}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", addr); err == nil {
			// Served before the clock starts, on a deferred listener too.
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			c.Read(make([]byte, 1))
			c.Close()
			return cmd
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s does not answer", addr)
	return nil
}

// cpuOf sums the CPU time of every thread of the processes.
func cpuOf(t *testing.T, pids ...int) (ns int64) {
	t.Helper()
	for _, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				continue
			}
			n, _ := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
			ns += n
		}
	}
	return ns
}

func rss(pid int) (kb int64) {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.SplitSeq(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ = strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return kb
}

// wrk runs one load and returns the number of requests.
func wrk(t *testing.T, addr string, d time.Duration, args ...string) int64 {
	t.Helper()
	args = append([]string{"-c", "1", "wrk", "-t1", "-c64", "-d", d.String()}, args...)
	out, err := exec.Command("taskset", append(args, "http://"+addr+"/")...).CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "requests" {
			n, _ := strconv.ParseInt(f[0], 10, 64)
			return n
		}
	}
	t.Fatalf("no figure from wrk:\n%s", out)
	return 0
}

// startNginx runs nginx with one worker and returns the worker's process. The
// location answers by itself, or, with a backend, passes on.
func startNginx(t *testing.T, cpu int, addr, backend string) int {
	t.Helper()
	location := `default_type text/plain; return 200 "hello world\n";`
	if backend != "" {
		location = `proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection "";`
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	text := fmt.Sprintf(`worker_processes 1; daemon off; pid %[1]s/pid; error_log %[1]s/err;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 1000000000;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 upstream b { server %[4]s; keepalive 256; keepalive_requests 1000000000; }
 server { listen %[2]s backlog=8192; location / { %[3]s } } }
`, dir, addr, location, cmp.Or(backend, "127.0.0.1:1"))
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := startPinned(t, cpu, addr, nil, "nginx", "-p", dir, "-c", conf)
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
	worker, err := strconv.Atoi(strings.Fields(string(children))[0])
	if err != nil {
		t.Fatal(err)
	}
	// nginx's children outlive a SIGKILL of the master.
	t.Cleanup(func() { unix.Kill(worker, unix.SIGKILL) })
	return worker
}

func TestCostBesideNginx(t *testing.T) {
	if os.Getenv("WEIR_COST") == "" {
		t.Skip("set WEIR_COST=1: takes two minutes, both CPUs, nginx and wrk")
	}
	rounds := 7
	if n, err := strconv.Atoi(os.Getenv("WEIR_COST_ROUNDS")); err == nil {
		rounds = n
	}
	const (
		ours, theirs           = "127.0.0.1:18181", "127.0.0.1:18182"
		oursProxy, theirsProxy = "127.0.0.1:18185", "127.0.0.1:18186"
		backend                = "127.0.0.1:18187"
		oursDeferred           = "127.0.0.1:18188"
	)
	echo := startPinned(t, 0, ours, []string{"WEIR_COST_SERVE=" + ours}, os.Args[0])
	worker := startNginx(t, 0, theirs, "")
	startNginx(t, 1, backend, "")
	proxy := startPinned(t, 0, oursProxy, []string{"WEIR_COST_SERVE=" + oursProxy, "WEIR_COST_BACKEND=" + backend}, os.Args[0])
	deferred := startPinned(t, 0, oursDeferred, []string{"WEIR_COST_SERVE=" + oursDeferred, "WEIR_COST_DEFERRED=1"}, os.Args[0])
	proxyWorker := startNginx(t, 0, theirsProxy, backend)
	for _, load := range []struct {
		name             string
		ours, theirs     string
		ourPID, theirPID int
		args             []string
	}{
		{"keepalive", ours, theirs, echo.Process.Pid, worker, nil},
		{"one-shot", ours, theirs, echo.Process.Pid, worker, []string{"-H", "Connection: close"}},
		{"one-shot, deferred accept", oursDeferred, theirs, deferred.Process.Pid, worker, []string{"-H", "Connection: close"}},
		{"proxied", oursProxy, theirsProxy, proxy.Process.Pid, proxyWorker, nil},
	} {
		var a, b, ratio []float64
		for range rounds {
			a = append(a, costRound(t, load.ours, load.ourPID, load.args))
			b = append(b, costRound(t, load.theirs, load.theirPID, load.args))
			ratio = append(ratio, a[len(a)-1]/b[len(b)-1])
		}
		sort.Float64s(a)
		sort.Float64s(b)
		sort.Float64s(ratio)
		t.Logf("%s: us per request: raw loop %.2f, nginx %.2f, ratio of the rounds %.3f in [%.3f %.3f]", load.name,
			a[len(a)/2], b[len(b)/2], ratio[len(a)/2], ratio[0], ratio[len(ratio)-1])
	}
	t.Logf("resident: raw loop %d KB, nginx worker %d KB", rss(echo.Process.Pid), rss(worker))
}

func costRound(t *testing.T, addr string, pid int, args []string) float64 {
	before := cpuOf(t, pid)
	n := wrk(t, addr, 2*time.Second, args...)
	return float64(cpuOf(t, pid)-before) / 1e3 / float64(n)
}

// TestIdleMemory opens 8,000 keepalive connections, serves one request on
// each, and compares what they hold resident with nginx's. Kernel memory is
// not in it.
func TestIdleMemory(t *testing.T) {
	if os.Getenv("WEIR_COST") == "" {
		t.Skip("set WEIR_COST=1: takes nginx and 8,000 descriptors")
	}
	const n = 8000
	const ours, theirs = "127.0.0.1:18183", "127.0.0.1:18184"
	echo := startPinned(t, 0, ours, []string{"WEIR_COST_SERVE=" + ours}, os.Args[0])
	worker := startNginx(t, 0, theirs, "")
	for _, s := range []struct {
		name, addr string
		pid        int
	}{{"raw loop", ours, echo.Process.Pid}, {"nginx", theirs, worker}} {
		before := rss(s.pid)
		conns := make([]net.Conn, 0, n)
		b := make([]byte, 1024)
		for range n {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
			fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if _, err := c.Read(b); err != nil {
				t.Fatal(err)
			}
		}
		after := rss(s.pid)
		t.Logf("%-8s %d idle connections: %d KB resident, %.0f bytes each", s.name, n, after, float64(after-before)*1024/n)
		for _, c := range conns {
			c.Close()
		}
	}
}
