package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The processors: the server under test alone on one, load and backend on the
// other.
const (
	serverCPU = "0"
	loadCPU   = "1"
)

const largeSize = 1 << 20

// lab is the folder, the servers and the backend of one run.
type lab struct {
	o       *options
	dir     string
	servers []*server // weir, nginx, haproxy: those that are there
	backend *server
	absent  []string // why a server is not measured
}

// server is one running server.
type server struct {
	name    string
	version string
	addr    string // "127.0.0.1:port"
	args    []string
	cmd     *exec.Cmd
	dir     string
}

func (s *server) pid() int { return s.cmd.Process.Pid }

func needTools(names ...string) error {
	for _, n := range names {
		if _, err := exec.LookPath(n); err != nil {
			return fmt.Errorf("%s is not installed", n)
		}
	}
	return nil
}

// newLab starts the backend and every server that is installed.
func newLab(o *options) (*lab, error) {
	dir, err := os.MkdirTemp("", "weir-perf")
	if err != nil {
		return nil, err
	}
	l := &lab{o: o, dir: dir}
	if err := l.start(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *lab) start() error {
	if err := os.Chmod(l.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(l.dir, "large"), make([]byte, largeSize), 0o644); err != nil {
		return err
	}
	huge := filepath.Join(l.dir, "huge") // a hole, which takes no space
	if err := errors.Join(os.WriteFile(huge, nil, 0o644), os.Truncate(huge, hugeSize)); err != nil {
		return err
	}
	nginx, err := exec.LookPath(l.o.nginx)
	if err != nil {
		return fmt.Errorf("nginx is needed as the backend: %w", err)
	}
	if l.backend, err = l.launch("backend", loadCPU, backendConf, nginx, nginxArgs); err != nil {
		return err
	}
	for _, c := range []struct {
		name, program, conf string
		args                func(dir string) []string
		version             string
	}{
		{"weir", l.o.weir, nginxConf, nginxArgs, "-v"},
		{"nginx", l.o.nginx, nginxConf, nginxArgs, "-v"},
		{"haproxy", l.o.haproxy, haproxyConf, haproxyArgs, "-v"},
	} {
		program, err := exec.LookPath(c.program)
		if err != nil {
			l.absent = append(l.absent, fmt.Sprintf("%s (%v)", c.name, err))
			continue
		}
		s, err := l.launch(c.name, serverCPU, c.conf, program, c.args)
		if err != nil {
			return err
		}
		out, _ := exec.Command(program, c.version).CombinedOutput()
		s.version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		l.servers = append(l.servers, s)
	}
	return nil
}

func nginxArgs(dir string) []string {
	return []string{"-p", dir + "/", "-c", "server.conf", "-e", "error.log"}
}

func haproxyArgs(dir string) []string {
	return []string{"-db", "-f", filepath.Join(dir, "server.conf")}
}

// nginxConf is weir's and nginx's configuration, letter for letter the same.
const nginxConf = `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid server.pid;
error_log error.log;
events { worker_connections 18000; }
http {
    default_type text/plain;
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_body_temp_path body_temp;
    proxy_temp_path proxy_temp;
    upstream backend {
        server BACKEND;
        keepalive 64;
        keepalive_requests 1000000000;
    }
    server {
        listen ADDR backlog=4096;
        location / { return 200 "hello, world\n"; }
        location /logged { access_log access.log combined; return 200 "hello, world\n"; }
        location /proxied { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend; }
        location /large { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend; }
        location /huge { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend; }
    }
}
`

const backendConf = `
daemon off;
worker_processes 1;
pid server.pid;
error_log error.log;
events { worker_connections 4096; }
http {
    default_type text/plain;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    server {
        listen ADDR backlog=4096;
        location / { return 200 "hello, world\n"; }
        location = /large { root DIR; }
        location = /huge { root DIR; }
    }
}
`

// haproxyConf has haproxy send what the others send for "return 200": the same
// fields, a date of the moment among them, and the same body.
const haproxyConf = `
global
    nbthread 1
    maxconn 9000
defaults
    mode http
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
frontend f
    bind ADDR backlog 4096
    acl proxied path /proxied /large /huge
    http-request return status 200 content-type text/plain string "hello, world\n" hdr server haproxy/x.yy.zz hdr date "%[date,http_date]" hdr connection keep-alive unless proxied
    default_backend b
backend b
    http-reuse always
    server s BACKEND pool-max-conn -1
`

// launch starts one server on a processor of its own and waits until it takes
// connections.
func (l *lab) launch(name, cpu, conf, program string, args func(string) []string) (*server, error) {
	dir := filepath.Join(l.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return nil, err
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	backend := ""
	if l.backend != nil {
		backend = l.backend.addr
	}
	conf = strings.NewReplacer("ADDR", addr, "BACKEND", backend, "DIR", l.dir).Replace(conf)
	if err := os.WriteFile(filepath.Join(dir, "server.conf"), []byte(conf), 0o644); err != nil {
		return nil, err
	}
	s := &server{name: name, addr: addr, dir: dir, args: append([]string{"-c", cpu, program}, args(dir)...)}
	return s, s.start()
}

func (s *server) start() error {
	out, err := os.Create(filepath.Join(s.dir, "output"))
	if err != nil {
		return err
	}
	defer out.Close()
	s.cmd = exec.Command("taskset", s.args...) // which becomes the server
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", s.addr)
		if err == nil {
			c.Close()
			return nil
		}
	}
	s.stop()
	said, _ := os.ReadFile(out.Name())
	return fmt.Errorf("%s does not listen on %s:\n%s", s.name, s.addr, said)
}

func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		for _, p := range tree(s.pid()) {
			syscall.Kill(p, syscall.SIGKILL)
		}
		<-done
	}
}

// freeAddr returns an address that was free a moment ago.
func freeAddr() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return "127.0.0.1:" + strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), nil
}

func (l *lab) close() {
	for _, s := range append(slices.Clone(l.servers), l.backend) {
		if s != nil {
			s.stop()
		}
	}
	os.RemoveAll(l.dir)
}

func (l *lab) names() []string {
	var names []string
	for _, s := range l.servers {
		names = append(names, s.name)
	}
	return names
}

func (l *lab) index(name string) int { return slices.Index(l.names(), name) }
