package file

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

func z(parts ...string) []byte { return append([]byte(filepath.Join(parts...)), 0) }

// tree makes a directory with a file, a directory, and links.
func tree(t testing.TB) string {
	t.Helper()
	d := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(d, "file"), []byte("0123456789"), 0o640),
		os.Chmod(filepath.Join(d, "file"), 0o640),
		os.Mkdir(filepath.Join(d, "dir"), 0o755),
		os.Symlink("file", filepath.Join(d, "link")),
		os.Symlink("nowhere", filepath.Join(d, "dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func TestOpenAnswersByErrno(t *testing.T) {
	d := tree(t)
	for _, c := range []struct {
		name  string
		flags Flags
		want  syscall.Errno
	}{
		{"file", Read, 0},
		{"dir", Read, 0},
		{"dir", Path | Dir, 0},
		{"file", Path | Dir, syscall.ENOTDIR},
		{"link", Read, 0},
		{"link", Read | NoFollow, syscall.ELOOP},
		{"dangling", Read, syscall.ENOENT},
		{"none", Read, syscall.ENOENT},
		{"file/below", Read, syscall.ENOTDIR},
	} {
		fd, e := Open(z(d, c.name), c.flags)
		if e != c.want {
			t.Errorf("Open(%s, %x) = %v, want %v", c.name, c.flags, e, c.want)
		}
		if e == 0 {
			if e := Close(fd); e != 0 {
				t.Errorf("Close: %v", e)
			}
		}
	}
}

func TestStatTellsWhatAFileIs(t *testing.T) {
	d := tree(t)
	dir, e := Open(z(d), Read|Dir)
	if e != 0 {
		t.Fatal(e)
	}
	defer Close(dir)
	for _, c := range []struct {
		name             string
		follow           bool
		dir, file, link  bool
		size             int64
		exec             bool
		sizeMatters      bool
		executableMatter bool
	}{
		{name: "file", follow: true, file: true, size: 10, sizeMatters: true, executableMatter: true},
		{name: "dir", follow: true, dir: true, exec: true, executableMatter: true},
		{name: "link", follow: true, file: true, size: 10, sizeMatters: true},
		{name: "link", follow: false, link: true},
	} {
		var i Info
		if e := StatAt(dir, z(c.name), c.follow, &i); e != 0 {
			t.Fatalf("%s: %v", c.name, e)
		}
		if i.IsDir() != c.dir || i.IsRegular() != c.file || i.IsLink() != c.link {
			t.Errorf("%s, follow %v: mode %o", c.name, c.follow, i.Mode)
		}
		if c.sizeMatters && i.Size != c.size || c.executableMatter && i.IsExec() != c.exec {
			t.Errorf("%s: size %d, exec %v, want %d, %v", c.name, i.Size, i.IsExec(), c.size, c.exec)
		}
		fi, err := os.Lstat(filepath.Join(d, c.name))
		if err != nil {
			t.Fatal(err)
		}
		if st := fi.Sys().(*syscall.Stat_t); !c.follow && (i.Ino != st.Ino || i.UID != st.Uid || i.Mtime != fi.ModTime().Unix()) {
			t.Errorf("%s: got %+v, want ino %d uid %d mtime %d", c.name, i, st.Ino, st.Uid, fi.ModTime().Unix())
		}
	}
	if e := Stat(z(d, "none"), new(Info)); e != syscall.ENOENT {
		t.Errorf("Stat of nothing: %v", e)
	}
}

func TestPreadReadsFromTheOffset(t *testing.T) {
	d := tree(t)
	fd, e := Open(z(d, "file"), Read)
	if e != 0 {
		t.Fatal(e)
	}
	var p [8]byte
	for _, c := range []struct {
		off  int64
		want string
	}{{0, "01234567"}, {5, "56789"}, {10, ""}, {99, ""}} {
		n, e := Pread(fd, p[:], c.off)
		if e != 0 || string(p[:n]) != c.want {
			t.Errorf("Pread at %d = %q, %v, want %q", c.off, p[:n], e, c.want)
		}
	}
	Close(fd)
	if _, e := Pread(fd, p[:], 0); e != syscall.EBADF {
		t.Errorf("Pread of a closed file: %v", e)
	}
}

func TestPreadCachedAnswersOrSaysAgain(t *testing.T) {
	d := tree(t)
	fd, e := Open(z(d, "file"), Read)
	if e != 0 {
		t.Fatal(e)
	}
	defer Close(fd)
	var p [8]byte
	n, e := PreadCached(fd, p[:], 2)
	switch {
	case e == syscall.EAGAIN: // a file system that cannot tell
	case e != 0 || string(p[:n]) != "23456789":
		t.Errorf("PreadCached = %q, %v, want 23456789", p[:n], e)
	}
	if n, e := PreadCached(fd, p[:], 10); n != 0 || e != 0 && e != syscall.EAGAIN {
		t.Errorf("PreadCached at the end = %d, %v, want 0", n, e)
	}
}

func TestReadDirFindsEveryEntryInPieces(t *testing.T) {
	d := tree(t)
	want := []string{".", "..", "dangling", "dir", "file", "link"}
	for i := range 100 {
		name := "a-longer-name-" + strconv.Itoa(i)
		want = append(want, name)
		if err := os.WriteFile(filepath.Join(d, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fd, e := Open(z(d), Read|Dir)
	if e != 0 {
		t.Fatal(e)
	}
	defer Close(fd)
	var got []string
	p := make([]byte, 512)
	for {
		n, e := ReadDir(fd, p)
		if e != 0 {
			t.Fatal(e)
		}
		if n == 0 {
			break
		}
		for name, kind, rest := Entry(p[:n]); len(name) > 0; name, kind, rest = Entry(rest) {
			got = append(got, string(name))
			if string(name) == "dir" && kind != KindDir && kind != KindUnknown {
				t.Errorf("dir has kind %d", kind)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNamesWithoutNULAreRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a name without NUL went to the kernel")
		}
	}()
	Open([]byte("/etc"), Read)
}

func TestCallsDoNotAllocate(t *testing.T) {
	d := tree(t)
	name, dir := z(d, "file"), z(d)
	var p [512]byte
	got := testing.AllocsPerRun(100, func() {
		var i Info
		fd, _ := Open(name, Read)
		Fstat(fd, &i)
		Stat(name, &i)
		Pread(fd, p[:], 0)
		PreadCached(fd, p[:], 0)
		Close(fd)
		fd, _ = Open(dir, Read|Dir)
		n, _ := ReadDir(fd, p[:])
		Entry(p[:n])
		Close(fd)
	})
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}
