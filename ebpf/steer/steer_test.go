package steer

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/ebpf/nstest"
	"weir/netio/sock"
)

// group is listening sockets on one address of 127.0.0.1.
type group struct {
	t        *testing.T
	socks    []int
	addr     unix.SockaddrInet4
	deferred bool
}

// listen makes n sockets of one group, as the master does.
func listen(t *testing.T, n int, deferred bool) *group {
	t.Helper()
	g := &group{t: t, deferred: deferred, addr: unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}}
	o := sock.ListenOptions{Addr: mustAddr(t, "127.0.0.1:0"), ReusePort: true, Deferred: deferred}
	for range n {
		fd, err := sock.Listen(o)
		if err != nil {
			t.Fatal(err)
		}
		a, e := sock.Getsockname(fd)
		if e != 0 {
			t.Fatal(e)
		}
		o.Addr = a
		g.addr.Port = int(a.Port())
		g.socks = append(g.socks, fd)
	}
	t.Cleanup(func() {
		for _, fd := range g.socks {
			if fd >= 0 {
				unix.Close(fd)
			}
		}
	})
	return g
}

func mustAddr(t *testing.T, s string) sock.Addr {
	t.Helper()
	a, err := sock.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// groups is g as a plan names it.
func (g *group) groups() []Group { return []Group{{Name: "a", Sockets: g.socks}} }

// dial opens n connections that send a byte, and returns them when they wait to
// be accepted. Where accepting is deferred they send nothing: the kernel keeps
// their handshakes open.
func (g *group) dial(n int) []int {
	g.t.Helper()
	var fds []int
	for range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			g.t.Fatal(err)
		}
		g.t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Connect(fd, &g.addr); err != nil {
			g.t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	if !g.deferred {
		g.send(fds, "x")
	}
	return fds
}

// send sends a byte on each connection and waits until all are acknowledged,
// however busy the kernel is.
func (g *group) send(fds []int, text string) {
	g.t.Helper()
	for _, fd := range fds {
		if _, err := unix.Write(fd, []byte(text)); err != nil { // one that was reset fails here
			g.t.Fatalf("a queued connection was lost: %v", err)
		}
	}
	for _, fd := range fds {
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			left, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
			if err == nil && left == 0 {
				break
			}
			if err != nil || time.Now().After(end) {
				g.t.Fatalf("%d bytes are not acknowledged, %v", left, err)
			}
		}
	}
}

// accepted takes what waits on socket i and returns how many there were that
// still live.
func (g *group) accepted(i int) (n int) {
	g.t.Helper()
	for {
		fd, _, err := unix.Accept4(g.socks[i], unix.SOCK_CLOEXEC)
		if err == unix.EAGAIN {
			return n
		}
		if err != nil {
			g.t.Fatal(err)
		}
		b := make([]byte, 1)
		if k, err := unix.Read(fd, b); k == 1 && err == nil {
			n++
		}
		unix.Close(fd)
	}
}

// twoCPUs are two CPUs that this process may use.
func twoCPUs(t *testing.T) [2]int {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	var list []int
	for cpu := range maxCPUs {
		if set.IsSet(cpu) {
			list = append(list, cpu)
		}
	}
	if len(list) < 2 {
		t.Skip("needs two CPUs")
	}
	return [2]int{list[0], list[1]}
}

// pin ties the thread to a CPU.
func pin(t *testing.T, cpu int) {
	t.Helper()
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
}

// commit puts a plan in force on a rung: the one that Prepare finds, or, when
// another one is asked for, that one.
func commit(t *testing.T, s *Steering, p Plan, rung Rung) Report {
	t.Helper()
	c := s.Prepare(p)
	if rung != EBPF {
		c.Drop()
		c.fall(errors.New("not wanted"))
		c.report.Rung = rung
	}
	r := c.Commit()
	if r.Rung != rung {
		t.Fatalf("the rung is %s (%v), want %s", r.Rung, r.Why, rung)
	}
	return r
}

func TestTheWorkerOfTheCPUGetsTheConnection(t *testing.T) {
	nstest.Enter(t)
	cpus := twoCPUs(t)
	for _, rung := range []Rung{EBPF, CBPF, IncomingCPU} {
		t.Run(string(rung), func(t *testing.T) {
			nstest.Enter(t)
			if rung == EBPF {
				nstest.NeedBPF(t)
			}
			s := New()
			defer s.Close()
			g := listen(t, 2, false)
			// Worker 0 on the second CPU: indexes are not CPU numbers.
			commit(t, s, Plan{Mode: CPU, CPUs: [][]int{{cpus[1]}, {cpus[0]}}, Groups: g.groups()}, rung)
			for w, cpu := range []int{cpus[1], cpus[0]} {
				pin(t, cpu)
				g.dial(50)
				if mine, other := g.accepted(w), g.accepted(1-w); mine != 50 || other != 0 {
					t.Errorf("on CPU %d: worker %d got %d and the other %d, want 50 and 0", cpu, w, mine, other)
				}
			}
		})
	}
}

func TestHashSpreadsAndOffDetaches(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	cpus := twoCPUs(t)
	s := New()
	defer s.Close()
	g := listen(t, 2, false)
	bound := [][]int{{cpus[0]}, {cpus[1]}}
	pin(t, cpus[0])
	commit(t, s, Plan{Mode: CPU, CPUs: bound, Groups: g.groups()}, EBPF)
	for _, p := range []Plan{{Mode: Hash, CPUs: bound}, {Mode: Off, CPUs: bound}} {
		p.Groups = g.groups()
		s.Prepare(p).Commit()
		g.dial(100)
		if a, b := g.accepted(0), g.accepted(1); a+b != 100 || a < 20 || b < 20 {
			t.Errorf("%s: workers got %d and %d, want about 50 each", p.Mode, a, b)
		}
	}
}

// loaded is a group of two workers under the mode load, with their slots.
func loaded(t *testing.T) (*group, [2]*Slot) {
	t.Helper()
	nstest.Enter(t)
	nstest.NeedBPF(t)
	s := New()
	t.Cleanup(s.Close)
	g := listen(t, 2, false)
	commit(t, s, Plan{Mode: Load, CPUs: [][]int{nil, nil}, Groups: g.groups()}, EBPF)
	b, err := MapBoard(s.Board())
	if err != nil {
		t.Fatal(err)
	}
	return g, [2]*Slot{b.Slot(0), b.Slot(1)}
}

// now is the kernel's clock as programs read it.
func now(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

func TestTheLeastLoadedWorkerGetsTheConnection(t *testing.T) {
	g, slots := loaded(t)
	slots[0].Open.Store(5000)
	for _, sl := range slots {
		sl.State.Store(-now(t)) // asleep
	}
	g.dial(100)
	if a, b := g.accepted(0), g.accepted(1); a != 0 || b != 100 {
		t.Errorf("the busy worker got %d, the idle one %d, want 0 and 100", a, b)
	}
	if all, migrated := slots[1].Steered(); all != 100 || migrated != 0 {
		t.Errorf("the slot counts %d steered and %d migrated, want 100 and 0", all, migrated)
	}
}

func TestABurstIsSharedAlthoughNoWorkerHasReported(t *testing.T) {
	g, _ := loaded(t)
	g.dial(100)
	if a, b := g.accepted(0), g.accepted(1); a+b != 100 || a < 40 || b < 40 {
		t.Errorf("workers that did not run meanwhile got %d and %d, want 50 each", a, b)
	}
}

func TestAStalledWorkerIsPassedOver(t *testing.T) {
	g, slots := loaded(t)
	slots[0].State.Store(now(t) - 2*Stall.Nanoseconds()) // in one turn since
	slots[1].Open.Store(100000)                          // much to do, but it runs
	slots[1].State.Store(-now(t))
	g.dial(200)
	if a, b := g.accepted(0), g.accepted(1); a != 0 || b != 200 {
		t.Errorf("the stalled worker got %d, the other %d, want 0 and 200", a, b)
	}
	slots[1].State.Store(now(t) - 2*Stall.Nanoseconds())
	slots[1].Open.Store(0)
	g.dial(100)
	if a, b := g.accepted(0), g.accepted(1); a+b != 100 {
		t.Errorf("with all workers stalled %d of 100 connections came through", a+b)
	}
}

// TestNoQueuedConnectionIsLost closes a listener with 50 queued connections, or
// as many whose handshake is not complete because accepting is deferred.
func TestNoQueuedConnectionIsLost(t *testing.T) {
	cpus := twoCPUs(t)
	for _, c := range []struct {
		rung     Rung
		mode     Mode
		sysctl   string
		deferred bool
	}{
		{EBPF, Load, "0", false}, {EBPF, Load, "1", false}, {EBPF, CPU, "0", false}, {EBPF, Hash, "0", false},
		{EBPF, Load, "0", true}, {EBPF, Load, "1", true},
		{CBPF, CPU, "1", false}, {IncomingCPU, CPU, "1", false}, {KernelHash, Hash, "1", false},
		{CBPF, CPU, "1", true}, {IncomingCPU, CPU, "1", true}, {KernelHash, Hash, "1", true},
	} {
		name := fmt.Sprintf("%s %s, tcp_migrate_req %s, deferred %v", c.rung, c.mode, c.sysctl, c.deferred)
		t.Run(name, func(t *testing.T) {
			nstest.Enter(t)
			if c.rung == EBPF {
				nstest.NeedBPF(t)
			}
			s := New()
			defer s.Close()
			g := listen(t, 2, c.deferred)
			r := commit(t, s, Plan{Mode: c.mode, CPUs: [][]int{{cpus[0]}, {cpus[1]}}, Groups: g.groups()}, c.rung)
			if !r.Migrates {
				t.Error("it does not say that connections migrate")
			}
			nstest.Sysctl(t, "net/ipv4/tcp_migrate_req", c.sysctl)
			pin(t, cpus[0])
			clients := g.dial(50)
			pin(t, cpus[1])
			clients = append(clients, g.dial(50)...)
			if c.deferred {
				if n := g.accepted(0) + g.accepted(1); n != 0 {
					t.Fatalf("%d handshakes are complete", n)
				}
			}
			unix.Close(g.socks[0])
			g.socks[0] = -1
			g.send(clients, "y") // which completes those that are deferred
			if n := g.accepted(1); n != 100 {
				t.Errorf("%d of 100 connections came through", n)
			}
		})
	}
}

// TestASecondProgramReplacesTheFirst is what a binary upgrade and a reload do.
func TestASecondProgramReplacesTheFirst(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	g := listen(t, 3, false)
	old, fresh := New(), New()
	defer old.Close()
	defer fresh.Close()
	commit(t, old, Plan{Mode: Load, CPUs: make([][]int, 2), Groups: []Group{{"a", g.socks[:2]}}}, EBPF)
	fd, err := unix.Dup(old.Arrays()["a"])
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.Adopt("a", fd); err != nil {
		t.Fatal(err)
	}
	commit(t, fresh, Plan{Mode: Load, CPUs: make([][]int, 3), Groups: g.groups()}, EBPF)
	b, err := MapBoard(fresh.Board())
	if err != nil {
		t.Fatal(err)
	}
	b.Slot(0).Open.Store(1000)
	b.Slot(1).Open.Store(1000)
	g.dial(20)
	if n := g.accepted(2); n != 20 {
		t.Errorf("the new program's worker got %d of 20", n)
	}
	if err := fresh.Reset(); err != nil {
		t.Fatal(err)
	}
	if n := b.Slot(0).Open.Load(); n != 0 {
		t.Errorf("a slot says %d after Reset", n)
	}
	fresh.Close() // attached programs outlive who loaded them
	g.dial(30)
	if a, b, c := g.accepted(0), g.accepted(1), g.accepted(2); a+b+c != 30 || c == 0 {
		t.Errorf("after Close workers got %d, %d and %d", a, b, c)
	}
}

// TestSocketsOfADeadProcessAreSteered is a restart on sockets that systemd
// keeps: the program of the process before is still attached.
func TestSocketsOfADeadProcessAreSteered(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	g := listen(t, 2, false)
	p := Plan{Mode: Load, CPUs: make([][]int, 2), Groups: g.groups()}
	dead, s := New(), New()
	defer s.Close()
	commit(t, dead, p, EBPF)
	dead.Close()
	commit(t, s, p, EBPF)
}

func TestAnUnchangedGroupKeepsItsProgram(t *testing.T) {
	nstest.Enter(t)
	nstest.NeedBPF(t)
	g := listen(t, 2, false)
	s := New()
	defer s.Close()
	p := Plan{Mode: Load, CPUs: make([][]int, 2), Groups: g.groups()}
	commit(t, s, p, EBPF)
	before := s.programs["a"]
	commit(t, s, p, EBPF)
	if s.programs["a"] != before {
		t.Error("an unchanged group got a new program")
	}
	p.Mode = Hash
	s.Prepare(p).Drop()
	if r := s.Report(); r.Mode != Load {
		t.Errorf("a dropped change is in force: %+v", r)
	}
	commit(t, s, p, EBPF)
	if s.programs["a"] == before {
		t.Error("a changed mode kept its program")
	}
}

func TestNothingIsSteeredForOneWorker(t *testing.T) {
	s := New()
	defer s.Close()
	r := s.Prepare(Plan{Mode: Load, CPUs: make([][]int, 1)}).Report()
	if r.Rung != Unsteered || r.Why != nil || s.Board() != -1 {
		t.Errorf("got %+v", r)
	}
}

func TestTheLadderByMode(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		cpus [][]int
		want Rung
	}{
		{Load, [][]int{{0}, {1}}, KernelHash},
		{Hash, [][]int{{0}, {1}}, KernelHash},
		{CPU, [][]int{{0}, {1}}, CBPF},
		{CPU, [][]int{nil, nil}, KernelHash},
	} {
		ch := New().Prepare(Plan{Mode: Off})
		ch.plan, ch.cpus = Plan{Mode: c.mode, CPUs: c.cpus}, newCPUTable(c.cpus)
		ch.fall(os.ErrPermission)
		if ch.report.Rung != c.want || ch.report.Why == nil {
			t.Errorf("%s with %v falls to %s, want %s", c.mode, c.cpus, ch.report.Rung, c.want)
		}
	}
}

func TestCPUTable(t *testing.T) {
	table := newCPUTable([][]int{{2}, nil, {0}, {2}, {0, 1}})
	var got strings.Builder
	for cpu := range 4 {
		r := table.byCPU[cpu]
		fmt.Fprintf(&got, "%d:%v ", cpu, table.order[r.First:r.First+r.Count])
	}
	if want := "0:[2 4] 1:[] 2:[0 3] 3:[] "; got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
	if n := len(table.classic()); n != 2+2*2 {
		t.Errorf("the classic program has %d instructions, want 6", n)
	}
	if many := make([][]int, 2*maxCPUs); newCPUTable(many).bound {
		t.Error("workers without CPUs count as bound")
	}
}
