package runner

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/netio/sock"
)

// The test binary is the runner when it is started as one.
func TestMain(m *testing.M) {
	if fd, ok := Inherited(); ok {
		os.Exit(Main(fd))
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// harness is a Client whose runners are processes of the test binary.
type harness struct {
	*Client
	runners chan *exec.Cmd // each one that was started
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{runners: make(chan *exec.Cmd, 16)}
	h.Client = NewClient(func() (int, error) {
		here, there, err := sock.SeqPair()
		if err != nil {
			return -1, err
		}
		theirs := os.NewFile(uintptr(there), "runner")
		defer theirs.Close()
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = []string{Variable + "=3", "GOCOVERDIR=" + os.Getenv("GOCOVERDIR")}
		cmd.ExtraFiles = []*os.File{theirs}
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return -1, err
		}
		h.runners <- cmd
		return here, nil
	})
	t.Cleanup(func() {
		h.Close()
		for len(h.runners) > 0 {
			_ = (<-h.runners).Wait()
		}
	})
	return h
}

// run starts a command and returns it with what it writes to standard output.
func (h *harness) run(t *testing.T, dir string, env []string, args ...string) (cycle.Process, *os.File) {
	t.Helper()
	ours, fd, err := sock.CommandPipe(false)
	if err != nil {
		t.Fatal(err)
	}
	r := os.NewFile(uintptr(ours), "output")
	t.Cleanup(func() { r.Close() })
	p, err := h.For([]string{"PATH=/usr/bin:/bin", "A=configured"}, dir).Start(
		&cycle.Command{Args: args, Env: env, Files: [3]int{-1, fd, -1}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p, r
}

func await(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("nothing has happened")
	}
}

func TestCommandsRunAndTellHowTheyEnd(t *testing.T) {
	h := newHarness(t)
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte("echo $0 $1"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  []string
		args []string
		out  string
		end  cycle.ProcessState // Err counts as set or not
	}{
		{"found in PATH", nil, []string{"echo", "a b"}, "a b\n", cycle.ProcessState{}},
		{"by its path", nil, []string{"/bin/echo", "x"}, "x\n", cycle.ProcessState{}},
		{"its code", nil, []string{"sh", "-c", "exit 7"}, "", cycle.ProcessState{Code: 7}},
		{"its signal", nil, []string{"sh", "-c", "kill -9 $$"}, "", cycle.ProcessState{Signal: 9}},
		{"the configured environment", nil, []string{"sh", "-c", "echo $A"}, "configured\n", cycle.ProcessState{}},
		{"its own environment", []string{"A=own"}, []string{"sh", "-c", "echo $A; env | grep -c PATH="}, "own\n0\n", cycle.ProcessState{Code: 1}},
		{"the working directory", nil, []string{"pwd"}, dir + "\n", cycle.ProcessState{}},
		{"not there", nil, []string{"no-such-program"}, "", cycle.ProcessState{Code: 1, Err: syscall.ENOENT}},
		{"not executable", nil, []string{"/etc/passwd"}, "", cycle.ProcessState{Code: 1, Err: syscall.EACCES}},
		{"a script without its first line", nil, []string{"./script", "x"}, "./script x\n", cycle.ProcessState{}},
		{"nothing but its own descriptors", nil, []string{"ls", "/proc/self/fd"}, "0\n1\n2\n3\n", cycle.ProcessState{}},
		// What make starts ignores signal 32, which belongs to the C library.
		{"signals as they were", nil, []string{"grep", "-cE", "SigBlk:.0{16}|SigIgn:.0{8}[08]0{7}", "/proc/self/status"}, "2\n", cycle.ProcessState{}},
		{"no way to more rights", nil, []string{"grep", "-c", "NoNewPrivs:.1", "/proc/self/status"}, "1\n", cycle.ProcessState{}},
	} {
		p, out := h.run(t, dir, c.env, c.args...)
		data, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		await(t, p.Ended())
		st := p.State()
		if string(data) != c.out || st.Code != c.end.Code || st.Signal != c.end.Signal || st.Err != c.end.Err ||
			(st.PID > 0) != (c.end.Err == nil) {
			t.Errorf("%s: got %q and %+v, want %q and %+v", c.name, data, st, c.out, c.end)
		}
	}
	if n := len(h.runners); n != 1 {
		t.Errorf("%d runners, want 1", n)
	}
}

func TestSignalsReachTheCommand(t *testing.T) {
	h := newHarness(t)
	p, _ := h.run(t, "", nil, "sleep", "600")
	p.Kill(15) // it may not have started yet: the order is kept
	await(t, p.Ended())
	if st := p.State(); st.Signal != 15 || st.Code != 0 {
		t.Errorf("got %+v, want signal 15", st)
	}
	p.Kill(9) // nothing is there any more
}

func TestSignalsThatAreNoneDoNothing(t *testing.T) {
	h := newHarness(t)
	p, _ := h.run(t, "", nil, "sleep", "600")
	for _, signal := range []int{-1, 65, -1 << 63} {
		p.Kill(signal)
	}
	p.Kill(15)
	await(t, p.Ended())
	if st := p.State(); st.Signal != 15 {
		t.Errorf("got %+v, want signal 15", st)
	}
}

func TestACommandsGroupIsItsOwn(t *testing.T) {
	h := newHarness(t)
	other, _ := h.run(t, "", nil, "sleep", "600")
	await(t, other.Started())
	p, out := h.run(t, "", nil, "sh", "-c", `
		set -- $(cat /proc/$$/stat)
		[ $5 = $$ ] && kill -9 0`)
	if _, err := io.ReadAll(out); err != nil {
		t.Fatal(err)
	}
	await(t, p.Ended())
	if st := p.State(); st.Signal != 9 {
		t.Errorf("the one that signals its group: got %+v, want signal 9", st)
	}
	p, out = h.run(t, "", nil, "sh", "-c", "sleep 600 & echo; wait")
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	p.KillGroup()
	if _, err := io.ReadAll(out); err != nil { // both have ended
		t.Fatal(err)
	}
	await(t, p.Ended())
	other.Kill(15)
	await(t, other.Ended())
	if st := other.State(); st.Signal != 15 {
		t.Errorf("another command: got %+v, want signal 15", st)
	}
}

func TestARunnerThatTakesNoOrdersIsGivenUp(t *testing.T) {
	here, there, err := sock.SeqPair()
	if err != nil {
		t.Fatal(err)
	}
	defer sock.Close(there)
	l := newLink(here)
	go l.receive()
	soon := unix.NsecToTimeval(int64(time.Millisecond))
	if err := unix.SetsockoptTimeval(here, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &soon); err != nil {
		t.Fatal(err)
	}
	const manyOrders = 1 << 16 // more than the socket holds
	for range manyOrders {
		if err = l.send([]byte("x"), nil); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.EAGAIN) || !l.gone() {
		t.Errorf("got %v, and gone is %v", err, l.gone())
	}
	l.close()
}

func TestWhatCommandsLeaveBehindIsReaped(t *testing.T) {
	h := newHarness(t)
	const rounds, together = 50, 20
	for range rounds {
		var alive []cycle.Process
		for range together {
			p, out := h.run(t, "", nil, "sh", "-c", ":&")
			out.Close()
			alive = append(alive, p)
		}
		for _, p := range alive {
			await(t, p.Ended())
		}
	}
	cmd := <-h.runners
	h.runners <- cmd
	end := time.Now().Add(patience)
	for left := children(t, cmd.Process.Pid); len(left) > 0; left = children(t, cmd.Process.Pid) {
		if time.Now().After(end) {
			t.Fatalf("processes %v are left", left)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if fds, _ := os.ReadDir("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/fd"); len(fds) > 16 {
		t.Errorf("the runner has %d descriptors after %d commands", len(fds), rounds*together)
	}
}

// children lists the processes whose parent is pid.
func children(t *testing.T, pid int) (list []string) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dirs {
		data, _ := os.ReadFile(name)
		list = append(list, strings.Fields(string(data))...)
	}
	return list
}

func TestTheRunnerEndsWithItsSocketAndTakesCommandsAlong(t *testing.T) {
	h := newHarness(t)
	p, out := h.run(t, "", nil, "sleep", "600")
	await(t, p.Started())
	h.Close()
	if _, err := io.ReadAll(out); err != nil { // the end of its standard output is its end
		t.Fatal(err)
	}
	await(t, p.Ended())
	if st := p.State(); st.Err == nil {
		t.Errorf("got %+v, want an error: nobody has seen the end", st)
	}
	cmd := <-h.runners
	if err := cmd.Wait(); err != nil {
		t.Errorf("the runner ended with %v", err)
	}
	if _, err := h.For(nil, "").Start(&cycle.Command{Args: []string{"true"}, Files: [3]int{-1, -1, -1}}, nil); err != errClosed {
		t.Errorf("after Close: got %v, want %v", err, errClosed)
	}
}

func TestALostRunnerIsReplaced(t *testing.T) {
	h := newHarness(t)
	p, _ := h.run(t, "", nil, "sleep", "600")
	await(t, p.Started())
	cmd := <-h.runners
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	await(t, p.Ended())
	if st := p.State(); st.Err != errLost || st.Code != 1 || !st.Ended {
		t.Errorf("got %+v, want the error %v", st, errLost)
	}
	p, out := h.run(t, "", nil, "echo", "again")
	if data, err := io.ReadAll(out); string(data) != "again\n" {
		t.Errorf("got %q, %v from the next runner", data, err)
	}
	await(t, p.Ended())
}

func TestCommandsHaveBounds(t *testing.T) {
	h := newHarness(t)
	none := [3]int{-1, -1, -1}
	for _, c := range []struct {
		name string
		args []string
		env  []string
		want error
	}{
		{"no program", nil, nil, errNoArgs},
		{"an empty program", []string{""}, nil, errNoArgs},
		{"long arguments", []string{"true", strings.Repeat("x", maxMessage)}, nil, errTooLong},
		{"many variables", []string{"true"}, make([]string, maxStrings+1), errTooLong},
	} {
		if _, err := h.For(nil, "").Start(&cycle.Command{Args: c.args, Env: c.env, Files: none}, nil); err != c.want {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
	h.mu.Lock()
	h.alive = maxProcesses
	h.mu.Unlock()
	if _, err := h.For(nil, "").Start(&cycle.Command{Args: []string{"true"}, Files: none}, nil); err != errTooMany {
		t.Errorf("one process too many: got %v, want %v", err, errTooMany)
	}
}
