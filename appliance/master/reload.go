package master

import (
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/server"
	"weir/ebpf/steer"
)

// reload is a configuration that the server was sent and has not answered yet.
type reload struct {
	cycle      *cycle.Cycle
	snapshot   []byte
	generation int
	fresh      added // sockets that were bound for it
	steering   *steer.Change
}

// hup is SIGHUP: load the configuration again. One that is bad, or that cannot
// be provided for, leaves everything as it is.
func (m *master) hup() {
	if m.stopping != running {
		return
	}
	if m.noaccept { // after WINCH: serve again, as nginx does, with what is loaded
		m.noaccept = false
		if m.server == nil {
			m.relaunch()
		}
		return
	}
	if m.pending != nil {
		m.again = true
		return
	}
	m.notifyReloading()
	if err := m.reload(); err != nil {
		m.notifyReady()
	}
}

// reload loads, provides and sends. Errors have been logged.
func (m *master) reload() error {
	c, err := m.o.load(m.cycle, false)
	if err != nil {
		report(err)
		return err
	}
	if err := makeTempPaths(c); err != nil {
		return err
	}
	if err := openFiles(c); err != nil {
		return err
	}
	if err := m.arrange(c); err != nil {
		return err
	}
	if err := m.checkFilter(c); err != nil {
		return err
	}
	fresh, err := m.listeners.bind(c)
	if err != nil {
		return err
	}
	if u := m.cycle.Core.User; !m.joined && (u.UID != c.Core.User.UID || u.GID != c.Core.User.GID) {
		errlog.Default().Printf(errlog.Warn, 0, "the user changes with a restart or a binary upgrade, not with a reload")
	}
	m.generation++
	m.pending = &reload{cycle: c, snapshot: c.Snapshot().Append(nil), generation: m.generation, fresh: fresh,
		steering: m.steering.Prepare(m.steerPlan(c))}
	if m.server == nil { // between two servers: the next one starts with it
		m.settle(m.generation, "")
		return nil
	}
	o, fds := m.order(c, m.generation, m.pending.steering.Report(), fresh)
	o.User, o.Priority = m.cycle.Core.User, m.cycle.Core.Priority
	if m.sendOrder(m.server, server.Load, o, m.pending.snapshot, fds) != nil {
		m.settle(m.generation, "the server process takes no configuration")
	}
	return nil
}

// settle ends a reload: it is in force, or, with a reason, undone.
func (m *master) settle(generation int, failure string) {
	p := m.pending
	if p == nil || p.generation != generation {
		return
	}
	m.pending = nil
	if failure != "" {
		report(errorText(failure))
		p.steering.Drop()
		m.listeners.undo(p.fresh)
	} else {
		m.commit(p)
	}
	m.notifyReady()
	if m.again {
		m.again = false
		m.hup()
	}
}

// commit makes a reload's cycle the one in force.
func (m *master) commit(p *reload) {
	c, profile := p.cycle, m.cycle.Core.Tuning
	m.keep(c, p.snapshot)
	errlog.SetDefault(c.Log)
	server.RedirectStderr(c)
	m.commitSteering(p.steering)
	if err := m.applyRanges(); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "connections to ranges go where they went before: %v", err)
	}
	m.retune(profile, c)
	m.listeners.dropUnused(c, m.ownsUnixSockets())
	if err := m.applyFilter(c); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "the filter stays as it was: %v", err)
	}
	if c.Core.Pid != m.pidFile && m.upgrade.pid == 0 {
		if writePidFile(c.Core.Pid) == nil {
			removePidFile(m.pidFile)
			m.pidFile = c.Core.Pid
		}
	}
	if m.server != nil {
		m.limit(m.server.pid)
	}
}
