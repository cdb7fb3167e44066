package master

import (
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/runner"
	"weir/appliance/server"
	"weir/netio/sock"
)

// startRunner starts a process that runs commands, as u where that is set. It
// returns the socket that it obeys; it ends when that is closed.
func startRunner(u cycle.User) (fd int, p *os.Process, err error) {
	here, there, err := sock.SeqPair()
	if err != nil {
		return -1, nil, err
	}
	theirs := os.NewFile(uintptr(there), "runner")
	defer theirs.Close()
	cmd := &exec.Cmd{
		Path: "/proc/self/exe",
		Args: []string{"weir: command runner"},
		// One processor is enough for a process that waits for others.
		Env:        []string{runner.Variable + "=3", "GOMAXPROCS=1"},
		Stderr:     os.Stderr,
		ExtraFiles: []*os.File{theirs},
		// A session of its own: commands have neither the server's group nor
		// its terminal.
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if u.Set {
		cmd.SysProcAttr.Credential = credential(u)
	}
	if err := cmd.Start(); err != nil {
		unix.Close(here)
		return -1, nil, err
	}
	go func() { _, _ = cmd.Process.Wait() }() // ends with the process
	return here, cmd.Process, nil
}

// credential is u as the kernel wants it. From root to another user all
// capabilities go with the change.
func credential(u cycle.User) *syscall.Credential {
	c := &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}
	for _, g := range u.Groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

// giveRunner starts a runner for the server. There is one at a time: a server
// that asks again has lost, or gives up, the one before. id is the question's.
func (m *master) giveRunner(c *child, id int) {
	if c.runner != nil {
		_ = c.runner.Kill()
		c.runner = nil
	}
	fd, p, err := startRunner(c.user)
	if err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "starting the process that runs commands failed%s", errlog.ErrnoText(err))
		m.send(c, &server.Message{Op: server.Runner, ID: id, Text: "starting the process that runs commands failed"})
		return
	}
	c.runner = p
	m.limit(p.Pid)
	errlog.Default().Printf(errlog.Notice, 0, "start command runner process %d", p.Pid)
	if err := c.link.Send(&server.Message{Op: server.Runner, ID: id}, fd); err != nil {
		m.sendFailed(c, err)
	}
	unix.Close(fd)
}

// checkCommands is what a configuration that is only checked runs commands by,
// in init_by_lua: a runner of its own, as the user that the server will be, too.
type checkCommands struct{ client *runner.Client }

// of implements cycle.LoadOptions.Commands.
func (k *checkCommands) of(c *cycle.Cycle) cycle.Commands {
	k.client = runner.NewClient(func() (int, error) {
		u := c.Core.User
		if !c.Core.Master {
			u = cycle.User{} // there will be no other process than this one
		}
		fd, _, err := startRunner(u)
		return fd, err
	})
	return k.client.For(configuredEnv(environment(), c), c.Core.WorkingDirectory)
}

// close ends the commands that are left.
func (k *checkCommands) close() {
	if k.client != nil {
		k.client.Close()
	}
}
