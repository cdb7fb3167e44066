package master

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/ebpf/nstest"
	"weir/netio/sock/socktest"
)

// steered starts an instance under worker_steering with two workers, as root
// with programs in the kernel.
func steered(t *testing.T, text string) *instance {
	t.Helper()
	nstest.NeedBPF(t)
	if os.Geteuid() != 0 {
		t.Skip("needs root for two processes")
	}
	in := newInstance(t)
	in.configure("daemon on; " + text)
	if code, stderr := in.run(); code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	return in
}

func (in *instance) rung() string {
	st, err := in.status()
	if err != nil {
		return err.Error()
	}
	return st.Steering.Mode + " " + st.Steering.Rung
}

func TestTheStatusShowsHowConnectionsAreSteered(t *testing.T) {
	in := steered(t, "serve ADDR one;")
	in.until("the rung", func() bool { return in.rung() == "load ebpf" })
	for range 50 {
		if got := in.get(); got != "one" {
			t.Fatal(got)
		}
	}
	if st, err := in.status(); err != nil || !st.Steering.Migrates || len(st.Server.Workers) != 2 {
		t.Fatalf("got %+v, %v", st, err)
	}
	in.until("50 connections in the counters", func() bool { // a worker that is busy for a second is left out
		st, err := in.status()
		if err != nil || st.Server == nil {
			return false
		}
		accepted, given := uint64(0), uint64(0)
		for _, w := range st.Server.Workers {
			accepted += w.Accepted
			given += w.Steered
		}
		return accepted == 50 && given >= 50
	})
	if n := strings.Count(in.log(), "worker steering is \"load\" by a program in the kernel"); n != 1 {
		t.Errorf("the rung was logged %d times, want once", n)
	}
	for _, mode := range []string{"hash", "cpu", "off", "load"} {
		in.configure("daemon on; worker_steering " + mode + "; worker_cpu_affinity auto; serve ADDR " + mode + ";")
		in.signal(syscall.SIGHUP)
		in.until("the mode "+mode, func() bool { return in.get() == mode && strings.HasPrefix(in.rung(), mode+" ") })
	}
}

// TestSteeringOutlivesServersAndUpgrades kills the server process and changes
// the binary, with clients all the time, under each rung of change: more
// workers, fewer, another address.
func TestSteeringOutlivesServersAndUpgrades(t *testing.T) {
	in := steered(t, "serve ADDR one;")
	l := startLoad(in.addr, 8)
	step := func(what, want string) {
		in.until(what, func() bool { return in.rung() == want })
	}
	step("the start", "load ebpf")
	for _, c := range []struct{ text, want string }{
		{"worker_processes 3; serve ADDR two;", "load ebpf"},
		{"worker_processes 2; serve ADDR three; serve " + socktest.Addr(t) + " x;", "load ebpf"},
		{"worker_processes 1; serve ADDR four;", "load off"},
		{"worker_processes 4; worker_steering hash; serve ADDR five;", "hash ebpf"},
	} {
		in.write("daemon on; " + c.text)
		in.signal(syscall.SIGHUP)
		step(c.text, c.want)
	}
	old := in.pid()
	in.signal(syscall.SIGUSR2)
	in.until("the successor", func() bool { p := in.pid(); return p != 0 && p != old })
	in.until("the old master to end", func() bool { _ = syscall.Kill(old, syscall.SIGQUIT); return !alive(old) })
	step("the successor", "hash ebpf")
	if l.end(t) != 0 {
		t.Error("requests failed")
	}
	before := in.serverPid()
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	in.until("another server", func() bool { p := in.serverPid(); return p != 0 && p != before })
	if got := in.get(); got != "five" {
		t.Errorf("got %q", got)
	}
	step("the restart", "hash ebpf")
	pid := in.pid()
	in.signal(syscall.SIGQUIT)
	in.until("the end", func() bool { return !alive(pid) })
}

// write is configure without the preamble's number of workers.
func (in *instance) write(text string) {
	in.t.Helper()
	all := strings.Replace(preamble(), "worker_processes 2;", "", 1) + strings.ReplaceAll(text, "ADDR", in.addr)
	if err := os.WriteFile(in.dir+"/nginx.conf", []byte(all), 0o644); err != nil {
		in.t.Fatal(err)
	}
}

// TestAStalledWorkerGetsNoNewConnections is the promise of load steering: one
// worker is kept busy by a handler that does not return, and new clients do not
// notice. Clients come one every half millisecond, whether those before have
// been answered or not; who is connected only when the worker may be free again
// does not count, however slow the machine is.
func TestAStalledWorkerGetsNoNewConnections(t *testing.T) {
	const clients, stall = 200, 2 * time.Second
	other := socktest.Addr(t)
	in := steered(t, "serve ADDR who; serve "+other+" stall 2s;")
	begin := time.Now()
	type answer struct {
		worker string
		took   time.Duration
		late   bool
	}
	for {
		free := time.Now().Add(stall) // at the earliest
		stalled, _ := fetchOnce(t, other)
		answers := make(chan answer, clients)
		for range clients {
			go func() { // ends with the answer
				begin := time.Now()
				worker, connected := fetchOnce(t, in.addr)
				answers <- answer{worker, time.Since(begin), !connected.Before(free)}
			}()
			time.Sleep(500 * time.Microsecond)
		}
		counts, took := map[string]int{}, make([]time.Duration, 0, clients)
		for range clients {
			if a := <-answers; !a.late {
				counts[a.worker]++
				took = append(took, a.took)
			}
		}
		n := len(took)
		if t.Failed() {
			return
		}
		if n < clients/2 { // the machine was busy with something else
			if time.Since(begin) > patience {
				t.Fatalf("only %d of %d clients are connected in %v", n, clients, stall)
			}
			continue
		}
		slices.Sort(took)
		t.Logf("worker %s stalled; %d connections by worker: %v; p50 %v, p99 %v", stalled, n, counts, took[n/2], took[n*99/100-1])
		if counts[stalled] > n/20 {
			t.Errorf("%d of %d connections went to the stalled worker, want at most 5 %%", counts[stalled], n)
		}
		return
	}
}

// TestConnectionsStayOnTheirCPU holds steering by CPU through the whole server:
// whoever connects from a CPU is answered by the worker bound to it.
func TestConnectionsStayOnTheirCPU(t *testing.T) {
	in := steered(t, "worker_steering cpu; worker_cpu_affinity auto; serve ADDR who;")
	st, err := in.status()
	if err != nil || st.Steering.Rung != "ebpf" {
		t.Fatalf("%+v, %v", st.Steering, err)
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if st.Server.Workers[0].CPUs[0] == st.Server.Workers[1].CPUs[0] {
		t.Skip("needs two CPUs")
	}
	for _, w := range st.Server.Workers {
		var set unix.CPUSet
		set.Set(w.CPUs[0])
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if got, _ := fetchOnce(t, in.addr); got != strconv.Itoa(w.ID) {
				t.Fatalf("from CPU %d worker %s answers, want %d", w.CPUs[0], got, w.ID)
			}
		}
	}
}

// fetchOnce sends one request on a connection of its own and returns the body's
// last byte, and when it was connected.
func fetchOnce(t *testing.T, addr string) (body string, connected time.Time) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return "", time.Now()
	}
	connected = time.Now()
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "GET / HTTP/1.1\r\n\r\n")
	b := make([]byte, 512)
	n, err := c.Read(b)
	if err != nil {
		t.Error(err)
		return "", connected
	}
	return string(b[n-1 : n]), connected
}
