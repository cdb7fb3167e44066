package tune

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"weir/tuning/machine"
	"weir/tuning/setting"
)

// inside names the variable that tells this test that it runs in namespaces of
// its own.
const inside = "WEIR_TUNE_INSIDE"

// TestApplyAndRevertOnTheRealKernel applies a profile to the kernel's own
// files, in a network namespace of its own with a pair of virtual interfaces,
// while everything that other namespaces share is mounted read-only.
func TestApplyAndRevertOnTheRealKernel(t *testing.T) {
	if os.Getenv(inside) != "" {
		inNamespace(t)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: a network namespace of its own")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip (package iproute2)")
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs the right to make namespaces")
	}
	if err != nil || !bytes.Contains(out, []byte("PASS")) {
		t.Fatalf("%v\n%s", err, out)
	}
	if bytes.Contains(out, []byte("SKIP")) {
		t.Skipf("%s", out)
	}
}

// inNamespace is the test itself.
func inNamespace(t *testing.T) {
	sys := isolate(t)
	for _, args := range []string{
		"link add weir0 numrxqueues 2 numtxqueues 2 type veth peer name weir1 numrxqueues 2 numtxqueues 2",
		"link set weir0 up", "link set weir1 up",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v\n%s", args, err, out)
		}
	}
	dir := t.TempDir()
	own := filepath.Join(dir, "own.conf")
	// What the whole machine shares is none of a test's business.
	text := "include edge-latency\nthp = keep\ngovernor = keep\nnic.irq = keep\n"
	if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	run := func(args ...string) {
		t.Helper()
		out.Reset()
		c := &command{out: &out, err: &out, roots: machine.Roots{Proc: "/proc", Sys: sys},
			dirs: Dirs{State: filepath.Join(dir, "state"), Sysctl: filepath.Join(dir, "sysctl.d")}}
		if status := c.run(args); status != 0 {
			t.Fatalf("weir tune %q: status %d\n%s", args, status, out.String())
		}
	}
	// One queue of two: apply opens the other one, and tunes it like the first.
	channels, err := setting.Open(machine.Roots{Proc: "/proc", Sys: sys}, "ethtool weir0 channels")
	if err != nil {
		t.Fatal(err)
	}
	if err := channels.Write("rx 1 tx 1"); err != nil {
		t.Fatal(err)
	}
	before := kernel(t, sys)
	run("apply", "-i", "weir0", own)
	if m, err := machine.Look(machine.Roots{Proc: "/proc", Sys: sys}); err != nil || m.CPUs >= 2 {
		if now, err := channels.Read(); now != "rx 2 tx 2" {
			t.Errorf("the queues are %q after apply: %v\n%s", now, err, out.String())
		}
		if got := machine.Value(sys + "/class/net/weir0/queues/tx-1/xps_cpus"); setting.Tidy(got) != "2" {
			t.Errorf("the second queue's processors are %q after apply, want 2", got)
		}
	}
	for key, want := range map[string]string{
		"net/core/somaxconn": "16384", "net/ipv4/tcp_migrate_req": "1", "net/ipv4/tcp_fastopen": "3",
		"net/ipv4/tcp_notsent_lowat": "16384", "net/ipv4/ip_local_port_range": "10240\t65535",
	} {
		if got := machine.Value("/proc/sys/" + key); got != want {
			t.Errorf("%s is %q after apply, want %q", key, got, want)
		}
	}
	if !strings.Contains(out.String(), "skipped sysctl vm.swappiness: read-only") && machine.Value("/proc/sys/vm/swappiness") != "1" {
		t.Errorf("a read-only key is not named in\n%s", out.String())
	}
	if !strings.Contains(out.String(), "skipped net.core.netdev_max_backlog: not there") {
		t.Errorf("a key that only the first namespace has is not named in\n%s", out.String())
	}
	changed := kernel(t, sys)
	n := 0
	for name, value := range before {
		if changed[name] != value {
			n++
		}
	}
	if n < 15 {
		t.Errorf("only %d values differ after apply:\n%s", n, out.String())
	}
	run("apply", "-i", "weir0", own) // again: nothing is left to do, and the journal keeps what was first
	if !strings.Contains(out.String(), ": 0 changed") {
		t.Errorf("a second apply changes something:\n%s", out.String())
	}
	run("revert")
	after := kernel(t, sys)
	if now, err := channels.Read(); now != "rx 1 tx 1" {
		t.Errorf("the queues are %q after revert: %v\n%s", now, err, out.String())
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] != before[name] {
			t.Errorf("%s is %q after revert, want %q", name, after[name], before[name])
		}
	}
}

// isolate mounts read-only what is not of this network namespace, and returns
// the root of a sysfs that shows this one's interfaces.
func isolate(t *testing.T) string {
	t.Helper()
	must := func(what string, err error) {
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", what, err))
		}
	}
	must("private mounts", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	for _, dir := range []string{"/proc/sys/vm", "/proc/sys/fs", "/proc/sys/kernel"} {
		must("binding "+dir, unix.Mount(dir, dir, "", unix.MS_BIND, ""))
		must("read-only "+dir, unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	}
	sys := t.TempDir()
	must("sysfs", unix.Mount("sysfs", sys, "sysfs", 0, ""))
	t.Cleanup(func() { must("sysfs", unix.Unmount(sys, unix.MNT_DETACH)) })
	return sys
}

// kernel returns every readable value of the namespace: sysctls and the queues
// of the virtual interface.
func kernel(t *testing.T, sys string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, root := range []string{"/proc/sys/net/core", "/proc/sys/net/ipv4", sys + "/class/net/weir0/queues"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				if b, err := os.ReadFile(path); err == nil {
					values[strings.TrimPrefix(path, sys)] = string(b)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return values
}
