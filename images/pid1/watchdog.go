package pid1

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"weir/tuning/machine"
)

const (
	watchdogTime = 60 * time.Second // the hardware resets the machine this long after the last sign of life
	watchdogStep = 10 * time.Second
	// sickTime is how long the server may be unwell before the machine is
	// left to the watchdog. Restarting the server comes long before.
	sickTime = 3 * time.Minute
)

// dog is the hardware watchdog.
type dog struct {
	mu   sync.Mutex
	file *os.File  // nil when there is none
	well time.Time // when the server was last well
}

// watchdog keeps the hardware's watchdog quiet for as long as the server is
// well, or was within sickTime. The first watchdog is that of the hardware:
// the builder lists its drivers before the software one.
func (m *Machine) watchdog() {
	f, err := os.OpenFile("/dev/watchdog", os.O_WRONLY, 0)
	if err != nil {
		m.console.log("no watchdog: %v", err)
		return
	}
	_ = unix.IoctlSetPointerInt(int(f.Fd()), unix.WDIOC_SETTIMEOUT, int(watchdogTime/time.Second)) // its own time, then
	m.console.set("watchdog", machine.Value("/sys/class/watchdog/watchdog0/identity"))
	m.dog.mu.Lock()
	m.dog.file, m.dog.well = f, time.Now()
	m.dog.mu.Unlock()
	for {
		m.dog.mu.Lock()
		if m.dog.file != nil && time.Since(m.dog.well) < sickTime {
			_, _ = m.dog.file.Write([]byte{0})
		}
		m.dog.mu.Unlock()
		time.Sleep(watchdogStep)
	}
}

// pet notes that the server is well.
func (m *Machine) pet() {
	m.dog.mu.Lock()
	m.dog.well = time.Now()
	m.dog.mu.Unlock()
}

// closeWatchdog stops it: the machine is going down by itself ("V" is the
// kernel's word for that). It stays armed where the driver does not let go,
// which only makes sure of the end.
func (m *Machine) closeWatchdog() {
	m.dog.mu.Lock()
	defer m.dog.mu.Unlock()
	if m.dog.file != nil {
		_, _ = m.dog.file.Write([]byte("V"))
		m.dog.file.Close()
		m.dog.file = nil
	}
}
