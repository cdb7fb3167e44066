package pid1

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"weir/tuning/machine"
)

// moduleDir holds the modules and list, which the image's builder writes:
//
//	load NAME DEPENDENCY...      always loaded, in this order
//	have NAME DEPENDENCY...      loaded for a device
//	alias PATTERN NAME           the devices of a module
const (
	moduleDir  = "/lib/weir/modules"
	moduleList = moduleDir + "/list"
)

// modules is the list with what was loaded already.
type modules struct {
	dir     string
	needs   map[string][]string
	always  []string
	aliases []alias
	loaded  map[string]bool
	failed  []error
}

type alias struct {
	pattern, name string
}

// loadModules loads what is always needed and what drives the devices that are
// there. It returns how many were loaded; errors are collected.
func loadModules(c *console) (int, error) {
	f, err := os.Open(moduleList)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // a kernel with everything built in
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	m, err := readModules(bufio.NewScanner(f), moduleDir)
	if err != nil {
		return 0, err
	}
	for _, name := range m.always {
		m.load(name)
	}
	// A bus's driver brings devices of its own: look until there are no new
	// ones.
	for before := -1; before != len(m.loaded); {
		before = len(m.loaded)
		m.coldplug("/sys/devices")
	}
	return len(m.loaded), errors.Join(m.failed...)
}

func readModules(s *bufio.Scanner, dir string) (*modules, error) {
	m := &modules{dir: dir, needs: map[string][]string{}, loaded: map[string]bool{}}
	for s.Scan() {
		f := strings.Fields(s.Text())
		switch {
		case len(f) >= 2 && f[0] == "load":
			m.always = append(m.always, f[1])
			m.needs[f[1]] = f[2:]
		case len(f) >= 2 && f[0] == "have":
			m.needs[f[1]] = f[2:]
		case len(f) == 3 && f[0] == "alias":
			m.aliases = append(m.aliases, alias{f[1], f[2]})
		default:
			return nil, fmt.Errorf("module list: %q", s.Text())
		}
	}
	return m, s.Err()
}

// load loads a module behind what it needs. Each is tried once.
func (m *modules) load(name string) {
	if m.loaded[name] {
		return
	}
	m.loaded[name] = true
	for _, d := range m.needs[name] {
		m.load(d)
	}
	f, err := os.Open(filepath.Join(m.dir, name+".ko"))
	if err == nil {
		err = unix.FinitModule(int(f.Fd()), "", 0)
		f.Close()
	}
	if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENODEV) {
		m.failed = append(m.failed, fmt.Errorf("%s: %w", name, err))
	}
}

// coldplug loads the drivers of the devices below root.
func (m *modules) coldplug(root string) {
	_ = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() != "modalias" {
			return nil
		}
		if device := machine.Value(name); device != "" {
			for _, driver := range m.drivers(device) {
				m.load(driver)
			}
		}
		return nil
	})
}

// drivers returns the modules whose patterns match a device.
func (m *modules) drivers(device string) []string {
	var names []string
	for _, a := range m.aliases {
		if ok, _ := path.Match(a.pattern, device); ok {
			names = append(names, a.name)
		}
	}
	return names
}
