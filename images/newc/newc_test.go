package newc

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func archive(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	w.Dir("etc", 0o755)
	w.File("etc/odd", 0o600, []byte("12345"))
	w.File("init", 0o755, []byte("#!"))
	w.Link("bin", "/usr/bin")
	w.Char("console", 0o600, 5, 1)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(archive(t), archive(t)) {
		t.Error("two archives of the same files differ")
	}
}

func TestEveryPartIsAligned(t *testing.T) {
	data := archive(t)
	for off := 0; ; {
		if off%4 != 0 || string(data[off:off+6]) != "070701" {
			t.Fatalf("no header at %d", off)
		}
		var size, name int
		if _, err := parse(data[off+54:off+62], &size); err != nil {
			t.Fatal(err)
		}
		if _, err := parse(data[off+94:off+102], &name); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(data[off+110:]), "TRAILER!!!") {
			return
		}
		off = (off + 110 + name + 3) &^ 3
		off = (off + size + 3) &^ 3
	}
}

func parse(hex []byte, v *int) (int, error) {
	for _, c := range hex {
		*v = *v<<4 | strings.IndexByte("0123456789ABCDEF", c)
	}
	return *v, nil
}

func TestCpioUnpacksIt(t *testing.T) {
	cpio, err := exec.LookPath("cpio")
	if err != nil {
		t.Skip("needs cpio")
	}
	dir := t.TempDir()
	cmd := exec.Command(cpio, "-idm", "--quiet", "etc*", "init", "bin")
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(archive(t))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "etc/odd")); string(got) != "12345" {
		t.Errorf("etc/odd is %q", got)
	}
	if got, _ := os.Readlink(filepath.Join(dir, "bin")); got != "/usr/bin" {
		t.Errorf("bin leads to %q", got)
	}
}
