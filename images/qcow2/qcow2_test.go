package qcow2

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// disk is 600 MB with something at the beginning, in the middle and at the end.
func disk(t *testing.T) (*os.File, int64) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "raw"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	const size = 600 << 20
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 512<<20 + 77, size - 1} {
		if _, err := f.WriteAt([]byte("x"), at); err != nil {
			t.Fatal(err)
		}
	}
	return f, size
}

func TestQemuFindsNoFaultAndReadsTheSameBytes(t *testing.T) {
	qemu, err := exec.LookPath("qemu-img")
	if err != nil {
		t.Skip("needs qemu-img (package qemu-utils)")
	}
	f, size := disk(t)
	name := filepath.Join(t.TempDir(), "disk.qcow2")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(out, f, size); err != nil {
		t.Fatal(err)
	}
	out.Close()
	if text, err := exec.Command(qemu, "check", name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
	if text, err := exec.Command(qemu, "compare", f.Name(), name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestTheSameDiskGivesTheSameSmallFile(t *testing.T) {
	f, size := disk(t)
	var a, b bytes.Buffer
	if err := Write(&a, f, size); err != nil {
		t.Fatal(err)
	}
	if err := Write(&b, f, size); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two writings differ")
	}
	if a.Len() > 1<<20 {
		t.Errorf("three clusters of data became %d bytes", a.Len())
	}
}

func TestOddSizesAreRefused(t *testing.T) {
	for _, size := range []int64{0, 1000} {
		if Write(&bytes.Buffer{}, bytes.NewReader(nil), size) == nil {
			t.Errorf("%d bytes were taken", size)
		}
	}
}
