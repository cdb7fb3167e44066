package master

import (
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
)

// Times of ending.
const (
	stopTime  = time.Second            // a fast stop may take so long before SIGKILL
	quickEnd  = 2 * time.Second        // a server that ends sooner after its start counts as failing
	quickEnds = 25                     // so many failing ones in a row are replaced at once
	endPause  = 500 * time.Millisecond // and further ones after this pause: clients are waiting
)

// master is the state of the process. Its goroutine owns all of it.
type master struct {
	o         Options
	joined    bool // the server runs inside this process
	daemon    bool // in the background: WINCH means something
	environ   map[string]string
	parent    int // at the start
	inherited bool

	cycle      *cycle.Cycle // in force, stripped
	snapshot   []byte       // what it was loaded from, for the next server
	generation int
	listeners  listeners
	pidFile    string // as written; "" before and after

	server   *child
	pending  *reload // sent to the server, not answered
	again    bool    // HUP came while pending
	restarts int
	failures int // quick ends in a row
	retry    <-chan time.Time

	stopping stopKind
	noaccept bool // WINCH: the server is to end and the master to stay
	kill     <-chan time.Time

	upgrade upgrade
	status  *status
	started time.Time

	signals chan os.Signal
	events  chan event
}

// stopKind is how the process is ending.
type stopKind int

const (
	running stopKind = iota
	graceful
	fast
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
	if _, err := m.listeners.bind(c); err != nil {
		return err
	}
	m.listeners.dropUnused(c, false)
	return nil
}

// keep makes c the cycle in force, reduced to what the master needs of it.
func (m *master) keep(c *cycle.Cycle, snapshot []byte) {
	c.Strip()
	m.cycle, m.snapshot = c, snapshot
	debug.FreeOSMemory() // checking took many times what is kept
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
			case e.message != nil && e.message.Op == server.Ready:
				return nil
			}
		case sig := <-m.signals:
			if sig == unix.SIGTERM || sig == unix.SIGINT || sig == unix.SIGQUIT {
				m.abandon()
				return errLogged
			}
		}
	}
}

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
	o, fds := m.order(m.cycle, m.generation, nil)
	return m.sendOrder(c, server.Load, o, m.snapshot, fds)
}

func (m *master) loop() int {
	for {
		select {
		case sig := <-m.signals:
			m.signal(sig.(unix.Signal))
		case e := <-m.events:
			if e.exit != nil {
				m.drainSignals() // what ended the server may have been sent to both
			}
			m.event(e)
		case q := <-m.status.queries():
			m.status.answer(m, q)
		case <-m.retry:
			m.retry = nil
			m.relaunch()
		case <-m.kill:
			m.kill = nil
			m.killServer()
		case e := <-m.upgrade.ended:
			m.upgradeEnded(e)
		}
		if m.stopping != running && m.server == nil {
			return m.finish()
		}
	}
}

func (m *master) drainSignals() {
	for {
		select {
		case sig := <-m.signals:
			m.signal(sig.(unix.Signal))
		default:
			return
		}
	}
}

func (m *master) signal(sig unix.Signal) {
	log := errlog.Default()
	note := func(action string) {
		log.Printf(errlog.Notice, 0, "signal %d (%s) received%s", int(sig), unix.SignalName(sig), action)
	}
	switch sig {
	case unix.SIGTERM, unix.SIGINT:
		note(", exiting")
		m.stop(fast)
	case unix.SIGQUIT:
		note(", shutting down")
		m.stop(graceful)
	case unix.SIGHUP:
		note(", reconfiguring")
		m.hup()
	case unix.SIGUSR1:
		note(", reopening logs")
		m.reopen()
	case unix.SIGUSR2:
		m.usr2(note)
	case unix.SIGWINCH:
		if !m.daemon || m.stopping != running {
			return // a terminal sends it whenever its window changes
		}
		note("")
		m.noaccept = true
		m.retry = nil
		if m.server != nil {
			m.send(m.server, m.quitOrder())
		}
	}
}

// quitOrder is a graceful end for the server, a gentler one when a new binary
// serves already.
func (m *master) quitOrder() *server.Message {
	return &server.Message{Op: server.Quit, Handover: m.upgrade.pid != 0}
}

// stop begins the end of the process.
func (m *master) stop(kind stopKind) {
	if kind <= m.stopping {
		return
	}
	m.stopping = kind
	m.notify("STOPPING=1")
	m.retry = nil
	m.listeners.closeAll(m.ownsUnixSockets())
	if m.server == nil {
		return
	}
	if kind == graceful {
		m.send(m.server, m.quitOrder())
		return
	}
	m.kill = time.After(stopTime)
	m.send(m.server, &server.Message{Op: server.Stop})
}

// ownsUnixSockets tells whether the files of Unix sockets are this process's to
// remove: not while another master uses them.
func (m *master) ownsUnixSockets() bool {
	return m.upgrade.pid == 0 && !m.predecessorRuns()
}

// killServer ends a server that did not end in time.
func (m *master) killServer() {
	if m.server == nil {
		return
	}
	if m.server.process != nil {
		_ = m.server.process.Kill() // its end comes as an event
		return
	}
	m.server = nil // inside this process: ends with it
}

// finish cleans up; the exit code is returned.
func (m *master) finish() int {
	m.status.close()
	if m.pidFile != "" {
		path := m.pidFile
		if m.upgrade.pid != 0 {
			path += oldPidSuffix
		}
		removePidFile(path)
	}
	errlog.Default().Printf(errlog.Notice, 0, "exit")
	return 0
}

func (m *master) event(e event) {
	if e.closed || e.exit != nil {
		e.child.release()
	}
	if e.child != m.server {
		return
	}
	switch {
	case e.message != nil:
		m.message(e.message)
	case e.exit != nil:
		m.serverEnded(*e.exit)
	case e.closed && m.server.process != nil:
		// A server that is out of reach is of no use. One that is ending
		// has closed the link itself, and is past being killed.
		m.kill = time.After(stopTime)
	}
}

func (m *master) message(msg *server.Message) {
	switch msg.Op {
	case server.Ready:
		m.settle(msg.Generation, "")
	case server.Failed:
		if m.pending != nil && m.pending.generation == msg.Generation {
			m.settle(msg.Generation, msg.Text)
			return
		}
		report(errorText(msg.Text)) // a restart: it ends and is tried again
		m.send(m.server, &server.Message{Op: server.Stop})
	case server.State:
		m.status.state(m, msg)
	}
}

// serverEnded deals with the end of the server, wanted or not.
func (m *master) serverEnded(e exit) {
	c := m.server
	m.server, m.kill = nil, nil
	if !m.joined {
		logExit("server process", c.pid, e)
	}
	if m.pending != nil {
		m.settle(m.pending.generation, "the server process ended while it took the configuration")
	}
	if m.stopping != running || m.noaccept {
		return
	}
	m.failures++
	if time.Since(c.started) > quickEnd {
		m.failures = 1
	}
	if m.failures <= quickEnds {
		m.relaunch()
		return
	}
	m.retry = time.After(endPause) // it keeps ending: spare the machine
}

// relaunch starts the server again on the listeners that were kept.
func (m *master) relaunch() {
	if m.server != nil || m.stopping != running || m.noaccept {
		return
	}
	m.restarts++
	if err := m.launch(); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "starting the server process failed%s", errlog.ErrnoText(err))
		m.retry = time.After(time.Second)
	}
}

// reopen opens all logs anew, as root, and hands them to the server.
func (m *master) reopen() {
	reopenFiles(m.cycle)
	server.RedirectStderr(m.cycle)
	if m.server == nil {
		return
	}
	paths, fds := logs(m.cycle)
	_ = m.sendOrder(m.server, server.Reopen, &server.Order{Generation: m.generation, Logs: paths}, nil, fds)
}

// environment is the environment at the start, without what is internal.
func environment() map[string]string {
	env := make(map[string]string)
	for _, e := range os.Environ() {
		name, value, _ := strings.Cut(e, "=")
		switch name {
		case inheritVar, linkVar, daemonVar, "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES":
		default:
			env[name] = value
		}
	}
	return env
}

// clearInternal removes the variables that were for this process alone.
func clearInternal() {
	os.Unsetenv(inheritVar)
	os.Unsetenv(daemonVar)
}
