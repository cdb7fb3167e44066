package master

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
	"weir/ebpf/lookup"
	"weir/ebpf/steer"
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
	steering   *steer.Steering
	ranges     *lookup.Lookup
	guard      guard
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
		case <-m.guard.ticks():
			m.guard.watch()
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
	case server.Runs:
		m.giveRunner(m.server, msg.ID)
	case server.Filter:
		m.answerFilter(msg.Text)
	case server.State:
		m.status.state(m, msg)
	case server.Told:
		m.status.told(msg)
	}
}

// serverEnded deals with the end of the server, wanted or not.
func (m *master) serverEnded(e exit) {
	c := m.server
	m.server, m.kill = nil, nil
	m.status.serverEnded(m)
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
