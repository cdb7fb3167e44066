package sparsetest

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Size is that of the disk that formats are tried with, in bytes.
const Size = 600 << 20

// disk is mostly a hole, with something at the beginning, in the middle and at
// the end.
func disk(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "raw"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(Size); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 512<<20 + 77, Size - 1} {
		if _, err := f.WriteAt([]byte("x"), at); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// Write writes a disk of size bytes in a format.
type Write func(w io.Writer, r io.ReaderAt, size int64) error

// Check holds what every format promises: QEMU, which calls it format, reads
// the same bytes back, holes take no room, and two writings are the same.
func Check(t *testing.T, format string, write Write) {
	f := disk(t)
	var a, b bytes.Buffer
	for _, out := range []*bytes.Buffer{&a, &b} {
		if err := write(out, f, Size); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writings of the same disk differ")
	}
	if a.Len() > 7<<20 { // three of the largest units and tables
		t.Errorf("three bytes became %d", a.Len())
	}
	qemu, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("needs qemu-img (package qemu-utils)")
	}
	name := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(name, a.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if format != "vpc" { // there is no check for it
		if text, err := exec.Command(qemu, "check", "-f", format, name).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	text, err := exec.Command(qemu, "compare", "-f", "raw", "-F", format, f.Name(), name).CombinedOutput()
	if err != nil || strings.Contains(string(text), "mismatch") { // of the sizes
		t.Errorf("%v\n%s", err, text)
	}
}
