package master

import (
	"errors"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/runner"
	"weir/appliance/server"
	"weir/ebpf/lookup"
)

// Start runs the master: until everything is bound in the foreground's eyes,
// and then until it is told to end. It returns the exit code.
func Start(o Options) int {
	o.Resolve()
	d := daemonChild()
	o.openStartLog(errlog.Notice, d != nil) // the foreground process has complained already
	m := &master{o: o, environ: environment(), parent: os.Getppid(), started: time.Now(),
		signals: make(chan os.Signal, 64), events: make(chan event, 16)}
	m.listeners, m.inherited = adopt()
	m.steering, m.ranges = adoptSteering(), lookup.New()
	clearInternal()
	c, err := o.load(nil, d != nil)
	if err != nil {
		report(err)
		return 1
	}
	if c.Core.Daemon && !m.inherited && d == nil {
		return daemonize()
	}
	m.keep(c, c.Snapshot().Append(nil))
	m.daemon = d != nil || m.inherited
	m.joined = os.Geteuid() != 0 || !c.Core.Master
	return m.run(d)
}

// run provides what the configuration asks for, starts the server, tells the
// foreground process and enters the loop.
func (m *master) run(d *foreground) int {
	if err := m.provide(); err != nil {
		m.listeners.closeAll(!m.inherited)
		return 1
	}
	signal.Ignore(unix.SIGPIPE)
	signal.Notify(m.signals, unix.SIGHUP, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH)
	log := m.cycle.Log
	log.Printf(errlog.Notice, 0, "using the \"epoll\" event method")
	log.Printf(errlog.Notice, 0, "weir %s", m.o.Version)
	if err := m.firstServer(); err != nil {
		m.listeners.closeAll(!m.inherited)
		if errors.Is(err, errStopped) {
			return 0
		}
		return 1
	}
	m.status = m.openStatus(m.inherited)
	if err := writePidFile(m.cycle.Core.Pid); err != nil {
		m.status.close()
		m.abandon()
		return 1
	}
	m.pidFile = m.cycle.Core.Pid
	errlog.Console(false)
	d.ready()
	server.RedirectStderr(m.cycle)
	m.notifyReady()
	return m.loop()
}

// provide makes directories, opens logs and binds.
func (m *master) provide() error {
	c := m.cycle
	if err := makeTempPaths(c); err != nil {
		return err
	}
	if err := openFiles(c); err != nil {
		return err
	}
	errlog.SetDefault(c.Log)
	m.tune(c) // before listeners are bound: their queues are cut to the kernel's limit then
	offerKernelTLS()
	if err := m.arrange(c); err != nil {
		return err
	}
	if _, err := m.listeners.bind(c); err != nil {
		return err
	}
	m.listeners.dropUnused(c, false)
	if err := m.applyFilter(c); err != nil {
		return emerg("%v", err)
	}
	return nil
}

// keep makes c the cycle in force, reduced to what the master needs of it.
func (m *master) keep(c *cycle.Cycle, snapshot []byte) {
	c.Strip()
	clear(m.snapshot) // there are keys in it
	m.cycle, m.snapshot = c, snapshot
}

// firstServer starts the server and waits until it serves.
func (m *master) firstServer() error {
	if err := m.launch(); err != nil {
		return emerg("starting the server process failed%s", errlog.ErrnoText(err))
	}
	for {
		select {
		case e := <-m.events:
			switch {
			case e.exit != nil:
				logExit("server process", m.server.pid, *e.exit)
				return emerg("the server process did not start")
			case e.message != nil && e.message.Op == server.Failed:
				report(errorText(e.message.Text))
				m.abandon()
				return errLogged
			case e.message != nil && e.message.Op == server.Runs:
				m.giveRunner(m.server, e.message.ID)
			case e.message != nil && e.message.Op == server.Ready:
				return nil
			}
		case sig := <-m.signals:
			if sig == unix.SIGTERM || sig == unix.SIGINT || sig == unix.SIGQUIT {
				errlog.Default().Printf(errlog.Notice, 0, "signal %d (%s) received before the start was complete, exiting",
					int(sig.(unix.Signal)), unix.SignalName(sig.(unix.Signal)))
				m.abandon()
				return errStopped
			}
		}
	}
}

// errStopped says that a signal asked for the end before the start was done.
var errStopped = errors.New("stopped while starting")

// errorText is an error that came as text.
type errorText string

func (e errorText) Error() string { return string(e) }

// abandon ends the server at once and does not wait.
func (m *master) abandon() {
	m.send(m.server, &server.Message{Op: server.Stop})
	m.server.link.Close()
}

// launch starts a server with the current cycle and all sockets.
func (m *master) launch() error {
	c, err := m.startServer()
	if err != nil {
		return err
	}
	m.server = c
	m.generation++
	if m.joined {
		m.cycle.Log.Printf(errlog.Notice, 0, "start %d workers in this process", m.cycle.Core.Workers)
	} else {
		m.cycle.Log.Printf(errlog.Notice, 0, "start server process %d with %d workers", c.pid, m.cycle.Core.Workers)
	}
	m.steer()
	if err := m.applyRanges(); err != nil {
		return err
	}
	o, fds := m.order(m.cycle, m.generation, m.steering.Report(), nil)
	return m.sendOrder(c, server.Load, o, m.snapshot, fds)
}

// environment is the environment at the start, without what is internal.
func environment() map[string]string {
	env := make(map[string]string)
	for _, e := range os.Environ() {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case inheritVar, steerVar, linkVar, runner.Variable, daemonVar, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES":
		default:
			env[name] = value
		}
	}
	return env
}

// clearInternal removes the variables that were for this process alone.
func clearInternal() {
	os.Unsetenv(inheritVar)
	os.Unsetenv(steerVar)
	os.Unsetenv(daemonVar)
}
