package kernel

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"weir/images/deb"
)

// Kernel is the contents of one package.
type Kernel struct {
	Release string // "6.1.0-56-amd64"
	Image   []byte // vmlinuz
	modules map[string]*Module
	builtin map[string]bool
}

// Module is one kernel module.
type Module struct {
	Name    string // with underscores, as the kernel shows it
	Data    []byte
	Depends []string
	Before  []string // modules that should be loaded before it where they are there
	Aliases []string // patterns of devices it drives
}

// Read reads a kernel package.
func Read(r io.Reader) (*Kernel, error) {
	k := &Kernel{modules: map[string]*Module{}, builtin: map[string]bool{}}
	err := deb.Visit(r, func(h *tar.Header, data io.Reader) error {
		base := path.Base(h.Name)
		switch {
		case h.Typeflag != tar.TypeReg:
			return nil
		case strings.HasPrefix(h.Name, "boot/vmlinuz-"):
			k.Release = strings.TrimPrefix(base, "vmlinuz-")
			var err error
			k.Image, err = io.ReadAll(data)
			return err
		case base == "modules.builtin":
			text, err := io.ReadAll(data)
			for line := range strings.Lines(string(text)) {
				k.builtin[moduleName(path.Base(strings.TrimSpace(line)))] = true
			}
			return err
		case strings.HasSuffix(base, ".ko"):
			text, err := io.ReadAll(data)
			if err != nil {
				return err
			}
			m, err := parse(moduleName(base), text)
			if err != nil {
				return fmt.Errorf("%s: %w", h.Name, err)
			}
			k.modules[m.Name] = m
		}
		return nil
	})
	if err == nil && k.Image == nil {
		err = errors.New("there is no kernel in the package")
	}
	return k, err
}

// moduleName is the name of a module by its file: the kernel takes - for _.
func moduleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".ko"), "-", "_")
}

// parse reads what a module says about itself: strings "key=value", each ended
// by a zero, in section .modinfo.
func parse(name string, data []byte) (*Module, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	s := f.Section(".modinfo")
	if s == nil {
		return nil, errors.New("there is no section .modinfo")
	}
	info, err := s.Data()
	if err != nil {
		return nil, err
	}
	m := &Module{Name: name, Data: data}
	for entry := range strings.SplitSeq(string(info), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case "depends":
			for d := range strings.SplitSeq(value, ",") {
				if d != "" {
					m.Depends = append(m.Depends, moduleName(d))
				}
			}
		case "softdep":
			if names, ok := strings.CutPrefix(value, "pre:"); ok {
				names, _, _ = strings.Cut(names, "post:")
				for d := range strings.FieldsSeq(names) {
					m.Before = append(m.Before, moduleName(d))
				}
			}
		case "alias":
			m.Aliases = append(m.Aliases, value)
		}
	}
	return m, nil
}

// Select returns the named modules and what they need, each behind what it
// depends on. Names that are built into the kernel are left out; names that
// are nowhere are an error that lists them.
func (k *Kernel) Select(names []string) ([]*Module, error) {
	s := selection{k: k, state: map[string]int{}}
	for _, n := range names {
		s.add(moduleName(n), n)
	}
	if len(s.missing) > 0 {
		return nil, fmt.Errorf("kernel %s has no module %s", k.Release, strings.Join(s.missing, ", "))
	}
	return s.order, nil
}

// selection is one walk over dependencies.
type selection struct {
	k       *Kernel
	state   map[string]int // 1: being added, 2: added
	order   []*Module
	missing []string
}

func (s *selection) add(name, wanted string) {
	if s.state[name] != 0 || s.k.builtin[name] {
		return // a circle is cut where it closes
	}
	m := s.k.modules[name]
	if m == nil {
		s.missing = append(s.missing, wanted)
		return
	}
	s.state[name] = 1
	for _, d := range m.Depends {
		s.add(d, d)
	}
	for _, d := range m.Before {
		if s.k.modules[d] != nil {
			s.add(d, d)
		} else if providers := s.k.providing(d); len(providers) > 0 {
			s.add(providers[0], d)
		}
	}
	s.state[name] = 2
	s.order = append(s.order, m)
}

// providing returns the modules that answer to a name, as crypto algorithms
// are asked for ("crypto-crc32c").
func (k *Kernel) providing(name string) []string {
	var found []string
	for _, m := range k.modules {
		if slices.ContainsFunc(m.Aliases, func(a string) bool { return moduleName(a) == name }) {
			found = append(found, m.Name)
		}
	}
	slices.Sort(found)
	return found
}

// Needs returns the modules of a selection that m depends on, in the order to
// load them, without m.
func Needs(m *Module, all []*Module) []string {
	var order []string
	var walk func(m *Module)
	walk = func(m *Module) {
		for _, d := range slices.Concat(m.Depends, m.Before) {
			i := slices.IndexFunc(all, func(o *Module) bool { return o.Name == d })
			if i < 0 || slices.Contains(order, d) {
				continue
			}
			walk(all[i])
			if !slices.Contains(order, d) {
				order = append(order, d)
			}
		}
	}
	walk(m)
	return order
}
