package steer

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// descend carries out the rungs below EBPF: the one of the report, or the next
// that works for every group.
func (c *Change) descend() {
	groups := c.plan.Groups
	if c.report.Rung == CBPF {
		filter := c.cpus.classic()
		if err := each(groups, func(sockets []int) error { return attachClassic(sockets, filter) }); err == nil {
			return
		}
		c.report.Rung = IncomingCPU
	}
	for _, g := range groups {
		detach(g.Sockets)
	}
	if c.report.Rung == IncomingCPU {
		if err := each(groups, c.incoming); err == nil {
			return
		}
		c.report.Rung = KernelHash
	}
}

// each calls f for the sockets of every group of several.
func each(groups []Group, f func(sockets []int) error) error {
	for _, g := range groups {
		if len(g.Sockets) < 2 {
			continue
		}
		if err := f(g.Sockets); err != nil {
			return fmt.Errorf("%s: %w", g.Name, err)
		}
	}
	return nil
}

// detach leaves the choice to the kernel. That there was no program, or no
// group, is no error.
func detach(sockets []int) {
	_ = unix.SetsockoptInt(sockets[0], unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0)
}

// Parts of a classic program.
const (
	adCPU       = 0xfffff000 + 36 // SKF_AD_OFF + SKF_AD_CPU: the CPU the packet is on
	noSocket    = 0xffffffff      // no such index: the kernel takes its hash
	loadWord    = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	jumpEqual   = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	returnConst = unix.BPF_RET | unix.BPF_K
)

// maxClassic is how many CPUs fit into a classic program.
const maxClassic = (unix.BPF_MAXINSNS - 2) / 2

// classic is the program that returns the index of the first worker bound to a
// CPU. An index counts the sockets of the group as they were bound.
func (t *cpuTable) classic() []unix.SockFilter {
	prog := []unix.SockFilter{{Code: loadWord, K: adCPU}}
	for cpu, r := range t.byCPU {
		if r.Count == 0 || len(prog) > 2*maxClassic {
			continue
		}
		prog = append(prog,
			unix.SockFilter{Code: jumpEqual, Jf: 1, K: uint32(cpu)},
			unix.SockFilter{Code: returnConst, K: uint32(t.order[r.First])})
	}
	return append(prog, unix.SockFilter{Code: returnConst, K: noSocket})
}

// incoming names each socket's CPU. The kernel prefers a socket whose CPU the
// packet is on.
func (c *Change) incoming(sockets []int) error {
	for w, cpus := range c.plan.CPUs {
		if len(cpus) == 0 {
			continue
		}
		if err := unix.SetsockoptInt(sockets[w], unix.SOL_SOCKET, unix.SO_INCOMING_CPU, cpus[0]); err != nil {
			return fmt.Errorf("setsockopt(SO_INCOMING_CPU): %w", err)
		}
	}
	return nil
}

// migrateFile is the sysctl that lets the kernel give queued connections of a
// closed socket to another of its group, without a program that asks for it.
const migrateFile = "/proc/sys/net/ipv4/tcp_migrate_req"

// migrateRequests switches the sysctl on and tells whether it is. It is not
// switched off again: other processes may count on it by then, and it changes
// nothing but connections that would be reset.
func migrateRequests() bool {
	now, err := os.ReadFile(migrateFile)
	if err == nil && bytes.HasPrefix(now, []byte("1")) {
		return true
	}
	return os.WriteFile(migrateFile, []byte("1\n"), 0) == nil
}

// attachClassic attaches a classic program to a group.
func attachClassic(sockets []int, filter []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(sockets[0], unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &prog); err != nil {
		return fmt.Errorf("setsockopt(SO_ATTACH_REUSEPORT_CBPF): %w", err)
	}
	return nil
}
