package machine

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// tree makes files below a new directory.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestTheMachineItselfIsSeen(t *testing.T) {
	m, err := Look(System)
	if err != nil {
		t.Fatal(err)
	}
	if m.CPUs < 1 || m.Memory < 1<<20 {
		t.Errorf("found %d processors and %d bytes", m.CPUs, m.Memory)
	}
}

func TestInterfacesAreReadWithQueuesAndInterrupts(t *testing.T) {
	sys := tree(t, map[string]string{
		"class/net/lo/type":                    "772",
		"class/net/bonding_masters":            "",
		"class/net/eth0/type":                  "1",
		"class/net/eth0/operstate":             "up\n",
		"class/net/eth0/speed":                 "25000\n",
		"class/net/eth0/device/msi_irqs/27":    "msix",
		"class/net/eth0/device/msi_irqs/9":     "msix",
		"class/net/eth0/device/msi_irqs/28":    "msix",
		"class/net/eth0/queues/rx-0/rps_cpus":  "0",
		"class/net/eth0/queues/rx-1/rps_cpus":  "0",
		"class/net/eth0/queues/rx-10/rps_cpus": "0",
		"class/net/eth0/queues/tx-0/xps_cpus":  "0",
		"class/net/br0/type":                   "1",
		"class/net/br0/speed":                  "-1\n",
	})
	proc := tree(t, map[string]string{
		"meminfo":   "MemTotal:        2048 kB\n",
		"1/environ": "PATH=/bin\x00container=lxc\x00",
		"interrupts": "           CPU0\n  9:          1   PCI-MSI  0-edge      eth0\n" +
			" 27:          1   PCI-MSI  1-edge      eth0-TxRx-0\n 28:          1   PCI-MSI  2-edge      eth0-TxRx-1\n",
	})
	m, err := Look(Roots{Proc: proc, Sys: sys})
	if err != nil {
		t.Fatal(err)
	}
	if m.Memory != 2<<20 || m.Container != "lxc" {
		t.Errorf("got %d bytes in %q, want 2 MB in lxc", m.Memory, m.Container)
	}
	if len(m.NICs) != 2 {
		t.Fatalf("got %d interfaces: %+v, want br0 and eth0", len(m.NICs), m.NICs)
	}
	br, eth := m.NICs[0], m.NICs[1]
	if br.Name != "br0" || br.Device || br.Up || br.Speed != 0 {
		t.Errorf("br0 is %+v, want a bridge that is down", br)
	}
	if !eth.Device || !eth.Up || eth.Speed != 25000 {
		t.Errorf("eth0 is %+v, want a device of 25 Gbit/s that is up", eth)
	}
	if want := []string{"rx-0", "rx-1", "rx-10"}; !slices.Equal(eth.Rx, want) {
		t.Errorf("receive queues %q, want %q", eth.Rx, want)
	}
	if want := []int{9, 27, 28}; !slices.Equal(eth.IRQs, want) {
		t.Errorf("interrupts %v, want %v", eth.IRQs, want)
	}
	if got := m.QueueIRQs(&eth); got != nil {
		t.Errorf("%v for three queues of which two have interrupts, want none", got)
	}
	eth.Rx = eth.Rx[:2]
	if got := m.QueueIRQs(&eth); !slices.Equal(got, []int{27, 28}) {
		t.Errorf("interrupts of the queues are %v, want 27 and 28", got)
	}
}

func TestAContainersLimitCountsAsMemory(t *testing.T) {
	proc := tree(t, map[string]string{"meminfo": "MemTotal:        8192 kB\n"})
	sys := tree(t, map[string]string{"fs/cgroup/memory.max": "1048576\n"})
	m, err := Look(Roots{Proc: proc, Sys: sys})
	if err != nil {
		t.Fatal(err)
	}
	if m.Memory != 1<<20 {
		t.Errorf("got %d bytes, want 1 MB", m.Memory)
	}
}

func TestControlGroupsBoundProcessorsAndMemory(t *testing.T) {
	for _, c := range []struct {
		name   string
		mine   string // /proc/self/cgroup
		files  map[string]string
		cpus   int
		memory int64
	}{
		{"nothing", "", nil, math.MaxInt, 0},
		{"no bounds", "0::/a\n", map[string]string{"a/cpu.max": "max 100000\n", "a/memory.max": "max\n", "cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, math.MaxInt, 0},
		{"a container that sees itself as the root", "0::/\n", map[string]string{"cpu.max": "150000 100000\n", "memory.max": "1048576\n"}, 2, 1 << 20},
		{"a service in a slice", "0::/s.slice/w.service\n", map[string]string{
			"s.slice/cpu.max": "300000 100000\n", "s.slice/w.service/cpu.max": "max 100000\n", "s.slice/memory.max": "4096\n", "s.slice/w.service/memory.max": "8192\n"}, 3, 4096},
		{"version 1", "4:cpu,cpuacct:/d\n7:memory:/d/e\n1:name=systemd:/\n", map[string]string{
			"cpu/d/cpu.cfs_quota_us": "400000\n", "cpu/d/cpu.cfs_period_us": "100000\n", "memory/d/e/memory.limit_in_bytes": "65536\n"}, 4, 65536},
		{"version 1, seen as the root", "4:cpu:/far/away\n", map[string]string{"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{}
			for name, text := range c.files {
				files["fs/cgroup/"+name] = text
			}
			r := Roots{Proc: tree(t, map[string]string{"1/cgroup": c.mine}), Sys: tree(t, files)}
			if err := os.Symlink("1", filepath.Join(r.Proc, "self")); err != nil {
				t.Fatal(err)
			}
			if got := Quota(r); got != c.cpus {
				t.Errorf("%d processors, want %d", got, c.cpus)
			}
			if got := memoryLimit(r); got != c.memory {
				t.Errorf("%d bytes, want %d", got, c.memory)
			}
		})
	}
}

// TestAVirtualCardsInterruptsAreThoseOfItsFunction has sysfs as it is for
// virtio: the network device is below a virtio device below a PCI function.
func TestAVirtualCardsInterruptsAreThoseOfItsFunction(t *testing.T) {
	const function = "devices/pci0000:00/0000:00:02.0/"
	sys := tree(t, map[string]string{
		function + "msi_irqs/24": "msix", function + "msi_irqs/25": "msix", function + "msi_irqs/26": "msix",
		function + "virtio0/net/eth0/type": "1", function + "virtio0/net/eth0/queues/rx-0/rps_cpus": "0",
	})
	for link, to := range map[string]string{
		function + "virtio0/net/eth0/device": "../../../virtio0", "class/net/eth0": "../../" + function + "virtio0/net/eth0",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(sys, link)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(sys, link)); err != nil {
			t.Fatal(err)
		}
	}
	proc := tree(t, map[string]string{"meminfo": "MemTotal: 2048 kB\n", "interrupts": "     CPU0\n" +
		" 24: 0 PCI-MSI 0-edge virtio0-config\n 25: 9 PCI-MSI 1-edge virtio0-input.0\n 26: 1 PCI-MSI 2-edge virtio0-output.0\n"})
	m, err := Look(Roots{Proc: proc, Sys: sys})
	if err != nil || len(m.NICs) != 1 || !m.NICs[0].Device {
		t.Fatalf("%+v, %v", m, err)
	}
	if got := m.QueueIRQs(&m.NICs[0]); !slices.Equal(got, []int{25}) {
		t.Errorf("interrupts of its queues are %v, want 25", got)
	}
}
