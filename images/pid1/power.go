package pid1

import (
	"encoding/binary"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// inputEvent is struct input_event of 64-bit kernels: two words of time, type,
// code, value.
const inputEvent = 24

const (
	evKey    = 1
	keyPower = 116
)

// watchPower tells when the machine is to go down: SIGTERM and the power button
// switch it off, SIGINT (Ctrl-Alt-Del) starts it again.
func watchPower(power chan<- string) {
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_OFF) // Ctrl-Alt-Del comes to us as SIGINT
	files, _ := filepath.Glob("/dev/input/event*")
	for _, name := range files {
		if f, err := os.Open(name); err == nil {
			go buttons(f, power)
		}
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGTERM, unix.SIGINT)
	for s := range signals {
		if s == unix.SIGINT {
			power <- "reboot: Ctrl-Alt-Del"
		} else {
			power <- "poweroff: SIGTERM"
		}
	}
}

// buttons reads the events of one input device until it is gone.
func buttons(r io.ReadCloser, power chan<- string) {
	defer r.Close()
	b := make([]byte, inputEvent)
	for {
		if _, err := io.ReadFull(r, b); err != nil {
			return
		}
		le := binary.LittleEndian
		if le.Uint16(b[16:]) == evKey && le.Uint16(b[18:]) == keyPower && le.Uint32(b[20:]) == 1 {
			power <- "poweroff: power button"
		}
	}
}
