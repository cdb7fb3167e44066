package file

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Flags say how Open opens.
type Flags int

// Flags of Open and OpenAt. Every open is for reading, does not wait for the
// other side of a FIFO and is closed on exec.
const (
	Read     Flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
	NoFollow Flags = unix.O_NOFOLLOW // fails with ELOOP when the last component is a symbolic link
	Dir      Flags = unix.O_DIRECTORY
	// Path gives a descriptor that is only good for Stat and as the
	// directory of OpenAt: search permission is enough for it.
	Path Flags = unix.O_PATH | unix.O_NONBLOCK | unix.O_CLOEXEC
)

// Cwd as the directory of OpenAt and StatAt is the working directory.
const Cwd = unix.AT_FDCWD

// Info is what Stat tells of a file.
type Info struct {
	Size   int64  // bytes
	Blocks int64  // 512-byte blocks on the disk
	Mtime  int64  // Unix seconds
	Ino    uint64 // number of the file in its file system
	Mode   uint32 // type and permission bits
	UID    uint32 // owner
}

// IsDir reports whether it is a directory.
func (i *Info) IsDir() bool { return i.Mode&unix.S_IFMT == unix.S_IFDIR }

// IsRegular reports whether it is a regular file.
func (i *Info) IsRegular() bool { return i.Mode&unix.S_IFMT == unix.S_IFREG }

// IsLink reports whether it is a symbolic link, which only StatAt without
// following shows.
func (i *Info) IsLink() bool { return i.Mode&unix.S_IFMT == unix.S_IFLNK }

// IsExec reports whether the owner may execute it.
func (i *Info) IsExec() bool { return i.Mode&unix.S_IXUSR != 0 }

func (i *Info) set(st *unix.Stat_t) {
	i.Size, i.Blocks, i.Mtime = st.Size, st.Blocks, int64(st.Mtim.Sec)
	i.Ino, i.Mode, i.UID = st.Ino, st.Mode, st.Uid
}

// Kind is the type of a directory entry as far as the directory tells.
type Kind uint8

// Kinds of entries that callers look at; others are none of these.
const (
	KindUnknown Kind = unix.DT_UNKNOWN // the file system does not say: use StatAt
	KindDir     Kind = unix.DT_DIR
	KindFile    Kind = unix.DT_REG
	KindLink    Kind = unix.DT_LNK
)

// direntHead is what stands before the name in an entry of getdents64:
// d_ino (8), d_off (8), d_reclen (2), d_type (1).
const direntHead = 19

// Entry takes the first entry off what ReadDir has read. name points into
// entries, without its NUL; it is empty when nothing is left. The entries "."
// and ".." are among them.
func Entry(entries []byte) (name []byte, kind Kind, rest []byte) {
	if len(entries) < direntHead {
		return nil, KindUnknown, nil
	}
	n := int(entries[16]) | int(entries[17])<<8
	if n < direntHead || n > len(entries) {
		return nil, KindUnknown, nil
	}
	name = entries[direntHead:n]
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	return name, Kind(entries[18]), entries[n:]
}

// Close closes a descriptor.
func Close(fd int) syscall.Errno {
	_, _, e := syscall.Syscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}
