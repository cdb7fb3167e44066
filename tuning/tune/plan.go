package tune

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/tuning/machine"
	"weir/tuning/profile"
	"weir/tuning/setting"
)

// State says what is to be done about a row.
type State uint8

const (
	Same   State = iota // it is as wanted
	Change              // apply will change it
	Skip                // it cannot be changed here; Note says why
	Advise              // whoever starts weir should change it
)

// Row is one setting of the plan.
type Row struct {
	Name   string // "net.core.somaxconn", "eth0 ring"
	Now    string // "" when it cannot be read
	Want   string
	Reason string
	Note   string
	State  State

	id  string // of package setting; "" for advice
	key *profile.Key
}

// Plan is what a profile means on a machine.
type Plan struct {
	Profile *profile.Profile
	Rows    []Row
}

// count returns how many rows are in a state.
func (p *Plan) count(s State) int {
	n := 0
	for i := range p.Rows {
		if p.Rows[i].State == s {
			n++
		}
	}
	return n
}

// planner makes one plan.
type planner struct {
	m    *machine.Machine
	only []string // interfaces named by the user; empty: devices that are up
	rows []Row
	want map[string]string // wanted values of sysctl rows, for what depends on them
}

// makePlan compares a profile with the machine.
func makePlan(m *machine.Machine, p *profile.Profile, interfaces []string) (*Plan, error) {
	for _, name := range interfaces {
		if !slices.ContainsFunc(m.NICs, func(n machine.NIC) bool { return n.Name == name }) {
			return nil, fmt.Errorf("there is no network interface %q", name)
		}
	}
	pl := &planner{m: m, only: interfaces, want: map[string]string{}}
	for i := range p.Items {
		it := &p.Items[i]
		switch it.Key.Kind {
		case profile.Sysctl:
			pl.sysctl(it)
		case profile.Host:
			pl.host(it)
		case profile.NIC:
			for j := range m.NICs {
				if n := &m.NICs[j]; pl.chosen(n) {
					pl.nic(it, n)
				}
			}
		case profile.Advice:
			pl.advice(it)
		}
	}
	return &Plan{Profile: p, Rows: pl.rows}, nil
}

// chosen reports whether an interface is to be tuned.
func (pl *planner) chosen(n *machine.NIC) bool {
	if len(pl.only) > 0 {
		return slices.Contains(pl.only, n.Name)
	}
	return n.Device && n.Up
}

// set adds a row for a value of the machine.
func (pl *planner) set(it *profile.Item, name, id, want string) {
	r := Row{Name: name, Want: setting.Tidy(want), Reason: it.Reason, id: id, key: it.Key}
	v, err := setting.Open(pl.m.Roots, id)
	if err == nil {
		r.Now, err = v.Read()
	}
	switch {
	case err == nil && r.Now == r.Want:
		r.State = Same
	case err == nil:
		r.State = Change
	case errors.Is(err, setting.ErrAbsent):
		r.State, r.Note = Skip, "not there in this kernel, network namespace or container"
		if pl.m.Container != "" {
			r.Note = "not there in this container (" + pl.m.Container + ")"
		}
	default:
		r.State, r.Note = Skip, err.Error()
	}
	pl.rows = append(pl.rows, r)
}

// skip adds a row that does not apply here.
func (pl *planner) skip(it *profile.Item, name, note string) {
	pl.rows = append(pl.rows, Row{Name: name, Want: it.Value, Reason: it.Reason, Note: note, State: Skip, key: it.Key})
}

func (pl *planner) sysctl(it *profile.Item) {
	want := it.Value
	if strings.Contains(want, "%") {
		want = pl.pages(want)
	}
	name := it.Key.Name
	bounded := ""
	if name == "vm.min_free_kbytes" {
		want, bounded = pl.reserve(want)
	}
	pl.want[name] = want
	pl.set(it, name, "sysctl "+name, want)
	r := &pl.rows[len(pl.rows)-1]
	if r.State == Change {
		r.Note = bounded
	}
	if r.State != Change {
		return
	}
	switch name {
	case "net.ipv4.tcp_congestion_control":
		if !pl.offered("net.ipv4.tcp_available_congestion_control", want) {
			r.Note = "a kernel module; without it this is skipped"
		}
	case "net.core.default_qdisc":
		r.Note = "for interfaces that come up from now on"
	}
}

// reserve bounds the memory held free to a share of what there is: all of it
// would leave none to run in.
func (pl *planner) reserve(want string) (value, note string) {
	kb, _ := strconv.ParseInt(want, 10, 64) // the profile's table has checked it
	if most := pl.m.Memory >> 10 / 32; kb > most {
		return strconv.FormatInt(most, 10), fmt.Sprintf("%d would be more than a 32nd of the memory", kb)
	}
	return want, ""
}

// offered reports whether a kernel list has a word.
func (pl *planner) offered(list, word string) bool {
	v, err := setting.Open(pl.m.Roots, "sysctl "+list)
	if err != nil {
		return false
	}
	text, _ := v.Read()
	return slices.Contains(strings.Fields(text), word)
}

// pages turns shares of the memory into pages.
func (pl *planner) pages(value string) string {
	fields := strings.Fields(value)
	for i, f := range fields {
		if share, ok := strings.CutSuffix(f, "%"); ok {
			n, _ := strconv.ParseInt(share, 10, 64) // the profile's table has checked it
			fields[i] = strconv.FormatInt(pl.m.Memory/int64(os.Getpagesize())*n/100, 10)
		}
	}
	return strings.Join(fields, " ")
}

func (pl *planner) host(it *profile.Item) {
	switch it.Key.Name {
	case "thp":
		pl.set(it, "thp", "choice kernel/mm/transparent_hugepage/enabled", it.Value)
	case "governor":
		files, _ := filepath.Glob(filepath.Join(pl.m.Sys, "devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"))
		if len(files) == 0 {
			pl.skip(it, "governor", "the processors' frequency is not this system's to choose")
		}
		for _, f := range files {
			rel, _ := filepath.Rel(pl.m.Sys, f)
			cpu := filepath.Base(filepath.Dir(filepath.Dir(f)))
			pl.set(it, "governor "+cpu, "sys "+rel, it.Value)
		}
	}
}

// nic adds the rows of one setting of one interface.
func (pl *planner) nic(it *profile.Item, n *machine.NIC) {
	what := strings.TrimPrefix(it.Key.Name, "nic.")
	name := n.Name + " " + what
	switch what {
	case "channels":
		pl.channels(it, n, name)
	case "ring":
		pl.ring(it, n, name)
	case "adaptive-rx", "rx-usecs":
		pl.set(it, name, "ethtool "+n.Name+" "+what, it.Value)
	case "irq":
		pl.irqs(it, n, name)
	case "rps":
		pl.rps(it, n, name)
	case "rfs":
		pl.rfs(it, n, name)
	case "xps":
		pl.xps(it, n, name)
	}
}

// channels wants a queue per processor, as far as the device has them.
func (pl *planner) channels(it *profile.Item, n *machine.NIC, name string) {
	combined, rx, tx, err := setting.MostChannels(n.Name)
	switch {
	case err != nil:
		pl.skip(it, name, "the device has no queues to choose")
	case combined > 0:
		pl.set(it, name, "ethtool "+n.Name+" channels", fmt.Sprintf("combined %d", min(combined, pl.m.CPUs)))
	default:
		pl.set(it, name, "ethtool "+n.Name+" channels", fmt.Sprintf("rx %d tx %d", min(rx, pl.m.CPUs), min(tx, pl.m.CPUs)))
	}
}

func (pl *planner) ring(it *profile.Item, n *machine.NIC, name string) {
	rx, tx, err := setting.LongestRing(n.Name)
	if err != nil {
		pl.skip(it, name, "the device has no rings to size")
		return
	}
	if it.Value != "max" {
		most, _ := strconv.Atoi(it.Value)
		rx, tx = min(rx, most), min(tx, most)
	}
	pl.set(it, name, "ethtool "+n.Name+" ring", fmt.Sprintf("rx %d tx %d", rx, tx))
}

// irqs wants the interrupt of queue N on processor N.
func (pl *planner) irqs(it *profile.Item, n *machine.NIC, name string) {
	irqs := pl.m.QueueIRQs(n)
	if len(irqs) == 0 {
		pl.skip(it, name, "the interrupts of its queues are not known")
		return
	}
	for i, irq := range irqs {
		pl.set(it, fmt.Sprintf("%s %d", name, irq), fmt.Sprintf("irq %d", irq), strconv.Itoa(i%pl.m.CPUs))
	}
	if running(pl.m, "irqbalance") {
		pl.rows[len(pl.rows)-1].Note = "irqbalance is running and will undo this: stop it"
	}
}

// running reports whether a program runs.
func running(m *machine.Machine, name string) bool {
	files, _ := filepath.Glob(filepath.Join(m.Proc, "[0-9]*/comm"))
	return slices.ContainsFunc(files, func(f string) bool { return machine.Value(f) == name })
}

// rps spreads packets in software where the device has too few queues.
func (pl *planner) rps(it *profile.Item, n *machine.NIC, name string) {
	want := "0"
	if len(n.Rx) < pl.m.CPUs {
		want = mask(0, pl.m.CPUs)
	}
	for _, q := range n.Rx {
		pl.set(it, name+" "+q, "sys class/net/"+n.Name+"/queues/"+q+"/rps_cpus", want)
	}
}

func (pl *planner) rfs(it *profile.Item, n *machine.NIC, name string) {
	flows, _ := strconv.Atoi(pl.want["net.core.rps_sock_flow_entries"])
	if len(n.Rx) >= pl.m.CPUs {
		flows = 0
	}
	for _, q := range n.Rx {
		pl.set(it, name+" "+q, "sys class/net/"+n.Name+"/queues/"+q+"/rps_flow_cnt", strconv.Itoa(flows/len(n.Rx)))
	}
}

func (pl *planner) xps(it *profile.Item, n *machine.NIC, name string) {
	if len(n.Tx) < 2 {
		pl.skip(it, name, "one queue needs no choice")
		return
	}
	for i, q := range n.Tx {
		pl.set(it, name+" "+q, "sys class/net/"+n.Name+"/queues/"+q+"/xps_cpus", mask(i%pl.m.CPUs, 1))
	}
}

// mask returns n processors from first on as the kernel writes a set of them,
// without its commas.
func mask(first, n int) string {
	one := big.NewInt(1)
	m := new(big.Int).Sub(new(big.Int).Lsh(one, uint(n)), one)
	return m.Lsh(m, uint(first)).Text(16)
}

// advice adds a row about what only the start of weir can change.
func (pl *planner) advice(it *profile.Item) {
	r := Row{Name: it.Key.Name, Want: it.Value, Reason: it.Reason, State: Advise, key: it.Key}
	switch it.Key.Name {
	case "limit.nofile":
		r.Now = limit(unix.RLIMIT_NOFILE)
		r.Note = "LimitNOFILE of the unit, or worker_rlimit_nofile"
	case "limit.memlock":
		r.Now = limit(unix.RLIMIT_MEMLOCK)
		r.Note = "LimitMEMLOCK of the unit"
	case "conntrack":
		r.Now, r.Note = "absent", "unload nf_conntrack, or exempt the listeners: a notrack rule for their ports"
		if _, err := os.Stat(filepath.Join(pl.m.Proc, "sys/net/netfilter/nf_conntrack_max")); err == nil {
			r.Now = "present"
		}
	case "clocksource":
		r.Now = machine.Value(filepath.Join(pl.m.Sys, "devices/system/clocksource/clocksource0/current_clocksource"))
		if r.Now == "kvm-clock" || r.Now == "arch_sys_counter" || r.Now == "hyperv_clocksource_tsc_page" {
			r.Want = r.Now // these read the counter in user space, too
		}
	case "workers":
		r.Want, r.Note = strconv.Itoa(pl.m.CPUs), "worker_processes auto"
	case "go.gogc":
		r.Now, r.Note = os.Getenv("GOGC"), "GOGC in the environment of the server"
	case "go.memory":
		share, _ := strconv.ParseInt(strings.TrimSuffix(it.Value, "%"), 10, 64)
		r.Want = fmt.Sprintf("%dMiB", pl.m.Memory*share/100>>20)
		r.Now, r.Note = os.Getenv("GOMEMLIMIT"), "GOMEMLIMIT in the environment of the server"
	}
	if r.Now == r.Want {
		r.State, r.Note = Same, ""
	}
	pl.rows = append(pl.rows, r)
}

func limit(which int) string {
	var l unix.Rlimit
	if unix.Getrlimit(which, &l) != nil {
		return ""
	}
	if l.Cur == ^uint64(0) {
		return "unlimited"
	}
	return strconv.FormatUint(l.Cur, 10)
}

// Suggest returns the profile that suits a machine nobody has described:
// small buffers where memory is short, large ones where the line is fast and
// memory is plenty.
func Suggest(m *machine.Machine) string {
	fastest := 0
	for i := range m.NICs {
		fastest = max(fastest, m.NICs[i].Speed)
	}
	switch perCPU := m.Memory / int64(max(1, m.CPUs)); {
	case perCPU < 512<<20:
		return "many-connections"
	case fastest >= 25000 && m.Memory >= 16<<30:
		return "throughput"
	}
	return "default"
}
