package pid1

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// moduleDir holds the modules and list, which the image's builder writes:
//
//	load NAME DEPENDENCY...      always loaded
//	last NAME DEPENDENCY...      always loaded, behind the drivers of the devices that are there
//	have NAME DEPENDENCY...      loaded for a device
//	alias PATTERN NAME           the devices of a module
const (
	moduleDir  = "/lib/weir/modules"
	moduleList = moduleDir + "/list"
)

// modules is the list, and what was loaded of it. Modules that do not depend
// on each other are loaded side by side: most of the time of many is waiting
// for a device. It is safe for all goroutines.
type modules struct {
	needs        map[string][]string
	always, last []string
	aliases      aliases
	insert       func(name string) error // has the kernel load one module

	mu      sync.Mutex
	started map[string]chan struct{} // closed when the module is loaded, or has failed
	running int
	failed  []error
}

// openModules reads the list. An image without one has a kernel with
// everything built in.
func openModules() (*modules, error) {
	f, err := os.Open(moduleList)
	if errors.Is(err, fs.ErrNotExist) {
		return newModules(), nil
	}
	if err != nil {
		return newModules(), err
	}
	defer f.Close()
	m := newModules()
	return m, m.read(bufio.NewScanner(f))
}

func newModules() *modules {
	return &modules{needs: map[string][]string{}, aliases: aliases{}, insert: insertModule, started: map[string]chan struct{}{}}
}

func (m *modules) read(s *bufio.Scanner) error {
	for s.Scan() {
		f := strings.Fields(s.Text())
		switch {
		case len(f) >= 2 && f[0] == "load":
			m.always = append(m.always, f[1])
			m.need(f[1], f[2:])
		case len(f) >= 2 && f[0] == "last":
			m.last = append(m.last, f[1])
			m.need(f[1], f[2:])
		case len(f) >= 2 && f[0] == "have":
			m.need(f[1], f[2:])
		case len(f) == 3 && f[0] == "alias":
			m.aliases.add(f[1], f[2])
		default:
			return fmt.Errorf("module list: %q", s.Text())
		}
	}
	return s.Err()
}

// need notes what a module is loaded behind: what stands above it in the list,
// so that no two wait for each other.
func (m *modules) need(name string, others []string) {
	m.needs[name] = slices.DeleteFunc(others, func(d string) bool {
		_, listed := m.needs[d]
		return !listed
	})
}

// load starts to load a module behind what it needs. Each is tried once. The
// channel is closed when that is over.
func (m *modules) load(name string) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if done := m.started[name]; done != nil {
		return done
	}
	done := make(chan struct{})
	m.started[name] = done
	m.running++
	go func() { // ends when the kernel has loaded the module
		for _, d := range m.needs[name] {
			<-m.load(d)
		}
		err := m.insert(name)
		m.mu.Lock()
		if err != nil {
			m.failed = append(m.failed, fmt.Errorf("%s: %w", name, err))
		}
		m.running--
		m.mu.Unlock()
		close(done)
	}()
	return done
}

// insertModule has the kernel load one module. One whose hardware is not there
// and one that is there already are no errors.
func insertModule(name string) error {
	f, err := os.Open(filepath.Join(moduleDir, name+".ko"))
	if err != nil {
		return err
	}
	defer f.Close()
	err = unix.FinitModule(int(f.Fd()), "", 0)
	if errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

// loadAll starts to load modules.
func (m *modules) loadAll(names []string) {
	for _, name := range names {
		m.load(name)
	}
}

// idle reports whether no module is being loaded.
func (m *modules) idle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.running == 0
}

// result returns how many modules were loaded and what went wrong with others.
func (m *modules) result() (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.started) - len(m.failed), errors.Join(m.failed...)
}
