package fat

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func files() []File {
	fs := []File{
		{"EFI/BOOT/BOOTX64.EFI", bytes.Repeat([]byte("boot"), 5000)},
		{"EFI/Linux/weir_1.0+3.efi", bytes.Repeat([]byte("k"), 4096)},
		{"EFI/Linux/weir_1.0+2-1.efi", []byte("another whose short name begins alike")},
		{"loader/loader.conf", []byte("timeout 0\n")},
		{"empty", nil},
	}
	for i := range 200 { // a directory of several clusters
		fs = append(fs, File{fmt.Sprintf("many/a rather long name %d.txt", i), []byte{byte(i)}})
	}
	return fs
}

// sizes are one of each kind, and a FAT16 file system with 16-bit numbers of
// sectors.
var sizes = []int64{MinSize, 100 << 20, MinSize32}

func write(t *testing.T, size int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fat")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := Write(f, size, "WEIR", files()); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestFsckFindsNoFault(t *testing.T) {
	fsck, err := exec.LookPath("fsck.vfat")
	if err != nil {
		t.Skip("needs fsck.vfat (package dosfstools)")
	}
	for _, size := range sizes {
		if out, err := exec.Command(fsck, "-n", "-v", write(t, size)).CombinedOutput(); err != nil {
			t.Errorf("%d bytes: %v\n%s", size, err, out)
		}
	}
}

func TestMtoolsReadsTheFilesBack(t *testing.T) {
	mtype, err := exec.LookPath("mtype")
	if err != nil {
		t.Skip("needs mtype (package mtools)")
	}
	for _, size := range sizes {
		name := write(t, size)
		for _, f := range files()[:8] {
			out, err := exec.Command(mtype, "-i", name, "::/"+f.Name).Output()
			if err != nil || !bytes.Equal(out, f.Data) {
				t.Errorf("%d bytes: %s: %v, %d bytes, want %d", size, f.Name, err, len(out), len(f.Data))
			}
		}
	}
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	for _, size := range sizes {
		a, b := sum(t, write(t, size)), sum(t, write(t, size))
		if a != b {
			t.Errorf("two file systems of %d bytes of the same files differ", size)
		}
	}
}

// sum returns the parts of a file system in which anything is written.
func sum(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 4<<20)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// nowhere takes what is written and keeps nothing.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	for _, c := range []struct {
		size  int64
		label string
		files []File
		want  string
	}{
		{1 << 20, "WEIR", nil, "at least"},
		{MinSize, "much too long a label", nil, "at most 11"},
		{MinSize, "WEIR", []File{{"a", nil}, {"A", nil}}, "is there twice"},
		{MinSize, "WEIR", []File{{"a", nil}, {"a/b", nil}}, "a is a file"},
		{MinSize, "WEIR", []File{{"a:b", nil}}, "no name for a FAT"},
		{MinSize, "WEIR", []File{{"a", make([]byte, MinSize)}}, "do not fit"},
		{MinSize, "WEIR", many(300), "more than 512 entries"},
	} {
		if err := Write(nowhere{}, c.size, c.label, c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
}

// many are files of the root whose names take two entries each.
func many(n int) (all []File) {
	for i := range n {
		all = append(all, File{fmt.Sprintf("file %d", i), nil})
	}
	return all
}

func TestShortNamesAreUnique(t *testing.T) {
	root, err := tree(files())
	if err != nil {
		t.Fatal(err)
	}
	var walk func(n *node)
	walk = func(n *node) {
		seen := map[[11]byte]string{}
		for _, c := range n.children {
			if other, ok := seen[c.short]; ok {
				t.Errorf("%s and %s are both %q", other, c.name, c.short)
			}
			seen[c.short] = c.name
			walk(c)
		}
	}
	walk(root)
}
