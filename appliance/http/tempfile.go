package http

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"weir/appliance/conf"
	"weir/netio/buf"
)

// TempFile is a temporary file: a request body, or a response that an
// upstream sends faster than the client takes it. It is removed from its
// directory at once unless it is to be seen by others.
type TempFile struct {
	buf.File
	Name  string
	Clean bool // remove Name when the file is closed
	f     *os.File
	size  int64
}

// tempNumber numbers temporary files of the process.
var tempNumber atomic.Uint32

// NewTempFile creates a file in d. keep leaves its name visible.
func NewTempFile(d conf.TempDir, keep bool) (*TempFile, error) {
	for range 1000 {
		name := tempName(d, tempNumber.Add(1))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrNotExist) {
			if err := os.MkdirAll(name[:strings.LastIndexByte(name, '/')], 0o700); err != nil {
				return nil, fmt.Errorf("mkdir() \"%s\" failed (%s)", name, errnoText(err))
			}
			continue
		}
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open() \"%s\" failed (%s)", name, errnoText(err))
		}
		if !keep {
			_ = os.Remove(name) // it stays reachable by its descriptor
		}
		t := &TempFile{Name: name, f: f}
		t.File.Init(int(f.Fd()), 0, t)
		return t, nil
	}
	return nil, fmt.Errorf("no free name for a temporary file in \"%s\"", d.Path)
}

// OpenBodyFile opens an existing file as one that a request body stands in.
func OpenBodyFile(name string) (*TempFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open() \"%s\" failed (%s)", name, errnoText(err))
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close() // it was not read
		return nil, fmt.Errorf("fstat() \"%s\" failed (%s)", name, errnoText(err))
	}
	t := &TempFile{Name: name, f: f, size: info.Size()}
	t.File.Init(int(f.Fd()), t.size, t)
	return t, nil
}

// tempName spreads numbers over the directory's levels: 0000000042 with
// levels 1 2 is 2/04/0000000042.
func tempName(d conf.TempDir, n uint32) string {
	digits := fmt.Sprintf("%010d", n)
	var b strings.Builder
	b.WriteString(d.Path)
	end := len(digits)
	for _, l := range d.Levels {
		if l == 0 {
			break
		}
		b.WriteByte('/')
		b.WriteString(digits[end-l : end])
		end -= l
	}
	b.WriteByte('/')
	b.WriteString(digits)
	return b.String()
}

// Append writes p at the end.
func (t *TempFile) Append(p []byte) error {
	n, err := t.f.WriteAt(p, t.size)
	t.size += int64(n)
	t.File.Size = t.size
	if err != nil {
		return fmt.Errorf("pwrite() \"%s\" failed (%s)", t.Name, errnoText(err))
	}
	return nil
}

// Len is the number of bytes written.
func (t *TempFile) Len() int64 { return t.size }

// ReadAt reads from the file, as io.ReaderAt.
func (t *TempFile) ReadAt(p []byte, off int64) (int, error) { return t.f.ReadAt(p, off) }

// Hold adds a reference and returns the file for a link.
func (t *TempFile) Hold() *buf.File { return t.File.Hold() }

// FileIdle implements buf.FileIdle: nobody holds the file any more.
func (t *TempFile) FileIdle(*buf.File) {
	_ = t.f.Close() // nothing written to it is wanted any more
	if t.Clean {
		_ = os.Remove(t.Name)
	}
}
