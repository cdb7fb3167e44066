package conn

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/netio/sock"
)

// dialMany opens n client connections by the standard library, so that their
// descriptors are no part of the driver, and returns them.
func dialMany(t testing.TB, addr sock.Addr, n int) []net.Conn {
	t.Helper()
	network, text := "tcp", addr.String()
	if addr.Family() == sock.Unix {
		network, text = "unix", addr.Path()
	}
	var all []net.Conn
	for range n {
		c, err := net.Dial(network, text)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		all = append(all, c)
	}
	return all
}

func TestListenerAcceptsABurstOverSomeTurns(t *testing.T) {
	w := newWorld(t)
	se := &events{}
	l, addr := w.listen("127.0.0.1:0", se, ListenerOptions{})
	dialMany(t, addr, 100)
	from := w.d.Loop.Turn()
	w.until("all connections", func() bool { return len(se.conns) == 100 })
	if turns := w.d.Loop.Turn() - from; turns > 20 {
		t.Errorf("100 waiting connections took %d turns", turns)
	}
	if l.Active() != 100 || w.d.Stats().Active != 100 {
		t.Errorf("active: listener %d, driver %d", l.Active(), w.d.Stats().Active)
	}
	numbers := map[uint64]bool{}
	for _, c := range se.conns {
		numbers[c.Number] = true
		if c.Listener() != l || c.Local() != addr || c.Remote().Port() == 0 {
			t.Fatalf("listener %p, local %v, remote %v", c.Listener(), c.Local(), c.Remote())
		}
		c.Close()
	}
	if len(numbers) != 100 || l.Active() != 0 {
		t.Errorf("%d numbers for 100 connections, %d active", len(numbers), l.Active())
	}
}

func TestNumbersAreUniqueAmongDrivers(t *testing.T) {
	a, b := newWorld(t).d, newWorld(t).d
	seen := map[uint64]bool{}
	for range 3 * numberBlock {
		for _, d := range []*Driver{a, b} {
			n := d.number()
			if seen[n] || n == 0 {
				t.Fatalf("number %d twice, or zero", n)
			}
			seen[n] = true
		}
	}
}

func TestAdmitRefusesConnections(t *testing.T) {
	w := newWorld(t)
	se := &events{}
	var l *Listener
	l, addr := w.listen("127.0.0.1:0", se, ListenerOptions{Admit: func() bool { return l.Active() < 3 }})
	all := dialMany(t, addr, 5)
	w.until("five accepts", func() bool { return w.d.Stats().Refused == 2 })
	if len(se.conns) != 3 {
		t.Errorf("%d were admitted, want 3", len(se.conns))
	}
	all[4].SetReadDeadline(time.Now().Add(time.Minute))
	if n, err := all[4].Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("a refused connection is still open: %d, %v", n, err)
	}
	se.conns[0].Close()
	dialMany(t, addr, 1)
	w.until("one more", func() bool { return len(se.conns) == 4 })
}

func TestListenerRestsWhenDescriptorsRunOut(t *testing.T) {
	w := newWorld(t)
	se := &events{}
	var failures []syscall.Errno
	l, addr := w.listen("127.0.0.1:0", se, ListenerOptions{Failed: func(e syscall.Errno, pause bool) {
		if !pause {
			t.Errorf("%v did not pause", e)
		}
		failures = append(failures, e)
	}})
	dialMany(t, addr, 1)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	open, _ := os.ReadDir("/proc/self/fd")
	highest := 0
	for _, e := range open {
		n, _ := strconv.Atoi(e.Name())
		highest = max(highest, n)
	}
	// Every number below the limit is taken, or would be given out.
	var fill []int
	limit := unix.Rlimit{Cur: uint64(highest + 1), Max: old.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	restore := func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &old) }
	defer restore()
	for {
		fd, err := unix.Dup(l.FD())
		if err != nil {
			break
		}
		fill = append(fill, fd)
	}
	w.until("the failure", func() bool { return len(failures) > 0 })
	turns := w.d.Loop.Turn()
	w.settle(100)
	if n := w.d.Loop.Turn() - turns; len(failures) != 1 || failures[0] != syscall.EMFILE || n > 5 {
		t.Errorf("failures %v, %d turns in 100 ms of pause", failures, n)
	}
	restore()
	for _, fd := range fill {
		unix.Close(fd)
	}
	w.until("the connection", func() bool { return len(se.conns) == 1 })
}

func TestClosedListenerAcceptsNothing(t *testing.T) {
	w := newWorld(t)
	se := &events{}
	l, addr := w.listen("unix:"+filepath.Join(t.TempDir(), "s"), se, ListenerOptions{})
	dialMany(t, addr, 1)
	w.until("one connection", func() bool { return len(se.conns) == 1 })
	if got := se.conns[0]; got.Local() != addr || !strings.HasPrefix(got.Remote().String(), "unix:") {
		t.Errorf("local %v, remote %v", got.Local(), got.Remote())
	}
	l.Pause()
	l.Pause()
	dialMany(t, addr, 1)
	w.settle(10)
	if len(se.conns) != 1 {
		t.Fatal("a paused listener accepted")
	}
	if err := l.Resume(); err != nil {
		t.Fatal(err)
	}
	w.until("the second connection", func() bool { return len(se.conns) == 2 })
	l.Close()
	dialMany(t, addr, 1)
	w.settle(10)
	if len(se.conns) != 2 {
		t.Error("a closed listener accepted")
	}
	if se.conns[0].Closed() {
		t.Error("it took its connections along")
	}
}

func TestSharedListenerWakesOneWorker(t *testing.T) {
	a, b := newWorld(t), newWorld(t)
	ea, eb := &events{}, &events{}
	l, addr := a.listen("unix:"+filepath.Join(t.TempDir(), "s"), ea, ListenerOptions{Exclusive: true})
	lb, err := NewListener(b.d, l.FD(), eb, ListenerOptions{Addr: addr, Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer lb.Close()
	dialMany(t, addr, 4)
	a.settle(20)
	b.settle(20)
	if len(ea.conns)+len(eb.conns) != 4 {
		t.Errorf("%d and %d accepted, want 4 together", len(ea.conns), len(eb.conns))
	}
}

func TestSpeculationFollowsWhatItFinds(t *testing.T) {
	w := newWorld(t)
	se := &events{onAccept: func(c *Conn) {
		if _, err := recvAll(c); err != ErrAgain {
			t.Fatal(err)
		}
	}}
	l, addr := w.listen("127.0.0.1:0", se, ListenerOptions{})
	silent := func(n int) (calls uint64) {
		before, have := w.d.Stats().Recvs, len(se.conns)
		dialMany(t, addr, n)
		w.until("connections", func() bool { return len(se.conns) == have+n })
		return w.d.Stats().Recvs - before
	}
	silent(20)
	if calls := silent(2 * probeEvery); calls > 2 {
		t.Errorf("%d receives in vain on %d silent connections", calls, 2*probeEvery)
	}
	// Clients that talk at once win it back.
	for i := 0; l.hits < hitMax; i++ {
		if i > 50*probeEvery {
			t.Fatal("speculation never came back")
		}
		have := len(se.conns)
		c := dialMany(t, addr, 1)[0]
		c.Write([]byte("request"))
		w.until("a connection", func() bool { return len(se.conns) == have+1 })
	}
}

func TestFailedListenLeavesTheDescriptor(t *testing.T) {
	w := newWorld(t)
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := NewListener(w.d, int(f.Fd()), &events{}, ListenerOptions{}); err == nil {
		t.Error("a descriptor that epoll refuses was taken")
	}
	if _, err := f.Stat(); err != nil {
		t.Error(err)
	}
}
