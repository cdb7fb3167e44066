package nstest

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Enter moves the calling goroutine, for good, to a new namespace in which
// only the loopback device is up. The test is skipped where that is not
// allowed.
func Enter(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs CAP_SYS_ADMIN for a network namespace: %v", err)
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		t.Fatalf("lo up: %v", err)
	}
}

// NeedBPF skips the test where programs cannot be loaded.
func NeedBPF(t testing.TB) {
	t.Helper()
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type:         ebpf.SocketFilter,
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSYS) {
		t.Skipf("needs CAP_BPF and CAP_NET_ADMIN: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

// Sysctl sets a kernel setting of the namespace: "net/ipv4/ip_forward".
func Sysctl(t testing.TB, name, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/"+name, []byte(value+"\n"), 0); err != nil {
		t.Skipf("needs a writable /proc/sys/net: %v", err)
	}
}

// Run runs a command in the namespace: "ip", "link", "add" ... The test is
// skipped where the program is absent.
func Run(t testing.TB, command ...string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Skipf("needs the program %s (package iproute2 for ip)", command[0])
	}
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(command, " "), err, out)
	}
}

// Addresses of the two ends of a Pair.
const (
	Here  = "10.99.0.1" // and fd99::1, on the device v0
	There = "10.99.0.2" // and fd99::2, on the device v1
)

// Pair connects the caller's namespace, which it has entered, with another one
// by a pair of devices. What it returns runs a function in the other one.
func Pair(t testing.TB) (there func(f func())) {
	t.Helper()
	work, ready := make(chan func()), make(chan int)
	go func() { // ends with the test
		defer close(ready)
		Enter(peer{t})
		ready <- unix.Gettid()
		for f := range work {
			f()
			ready <- 0
		}
	}()
	tid, ok := <-ready
	if !ok {
		t.Skip("needs CAP_SYS_ADMIN for a second network namespace")
	}
	t.Cleanup(func() { close(work) })
	there = func(f func()) {
		work <- f
		<-ready
	}
	Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", strconv.Itoa(tid))
	configure(t, "v0", Here, "fd99::1")
	there(func() { configure(t, "v1", There, "fd99::2") })
	return there
}

// peer is the testing.TB of the other goroutine, which may not end the test.
type peer struct{ testing.TB }

func (p peer) Skipf(string, ...any) { runtime.Goexit() }

func configure(t testing.TB, device, ip4, ip6 string) {
	Run(t, "ip", "addr", "add", ip4+"/16", "dev", device)
	Run(t, "ip", "addr", "add", ip6+"/64", "dev", device, "nodad")
	Run(t, "ip", "link", "set", device, "up")
}
