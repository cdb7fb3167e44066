package pid1

import (
	"bytes"
	"errors"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"weir/tuning/machine"
)

// aliases are the patterns of devices that modules drive, by the bus they
// begin with: "pci", "virtio".
type aliases map[string][]alias

type alias struct {
	pattern, module string
	literal         string // the pattern up to its first wildcard
}

func (a aliases) add(pattern, module string) {
	bus, _, _ := strings.Cut(pattern, ":")
	literal := pattern
	if i := strings.IndexAny(pattern, `*?[\`); i >= 0 {
		literal = pattern[:i]
	}
	if len(bus) > len(literal) {
		bus = "" // the wildcard stands in the bus's name: acpi*:PNP0C0C:*
	}
	a[bus] = append(a[bus], alias{pattern, module, literal})
}

// drivers returns the modules whose patterns match a device.
func (a aliases) drivers(device string) []string {
	var names []string
	bus, _, _ := strings.Cut(device, ":")
	for _, list := range [][]alias{a[bus], a[""]} {
		for i := range list {
			if !strings.HasPrefix(device, list[i].literal) {
				continue
			}
			if ok, _ := path.Match(list[i].pattern, device); ok {
				names = append(names, list[i].module)
			}
		}
	}
	return names
}

// devices gives drivers to the devices that are there and to those that come:
// the kernel tells about each by a message (a uevent), and so do buses that a
// driver has found, disks that take their time and what is plugged in later.
type devices struct {
	modules *modules
	fd      int    // socket of the kernel's messages, -1 without
	buf     []byte // one message
}

// ueventGroup is the kernel's own messages; those of udev are another.
const ueventGroup = 1

// settleStep is how long the wait for messages lasts before it is asked
// whether modules are still being loaded.
const settleStep = 5 * time.Millisecond

// newDevices begins to listen. Without a socket, which no kernel of ours lacks,
// devices are those that are there at the start.
func newDevices(m *modules) *devices {
	d := &devices{modules: m, fd: -1, buf: make([]byte, 8192)}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return d
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20) // a smaller one loses messages, which lose notices
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: ueventGroup}); err != nil {
		unix.Close(fd)
		return d
	}
	d.fd = fd
	return d
}

// sysDevices are where the kernel shows devices: those of a bus, and those of
// no bus that have a class, which input devices are.
var sysDevices = []string{"/sys/bus/*/devices/*/modalias", "/sys/class/input/*/modalias"}

// coldplug loads the drivers of the devices that match patterns of files.
func (d *devices) coldplug(patterns []string) {
	for _, p := range patterns {
		names, _ := filepath.Glob(p)
		for _, name := range names {
			d.found(machine.Value(name))
		}
	}
}

// found loads the drivers of one device.
func (d *devices) found(modalias string) {
	if modalias != "" {
		d.modules.loadAll(d.modules.aliases.drivers(modalias))
	}
}

// settle returns when nothing is being loaded and the kernel has told of all
// that came of it.
func (d *devices) settle() {
	for {
		idle := d.modules.idle() // before the look at the messages: its devices are among them
		if d.drain() {
			continue
		}
		if idle {
			return
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: unix.POLLIN}}, int(settleStep.Milliseconds())) // it only waits
	}
}

// drain handles the messages that are there and reports whether there were any.
func (d *devices) drain() bool {
	some := false
	for d.receive(unix.MSG_DONTWAIT) {
		some = true
	}
	return some
}

// watch handles messages for as long as the machine runs.
func (d *devices) watch() {
	for d.receive(0) {
	}
}

// receive handles one message and reports whether there was one. Lost messages
// are made up for by looking at all devices.
func (d *devices) receive(flags int) bool {
	for {
		n, from, err := unix.Recvfrom(d.fd, d.buf, flags)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			d.coldplug(sysDevices)
			return true
		case err != nil:
			return false
		}
		if a, ok := from.(*unix.SockaddrNetlink); ok && a.Pid == 0 { // from the kernel itself
			d.found(added(d.buf[:n]))
		}
		return true
	}
}

// added returns the modalias of a device that a message says was added, "" for
// everything else. A message is "ACTION@PATH" and lines "KEY=value", each ended
// by a zero.
func added(message []byte) string {
	if !bytes.HasPrefix(message, []byte("add@")) {
		return ""
	}
	for line := range bytes.SplitSeq(message, []byte{0}) {
		if value, ok := bytes.CutPrefix(line, []byte("MODALIAS=")); ok {
			return string(value)
		}
	}
	return ""
}
