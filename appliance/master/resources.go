package master

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
)

// errLogged is returned by steps that have logged what went wrong.
var errLogged = errors.New("logged")

func errnoOf(err error) syscall.Errno {
	var e syscall.Errno
	errors.As(err, &e)
	return e
}

func emerg(format string, args ...any) error {
	errlog.Default().Printf(errlog.Emerg, 0, format, args...)
	return errLogged
}

// makeTempPaths makes the temporary directories and gives them to the user.
func makeTempPaths(c *cycle.Cycle) error {
	for _, d := range c.TempPaths {
		if err := makeTempPath(d, c.Core.User); err != nil {
			return err
		}
	}
	return nil
}

func makeTempPath(d conf.TempDir, u cycle.User) error {
	if err := unix.Mkdir(d.Path, 0o700); err != nil && err != unix.EEXIST {
		return emerg("mkdir() %q failed%s", d.Path, errlog.ErrnoText(err))
	}
	if !u.Set {
		return nil
	}
	info, err := os.Stat(d.Path)
	if err != nil {
		return emerg("stat() %q failed%s", d.Path, errlog.ErrnoText(err))
	}
	if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != u.UID {
		if err := unix.Chown(d.Path, u.UID, -1); err != nil {
			return emerg("chown(%q, %d) failed%s", d.Path, u.UID, errlog.ErrnoText(err))
		}
	}
	if info.Mode().Perm()&0o700 != 0o700 {
		if err := os.Chmod(d.Path, info.Mode().Perm()|0o700); err != nil {
			return emerg("chmod() %q failed%s", d.Path, errlog.ErrnoText(err))
		}
	}
	return nil
}

// openFiles opens all log files of c, those that were open anew.
func openFiles(c *cycle.Cycle) error {
	fds := make([]int, 0, len(c.Files()))
	for _, f := range c.Files() {
		fd, err := openFile(f)
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			return emerg("open() %q failed%s", f.Path, errlog.ErrnoText(err))
		}
		fds = append(fds, fd)
	}
	for i, f := range c.Files() {
		if err := f.Reopen(fds[i]); err != nil {
			return emerg("dup3() %q failed%s", f.Path, errlog.ErrnoText(err))
		}
	}
	return nil
}

func openFile(f *errlog.File) (int, error) {
	if f.Secret {
		return openMode(f.Path, 0o600)
	}
	return openLog(f.Path)
}

// reopenFiles is openFiles for USR1: a file that cannot be opened stays as it
// is, the others are reopened.
func reopenFiles(c *cycle.Cycle) {
	for _, f := range c.Files() {
		fd, err := openFile(f)
		if err == nil {
			err = f.Reopen(fd)
		}
		if err != nil {
			_ = emerg("open() %q failed%s", f.Path, errlog.ErrnoText(err))
		}
	}
}

// logs lists the paths and descriptors of c's log files for the server.
func logs(c *cycle.Cycle) (paths [][]byte, fds []int) {
	for _, f := range c.Files() {
		if fd := f.FD(); fd >= 0 {
			paths = append(paths, []byte(f.Path))
			fds = append(fds, fd)
		}
	}
	return paths, fds
}
