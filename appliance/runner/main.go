package runner

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/netio/sock"
)

// Variable tells a new process that it is the runner and which descriptor its
// socket is.
const Variable = "WEIR_RUNNER"

const (
	// maxProcesses is how many commands may run at once.
	maxProcesses = 1024
	// lastWait is how long the runner waits at its end for what it has killed.
	lastWait = time.Second
)

// Inherited tells whether this process was started as the runner, and takes the
// socket out of the environment.
func Inherited() (fd int, ok bool) {
	text, ok := os.LookupEnv(Variable)
	if !ok {
		return -1, false
	}
	os.Unsetenv(Variable)
	fd, err := strconv.Atoi(text)
	if err != nil {
		return -1, false
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_SEQPACKET {
		return -1, false
	}
	return fd, true
}

// runner is the state of the process.
type runner struct {
	fd    int
	pids  map[uint64]int // of commands that run, by id
	ids   map[int]uint64
	child chan os.Signal
}

// packet is an order as it came.
type packet struct {
	order *order
	fds   []int
}

// Main is the runner's process: it serves the socket until the other end is
// closed and returns the exit code.
func Main(fd int) int {
	// Commands are children of this thread: they inherit its rights and its
	// signal mask, and get SIGKILL when it ends.
	runtime.LockOSThread()
	r := &runner{fd: fd, pids: make(map[uint64]int), ids: make(map[int]uint64), child: make(chan os.Signal, 1)}
	if err := confine(); err != nil {
		return 1
	}
	signal.Notify(r.child, unix.SIGCHLD)
	// A signal that is caught is at its default in a new program; one that is
	// ignored would stay so. None of them ends the runner: it goes with its socket.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2,
		unix.SIGPIPE, unix.SIGALRM, unix.SIGSYS, unix.SIGWINCH, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	packets := make(chan packet)
	go receive(fd, packets) // ends with the socket, and the process with it
	for {
		select {
		case p, open := <-packets:
			if !open {
				r.finish()
				return 0
			}
			r.obey(p)
		case <-r.child:
			r.reap()
		}
	}
}

// confine takes from the thread and its children what they do not need.
func confine() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	// A kernel that knows no ambient capabilities has given none.
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && err != unix.EINVAL {
		return err
	}
	// What commands leave behind is reaped here, also where the master is
	// process 1 of a container.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	var none unix.Sigset_t
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &none, nil); err != nil {
		return err
	}
	return closeOnExec()
}

// closeOnExec keeps every descriptor from commands: those above standard error
// that this process has been left by whoever started the master.
func closeOnExec() error {
	if unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC) == nil {
		return nil
	}
	list, err := os.ReadDir("/proc/self/fd") // an older kernel
	if err != nil {
		return err
	}
	for _, e := range list {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

func receive(fd int, packets chan<- packet) {
	defer close(packets)
	data := make([]byte, maxMessage)
	for {
		n, fds, err := sock.RecvFDs(fd, data)
		if err != nil || n == 0 {
			return
		}
		o, err := decodeOrder(data[:n])
		if err != nil {
			closeAll(fds)
			return // whoever is at the other end is not ours
		}
		packets <- packet{o, fds}
	}
}

func (r *runner) obey(p packet) {
	defer closeAll(p.fds)
	o := p.order
	if o.op != opStart {
		if pid, ok := r.pids[o.id]; ok {
			kill(pid, o)
		}
		return
	}
	pid, err := r.start(o, p.fds)
	if err != nil {
		var e syscall.Errno
		if !errors.As(err, &e) {
			e = syscall.EINVAL
		}
		r.tell(&report{op: opFailed, id: o.id, errno: int(e)})
		return
	}
	r.pids[o.id], r.ids[pid] = pid, o.id
	r.tell(&report{op: opStarted, id: o.id, pid: pid})
}

// kill obeys an order about a command that runs.
func kill(pid int, o *order) {
	if o.op == opGroup {
		_ = unix.Kill(-pid, unix.SIGKILL)
	} else {
		_ = unix.Kill(pid, syscall.Signal(o.signal))
	}
}

// start forks and executes a command as execvp does.
func (r *runner) start(o *order, fds []int) (pid int, err error) {
	_, taken := r.pids[o.id]
	switch {
	case taken || len(fds) != 3:
		return 0, syscall.EINVAL
	case len(r.pids) >= maxProcesses:
		return 0, syscall.EAGAIN
	}
	file, err := find(o.args[0], o.search, o.dir)
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{Dir: o.dir, Env: o.env, Files: []uintptr{uintptr(fds[0]), uintptr(fds[1]), uintptr(fds[2])},
		// A group of its own, so that a command that signals its group does not
		// reach the others.
		Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}}
	pid, err = syscall.ForkExec(file, o.args, attr)
	if err == syscall.ENOEXEC { // a script without its first line
		pid, err = syscall.ForkExec("/bin/sh", append([]string{"/bin/sh", file}, o.args[1:]...), attr)
	}
	return pid, err
}

// reap collects all that have ended: commands, and processes they have left
// behind.
func (r *runner) reap() {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		id, ok := r.ids[pid]
		if !ok {
			continue
		}
		delete(r.ids, pid)
		delete(r.pids, id)
		end := &report{op: opEnded, id: id}
		if ws.Signaled() {
			end.signal = int(ws.Signal())
		} else {
			end.code = ws.ExitStatus()
		}
		r.tell(end)
	}
}

// tell sends a report; that nobody is there is noticed by receive.
func (r *runner) tell(rep *report) { _ = sock.SendFDs(r.fd, rep.append(nil), nil) }

// finish kills what runs, with what that has started.
func (r *runner) finish() {
	for pid := range r.ids {
		_ = unix.Kill(-pid, unix.SIGKILL)
	}
	late := time.After(lastWait)
	for r.reap(); len(r.ids) > 0; r.reap() {
		select {
		case <-r.child:
		case <-late:
			return
		}
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
