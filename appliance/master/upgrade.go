package master

import (
	"os"
	"os/exec"
	"strconv"
	"strings"

	"weir/appliance/errlog"
)

// upgrade is the successor that USR2 has started.
type upgrade struct {
	pid   int       // 0 for none
	ended chan exit // its end; nil for none
}

// usr2 starts a new binary on the same listeners. Both serve until one of them
// is told to quit.
func (m *master) usr2(note func(string)) {
	switch {
	case m.upgrade.pid != 0 || m.stopping != running:
		note(", ignoring")
		return
	case m.predecessorRuns() && exists(m.pidFile+oldPidSuffix):
		note(", ignoring: the process that started this one still runs")
		return
	}
	note(", changing binary")
	old := m.pidFile + oldPidSuffix
	if err := os.Rename(m.pidFile, old); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "rename() %s to %s failed before executing new binary process %q%s",
			m.pidFile, old, m.o.Args[0], errlog.ErrnoText(err))
		return
	}
	if err := m.execNew(); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "execve() failed while executing new binary process %q%s", m.o.Args[0], errlog.ErrnoText(err))
		m.renameBack()
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// predecessorRuns tells whether the master that started this one still runs;
// one that only waits to be reaped does not.
func (m *master) predecessorRuns() bool {
	if !m.inherited || m.parent == 1 || os.Getppid() != m.parent {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(m.parent) + "/stat")
	if err != nil {
		return true // no /proc: the parent's number has to do
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

func (m *master) renameBack() {
	if err := os.Rename(m.pidFile+oldPidSuffix, m.pidFile); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "rename() %s back to %s failed%s", m.pidFile+oldPidSuffix, m.pidFile, errlog.ErrnoText(err))
	}
}

// execNew starts the command line anew with the listeners in $NGINX.
func (m *master) execNew() error {
	path, err := exec.LookPath(m.o.Args[0])
	if err != nil {
		return err
	}
	var files []*os.File
	var list strings.Builder
	for i, fd := range m.listeners.all() {
		dup, err := dupFile(fd)
		if err != nil {
			return err
		}
		defer dup.Close()
		files = append(files, dup)
		list.WriteString(strconv.Itoa(3+i) + ";") // the first after standard error
	}
	arrays, more, err := m.steerEnv(3 + len(files))
	for _, f := range more {
		defer f.Close()
	}
	if err != nil {
		return err
	}
	files = append(files, more...)
	env := []string{inheritVar + "=" + list.String(), steerVar + "=" + arrays}
	for name, value := range m.environ {
		env = append(env, name+"="+value)
	}
	cmd := &exec.Cmd{Path: path, Args: m.o.Args, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, ExtraFiles: files}
	if err := cmd.Start(); err != nil {
		return err
	}
	errlog.Default().Printf(errlog.Notice, 0, "start new binary process %d", cmd.Process.Pid)
	ended := make(chan exit, 1)
	m.upgrade = upgrade{pid: cmd.Process.Pid, ended: ended}
	go func() { // ends with the process
		state, err := cmd.Process.Wait()
		if err != nil {
			ended <- exit{code: 1}
			return
		}
		ended <- exitOf(state)
	}()
	return nil
}

// upgradeEnded takes everything back when the successor has ended.
func (m *master) upgradeEnded(e exit) {
	logExit("new binary process", m.upgrade.pid, e)
	m.upgrade = upgrade{}
	if m.stopping != running {
		return
	}
	m.renameBack()
	m.status.close()
	m.status = m.openStatus(true)
	m.notifyReady()                                            // the main process is this one again
	m.commitSteering(m.steering.Prepare(m.steerPlan(m.cycle))) // the successor's programs are attached
	if m.noaccept {
		m.noaccept = false
		m.relaunch()
	}
}
