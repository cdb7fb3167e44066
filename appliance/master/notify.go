package master

import (
	"fmt"
	"os"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// notify tells the service manager, if one listens. What it cannot be told, it
// finds out by looking.
func (m *master) notify(state string) { _, _ = daemon.SdNotify(false, state) }

// notifyReady also names the main process, which changes with a binary upgrade.
func (m *master) notifyReady() {
	m.notify(fmt.Sprintf("%s\nMAINPID=%d", daemon.SdNotifyReady, os.Getpid()))
}

// notifyReloading carries the time, by which Type=notify-reload tells the answer
// to its signal from an older one.
func (m *master) notifyReloading() {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts)
	m.notify(fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, ts.Nano()/1000))
}
