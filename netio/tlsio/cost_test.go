package tlsio

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/peertest"
	"weir/netio/poll"
	"weir/netio/sock"
)

// The cost of TLS beside nginx's: run it with
//
//	WEIR_COST=1 go test -run TestCostBesideNginx -v ./netio/tlsio
//
// It needs nginx, wrk and taskset. The server is this test binary started
// again, pinned to CPU 0 with all its threads; wrk is on CPU 1. CPU time is
// that of the whole process, from /proc/PID/task/*/schedstat. Both sides speak
// TLS 1.3 with AES-128-GCM, X25519 and a P-256 certificate.

const costServe = "WEIR_TLS_COST_SERVE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(costServe); dir != "" {
		serveCost(dir)
		return
	}
	os.Exit(m.Run())
}

// costServer answers requests for / with a small page and others with a file.
type costServer struct {
	e     *Engine
	conf  *Config
	big   *buf.File
	small []byte
}

// costConn is one of its connections.
type costConn struct {
	s     *costServer
	chain buf.Chain
	last  bool
}

func (s *costServer) Accepted(c *conn.Conn) { s.e.Accept(c, s.conf, nil, s) }

func (s *costServer) Handshaken(c *conn.Conn, _ *Conn, err error) {
	if err != nil {
		c.Close()
		return
	}
	p := &costConn{s: s}
	c.SetHandler(p)
	c.SetTimer(conn.ReadTimer, 60000)
	if c.ReadReady() {
		p.Readable(c)
	}
}

func (p *costConn) Readable(c *conn.Conn) {
	pool := p.s.e.d.Pool
	for {
		b := pool.Get(4096)
		n, err := c.Recv(b[:cap(b)])
		if err != nil {
			pool.Put(b)
			if err != conn.ErrAgain {
				pool.DoneChain(&p.chain)
				c.Close()
			}
			return
		}
		p.last = bytes.Contains(b[:n], []byte("Connection: close"))
		if bytes.HasPrefix(b[:n], []byte("GET / ")) {
			p.chain.Append(pool.MemLink(p.s.small))
		} else {
			p.chain.Append(pool.MemLink(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", p.s.big.Size)))
			p.chain.Append(pool.FileLink(p.s.big.Hold(), 0, p.s.big.Size))
		}
		pool.Put(b)
		c.SetTimer(conn.ReadTimer, 60000)
		p.Writable(c)
		if c.Closed() {
			return
		}
	}
}

func (p *costConn) Writable(c *conn.Conn) {
	_, err := c.Send(&p.chain, 0)
	if err != nil && err != conn.ErrAgain || err == nil && p.last {
		p.s.e.d.Pool.DoneChain(&p.chain)
		c.Close()
	}
}

func (p *costConn) Expired(c *conn.Conn, _ conn.TimerID) { c.Close() }

func serveCost(dir string) {
	runtime.LockOSThread()
	if err := poll.RelaxThreads(); err != nil {
		panic(err)
	}
	runtime.GOMAXPROCS(2)
	cert := must(tls.LoadX509KeyPair(dir+"/ec.pem", dir+"/ec.key"))
	f := must(os.Open(dir + "/big"))
	d := conn.NewDriver(must(poll.New(poll.Config{})), buf.NewPool(0))
	s := &costServer{e: NewEngine(d, Options{VectorAES: VectorAES() && os.Getenv("WEIR_COST_PLAIN") == ""}), conf: serverConfig(cert)}
	s.big = buf.NewFile(int(f.Fd()), must(f.Stat()).Size(), nil)
	s.small = []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 22 Nov 2026 18:00:00 GMT\r\n" +
		"Content-Type: text/plain\r\nContent-Length: 12\r\nConnection: keep-alive\r\n\r\nhello world\n")
	a := must(sock.ParseAddr("127.0.0.1:18193"))
	fd := must(sock.Listen(sock.ListenOptions{Addr: a, Backlog: 8192}))
	must(conn.NewListener(d, fd, s, conn.ListenerOptions{Addr: a}))
	d.Loop.Run()
	runtime.KeepAlive(f)
}

func costNginx(t *testing.T, f *files) int {
	conf := fmt.Sprintf(`worker_processes 1; daemon off; pid %[1]s/pid; error_log %[1]s/err; user root;
events { worker_connections 20000; }
http { access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on;
 client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
 ssl_certificate %[2]s; ssl_certificate_key %[3]s; ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
 server { listen 127.0.0.1:18194 ssl backlog=8192; root %[1]s; location = / { default_type text/plain; return 200 "hello world\n"; } } }
`, f.dir, f.cert, f.key)
	if err := os.WriteFile(f.dir+"/nginx.conf", []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := startPinned(t, nil, peertest.Find(t, "nginx"), "-p", f.dir, "-c", f.dir+"/nginx.conf")
	for range 250 {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%[1]d/task/%[1]d/children", cmd.Process.Pid))
		if w := strings.Fields(string(children)); len(w) > 0 {
			pid := must(strconv.Atoi(w[0]))
			t.Cleanup(func() { must(os.FindProcess(pid)).Kill() }) // it outlives a killed master
			return pid
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("nginx has no worker")
	return 0
}

func startPinned(t *testing.T, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command("taskset", append([]string{"-c", "0"}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd
}

// cpuOf sums the CPU time of every thread of a process.
func cpuOf(pid int) (ns int64) {
	list, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, f := range list {
		if b, err := os.ReadFile(f); err == nil {
			n, _ := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
			ns += n
		}
	}
	return ns
}

// costRound runs wrk once and returns the server's us per request.
func costRound(t *testing.T, port, pid int, path string, args []string) float64 {
	before := cpuOf(pid)
	all := append([]string{"-c", "1", "wrk", "-t1", "-d2s"}, args...)
	out, err := exec.Command("taskset", append(all, fmt.Sprintf("https://127.0.0.1:%d%s", port, path))...).CombinedOutput()
	if err != nil {
		t.Fatalf("wrk: %v\n%s", err, out)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "requests" {
			n, _ := strconv.ParseFloat(f[0], 64)
			return float64(cpuOf(pid)-before) / 1e3 / n
		}
	}
	t.Fatalf("no figure from wrk:\n%s", out)
	return 0
}

func TestCostBesideNginx(t *testing.T) {
	if os.Getenv("WEIR_COST") == "" {
		t.Skip("set WEIR_COST=1: takes a minute, both CPUs, nginx and wrk")
	}
	f := writeFiles(t)
	if err := os.WriteFile(f.dir+"/big", pattern(1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	nginx := costNginx(t, f)
	ours := startPinned(t, []string{costServe + "=" + f.dir}, os.Args[0]).Process.Pid
	time.Sleep(300 * time.Millisecond)
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv("WEIR_COST_ROUNDS")); err == nil {
		rounds = n
	}
	for _, load := range []struct {
		name, path string
		args       []string
	}{
		{"keepalive request", "/", []string{"-c64"}},
		{"1 MB response", "/big", []string{"-c8"}},
		{"handshake, GET, close", "/", []string{"-c32", "-H", "Connection: close"}},
	} {
		var a, b, r []float64
		for range rounds {
			a = append(a, costRound(t, 18193, ours, load.path, load.args))
			b = append(b, costRound(t, 18194, nginx, load.path, load.args))
			r = append(r, a[len(a)-1]/b[len(b)-1])
		}
		for _, s := range [][]float64{a, b, r} {
			slices.Sort(s)
		}
		t.Logf("%s: us each: tlsio %.2f, nginx %.2f, ratio of the rounds %.3f in [%.3f %.3f]", load.name,
			a[len(a)/2], b[len(b)/2], r[len(r)/2], r[0], r[len(r)-1])
	}
}
