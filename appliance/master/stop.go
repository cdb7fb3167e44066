package master

import (
	"time"

	"weir/appliance/errlog"
	"weir/appliance/server"
)

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
	if m.upgrade.pid != 0 {
		m.guard.close() // the successor waits for the devices
	}
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
	m.guard.close()
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
