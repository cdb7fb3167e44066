package steer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Steering is the state of the process that owns the listening sockets.
type Steering struct {
	spec     *ebpf.CollectionSpec
	slots    *ebpf.Map // nil until programs were first loaded
	programs map[string]*program
	// arrays are the socket arrays by group. A socket can be in one array
	// only, so that all programs a group ever has share it.
	arrays map[string]*ebpf.Map
	report Report
}

// program is what is attached to one group.
type program struct {
	sockets []int // as in the Group
	key     programKey
	cpus    [][]int
	prog    *ebpf.Program
}

type programKey struct {
	mode    Mode
	workers int
}

// New returns a Steering with nothing in force.
func New() *Steering {
	return &Steering{programs: make(map[string]*program), arrays: make(map[string]*ebpf.Map),
		report: Report{Mode: Off, Rung: Unsteered}}
}

// Report says what is in force.
func (s *Steering) Report() Report { return s.report }

// Board is the descriptor of the Board's memory for the process of workers, -1
// when no rung wants one. It stays the Steering's and is always the same.
func (s *Steering) Board() int {
	if s.slots == nil {
		return -1
	}
	return s.slots.FD()
}

// Reset forgets what workers said: their process has ended.
func (s *Steering) Reset() error {
	if s.slots == nil {
		return nil
	}
	keys, zero := make([]uint32, MaxWorkers), make([]slotBytes, MaxWorkers)
	for i := range keys {
		keys[i] = uint32(i)
	}
	_, err := s.slots.BatchUpdate(keys, zero, nil)
	if errors.Is(err, ebpf.ErrNotSupported) {
		for i := range keys {
			if err = s.slots.Put(keys[i], zero[i]); err != nil {
				break
			}
		}
	}
	if err != nil {
		return fmt.Errorf("steer: forget the workers: %w", err)
	}
	return nil
}

// Close lets go of programs and maps. Attached programs stay in force, so that
// sockets handed to another process are steered until that one attaches its own.
func (s *Steering) Close() {
	for name, p := range s.programs {
		_ = p.prog.Close()
		delete(s.programs, name)
	}
	for name, a := range s.arrays {
		_ = a.Close()
		delete(s.arrays, name)
	}
	if s.slots != nil {
		_ = s.slots.Close()
		s.slots = nil
	}
}

// Change is a plan whose programs are loaded but not attached.
type Change struct {
	s        *Steering
	plan     Plan
	cpus     *cpuTable
	programs map[string]*program // of this plan; those that did not change are shared
	report   Report
}

// Prepare loads what a plan needs. It always succeeds: what cannot be loaded
// makes the rung a lower one. A change is ended by Commit or Drop.
func (s *Steering) Prepare(p Plan) *Change {
	c := &Change{s: s, plan: p, cpus: newCPUTable(p.CPUs), programs: make(map[string]*program)}
	c.report = Report{Mode: p.Mode, Rung: Unsteered}
	if p.Mode == Off || len(p.CPUs) < 2 {
		return c
	}
	if err := c.load(); err != nil {
		c.Drop()
		c.fall(err)
		return c
	}
	c.report.Rung, c.report.Migrates = EBPF, true
	return c
}

// Report says what will be in force after Commit.
func (c *Change) Report() Report { return c.report }

// fall takes the rung below EBPF that the plan allows.
func (c *Change) fall(why error) {
	c.report = Report{Mode: c.plan.Mode, Rung: KernelHash, Why: why}
	if c.plan.Mode == CPU && c.cpus.bound {
		c.report.Rung = CBPF
	}
}

// load makes the programs of all groups.
func (c *Change) load() error {
	if len(c.plan.CPUs) > MaxWorkers {
		return fmt.Errorf("steer: more than %d workers", MaxWorkers)
	}
	key := programKey{c.plan.Mode, len(c.plan.CPUs)}
	for _, g := range c.plan.Groups {
		if len(g.Sockets) < key.workers {
			continue // shared by all workers
		}
		if old := c.s.programs[g.Name]; old != nil && old.key == key &&
			slices.Equal(old.sockets, g.Sockets) && slices.EqualFunc(old.cpus, c.plan.CPUs, slices.Equal) {
			c.programs[g.Name] = old
			continue
		}
		prog, err := c.s.load(c.plan, c.cpus, g)
		if err != nil {
			return err
		}
		c.programs[g.Name] = &program{slices.Clone(g.Sockets), key, c.plan.CPUs, prog}
	}
	return nil
}

// load makes the program of one group and fills its socket array.
func (s *Steering) load(p Plan, cpus *cpuTable, g Group) (*ebpf.Program, error) {
	if s.spec == nil {
		_ = rlimit.RemoveMemlock() // counts on kernels before 5.11 only
		spec, err := loadSteer()
		if err != nil {
			return nil, err
		}
		s.spec = spec
	}
	spec := s.spec.Copy()
	name := map[Mode]string{Load: steerProgSteerLoad, CPU: steerProgSteerCpu, Hash: steerProgSteerHash}[p.Mode]
	for other := range spec.Programs {
		if other != name {
			delete(spec.Programs, other)
		}
	}
	for name, value := range map[string]any{
		steerVarWorkers: uint32(len(p.CPUs)), steerVarStallNs: Stall.Nanoseconds(),
		steerVarByCpu: &cpus.byCPU, steerVarOrder: &cpus.order,
	} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, fmt.Errorf("BUG: steer: %s: %w", name, err)
		}
	}
	array, err := s.array(spec.Maps[steerMapSockets], g, len(p.CPUs))
	if err != nil {
		return nil, err
	}
	o := ebpf.CollectionOptions{MapReplacements: map[string]*ebpf.Map{steerMapSockets: array}}
	if s.slots != nil {
		o.MapReplacements[steerMapSlots] = s.slots
	}
	coll, err := ebpf.NewCollectionWithOptions(spec, o)
	if err != nil {
		return nil, err
	}
	defer coll.Close()
	if s.slots == nil {
		s.slots = coll.DetachMap(steerMapSlots)
	}
	return coll.DetachProgram(name), nil
}

// Drop gives up a change.
func (c *Change) Drop() {
	for name, p := range c.programs {
		if c.s.programs[name] != p {
			_ = p.prog.Close()
		}
	}
	c.programs = nil
}

// Commit puts the change in force and returns what is in force then. What was
// there before is replaced without a gap. It may be called again, when another
// process may have replaced what is attached.
func (c *Change) Commit() Report {
	s := c.s
	if c.report.Rung == EBPF {
		if err := c.attach(); err != nil {
			c.Drop()
			c.fall(err)
		}
	}
	if c.report.Rung != EBPF {
		c.descend()
	}
	for name, old := range s.programs {
		if c.programs[name] != old {
			_ = old.prog.Close()
		}
	}
	s.programs = c.programs
	if s.programs == nil {
		s.programs = make(map[string]*program)
	}
	for name, a := range s.arrays {
		if s.programs[name] == nil {
			_ = a.Close()
			delete(s.arrays, name)
		}
	}
	if c.plan.Mode != Off && migrateRequests() {
		c.report.Migrates = true
	}
	s.report = c.report
	return s.report
}

// attach attaches all programs. A program replaces the one before it at once.
func (c *Change) attach() error {
	for _, g := range c.plan.Groups {
		if p := c.programs[g.Name]; p != nil {
			err := unix.SetsockoptInt(g.Sockets[0], unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_EBPF, p.prog.FD())
			if err != nil {
				return fmt.Errorf("setsockopt(SO_ATTACH_REUSEPORT_EBPF) %s: %w", g.Name, err)
			}
		} else {
			detach(g.Sockets)
		}
	}
	return nil
}
