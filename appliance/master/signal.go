package master

import (
	"golang.org/x/sys/unix"

	"weir/appliance/errlog"
)

// commands are the words of -s.
var commands = map[string]unix.Signal{
	"stop":   unix.SIGTERM,
	"quit":   unix.SIGQUIT,
	"reopen": unix.SIGUSR1,
	"reload": unix.SIGHUP,
}

// IsCommand tells whether -s knows the word.
func IsCommand(word string) bool { return commands[word] != 0 }

// Signal is -s: it sends a signal to the process of the pid file that the
// configuration names. It returns the exit code.
func Signal(o Options, word string) int {
	o.Resolve()
	o.openStartLog(errlog.Notice, false)
	c, err := o.load(nil, false)
	if err != nil {
		report(err)
		return 1
	}
	errlog.Default().Printf(errlog.Notice, 0, "signal process started")
	pid, err := readPidFile(c.Core.Pid)
	if err != nil {
		return 1
	}
	if err := unix.Kill(pid, commands[word]); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "kill(%d, %d) failed%s", pid, commands[word], errlog.ErrnoText(err))
		return 1
	}
	return 0
}
