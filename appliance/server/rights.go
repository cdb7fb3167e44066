package server

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/appliance/errlog"
)

// setEnvironment makes the environment what the env directives allow.
func setEnvironment(env [][]byte) {
	os.Clearenv()
	for _, e := range env {
		if name, value, ok := strings.Cut(string(e), "="); ok {
			_ = os.Setenv(name, value)
		}
	}
}

// become takes the rights of the configured user, for good and on all threads.
func become(o *Order) error {
	if o.Priority != 0 {
		setPriority(o.Priority)
	}
	if u := o.User; u.Set {
		if err := syscall.Setgroups(u.Groups); err != nil {
			return fmt.Errorf("setgroups(%d) failed%s", u.GID, errlog.ErrnoText(err))
		}
		if err := syscall.Setgid(u.GID); err != nil {
			return fmt.Errorf("setgid(%d) failed%s", u.GID, errlog.ErrnoText(err))
		}
		// From root to another user this clears all capabilities.
		if err := syscall.Setuid(u.UID); err != nil {
			return fmt.Errorf("setuid(%d) failed%s", u.UID, errlog.ErrnoText(err))
		}
	}
	// ENOTSUP: built with cgo, as the race detector wants it, where only the C
	// library may act on all threads.
	_, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if e != 0 && e != syscall.ENOTSUP {
		return fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS) failed%s", errlog.ErrnoText(e))
	}
	if o.Cores {
		// The change of user has forbidden it.
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl(PR_SET_DUMPABLE) failed%s", errlog.ErrnoText(err))
		}
	}
	return nil
}

// setPriority sets the nice value of all threads there are; later ones inherit
// it. It is done while the process is root, because values below 0 need that.
func setPriority(nice int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		var tid int
		if _, err := fmt.Sscan(t.Name(), &tid); err != nil {
			continue
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "setpriority(%d) failed%s", nice, errlog.ErrnoText(err))
			return
		}
	}
}
