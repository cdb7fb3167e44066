package setting

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"weir/tuning/machine"
)

var (
	// ErrAbsent says that this kernel or device has no such value, or not
	// in this network namespace.
	ErrAbsent = errors.New("not there")
	// ErrReadOnly says that it may not be changed: for lack of rights, or
	// in a container.
	ErrReadOnly = errors.New("read-only")
	// ErrNotOffered says that the kernel has the setting but not the value:
	// a module is missing, or the device cannot do it.
	ErrNotOffered = errors.New("not offered by this kernel or device")
)

// Value is one value of the machine.
type Value interface {
	// Read returns the value with single spaces between its fields. The
	// error is ErrAbsent where there is none.
	Read() (string, error)
	// Write changes it at once. The error wraps ErrAbsent, ErrReadOnly or
	// ErrNotOffered where that is the reason.
	Write(value string) error
}

// Open returns the value with this ID; the error says that the ID is none.
func Open(r machine.Roots, id string) (Value, error) {
	kind, rest, ok := strings.Cut(id, " ")
	if !ok || rest == "" || strings.Contains(rest, "..") {
		return nil, fmt.Errorf("%q names no setting", id)
	}
	switch kind {
	case "sysctl":
		return file(filepath.Join(r.Proc, "sys", strings.ReplaceAll(rest, ".", "/"))), nil
	case "choice":
		return choice(filepath.Join(r.Sys, rest)), nil
	case "sys":
		return file(filepath.Join(r.Sys, rest)), nil
	case "irq":
		return file(filepath.Join(r.Proc, "irq", rest, "smp_affinity_list")), nil
	case "ethtool":
		if name, what, ok := strings.Cut(rest, " "); ok {
			return openDevice(name, what)
		}
	}
	return nil, fmt.Errorf("%q names no setting", id)
}

// file is a value with a file of its own.
type file string

func (f file) Read() (string, error) {
	b, err := os.ReadFile(string(f))
	if err != nil {
		return "", reason(err)
	}
	return Tidy(string(b)), nil
}

func (f file) Write(value string) error {
	// Not O_CREATE: what is absent stays absent.
	w, err := os.OpenFile(string(f), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return reason(err)
	}
	_, err = w.WriteString(value + "\n")
	if e := w.Close(); err == nil {
		err = e
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("%w: %q", ErrNotOffered, value)
	}
	return reason(err)
}

// choice is a file that lists what it may be.
type choice string

func (c choice) Read() (string, error) {
	text, err := file(c).Read()
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(text, "[")
	word, _, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return "", fmt.Errorf("%s: %q marks no choice", string(c), text)
	}
	return word, nil
}

func (c choice) Write(value string) error { return file(c).Write(value) }

// Tidy brings a value into the form it is compared in: single spaces between
// fields, and processor masks without the commas and leading zeros that
// depend on the number of processors.
func Tidy(s string) string {
	fields := strings.Fields(s)
	for i, f := range fields {
		if strings.Contains(f, ",") && strings.Trim(f, "0123456789abcdef,") == "" {
			f = strings.TrimLeft(strings.ReplaceAll(f, ",", ""), "0")
			if f == "" {
				f = "0"
			}
			fields[i] = f
		}
	}
	return strings.Join(fields, " ")
}

// reason sorts an error of the kernel into ours.
func reason(err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOTDIR):
		return ErrAbsent
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	}
	return err
}
