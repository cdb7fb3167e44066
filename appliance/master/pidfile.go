package master

import (
	"os"
	"strconv"
	"strings"

	"weir/appliance/errlog"
)

// oldPidSuffix is what the pid file of a master is renamed to while its
// successor runs.
const oldPidSuffix = ".oldbin"

func writePidFile(path string) error {
	err := os.WriteFile(path, append(strconv.AppendInt(nil, int64(os.Getpid()), 10), '\n'), 0o644)
	if err != nil {
		return emerg("open() %q failed%s", path, errlog.ErrnoText(err))
	}
	return nil
}

func removePidFile(path string) {
	if err := os.Remove(path); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "unlink() %q failed%s", path, errlog.ErrnoText(err))
	}
}

// readPidFile is the process number in a pid file; errors are logged.
func readPidFile(path string) (int, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, emerg("open() %q failed%s", path, errlog.ErrnoText(err))
	}
	text := strings.TrimRight(string(data), "\r\n")
	pid, err := strconv.Atoi(text)
	if err != nil || pid <= 0 {
		return 0, emerg("invalid PID number %q in %q", text, path)
	}
	return pid, nil
}
