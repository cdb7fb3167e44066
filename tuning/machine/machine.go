package machine

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// Roots are where the kernel's file systems are mounted.
type Roots struct {
	Proc string // "/proc"
	Sys  string // "/sys"
}

// System are the roots of the machine itself.
var System = Roots{Proc: "/proc", Sys: "/sys"}

// Machine is what was found.
type Machine struct {
	Roots
	CPUs      int    // processors this process may use; of a control group's share of their time the whole number above it
	Memory    int64  // bytes, the limit of the container where that is less
	Container string // what kind of container this is, "" on a machine of its own
	NICs      []NIC  // in the order of their names, without lo
}

// NIC is one network interface.
type NIC struct {
	Name   string
	Device bool     // it belongs to a device; bridges, veth and tunnels do not
	Up     bool     // it carries traffic
	Speed  int      // Mbit/s, 0 when the driver does not say
	Rx, Tx []string // its queues: "rx-0", "tx-0"
	IRQs   []int    // of its queues, in their order; empty when unknown
}

// Look examines the machine.
func Look(r Roots) (*Machine, error) {
	m := &Machine{Roots: r, CPUs: min(cpus(), Quota(r)), Container: container(r)}
	fs, err := procfs.NewFS(r.Proc)
	if err != nil {
		return nil, err
	}
	info, err := fs.Meminfo()
	if err != nil {
		return nil, err
	}
	if info.MemTotalBytes != nil {
		m.Memory = int64(*info.MemTotalBytes)
	}
	if limit := memoryLimit(r); limit > 0 && limit < m.Memory {
		m.Memory = limit
	}
	m.NICs = nics(r)
	return m, nil
}

// cpus returns how many processors the scheduler gives this process.
func cpus() int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) == nil && set.Count() > 0 {
		return set.Count()
	}
	return runtime.NumCPU()
}

// container names the container by what its manager leaves behind.
func container(r Roots) string {
	for _, c := range []struct{ file, name string }{
		{"/.dockerenv", "docker"},
		{"/run/.containerenv", "podman"},
		{"/var/run/secrets/kubernetes.io", "kubernetes"},
	} {
		if _, err := os.Stat(filepath.Join(r.Proc, "1/root", c.file)); err == nil {
			return c.name
		}
	}
	env, _ := os.ReadFile(filepath.Join(r.Proc, "1/environ"))
	for e := range strings.SplitSeq(string(env), "\x00") {
		if name, ok := strings.CutPrefix(e, "container="); ok {
			return name
		}
	}
	return ""
}

func nics(r Roots) []NIC {
	dirs, _ := filepath.Glob(filepath.Join(r.Sys, "class/net/*"))
	var found []NIC
	for _, dir := range dirs {
		n := NIC{Name: filepath.Base(dir)}
		if _, err := os.Stat(filepath.Join(dir, "type")); err != nil || n.Name == "lo" {
			continue
		}
		_, err := os.Stat(filepath.Join(dir, "device"))
		n.Device = err == nil
		n.Up = Value(filepath.Join(dir, "operstate")) == "up"
		if speed, err := strconv.Atoi(Value(filepath.Join(dir, "speed"))); err == nil && speed > 0 {
			n.Speed = speed
		}
		n.Rx, n.Tx = queues(dir, "rx-"), queues(dir, "tx-")
		n.IRQs = interrupts(dir)
		found = append(found, n)
	}
	return found
}

// queues returns the queues of one direction in numerical order.
func queues(dir, prefix string) []string {
	paths, _ := filepath.Glob(filepath.Join(dir, "queues", prefix+"*"))
	for i, p := range paths {
		paths[i] = filepath.Base(p)
	}
	slices.SortFunc(paths, func(a, b string) int { return trailing(a) - trailing(b) })
	return paths
}

func trailing(s string) int {
	n, _ := strconv.Atoi(s[strings.LastIndexByte(s, '-')+1:])
	return n
}

// interrupts returns the message-signalled interrupts of the device in rising
// order, which is the order drivers ask for them in.
func interrupts(dir string) []int {
	files, _ := filepath.Glob(filepath.Join(dir, "device/msi_irqs/*"))
	if len(files) == 0 { // virtio: the function above the device has them
		device, err := filepath.EvalSymlinks(filepath.Join(dir, "device"))
		if err != nil {
			return nil
		}
		files, _ = filepath.Glob(filepath.Join(filepath.Dir(device), "msi_irqs/*"))
	}
	var irqs []int
	for _, f := range files {
		if n, err := strconv.Atoi(filepath.Base(f)); err == nil {
			irqs = append(irqs, n)
		}
	}
	slices.Sort(irqs)
	return irqs
}

// QueueIRQs returns the interrupts of the interface's receive queues, one per
// queue, found by the names drivers give them in /proc/interrupts
// ("eth0-rx-1", "eth0-TxRx-1", "virtio0-input.1"). It returns nil when they
// cannot be told apart from the device's others.
func (m *Machine) QueueIRQs(n *NIC) []int {
	table, err := os.ReadFile(filepath.Join(m.Proc, "interrupts"))
	if err != nil {
		return nil
	}
	var irqs []int
	for line := range strings.Lines(string(table)) {
		number, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		irq, err := strconv.Atoi(number)
		if err == nil && slices.Contains(n.IRQs, irq) && receives(strings.ToLower(rest)) {
			irqs = append(irqs, irq)
		}
	}
	if len(irqs) != len(n.Rx) {
		return nil
	}
	return irqs
}

// receives reports whether an interrupt's name is that of a receive queue.
func receives(name string) bool {
	return strings.Contains(name, "rx") || strings.Contains(name, "input") || strings.Contains(name, "comp")
}
