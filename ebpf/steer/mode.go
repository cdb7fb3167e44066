package steer

import "time"

// Limits of the programs.
const (
	MaxWorkers = 1024 // workers beyond are not steered: the rung is Hash
	maxCPUs    = 1024 // CPUs beyond count as having no worker
)

// Stall is how long a turn of a worker's loop may take before new connections
// pass it by.
const Stall = 10 * time.Millisecond

// Mode is how connections are to be given to workers.
type Mode int

// The modes; see the package.
const (
	Load Mode = iota
	CPU
	Hash
	Off // the kernel's hash, and nothing is switched on
)

// String is the mode's word in the configuration.
func (m Mode) String() string { return [...]string{"load", "cpu", "hash", "off"}[m] }

// Rung is the means by which a mode is carried out.
type Rung string

// The rungs, best first.
const (
	EBPF        Rung = "ebpf"         // programs of this package; migrates
	CBPF        Rung = "cbpf"         // classic BPF by CPU
	IncomingCPU Rung = "incoming_cpu" // SO_INCOMING_CPU
	KernelHash  Rung = "hash"         // the kernel's own choice
	Unsteered   Rung = "off"          // nothing to steer (one worker), or mode Off
)

// Report says what is in force.
type Report struct {
	Mode Mode
	Rung Rung
	Why  error // why the rung is not EBPF; nil when it is, or was not wanted
	// Migrates says that no queued connection is lost when a socket of a
	// group closes.
	Migrates bool
}

// Group is the listening sockets of one address.
type Group struct {
	Name    string // tells groups apart
	Sockets []int  // in the order in which they were bound; number i is worker i's
}

// Plan is what is wanted.
type Plan struct {
	Mode   Mode
	CPUs   [][]int // per worker, the CPUs it is bound to; nil for none
	Groups []Group
}

// cpuTable is which workers are bound to a CPU: count from first on in order.
type cpuTable struct {
	byCPU [maxCPUs]cpuRange
	order [MaxWorkers]uint16
	bound bool // some worker is bound to a CPU of its own
}

// cpuRange mirrors struct bound of the programs.
type cpuRange struct{ First, Count uint16 }

// newCPUTable reads the CPUs of workers. A worker with several CPUs is of no
// use to any one of them: it counts for the first, so that it gets its share.
func newCPUTable(workers [][]int) *cpuTable {
	t := new(cpuTable)
	n := uint16(0)
	for cpu := range maxCPUs {
		t.byCPU[cpu].First = n
		for w, cpus := range workers {
			if w < MaxWorkers && len(cpus) > 0 && cpus[0] == cpu {
				t.order[n] = uint16(w)
				n++
			}
		}
		t.byCPU[cpu].Count = n - t.byCPU[cpu].First
	}
	t.bound = n > 0
	return t
}
