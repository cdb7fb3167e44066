package deb

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sample() *Package {
	return &Package{
		Control: "Package: weir-test\nVersion: 1.0\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\nDescription: a test\n",
		Scripts: map[string]string{"postinst": "#!/bin/sh\nexit 0\n"},
		Files: []File{
			{Name: "usr/sbin/weir", Mode: 0o755, Data: []byte("binary")},
			{Name: "etc/weir/nginx.conf", Mode: 0o644, Data: []byte("events {}\n"), Conf: true},
			{Name: "usr/sbin/alias", Link: "weir"},
			{Name: "var/empty", Mode: 0o1777, Dir: true},
		},
		Time: time.Unix(1700000000, 0),
	}
}

func pack(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	got := map[string]string{}
	err := Visit(bytes.NewReader(pack(t)), func(h *tar.Header, r io.Reader) error {
		data, err := io.ReadAll(r)
		got[h.Name] = string(data) + h.Linkname
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"usr/sbin/weir": "binary", "etc/weir/nginx.conf": "events {}\n", "usr/sbin/alias": "weir"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestTheSameFilesGiveTheSameBytes(t *testing.T) {
	if !bytes.Equal(pack(t), pack(t)) {
		t.Error("two packages of the same files differ")
	}
}

func TestDpkgReadsIt(t *testing.T) {
	dpkg, err := exec.LookPath("dpkg-deb")
	if err != nil {
		t.Skip("needs dpkg-deb")
	}
	name := filepath.Join(t.TempDir(), "weir.deb")
	if err := os.WriteFile(name, pack(t), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(dpkg, "-I", name).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "conffiles") || !strings.Contains(string(out), "Installed-Size: 2") {
		t.Errorf("dpkg-deb -I: %v\n%s", err, out)
	}
	out, err = exec.Command(dpkg, "-c", name).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "-rwxr-xr-x root/root") || !strings.Contains(string(out), "./usr/sbin/alias -> weir") ||
		!strings.Contains(string(out), "drwxrwxrwt root/root") {
		t.Errorf("dpkg-deb -c: %v\n%s", err, out)
	}
}

func TestDamagedPackagesAreRefused(t *testing.T) {
	good := pack(t)
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"empty", nil},
		{"not an archive", []byte("hello, world, this is text")},
		{"cut in a header", good[:80]},
		{"cut in the data", good[:len(good)-40]},
		{"no data", []byte(arMagic + "debian-binary   0           0     0     100644  4         `\n2.0\n")},
		{"negative size", []byte(arMagic + "data.tar        0           0     0     100644  -4        `\n2.0\n")},
	} {
		err := Visit(bytes.NewReader(c.data), func(_ *tar.Header, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
}

func FuzzVisit(f *testing.F) {
	var b bytes.Buffer
	if err := sample().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = Visit(bytes.NewReader(data), func(_ *tar.Header, r io.Reader) error {
			_, err := io.Copy(io.Discard, io.LimitReader(r, 1<<20))
			return err
		})
	})
}
