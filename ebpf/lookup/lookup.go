package lookup

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// MaxRules is how many rules there may be: each costs every new connection of
// the namespace some nanoseconds.
const MaxRules = 256

// Pass as a Rule's Socket leaves the connection to the kernel's own search.
const Pass = -1

// Rule is a range and its socket.
type Rule struct {
	Prefix      netip.Prefix // a single address is a prefix of all its bits
	First, Last uint16       // ports, both included
	Socket      int          // a listening descriptor, or Pass
}

// rule mirrors struct rule of the program.
type rule struct {
	Addr, Mask  [4]uint32
	Family      uint32
	First, Last uint16
	Socket      int32
	_           uint32
	Hits        uint64
}

// Lookup is the program in force, if any.
type Lookup struct {
	spec  *ebpf.CollectionSpec
	link  *link.NetNsLink
	rules *ebpf.Map
	count int
}

// New returns a Lookup without rules.
func New() *Lookup { return new(Lookup) }

// Available tells why the program cannot be loaded, nil when it can.
func (l *Lookup) Available() error {
	if l.link != nil {
		return nil
	}
	coll, err := l.load(nil)
	if err != nil {
		return err
	}
	coll.Close()
	return nil
}

// Apply puts rules in force in place of those before, all at once; the first
// that matches a connection counts. No rules detach the program. On an error
// those before stay.
func (l *Lookup) Apply(rules []Rule) error {
	if len(rules) == 0 {
		return l.Close()
	}
	coll, err := l.load(rules)
	if err != nil {
		return err
	}
	defer coll.Close()
	prog := coll.Programs[lookupProgFindSocket]
	if l.link != nil {
		if err := l.link.Update(prog); err != nil {
			return fmt.Errorf("lookup: replace the program: %w", err)
		}
	} else if err := l.attach(prog); err != nil {
		return err
	}
	if l.rules != nil {
		_ = l.rules.Close()
	}
	l.rules, l.count = coll.DetachMap(lookupMapRules), len(rules)
	return nil
}

func (l *Lookup) attach(prog *ebpf.Program) error {
	// Of the thread, not of the process: tests live in a namespace of their own.
	ns, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("lookup: %w", err)
	}
	defer ns.Close()
	li, err := link.AttachNetNs(int(ns.Fd()), prog)
	if err != nil {
		return fmt.Errorf("lookup: attach: %w", err)
	}
	l.link = li
	return nil
}

// Close detaches the program.
func (l *Lookup) Close() error {
	if l.link == nil {
		return nil
	}
	err := l.link.Close()
	_ = l.rules.Close()
	l.link, l.rules, l.count = nil, nil, 0
	return err
}

// Hits is how many connections each rule has decided, in the order of Apply.
func (l *Lookup) Hits() []uint64 {
	hits := make([]uint64, l.count)
	for i := range hits {
		var r rule
		if l.rules.Lookup(uint32(i), &r) == nil {
			hits[i] = r.Hits
		}
	}
	return hits
}

// load makes a program with its maps.
func (l *Lookup) load(rules []Rule) (*ebpf.Collection, error) {
	if len(rules) > MaxRules {
		return nil, fmt.Errorf("lookup: more than %d ranges", MaxRules)
	}
	if l.spec == nil {
		_ = rlimit.RemoveMemlock() // counts on kernels before 5.11 only
		spec, err := loadLookup()
		if err != nil {
			return nil, err
		}
		l.spec = spec
	}
	spec := l.spec.Copy()
	if err := spec.Variables[lookupVarCount].Set(uint32(len(rules))); err != nil {
		return nil, fmt.Errorf("BUG: lookup: count: %w", err)
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, err
	}
	if err := fill(coll, rules); err != nil {
		coll.Close()
		return nil, err
	}
	return coll, nil
}

// fill puts rules and sockets into the maps. A socket stands in the map once,
// however many rules name it.
func fill(coll *ebpf.Collection, rules []Rule) error {
	index := make(map[int]int32)
	for i, r := range rules {
		at, known := index[r.Socket]
		switch {
		case r.Socket == Pass:
			at = Pass
		case !known:
			at = int32(len(index))
			index[r.Socket] = at
			if err := coll.Maps[lookupMapSockets].Put(uint32(at), uint64(r.Socket)); err != nil {
				return fmt.Errorf("lookup: socket of %s: %w", r.Prefix, err)
			}
		}
		if err := coll.Maps[lookupMapRules].Put(uint32(i), r.encode(at)); err != nil {
			return fmt.Errorf("lookup: rule of %s: %w", r.Prefix, err)
		}
	}
	return nil
}

// encode is the rule as the program reads it.
func (r Rule) encode(socket int32) *rule {
	e := &rule{Family: unix.AF_INET6, First: r.First, Last: r.Last, Socket: socket}
	p := r.Prefix.Masked()
	bytes := p.Addr().AsSlice()
	if p.Addr().Is4() {
		e.Family = unix.AF_INET
	}
	for i := 0; i < len(bytes); i += 4 {
		var mask [4]byte
		binary.BigEndian.PutUint32(mask[:], ^uint32(uint64(1<<32-1)>>min(32, max(0, p.Bits()-8*i))))
		// Both sides compare words as they stand in memory.
		e.Addr[i/4] = binary.NativeEndian.Uint32(bytes[i:])
		e.Mask[i/4] = binary.NativeEndian.Uint32(mask[:])
	}
	return e
}
