package master

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/appliance/errlog"
)

// daemonVar tells a process that it was started to run in the background, and
// which descriptor the foreground process waits at.
const daemonVar = "WEIR_DAEMON"

// foreground is the background process's line to the one in the foreground.
type foreground struct {
	pipe *os.File
}

// daemonize starts this command line again in a session of its own and waits
// until everything is bound there. Go's runtime has threads from the first
// moment on, so a fork without exec is not to be had. It returns the exit code.
func daemonize() int {
	r, w, err := os.Pipe()
	if err != nil {
		_ = emerg("pipe() failed%s", errlog.ErrnoText(err))
		return 1
	}
	cmd := &exec.Cmd{
		Path:        "/proc/self/exe",
		Args:        os.Args,
		Env:         append(os.Environ(), daemonVar+"=3"),
		Stdout:      os.Stdout,
		Stderr:      os.Stderr, // what goes wrong until then is printed by the child
		ExtraFiles:  []*os.File{w},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		_ = emerg("starting the background process failed%s", errlog.ErrnoText(err))
		return 1
	}
	w.Close()
	said, _ := io.ReadAll(r)
	if string(said) == readyWord {
		return 0
	}
	_ = cmd.Wait()
	return 1
}

// readyWord is what the background process says when everything is bound.
const readyWord = "ready"

// daemonChild is set in a process that daemonize has started.
func daemonChild() *foreground {
	fd, err := strconv.Atoi(os.Getenv(daemonVar))
	if err != nil {
		return nil
	}
	unix.CloseOnExec(fd)
	return &foreground{os.NewFile(uintptr(fd), "daemon")}
}

// ready lets the foreground process end, and lets go of its terminal.
func (d *foreground) ready() {
	if d == nil {
		return
	}
	_, _ = d.pipe.WriteString(readyWord)
	d.pipe.Close()
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer null.Close()
	for fd := range 2 { // standard error goes to the error log, or is the error log
		_ = unix.Dup3(int(null.Fd()), fd, 0)
	}
}

func dupFile(fd int) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(n), "listener"), nil
}
