package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// place is what a case runs in: a folder, ports and backends of its own. One
// goroutine uses it.
type place struct {
	dir      string            // the server's prefix
	ports    map[string]int    // by placeholder, without the percent signs
	held     []int             // sockets that keep the ports from others
	backends map[string]string // address by placeholder
	certs    map[string]*issued
	serial   int64
}

// newPlace makes a folder. Its path is short, because a unix socket's may have
// only 107 bytes, and open to the user the server drops to.
func newPlace() (*place, error) {
	dir, err := os.MkdirTemp("", "weir")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	return &place{dir: dir, ports: map[string]int{}, backends: map[string]string{}}, nil
}

func (p *place) close() {
	for _, fd := range p.held {
		syscall.Close(fd)
	}
	os.RemoveAll(p.dir)
}

var placeholder = regexp.MustCompile(`%(DIR|PORT(?:_\w+?)?|BACKEND(?:_\w+?)?)%`)

// expand replaces the placeholders in text. A port's first mention reserves it.
func (p *place) expand(text string) (string, error) {
	var failed error
	out := placeholder.ReplaceAllStringFunc(text, func(m string) string {
		name := m[1 : len(m)-1]
		switch {
		case name == "DIR":
			return p.dir
		case name[0] == 'P':
			port, err := p.port(name)
			if err != nil {
				failed = err
			}
			return strconv.Itoa(port)
		}
		addr, ok := p.backends[name]
		if !ok {
			failed = fmt.Errorf("%s: there is no such backend", m)
		}
		return addr
	})
	return out, failed
}

// port returns the port of a placeholder. It is the kernel's choice, kept by a
// socket that is bound and does not listen: with SO_REUSEADDR on both, a server
// may listen beside it, while nobody is given the port by chance.
func (p *place) port(name string) (int, error) {
	if port, ok := p.ports[name]; ok {
		return port, nil
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("socket: %w", err)
	}
	p.held = append(p.held, fd)
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, fmt.Errorf("setsockopt: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, fmt.Errorf("bind: %w", err)
	}
	sa, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("getsockname: %w", err)
	}
	p.ports[name] = sa.(*syscall.SockaddrInet4).Port
	return p.ports[name], nil
}

// write puts a file section's file below the prefix.
func (p *place) write(s section) error {
	text, err := p.expand(s.text)
	if err != nil {
		return err
	}
	data := []byte(text)
	if s.has("size") {
		data = pattern(s.size())
	}
	mode := os.FileMode(0o644)
	if s.has("mode") {
		m, _ := strconv.ParseUint(s.opts["mode"], 8, 12)
		mode = os.FileMode(m)
	}
	path := filepath.Join(p.dir, filepath.Clean("/"+s.name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
