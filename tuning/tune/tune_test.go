package tune

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/tuning/machine"
)

// bench is a machine made of files, and a place for tune's own.
type bench struct {
	t    *testing.T
	dir  string
	dirs Dirs
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, dir: t.TempDir()}
	b.dirs = Dirs{State: filepath.Join(b.dir, "state"), Sysctl: filepath.Join(b.dir, "sysctl.d")}
	for name, text := range map[string]string{
		"proc/meminfo":                                         "MemTotal:        4194304 kB\n",
		"proc/interrupts":                                      "           CPU0       CPU1\n 40: 1 0 PCI-MSIX weirtest0-rx-0\n 41: 1 0 PCI-MSIX weirtest0-rx-1\n",
		"proc/1/net/netstat":                                   "TcpExt: ListenOverflows ListenDrops\nTcpExt: 3 4\n",
		"proc/1/net/snmp":                                      "Tcp: OutSegs RetransSegs\nTcp: 100 1\n",
		"proc/sys/net/core/somaxconn":                          "4096\n",
		"proc/sys/net/ipv4/tcp_rmem":                           "4096\t131072\t6291456\n",
		"proc/sys/net/ipv4/tcp_mem":                            "100 200 300\n",
		"proc/sys/net/ipv4/tcp_slow_start_after_idle":          "1\n",
		"proc/sys/vm/min_free_kbytes":                          "11000\n",
		"proc/sys/vm/swappiness":                               "60\n",
		"proc/irq/40/smp_affinity_list":                        "0-1\n",
		"proc/irq/41/smp_affinity_list":                        "0-1\n",
		"sys/kernel/mm/transparent_hugepage/enabled":           "[always] madvise never\n",
		"sys/class/net/weirtest0/type":                         "1\n",
		"sys/class/net/weirtest0/operstate":                    "up\n",
		"sys/class/net/weirtest0/device/msi_irqs/40":           "\n",
		"sys/class/net/weirtest0/device/msi_irqs/41":           "\n",
		"sys/class/net/weirtest0/queues/rx-0/rps_cpus":         "00000000,00000003\n",
		"sys/class/net/weirtest0/queues/rx-1/rps_cpus":         "0\n",
		"sys/class/net/weirtest0/queues/tx-0/xps_cpus":         "0\n",
		"sys/class/net/weirtest0/queues/tx-1/xps_cpus":         "0\n",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
	} {
		b.put(name, text)
	}
	if err := os.Symlink("1", filepath.Join(b.dir, "proc/self")); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) put(name, text string) {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) get(name string) string {
	data, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// state returns every file of the machine, to compare before with after.
func (b *bench) state() map[string]string {
	files := map[string]string{}
	for _, root := range []string{"proc", "sys"} {
		err := filepath.WalkDir(filepath.Join(b.dir, root), func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				text, _ := os.ReadFile(path)
				files[path] = strings.Join(strings.Fields(string(text)), " ")
			}
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
	}
	return files
}

func (b *bench) unchanged(before map[string]string) {
	b.t.Helper()
	for name, text := range b.state() {
		if before[name] != text && !strings.Contains(name, "rps_cpus") && !strings.Contains(name, "transparent") {
			b.t.Errorf("%s is %q, want %q as before", name, text, before[name])
		}
	}
}

// run calls the command line.
func (b *bench) run(args ...string) (status int, out, errs string) {
	var stdout, stderr bytes.Buffer
	c := &command{dirs: b.dirs, out: &stdout, err: &stderr,
		roots: machine.Roots{Proc: filepath.Join(b.dir, "proc"), Sys: filepath.Join(b.dir, "sys")}}
	status = c.run(args)
	return status, stdout.String(), stderr.String()
}

func (b *bench) must(args ...string) string {
	b.t.Helper()
	status, out, errs := b.run(args...)
	if status != 0 {
		b.t.Fatalf("weir tune %s: status %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	return out
}

func (b *bench) own(text string) string {
	b.put("own.conf", text)
	return filepath.Join(b.dir, "own.conf")
}

func contains(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in\n%s", w, text)
		}
	}
}

func TestPlanShowsNowWantedAndReason(t *testing.T) {
	b := newBench(t)
	before := b.state()
	out := strings.Join(strings.Fields(b.must("plan", "throughput")), " ")
	contains(t, out,
		"profile throughput:", "4096 MB of memory",
		"net.core.somaxconn 4096 16384 Cuts the accept queue",
		"net.ipv4.tcp_mem 100 200 300 31457 62914 94371 Many large buffers", // 3, 6 and 9 % of a million pages
		"vm.min_free_kbytes 11000 131072 memory held free for packets [262144 would be more than a 32nd of the memory]",
		"net.core.wmem_max - 67108864 (skipped) not there in this kernel",
		"thp always madvise Huge pages",
		"governor cpu0 powersave performance",
		"weirtest0 irq 40 0-1 0", "weirtest0 ring - max (skipped)",
		"(advice)", "listen overflows 3 (net.core.somaxconn and")
	b.unchanged(before)
	if _, err := os.Stat(b.dirs.State); err == nil {
		t.Error("plan has written something")
	}
}

func TestApplyAndRevertLeaveEverythingAsBefore(t *testing.T) {
	b := newBench(t)
	before := b.state()
	out := b.must("apply", "edge-latency")
	contains(t, out, "net.core.somaxconn: 4096 -> 16384", "profile edge-latency is applied")
	for name, want := range map[string]string{
		"proc/sys/net/core/somaxconn":                          "16384",
		"proc/sys/vm/swappiness":                               "1",
		"proc/irq/41/smp_affinity_list":                        "1",
		"sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
		"sys/class/net/weirtest0/queues/tx-1/xps_cpus":         "2",
	} {
		if got := b.get(name); got != want && machineCPUs() > 1 {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	contains(t, b.get("sysctl.d/90-weir-edge-latency.conf"), "net.core.somaxconn = 16384", "vm.swappiness = 1")
	contains(t, b.must("list"), "edge-latency      applied")

	// Another profile puts back what it has no opinion on and keeps what was
	// first.
	out = b.must("apply", b.own("# Own.\nnet.core.somaxconn = 9000\n"))
	contains(t, out, "profile own is applied")
	if got := b.get("proc/sys/vm/swappiness"); got != "60" {
		t.Errorf("swappiness is %s under a profile without it, want 60", got)
	}
	if _, err := os.Stat(filepath.Join(b.dirs.Sysctl, "90-weir-edge-latency.conf")); err == nil {
		t.Error("the file of the profile before is still there")
	}

	b.put("proc/sys/net/core/somaxconn", "7777\n")
	contains(t, b.must("revert"), "somaxconn: 7777 -> 4096 [had been changed since from 9000]", "profile own is taken back")
	b.unchanged(before)
	if files, _ := filepath.Glob(filepath.Join(b.dirs.Sysctl, "*")); len(files) > 0 {
		t.Errorf("%q are left", files)
	}
	contains(t, b.must("revert"), "nothing is applied")
}

func machineCPUs() int {
	m, err := machine.Look(machine.System)
	if err != nil {
		return 1
	}
	return m.CPUs
}

func TestAFailedWriteUndoesTheRun(t *testing.T) {
	b := newBench(t)
	// The file of the next start is the last thing written: when it cannot
	// be, all live values have changed already.
	b.must("apply", b.own("net.core.somaxconn = 9000\nvm.swappiness = 30\n"))
	b.put("sysctl.d/90-weir-edge-latency.conf", "# by hand\n")
	before := b.state()
	status, _, errs := b.run("apply", "edge-latency")
	if status != 1 {
		t.Fatalf("status %d, want 1", status)
	}
	contains(t, errs, "nothing was applied", "90-weir-edge-latency.conf was not written by weir tune and is left alone")
	b.unchanged(before)
	contains(t, b.get("sysctl.d/90-weir-edge-latency.conf"), "# by hand")
	os.Remove(filepath.Join(b.dirs.Sysctl, "90-weir-edge-latency.conf"))
	b.must("revert")
	if got := b.get("proc/sys/net/core/somaxconn"); got != "4096" {
		t.Errorf("somaxconn is %s after the revert of what was applied before the failure, want 4096", got)
	}
}

func TestCheckExitsWithOneWhenSomethingDiffers(t *testing.T) {
	b := newBench(t)
	own := b.own("# Mine.\nnet.core.somaxconn = 9000\n")
	status, out, errs := b.run("check", own)
	if status != 1 {
		t.Fatalf("status %d, want 1", status)
	}
	contains(t, out+errs, "net.core.somaxconn  4096  9000", "1 of the settings are not as own wants them")
	b.must("apply", own)
	b.put("proc/1/net/netstat", "TcpExt: ListenOverflows ListenDrops\nTcpExt: 10 4\n")
	contains(t, b.must("check", own), "every setting is as own wants it", "10  +7  (net.core.somaxconn and")
}

// TestCheckKnowsWhatTheMachineDidNotTake has a kernel that makes something else
// of one value and refuses another: neither is a difference until it moves.
func TestCheckKnowsWhatTheMachineDidNotTake(t *testing.T) {
	b := newBench(t)
	own := b.own("# Mine.\nnet.core.somaxconn = 9000\nvm.swappiness = 5\n")
	b.must("apply", own)
	j, err := b.dirs.load()
	if err != nil {
		t.Fatal(err)
	}
	j.find("sysctl net.core.somaxconn").Made = "8192"
	j.Refused = map[string]string{"sysctl vm.swappiness": "5"}
	if err := b.dirs.store(j); err != nil {
		t.Fatal(err)
	}
	b.put("proc/sys/net/core/somaxconn", "8192\n")
	b.put("proc/sys/vm/swappiness", "60\n")
	contains(t, b.must("check", own), "every setting is as own wants it")
	b.put("proc/sys/net/core/somaxconn", "4096\n")
	if status, _, _ := b.run("check", own); status != 1 {
		t.Errorf("status %d with a value that has moved since, want 1", status)
	}
}

// TestRevertPutsBackWhatTheKernelMoved lets huge pages move another setting.
func TestRevertPutsBackWhatTheKernelMoved(t *testing.T) {
	b := newBench(t)
	b.must("apply", b.own("# Mine.\nthp = never\n"))
	b.put("sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n")
	b.put("proc/sys/vm/min_free_kbytes", "99999\n")
	b.must("revert")
	if got := b.get("proc/sys/vm/min_free_kbytes"); got != "11000" {
		t.Errorf("vm.min_free_kbytes is %s after revert, want 11000", got)
	}
}

func TestASecondRunIsKeptOut(t *testing.T) {
	b := newBench(t)
	lock, err := b.dirs.lock()
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	status, _, errs := b.run("apply", "default")
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	contains(t, errs, "another weir tune is running")
}

func TestCommandLinesThatMakeNoSenseShowTheUsage(t *testing.T) {
	b := newBench(t)
	for _, args := range [][]string{{}, {"tidy"}, {"plan", "a", "b"}, {"plan", "-x"}} {
		if status, _, errs := b.run(args...); status != 2 || !strings.Contains(errs, "usage: weir tune") {
			t.Errorf("%q: status %d, %q", args, status, errs)
		}
	}
	if status, _, errs := b.run("plan", "fast"); status != 1 || !strings.Contains(errs, `there is no profile "fast"`) {
		t.Errorf("an unknown profile: status %d, %q", status, errs)
	}
	if status, _, errs := b.run("plan", "-i", "eth9"); status != 1 || !strings.Contains(errs, `no network interface "eth9"`) {
		t.Errorf("an unknown interface: status %d, %q", status, errs)
	}
}

func TestSuggestionsFollowTheMachine(t *testing.T) {
	for _, c := range []struct {
		m    machine.Machine
		want string
	}{
		{machine.Machine{CPUs: 4, Memory: 1 << 30}, "many-connections"},
		{machine.Machine{CPUs: 4, Memory: 8 << 30}, "default"},
		{machine.Machine{CPUs: 16, Memory: 64 << 30, NICs: []machine.NIC{{Speed: 100000}}}, "throughput"},
	} {
		if got := Suggest(&c.m); got != c.want {
			t.Errorf("Suggest(%d CPUs, %d MB) = %q, want %q", c.m.CPUs, c.m.Memory>>20, got, c.want)
		}
	}
}

func TestMasksAreWrittenAsTheKernelReadsThem(t *testing.T) {
	for _, c := range []struct {
		first, n int
		want     string
	}{{0, 2, "3"}, {1, 1, "2"}, {0, 64, "ffffffffffffffff"}, {64, 1, "10000000000000000"}} {
		if got := mask(c.first, c.n); got != c.want {
			t.Errorf("mask(%d, %d) = %s, want %s", c.first, c.n, got, c.want)
		}
	}
}

func TestCostlySettingsAreNamed(t *testing.T) {
	b := newBench(t)
	b.put("proc/sys/net/core/somaxconn", "128\n")
	m := &machine.Machine{Roots: machine.Roots{Proc: filepath.Join(b.dir, "proc")}}
	got := strings.Join(Costly(m), "\n")
	contains(t, got, "net.core.somaxconn is 128: longer bursts", "net.ipv4.tcp_slow_start_after_idle is 1: keepalive")
	if strings.Contains(got, "tcp_migrate_req") {
		t.Errorf("a setting that is not there is named in\n%s", got)
	}
	b.put("proc/sys/net/core/somaxconn", "4096\n")
	b.put("proc/sys/net/ipv4/tcp_slow_start_after_idle", "0\n")
	if got := Costly(m); len(got) > 0 {
		t.Errorf("%q about a machine that is well tuned", got)
	}
}
