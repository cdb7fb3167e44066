package filter

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// MaxEntries is how many networks a list holds per family.
const MaxEntries = 1_000_000

// Mode is how the program is attached to a device.
type Mode string

// The modes.
const (
	Auto    Mode = "auto"    // in the driver, else generic
	Native  Mode = "native"  // in the driver
	Generic Mode = "generic" // at the entry of the stack: any device, less gain
)

// Limit is how many new TCP connections a source may begin. The zero value
// limits nothing. A source is an IPv4 address or an IPv6 /64.
type Limit struct {
	Rate  int // SYNs per second, at most 1e9
	Burst int // SYNs at once beyond that
}

// List is one of the two lists.
type List int

// The lists.
const (
	Allow List = iota
	Block
)

// String is the list's name.
func (l List) String() string { return [...]string{"allow", "block"}[l] }

// Filter is a loaded program with its lists, attached to any number of devices.
type Filter struct {
	mu       sync.Mutex
	coll     *ebpf.Collection
	limit    Limit
	entries  [2]map[netip.Prefix]struct{}
	families [2][2]int // entries of each list that are IPv4 and IPv6
	attached map[string]attachment
	samples  sampleLog
	closed   bool
}

// attachment is a device the program is attached to.
type attachment struct {
	link link.Link
	mode Mode
}

// ErrBusy says that another program is attached to the device.
var ErrBusy = errors.New("another XDP program is attached")

// Load loads the program; nothing is attached yet and the lists are empty.
func Load() (*Filter, error) {
	_ = rlimit.RemoveMemlock() // counts on kernels before 5.11 only
	spec, err := loadXdp()
	if err != nil {
		return nil, err
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	f := &Filter{coll: coll, attached: make(map[string]attachment)}
	f.entries = [2]map[netip.Prefix]struct{}{{}, {}}
	r, err := ringbuf.NewReader(coll.Maps[xdpMapSamples])
	if err != nil {
		coll.Close()
		return nil, fmt.Errorf("filter: samples: %w", err)
	}
	f.samples.start(r)
	return f, nil
}

// Attach attaches the program to a device and returns the mode it has there.
// Attaching again changes nothing.
func (f *Filter) Attach(device string, mode Mode) (Mode, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a, ok := f.attached[device]; ok {
		return a.mode, nil
	}
	ifc, err := net.InterfaceByName(device)
	if err != nil {
		return "", fmt.Errorf("filter: device %s: %w", device, err)
	}
	modes := []Mode{mode}
	if mode == Auto {
		modes = []Mode{Native, Generic}
	}
	for _, m := range modes {
		flags := map[Mode]link.XDPAttachFlags{Native: link.XDPDriverMode, Generic: link.XDPGenericMode}[m]
		var li link.Link
		li, err = link.AttachXDP(link.XDPOptions{Program: f.coll.Programs[xdpProgFilter], Interface: ifc.Index, Flags: flags})
		if err == nil {
			f.attached[device] = attachment{li, m}
			return m, nil
		}
		if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EEXIST) {
			return "", fmt.Errorf("filter: device %s: %w", device, ErrBusy)
		}
	}
	return "", fmt.Errorf("filter: attach to %s (%s): %w", device, mode, err)
}

// Detach detaches the program from a device.
func (f *Filter) Detach(device string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	a, ok := f.attached[device]
	if !ok {
		return nil
	}
	delete(f.attached, device)
	return a.link.Close()
}

// Close detaches the program everywhere and frees it.
func (f *Filter) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return
	}
	f.closed = true
	for device, a := range f.attached {
		_ = a.link.Close()
		delete(f.attached, device)
	}
	f.samples.stop()
	f.coll.Close()
}

// settings mirrors struct limit of the program.
type settings struct {
	Interval, Burst uint64
	Lists           uint32
	_               uint32
}

// SetLimit changes the limit of new connections.
func (f *Filter) SetLimit(l Limit) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.limit = l
	return f.configure()
}

// tick is the longest time, in nanoseconds, in which the program's clock stands
// still (HZ is 100 or more). What a source may send within it must not count
// as a burst.
const tick = 10e6

// configure tells the program its settings. It is called with mu held.
func (f *Filter) configure() error {
	s := settings{}
	if f.limit.Rate > 0 {
		s.Interval = uint64(1e9 / f.limit.Rate)
		s.Burst = s.Interval*uint64(f.limit.Burst) + tick
	}
	for l := range f.entries {
		for family, n := range f.families[l] {
			if n > 0 {
				s.Lists |= 1 << (2*l + family)
			}
		}
	}
	if err := f.coll.Maps[xdpMapLimits].Put(uint32(0), s); err != nil {
		return fmt.Errorf("filter: settings: %w", err)
	}
	return nil
}
