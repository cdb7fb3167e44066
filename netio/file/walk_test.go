package file

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestWalkFollowsNoForbiddenLink(t *testing.T) {
	d := tree(t)
	for _, err := range []error{
		os.WriteFile(filepath.Join(d, "dir/in"), []byte("in"), 0o600),
		os.Symlink("dir", filepath.Join(d, "dirlink")),
		os.Symlink("/etc/hostname", filepath.Join(d, "foreign")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	foreign := syscall.Errno(0)
	if os.Getuid() != 0 {
		foreign = syscall.ELOOP // /etc/hostname belongs to root
	}
	for _, c := range []struct {
		name  string
		from  int
		links Links
		want  syscall.Errno
	}{
		{"file", 0, LinksNone, 0},
		{"dir/in", 0, LinksNone, 0},
		{"dir//in", 0, LinksNone, 0},
		{"dir/", 0, LinksNone, 0},
		{"file/", 0, LinksNone, syscall.ENOTDIR},
		{"link", 0, LinksNone, syscall.ELOOP},
		{"dirlink/in", 0, LinksNone, syscall.ENOTDIR},
		{"dirlink/in", len(d) + 8, LinksNone, 0},
		{"none", 0, LinksNone, syscall.ENOENT},
		{"file", 0, LinksOwned, 0},
		{"link", 0, LinksOwned, 0},
		{"dirlink/in", 0, LinksOwned, 0},
		{"dangling", 0, LinksOwned, syscall.ENOENT},
		{"foreign", 0, LinksOwned, foreign},
		{"foreign", 0, LinksNone, syscall.ELOOP},
	} {
		name := append([]byte(d+"/"+c.name), 0)
		before := string(name)
		fd, failed, e := OpenWalk(name, c.from, c.links, Read)
		if e != c.want {
			t.Errorf("OpenWalk(%s, %d, %d) = %v, want %v", c.name, c.from, c.links, e, c.want)
		}
		if e == 0 {
			Close(fd)
		} else if failed != "openat()" {
			t.Errorf("%s: the call that failed is %q", c.name, failed)
		}
		if string(name) != before {
			t.Errorf("the name was left as %q, want %q", name, before)
		}
	}
}

func TestWalkLeavesNoDescriptors(t *testing.T) {
	d := tree(t)
	count := func() int {
		list, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return len(list)
	}
	before := count()
	for _, n := range []string{"/file", "/link", "/dir/none", "/dir/none/x", "/dangling"} {
		for _, l := range []Links{LinksNone, LinksOwned} {
			if fd, _, e := OpenWalk(append([]byte(d+n), 0), 0, l, Read); e == 0 {
				Close(fd)
			}
		}
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors open, want %d", after, before)
	}
}
