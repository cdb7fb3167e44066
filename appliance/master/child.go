package master

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
	"weir/ebpf/steer"
)

// linkVar tells a new process that it is the server and which descriptor its
// link to the master is.
const linkVar = "WEIR_LINK"

// sendTimeout bounds how long the master waits for a server that takes no
// orders.
const sendTimeout = 5 * time.Second

// child is a server process, or the server inside this one.
type child struct {
	pid     int // 0 for the server inside this process
	process *os.Process
	link    *server.Link
	started time.Time
	user    cycle.User  // of its runner, too
	runner  *os.Process // the last one that it has asked for; nil for none
	loose   int         // of its two goroutines, how many have ended
}

// event is what other goroutines tell the master.
type event struct {
	child   *child          // whose event it is
	message *server.Message // an answer of the server
	exit    *exit           // the server has ended
	closed  bool            // its link is closed and nothing comes any more
}

// exit says how a process ended. The zero exit is an exit with code 0.
type exit struct {
	code   int
	signal syscall.Signal
}

func exitOf(state *os.ProcessState) exit {
	ws := state.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return exit{signal: ws.Signal()}
	}
	return exit{code: ws.ExitStatus()}
}

// logExit writes what nginx writes when a child process ends.
func logExit(what string, pid int, e exit) {
	switch {
	case e.signal != 0:
		errlog.Default().Printf(errlog.Alert, 0, "%s %d exited on signal %d", what, pid, e.signal)
	default:
		errlog.Default().Printf(errlog.Notice, 0, "%s %d exited with code %d", what, pid, e.code)
	}
}

// startServer starts the server, in a process of its own or in this one. Its
// answers and its end become events.
func (m *master) startServer() (*child, error) {
	if m.joined {
		return m.startJoined()
	}
	here, there, err := server.LinkPair()
	if err != nil {
		return nil, err
	}
	theirs := os.NewFile(uintptr(there.FD()), "link")
	defer theirs.Close()
	cmd := &exec.Cmd{
		// The same program even when another file has its name by now.
		Path:       "/proc/self/exe",
		Args:       []string{"weir: server process"},
		Env:        append(m.serverEnv(), linkVar+"=3"),
		Stderr:     os.Stderr,
		ExtraFiles: []*os.File{theirs},
	}
	if !m.daemon {
		cmd.Stdout = os.Stdout // nobody must wait for the end of a daemon's output
	}
	if err := cmd.Start(); err != nil {
		here.Free()
		return nil, err
	}
	c := &child{pid: cmd.Process.Pid, process: cmd.Process, link: here, started: time.Now(), user: m.cycle.Core.User}
	m.limit(c.pid)
	setSendTimeout(here)
	go m.receive(c)
	go func() { // ends with the process
		state, err := cmd.Process.Wait()
		e := exit{code: 1}
		if err == nil {
			e = exitOf(state)
		}
		m.events <- event{child: c, exit: &e}
	}()
	return c, nil
}

func (m *master) startJoined() (*child, error) {
	here, there, err := server.LinkPair()
	if err != nil {
		return nil, err
	}
	c := &child{link: here, started: time.Now()}
	m.limit(0)
	setSendTimeout(here)
	go m.receive(c)
	go func() { // ends with the server
		code := server.Run(server.Options{Link: there, Table: m.o.Table, New: m.o.New, KernelTLS: m.o.KernelTLS, Answer: m.o.Answer, Joined: true})
		m.events <- event{child: c, exit: &exit{code: code}}
	}()
	return c, nil
}

func setSendTimeout(l *server.Link) {
	// Without it a server that hangs would hang its master too.
	_ = unix.SetsockoptTimeval(l.FD(), unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: int64(sendTimeout / time.Second)})
}

// release frees the link when both goroutines of the child have ended.
func (c *child) release() {
	c.link.Close()
	if c.loose++; c.loose == 2 {
		c.link.Free()
	}
}

// receive turns the server's answers into events; it ends with the link.
func (m *master) receive(c *child) {
	for {
		msg, fds, err := c.link.Receive()
		if err != nil {
			m.events <- event{child: c, closed: true}
			return
		}
		for _, fd := range fds {
			unix.Close(fd)
		}
		m.events <- event{child: c, message: msg}
	}
}

// send sends an order. That the server does not take it is logged: it is dead,
// which comes as an event, or hangs.
func (m *master) send(c *child, msg *server.Message) {
	if err := c.link.Send(msg); err != nil {
		m.sendFailed(c, err)
	}
}

func (m *master) sendFailed(c *child, err error) {
	if errnoOf(err) != unix.EPIPE && errnoOf(err) != unix.ECONNRESET {
		errlog.Default().Printf(errlog.Alert, 0, "the server process %d takes no orders: %v", c.pid, err)
	}
}

// sendOrder sends what the server needs to take a configuration or new logs. The error has been logged.
func (m *master) sendOrder(ch *child, op server.Op, o *server.Order, snapshot []byte, fds []int) error {
	err := ch.link.SendOrder(op, o, snapshot, fds...)
	if err != nil {
		m.sendFailed(ch, err)
	}
	return err
}

// limit applies worker_rlimit_nofile and worker_rlimit_core to a process, 0 for
// this one. It is done from here because only root may raise limits.
func (m *master) limit(pid int) {
	for _, r := range []struct {
		name     string
		resource int
		value    int64
	}{
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, m.cycle.Core.RlimitNofile},
		{"RLIMIT_CORE", unix.RLIMIT_CORE, m.cycle.Core.RlimitCore},
	} {
		if r.value < 0 {
			continue
		}
		lim := unix.Rlimit{Cur: uint64(r.value), Max: uint64(r.value)}
		if err := unix.Prlimit(pid, r.resource, &lim, nil); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "setrlimit(%s, %d) failed%s", r.name, r.value, errlog.ErrnoText(err))
		}
	}
}

// serverEnv is the environment for the server process: TZ, what env directives
// name, and the runtime's own variables, which only count at the start.
func (m *master) serverEnv() []string {
	env := configuredEnv(m.environ, m.cycle)
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR"} {
		if v, ok := m.environ[name]; ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// configuredEnv is what the env directives leave of an environment: TZ and the
// variables they name or set.
func configuredEnv(environ map[string]string, cyc *cycle.Cycle) []string {
	var env []string
	tz := false
	for _, e := range cyc.Core.Env {
		name, _, given := strings.Cut(e, "=")
		tz = tz || name == "TZ"
		if given {
			env = append(env, e)
		} else if v, ok := environ[name]; ok {
			env = append(env, name+"="+v)
		}
	}
	if v, ok := environ["TZ"]; ok && !tz {
		env = append(env, "TZ="+v)
	}
	return env
}

// order describes a cycle for the server, with the descriptors it needs. rep is
// how it is steered; fresh is what a bind has added, nil stands for all.
func (m *master) order(cyc *cycle.Cycle, generation int, rep steer.Report, fresh added) (*server.Order, []int) {
	paths, fds := logs(cyc)
	board := m.steering.Board()
	if board >= 0 {
		fds = append(fds, board)
	}
	socks, sockFDs := m.listeners.sockets(cyc, fresh)
	o := &server.Order{
		Generation: generation,
		Prefix:     []byte(m.o.Prefix),
		ConfFile:   []byte(m.o.ConfFile),
		ErrorLog:   []byte(m.o.ErrorLog),
		Root:       cyc.Root,
		User:       cyc.Core.User,
		Priority:   cyc.Core.Priority,
		Cores:      cyc.Core.RlimitCore >= 0,
		Logs:       paths,
		Board:      board >= 0,
		Steering:   cycle.Steering{Mode: rep.Mode.String(), Rung: string(rep.Rung)},
		Sockets:    socks,
	}
	for _, e := range configuredEnv(m.environ, cyc) {
		o.Env = append(o.Env, []byte(e))
	}
	return o, append(fds, sockFDs...)
}

// ServerLink tells whether this process was started as the server, and takes
// the link out of the environment.
func ServerLink() (*server.Link, bool) {
	text, ok := os.LookupEnv(linkVar)
	if !ok {
		return nil, false
	}
	os.Unsetenv(linkVar)
	fd, err := strconv.Atoi(text)
	if err != nil {
		return nil, false
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		return nil, false
	}
	unix.CloseOnExec(fd)
	return server.NewLink(fd), true
}
