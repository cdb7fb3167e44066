package setting

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"weir/tuning/machine"
)

func roots(t *testing.T, files map[string]string) machine.Roots {
	t.Helper()
	r := machine.Roots{Proc: t.TempDir(), Sys: t.TempDir()}
	for name, text := range files {
		path := filepath.Join(filepath.Dir(r.Proc), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.Proc, r.Sys = filepath.Join(filepath.Dir(r.Proc), "proc"), filepath.Join(filepath.Dir(r.Proc), "sys")
	return r
}

func TestValuesAreReadAndWritten(t *testing.T) {
	r := roots(t, map[string]string{
		"proc/sys/net/ipv4/tcp_rmem":                 "4096\t131072\t6291456\n",
		"proc/irq/24/smp_affinity_list":              "0-1\n",
		"sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
		"sys/class/net/eth0/queues/rx-0/rps_cpus":    "00000000,0000000f\n",
	})
	for _, c := range []struct{ id, now string }{
		{"sysctl net.ipv4.tcp_rmem", "4096 131072 6291456"},
		{"irq 24", "0-1"},
		{"choice kernel/mm/transparent_hugepage/enabled", "madvise"},
		{"sys class/net/eth0/queues/rx-0/rps_cpus", "f"},
	} {
		v, err := Open(r, c.id)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := v.Read(); got != c.now || err != nil {
			t.Errorf("%s is %q, %v, want %q", c.id, got, err, c.now)
		}
		if err := v.Write("[3]"); err != nil {
			t.Errorf("writing %s: %v", c.id, err)
		}
		if got, _ := v.Read(); got != "[3]" && got != "3" {
			t.Errorf("%s is %q after writing", c.id, got)
		}
	}
}

func TestWhatIsAbsentStaysAbsent(t *testing.T) {
	r := roots(t, nil)
	v, err := Open(r, "sysctl net.core.nothing")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Read(); !errors.Is(err, ErrAbsent) {
		t.Errorf("reading gives %v, want ErrAbsent", err)
	}
	if err := v.Write("1"); !errors.Is(err, ErrAbsent) {
		t.Errorf("writing gives %v, want ErrAbsent", err)
	}
}

func TestKernelsAnswersBecomeReasons(t *testing.T) {
	if os.Geteuid() == 0 {
		v, _ := Open(machine.System, "sysctl net.ipv4.tcp_congestion_control")
		now, err := v.Read()
		if err != nil {
			t.Skip("no net.ipv4.tcp_congestion_control here")
		}
		if err := v.Write("no-such-thing"); !errors.Is(err, ErrNotOffered) && !errors.Is(err, ErrReadOnly) {
			t.Errorf("an unknown congestion control gives %v, want ErrNotOffered", err)
		}
		if after, _ := v.Read(); after != now {
			t.Errorf("the value went from %q to %q", now, after)
		}
	}
	v, _ := Open(machine.System, "sysctl net.ipv4.tcp_available_congestion_control")
	if err := v.Write("reno"); !errors.Is(err, ErrReadOnly) && !errors.Is(err, ErrAbsent) {
		t.Errorf("writing a file of mode 0444 gives %v, want ErrReadOnly", err)
	}
}

func TestIDsAreChecked(t *testing.T) {
	for _, id := range []string{"", "sysctl", "sysctl ", "what ever", "sys ../etc/passwd", "ethtool eth0", "ethtool eth0 colour"} {
		if v, err := Open(machine.System, id); err == nil {
			t.Errorf("Open(%q) = %v, want an error", id, v)
		}
	}
}

func TestADeviceThatIsNotThereIsAbsent(t *testing.T) {
	for _, what := range []string{"channels", "ring", "adaptive-rx", "rx-usecs"} {
		v, err := Open(machine.System, "ethtool weir-none "+what)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Read(); !errors.Is(err, ErrAbsent) {
			t.Errorf("%s: reading gives %v, want ErrAbsent", what, err)
		}
	}
}
