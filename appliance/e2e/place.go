package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"weir/netio/sock/socktest"
)

// place is what a case runs in: a folder, ports and backends of its own. One
// goroutine uses it.
type place struct {
	dir      string            // the server's prefix
	ports    map[string]int    // by placeholder, without the percent signs
	held     []func()          // give the ports back
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
	for _, release := range p.held {
		release()
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

// port returns the port of a placeholder, which is held as long as the place.
func (p *place) port(name string) (int, error) {
	if port, ok := p.ports[name]; ok {
		return port, nil
	}
	port, release, err := socktest.Hold()
	if err != nil {
		return 0, err
	}
	p.held = append(p.held, release)
	p.ports[name] = port
	return port, nil
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
