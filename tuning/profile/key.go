package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Kind says which part of the machine a setting belongs to.
type Kind uint8

const (
	Sysctl Kind = iota // a file below /proc/sys
	Host               // processors and memory: sysfs
	NIC                // one value per network interface
	Advice             // shown and checked; changed by whoever starts weir
)

// Key is a setting weir knows.
type Key struct {
	Name  string
	Kind  Kind
	Takes Values
	Doc   string
}

// Values is what a setting may be set to: words, or numbers within bounds.
type Values struct {
	Words    []string // allowed words; with numbers too when Count > 0
	Count    int      // how many numbers; 0: words only
	Min, Max int64    // bounds that are safe on a server, both included
	Rising   bool     // each number is at least the one before it
	Shares   bool     // numbers may be shares of the memory: "3%"
}

// Check says whether a value may be set.
func (k *Key) Check(value string) error {
	v := &k.Takes
	if slices.Contains(v.Words, value) {
		return nil
	}
	if v.Count == 0 {
		return fmt.Errorf("%q is not one of %s", value, strings.Join(v.Words, ", "))
	}
	fields := strings.Fields(value)
	if len(fields) != v.Count {
		return fmt.Errorf("%q has %d values, want %d", value, len(fields), v.Count)
	}
	before := int64(-1)
	for _, f := range fields {
		n, err := v.number(f)
		if err != nil {
			return err
		}
		if v.Rising && n < before {
			return fmt.Errorf("%q is not in rising order", value)
		}
		before = n
	}
	return nil
}

// number reads one number and holds its bounds; of a share only that it leaves
// memory for others.
func (v *Values) number(s string) (int64, error) {
	if share, ok := strings.CutSuffix(s, "%"); ok && v.Shares {
		n, err := strconv.ParseInt(share, 10, 64)
		if err != nil || n < 1 || n > 25 {
			return 0, fmt.Errorf("%q is not a share of 1%% to 25%% of the memory", s)
		}
		return n, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a whole number", s)
	case n < v.Min || n > v.Max:
		return 0, fmt.Errorf("%d is not safe: allowed are %d to %d", n, v.Min, v.Max)
	}
	return n, nil
}

// Find returns the setting of this name, or nil.
func Find(name string) *Key {
	i := slices.IndexFunc(Keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return nil
	}
	return &Keys[i]
}

func number(least, most int64) Values { return Values{Count: 1, Min: least, Max: most} }

func sizes(most int64) Values { return Values{Count: 3, Min: 1024, Max: most, Rising: true} }

func words(w ...string) Values { return Values{Words: w} }

const (
	mib = int64(1) << 20
	gib = int64(1) << 30
)

// Keys are the settings weir knows, in the order they are applied: a limit
// stands before what it bounds.
var Keys = []Key{
	{"fs.nr_open", Sysctl, number(1<<20, 1<<30), "most descriptors of one process"},
	{"fs.file-max", Sysctl, number(1<<18, 1<<40), "most open files of the machine"},

	{"net.core.somaxconn", Sysctl, number(1024, 1<<20), "longest accept queue"},
	{"net.ipv4.tcp_max_syn_backlog", Sysctl, number(1024, 1<<20), "most handshakes waiting per listener"},
	{"net.ipv4.tcp_syncookies", Sysctl, number(1, 2), "cookies when the SYN queue is full"},
	{"net.ipv4.tcp_abort_on_overflow", Sysctl, number(0, 1), "reset instead of silence when the accept queue is full"},
	{"net.ipv4.tcp_migrate_req", Sysctl, number(0, 1), "queued connections move when a listener closes"},
	{"net.ipv4.tcp_synack_retries", Sysctl, number(1, 8), "repeats of a SYN-ACK"},
	{"net.ipv4.tcp_syn_retries", Sysctl, number(1, 8), "repeats of a SYN"},

	{"net.core.netdev_max_backlog", Sysctl, number(1000, 1<<18), "packets queued per processor"},
	{"net.core.netdev_budget", Sysctl, number(64, 5000), "packets per receive interrupt"},
	{"net.core.netdev_budget_usecs", Sysctl, number(1000, 20000), "microseconds per receive interrupt"},
	{"net.core.busy_poll", Sysctl, number(0, 200), "microseconds poll and epoll look at the device"},
	{"net.core.busy_read", Sysctl, number(0, 200), "microseconds a read looks at the device"},
	{"net.core.rps_sock_flow_entries", Sysctl, number(0, 1<<20), "flows that receive flow steering remembers"},
	{"net.core.default_qdisc", Sysctl, words("fq", "fq_codel", "pfifo_fast"), "queueing discipline of new interfaces"},
	{"net.core.bpf_jit_harden", Sysctl, number(0, 2), "hardening of compiled BPF programs"},

	{"net.core.rmem_max", Sysctl, number(212992, gib), "largest receive buffer a program may ask for"},
	{"net.core.wmem_max", Sysctl, number(212992, gib), "largest send buffer a program may ask for"},
	{"net.core.optmem_max", Sysctl, number(20480, 64*mib), "largest ancillary buffer"},
	{"net.ipv4.tcp_rmem", Sysctl, sizes(gib), "receive buffer: least, first, most"},
	{"net.ipv4.tcp_wmem", Sysctl, sizes(gib), "send buffer: least, first, most"},
	{"net.ipv4.tcp_mem", Sysctl, Values{Count: 3, Min: 1024, Max: 1 << 40, Rising: true, Shares: true}, "pages for all TCP buffers: fine, pressure, limit"},
	{"net.ipv4.tcp_notsent_lowat", Sysctl, number(4096, 4294967295), "unsent bytes from which a socket is not writable"},
	{"net.ipv4.tcp_max_orphans", Sysctl, number(4096, 1<<22), "closed connections the kernel still finishes"},

	{"net.ipv4.tcp_congestion_control", Sysctl, words("bbr", "cubic", "reno", "dctcp"), "congestion control of new connections"},
	{"net.ipv4.tcp_slow_start_after_idle", Sysctl, number(0, 1), "small window again after a pause"},
	{"net.ipv4.tcp_fastopen", Sysctl, number(0, 3), "data in the SYN: 1 as client, 2 as server"},
	{"net.ipv4.tcp_mtu_probing", Sysctl, number(0, 2), "search for the path's packet size"},
	{"net.ipv4.tcp_ecn", Sysctl, number(0, 2), "explicit congestion notification"},
	{"net.ipv4.tcp_rto_min_us", Sysctl, number(5000, 200000), "shortest retransmission timeout"},
	{"net.ipv4.tcp_timestamps", Sysctl, number(1, 2), "timestamps"},
	{"net.ipv4.tcp_sack", Sysctl, number(1, 1), "selective acknowledgements"},
	{"net.ipv4.tcp_window_scaling", Sysctl, number(1, 1), "windows over 64 KB"},

	{"net.ipv4.ip_local_port_range", Sysctl, Values{Count: 2, Min: 1024, Max: 65535, Rising: true}, "ports of connections to upstreams"},
	{"net.ipv4.tcp_tw_reuse", Sysctl, number(0, 2), "ports in TIME-WAIT used again for new connections"},
	{"net.ipv4.tcp_max_tw_buckets", Sysctl, number(16384, 1<<24), "most connections in TIME-WAIT"},
	{"net.ipv4.tcp_fin_timeout", Sysctl, number(5, 120), "seconds an orphan waits for the peer's FIN"},
	{"net.ipv4.tcp_keepalive_time", Sysctl, number(30, 7200), "idle seconds before the first probe"},
	{"net.ipv4.tcp_keepalive_intvl", Sysctl, number(5, 120), "seconds between probes"},
	{"net.ipv4.tcp_keepalive_probes", Sysctl, number(2, 20), "probes without answer that end a connection"},
	{"net.ipv4.ip_nonlocal_bind", Sysctl, number(0, 1), "listening on addresses that come later"},

	{"net.ipv4.conf.all.rp_filter", Sysctl, number(0, 2), "packets from addresses the route does not lead to"},
	{"net.ipv4.conf.all.accept_redirects", Sysctl, number(0, 0), "routes by ICMP"},
	{"net.ipv4.conf.all.accept_source_route", Sysctl, number(0, 0), "routes by the sender"},
	{"net.ipv4.conf.all.log_martians", Sysctl, number(0, 1), "log of impossible addresses"},

	{"net.netfilter.nf_conntrack_max", Sysctl, number(65536, 1<<25), "connections that conntrack follows"},
	{"net.netfilter.nf_conntrack_tcp_timeout_established", Sysctl, number(600, 432000), "seconds conntrack remembers a connection"},
	{"net.netfilter.nf_conntrack_tcp_timeout_time_wait", Sysctl, number(1, 120), "seconds conntrack remembers a closed one"},

	{"vm.swappiness", Sysctl, number(0, 100), "readiness to swap"},
	{"vm.overcommit_memory", Sysctl, number(0, 1), "promise of memory"},
	{"vm.min_free_kbytes", Sysctl, number(16384, 4<<20), "memory held free for packets"},
	{"vm.dirty_background_ratio", Sysctl, number(1, 50), "dirty share of memory at which writing begins"},
	{"vm.dirty_ratio", Sysctl, number(2, 80), "dirty share of memory at which writers wait"},
	{"kernel.numa_balancing", Sysctl, number(0, 1), "pages follow threads between nodes"},
	{"kernel.nmi_watchdog", Sysctl, number(0, 1), "hard lockup detector"},
	{"kernel.timer_migration", Sysctl, number(0, 1), "timers move to busy processors"},
	{"kernel.sched_autogroup_enabled", Sysctl, number(0, 1), "scheduling by session"},
	{"kernel.unprivileged_bpf_disabled", Sysctl, number(1, 2), "BPF for users without rights"},

	{"thp", Host, words("always", "madvise", "never"), "transparent huge pages"},
	{"governor", Host, words("performance", "schedutil", "ondemand", "powersave"), "frequency governor of every processor"},

	{"nic.channels", NIC, words("workers"), "queues of the device"},
	{"nic.ring", NIC, Values{Words: []string{"max"}, Count: 1, Min: 128, Max: 16384}, "descriptors per ring"},
	{"nic.adaptive-rx", NIC, words("on", "off"), "interrupt coalescing by load"},
	{"nic.rx-usecs", NIC, number(0, 1000), "microseconds a receive interrupt is held back"},
	{"nic.irq", NIC, words("spread"), "interrupt of queue N goes to processor N"},
	{"nic.rps", NIC, words("auto"), "receive packet steering where queues are fewer than processors"},
	{"nic.rfs", NIC, words("auto"), "flows per queue: rps_sock_flow_entries shared out"},
	{"nic.xps", NIC, words("spread"), "transmit queue N is used by processor N"},

	{"limit.nofile", Advice, number(1024, 1<<30), "descriptors of the server process"},
	{"limit.memlock", Advice, words("unlimited"), "locked memory, for BPF maps"},
	{"conntrack", Advice, words("absent"), "connection tracking"},
	{"clocksource", Advice, words("tsc"), "clock that costs no system call"},
	{"workers", Advice, words("cores"), "event loops"},
	{"go.gogc", Advice, number(50, 1600), "GOGC: growth of the heap between collections, in percent"},
	{"go.memory", Advice, Values{Count: 1, Min: 1, Max: 1, Shares: true}, "GOMEMLIMIT: soft limit of the heap"},
}
