package errlog

import (
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is an open log file that can be reopened under the same descriptor
// number. Error logs and access logs share it. One File exists per path and
// process: generations of the configuration carry it over.
type File struct {
	// Path is the full path as opened; immutable.
	Path string
	// Secret files are made so that their owner alone reads them; set before
	// the file is opened.
	Secret bool

	d *descriptor
}

// descriptor is apart from File so that the clean-up of an unreachable File
// can still close it.
type descriptor struct {
	fd   atomic.Int64 // -1 until opened
	full atomic.Int64 // Unix second of the last ENOSPC: no writes within it
}

// NewFile makes the File of a path; it swallows lines until Reopen gives it a
// descriptor. The descriptor is closed when nothing refers to the File any
// more: a request of an old generation can go on logging without a count.
func NewFile(path string) *File {
	f := &File{Path: path, d: new(descriptor)}
	f.d.fd.Store(-1)
	runtime.AddCleanup(f, func(d *descriptor) {
		if fd := d.fd.Swap(-1); fd >= 0 {
			_ = syscall.Close(int(fd))
		}
	}, f.d)
	return f
}

// Reopen makes fd, which it takes over, the file behind f. The number that
// writers use stays the same (dup3), so none of them can hit a closed or
// reused descriptor.
func (f *File) Reopen(fd int) error {
	if f.d.fd.CompareAndSwap(-1, int64(fd)) {
		unix.CloseOnExec(fd)
		return nil
	}
	err := unix.Dup3(fd, int(f.d.fd.Load()), unix.O_CLOEXEC)
	_ = unix.Close(fd)
	return err
}

// FD is the descriptor to write to, -1 before the first Reopen. It stays the
// same for the life of f; the caller keeps f reachable while it uses it.
func (f *File) FD() int { return int(f.d.fd.Load()) }

// Write hands p to the file with one write(2) and returns what that returned.
// After ENOSPC it is silent for the rest of the second, as nginx is: a full
// disk must not slow the workers.
func (f *File) Write(p []byte) (int, error) {
	fd := f.d.fd.Load()
	if fd < 0 || len(p) == 0 {
		return len(p), nil
	}
	if full := f.d.full.Load(); full != 0 && full == now().Unix() {
		return 0, syscall.ENOSPC
	}
	n, err := unix.Write(int(fd), p)
	if err == unix.ENOSPC {
		f.d.full.Store(now().Unix())
	}
	runtime.KeepAlive(f)
	return n, err
}
