package file

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Every function here passes pointers to the kernel in the call expression,
// which keeps them alive and unmoved for the call: the only use unsafe has in
// this file. Names are checked to end in NUL, since the kernel reads up to it.

// ptr returns the address of a name. A name without NUL is a bug of the
// caller that would have the kernel read past the buffer.
func ptr(name []byte) unsafe.Pointer {
	if len(name) == 0 || name[len(name)-1] != 0 {
		panic("BUG: file name without NUL")
	}
	return unsafe.Pointer(unsafe.SliceData(name))
}

// Open opens name, which ends in NUL.
func Open(name []byte, f Flags) (fd int, e syscall.Errno) { return OpenAt(Cwd, name, f) }

// OpenAt opens name relative to the directory dir.
func OpenAt(dir int, name []byte, f Flags) (fd int, e syscall.Errno) {
	for {
		r, _, e := syscall.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(ptr(name)), uintptr(f), 0, 0, 0)
		if e == unix.EINTR { // a network file system may be interrupted
			continue
		}
		if e != 0 {
			return -1, e
		}
		return int(r), 0
	}
}

// Stat describes the file called name, which ends in NUL, following symbolic
// links.
func Stat(name []byte, i *Info) syscall.Errno { return StatAt(Cwd, name, true, i) }

// StatAt is Stat relative to the directory dir. follow false describes a
// symbolic link itself.
func StatAt(dir int, name []byte, follow bool, i *Info) syscall.Errno {
	var st unix.Stat_t
	flags := uintptr(unix.AT_SYMLINK_NOFOLLOW)
	if follow {
		flags = 0
	}
	_, _, e := syscall.Syscall6(unix.SYS_NEWFSTATAT, uintptr(dir), uintptr(ptr(name)),
		uintptr(unsafe.Pointer(&st)), flags, 0, 0)
	if e == 0 {
		i.set(&st)
	}
	return e
}

// Fstat describes an open file.
func Fstat(fd int, i *Info) syscall.Errno {
	var st unix.Stat_t
	_, _, e := syscall.Syscall(unix.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(&st)), 0)
	if e == 0 {
		i.set(&st)
	}
	return e
}

// Pread reads into p, which is not empty, from offset off. It returns 0 at
// the end of the file.
func Pread(fd int, p []byte, off int64) (int, syscall.Errno) {
	for {
		n, _, e := syscall.Syscall6(unix.SYS_PREAD64, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), uintptr(off), 0, 0)
		if e == unix.EINTR {
			continue
		}
		if e != 0 {
			return 0, e
		}
		return int(n), 0
	}
}

// ReadDir reads entries of the directory fd into p, which holds at least one
// (512 bytes do). It returns how many bytes were read, 0 at the end; Entry
// takes them apart.
func ReadDir(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.Syscall(unix.SYS_GETDENTS64, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// PreadCached is Pread that never waits for a disk: it reads what is in the
// page cache, and answers EAGAIN when nothing of it is, or when the file
// system cannot tell.
func PreadCached(fd int, p []byte, off int64) (int, syscall.Errno) {
	v := unix.Iovec{Base: unsafe.SliceData(p)}
	v.SetLen(len(p))
	n, _, e := syscall.RawSyscall6(unix.SYS_PREADV2, uintptr(fd),
		uintptr(unsafe.Pointer(&v)), 1, uintptr(off), 0, unix.RWF_NOWAIT)
	switch e {
	case 0:
		return int(n), 0
	case unix.EOPNOTSUPP, unix.ENOSYS, unix.EINVAL:
		return 0, unix.EAGAIN
	}
	return 0, e
}
