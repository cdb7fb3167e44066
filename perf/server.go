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
	servers []*server // plain weir, nginx, haproxy: those that are there
	others  map[*flavour][]*server
	backend *server
	absent  []string // why a server is not measured
}

// peers are the servers in the order of every table.
var peers = []string{"weir", "nginx", "haproxy"}

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
	if err := writeCertificate(l.dir); err != nil {
		return err
	}
	l.servers, err = l.launchAll(&plain)
	return err
}

// serversOf are the servers with the configuration of a flavour, started when
// they are asked for first. The others are idle meanwhile, which costs nothing.
func (l *lab) serversOf(f *flavour) ([]*server, error) {
	if f == &plain {
		return l.servers, nil
	}
	if s := l.others[f]; s != nil {
		return s, nil
	}
	s, err := l.launchAll(f)
	if l.others == nil {
		l.others = map[*flavour][]*server{}
	}
	l.others[f] = s
	return s, err
}

// launchAll starts the servers that are installed, and those alone that were
// started when it fails.
func (l *lab) launchAll(f *flavour) (servers []*server, err error) {
	for _, name := range peers {
		program, conf, args := l.o.weir, f.nginx, nginxArgs
		switch name {
		case "nginx":
			program = l.o.nginx
		case "haproxy":
			program, conf, args = l.o.haproxy, f.haproxy, haproxyArgs
		}
		if conf == "" {
			continue
		}
		program, err := exec.LookPath(program)
		modules := ""
		if err == nil && name == "nginx" && len(f.modules) > 0 {
			modules, err = loadModules(program, f.modules)
		}
		if err != nil {
			l.absent = append(l.absent, fmt.Sprintf("%s (%v)", name, err))
			continue
		}
		s, err := l.launch(name+f.suffix, serverCPU, modules+conf, program, args)
		if err != nil {
			return servers, err
		}
		s.name = name
		out, _ := exec.Command(program, "-v").CombinedOutput()
		s.version, _, _ = strings.Cut(strings.TrimSpace(string(out)), "\n")
		servers = append(servers, s)
	}
	return servers, nil
}

// loadModules are the directives that load nginx's modules, if they are there.
func loadModules(nginx string, names []string) (string, error) {
	out, err := exec.Command(nginx, "-V").CombinedOutput()
	if err != nil {
		return "", err
	}
	dir := "/usr/lib/nginx/modules"
	if _, rest, ok := strings.Cut(string(out), "--modules-path="); ok {
		dir = strings.Fields(rest)[0]
	}
	var lines strings.Builder
	for _, name := range names {
		file := filepath.Join(dir, name)
		if _, err := os.Stat(file); err != nil {
			return "", err
		}
		lines.WriteString("load_module " + file + ";\n")
	}
	return lines.String(), nil
}

func nginxArgs(dir string) []string {
	return []string{"-p", dir + "/", "-c", "server.conf", "-e", "error.log"}
}

func haproxyArgs(dir string) []string {
	return []string{"-db", "-f", filepath.Join(dir, "server.conf")}
}

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
	all := append(slices.Clone(l.servers), l.backend)
	for _, s := range l.others {
		all = append(all, s...)
	}
	for _, s := range all {
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
