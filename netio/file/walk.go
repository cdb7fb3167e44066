package file

import (
	"bytes"
	"syscall"

	"golang.org/x/sys/unix"
)

// Links says which symbolic links OpenWalk goes through.
type Links uint8

// Values of Links.
const (
	LinksNone  Links = iota // none: any component that is a link fails with ELOOP
	LinksOwned              // those with the owner of what they lead to
)

var (
	rootDir = []byte("/\x00")
	thisDir = []byte(".\x00")
)

// OpenWalk opens name component by component, so that no symbolic link is
// followed that links forbids. The first from bytes of name are taken as they
// are; name[from] is a slash. name ends in NUL; slashes in it are overwritten
// during the call and are back when it returns. failed is the call that the
// errno is of, open() or openat().
func OpenWalk(name []byte, from int, links Links, f Flags) (fd int, failed string, e syscall.Errno) {
	p := 0
	dir := Cwd
	switch {
	case from > 0:
		name[from] = 0
		dir, e = Open(name[:from+1], Path)
		name[from] = '/'
		if e != 0 {
			return -1, "open()", e
		}
		p = from + 1
	case name[0] == '/':
		if dir, e = Open(rootDir, Path); e != 0 {
			return -1, "openat()", e
		}
		p = 1
	}
	fd, e = walk(dir, name[p:], links, f)
	return fd, "openat()", e
}

// walk opens rest below dir, which it closes.
func walk(dir int, rest []byte, links Links, f Flags) (fd int, e syscall.Errno) {
	defer func() { closeDir(dir) }()
	for {
		i := bytes.IndexByte(rest, '/')
		if i < 0 {
			break
		}
		if i == 0 {
			rest = rest[1:]
			continue
		}
		rest[i] = 0
		next, e := openPart(dir, rest[:i+1], links, Path)
		rest[i] = '/'
		if e != 0 {
			return -1, e
		}
		closeDir(dir)
		dir, rest = next, rest[i+1:]
	}
	if len(rest) == 1 { // the name ends in a slash: it must be a directory
		return OpenAt(dir, thisDir, f)
	}
	return openPart(dir, rest, links, f)
}

func closeDir(fd int) {
	if fd != Cwd {
		Close(fd)
	}
}

// openPart opens one component. For LinksOwned it opens through a link and
// then compares owners, whether a link was seen or not: it may have been put
// there between the two calls.
func openPart(dir int, name []byte, links Links, f Flags) (fd int, e syscall.Errno) {
	if links == LinksNone {
		return OpenAt(dir, name, f|NoFollow|noLinkPath(f))
	}
	if fd, e = OpenAt(dir, name, f); e != 0 {
		return -1, e
	}
	var link, target Info
	if e = StatAt(dir, name, false, &link); e == 0 {
		e = Fstat(fd, &target)
	}
	if e == 0 && link.UID != target.UID {
		e = unix.ELOOP
	}
	if e != 0 {
		Close(fd)
		return -1, e
	}
	return fd, 0
}

// noLinkPath makes a path descriptor fail on a link: without O_DIRECTORY,
// O_PATH with O_NOFOLLOW would open the link itself.
func noLinkPath(f Flags) Flags {
	if f&Path == Path {
		return Dir
	}
	return 0
}
