package evidence

import (
	"fmt"
	"io"

	"github.com/prometheus/procfs"
)

// Counters are totals since the machine (or its network namespace) started,
// and gauges where their comment says so.
type Counters struct {
	ListenOverflows uint64 // connections that found an accept queue full
	ListenDrops     uint64 // connections and handshakes dropped by listeners
	ReqQFullDrop    uint64 // handshakes dropped with a full SYN queue
	BacklogDrop     uint64 // packets dropped while a socket was busy
	PruneCalled     uint64 // receive buffers squeezed for lack of memory
	Retransmitted   uint64 // segments sent again
	Sent            uint64 // segments sent
	Timeouts        uint64 // retransmission timeouts
	SoftnetDropped  uint64 // packets dropped with a full processor queue
	SoftnetSqueezed uint64 // receive interrupts that ran out of budget
	TimeWait        uint64 // connections in TIME-WAIT (gauge)
	Orphans         uint64 // connections without a process (gauge)
	Memory          uint64 // pages of TCP buffers (gauge)
}

// Read takes the counters of the network namespace the process is in.
func Read(proc string) (Counters, error) {
	var c Counters
	fs, err := procfs.NewFS(proc)
	if err != nil {
		return c, err
	}
	self, err := fs.Self()
	if err != nil {
		return c, err
	}
	ext, err := self.Netstat()
	if err != nil {
		return c, fmt.Errorf("netstat: %w", err)
	}
	c.ListenOverflows = count(ext.ListenOverflows)
	c.ListenDrops = count(ext.ListenDrops)
	c.ReqQFullDrop = count(ext.TCPReqQFullDrop)
	c.BacklogDrop = count(ext.TCPBacklogDrop)
	c.PruneCalled = count(ext.PruneCalled)
	c.Timeouts = count(ext.TCPTimeouts)
	snmp, err := self.Snmp()
	if err != nil {
		return c, fmt.Errorf("snmp: %w", err)
	}
	c.Retransmitted, c.Sent = count(snmp.RetransSegs), count(snmp.OutSegs)
	if soft, err := fs.NetSoftnetStat(); err == nil { // absent without rights in some containers
		for _, s := range soft {
			c.SoftnetDropped += uint64(s.Dropped)
			c.SoftnetSqueezed += uint64(s.TimeSqueezed)
		}
	}
	if sock, err := fs.NetSockstat(); err == nil {
		for _, p := range sock.Protocols {
			if p.Protocol == "TCP" {
				c.TimeWait, c.Orphans, c.Memory = gauge(p.TW), gauge(p.Orphan), gauge(p.Mem)
			}
		}
	}
	return c, nil
}

func count(f *float64) uint64 {
	if f == nil {
		return 0
	}
	return uint64(*f)
}

func gauge(n *int) uint64 {
	if n == nil {
		return 0
	}
	return uint64(*n)
}

// row is a counter as it is printed.
type row struct {
	name  string
	of    func(*Counters) uint64
	gauge bool
	hint  string // what a growing number means
}

var rows = []row{
	{"listen overflows", func(c *Counters) uint64 { return c.ListenOverflows }, false, "net.core.somaxconn and the listener's backlog are too small, or workers are late"},
	{"listen drops", func(c *Counters) uint64 { return c.ListenDrops }, false, "as above, and handshakes refused"},
	{"SYN queue full", func(c *Counters) uint64 { return c.ReqQFullDrop }, false, "net.ipv4.tcp_max_syn_backlog is too small, or a flood"},
	{"socket backlog drops", func(c *Counters) uint64 { return c.BacklogDrop }, false, "receive buffers are too small"},
	{"receive buffers pruned", func(c *Counters) uint64 { return c.PruneCalled }, false, "net.ipv4.tcp_rmem or tcp_mem is too small"},
	{"segments sent again", func(c *Counters) uint64 { return c.Retransmitted }, false, "loss on the way"},
	{"segments sent", func(c *Counters) uint64 { return c.Sent }, false, ""},
	{"retransmission timeouts", func(c *Counters) uint64 { return c.Timeouts }, false, "loss that costs 200 ms each"},
	{"softnet drops", func(c *Counters) uint64 { return c.SoftnetDropped }, false, "net.core.netdev_max_backlog is too small"},
	{"softnet squeezes", func(c *Counters) uint64 { return c.SoftnetSqueezed }, false, "net.core.netdev_budget is too small"},
	{"in TIME-WAIT", func(c *Counters) uint64 { return c.TimeWait }, true, ""},
	{"orphans", func(c *Counters) uint64 { return c.Orphans }, true, ""},
	{"pages of TCP buffers", func(c *Counters) uint64 { return c.Memory }, true, ""},
}

// Print writes the counters, with what was added since before when that is
// given.
func Print(w io.Writer, now Counters, before *Counters) {
	for _, r := range rows {
		n := r.of(&now)
		switch {
		case before == nil:
			fmt.Fprintf(w, "  %-24s %12d", r.name, n)
		case r.gauge:
			fmt.Fprintf(w, "  %-24s %12d  was %d", r.name, n, r.of(before))
		default:
			fmt.Fprintf(w, "  %-24s %12d  %+d", r.name, n, int64(n)-int64(r.of(before)))
		}
		if grown := n - min(n, sinceOf(r, before)); grown > 0 && r.hint != "" {
			fmt.Fprintf(w, "  (%s)", r.hint)
		}
		fmt.Fprintln(w)
	}
}

func sinceOf(r row, before *Counters) uint64 {
	if before == nil {
		return 0
	}
	return r.of(before)
}
