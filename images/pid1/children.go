package pid1

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// children starts processes and reaps every process that ends, its own and
// those that lost their parent: os/exec may not be used beside it, since both
// would wait for the same ones.
type children struct {
	mu      sync.Mutex
	waiting map[int]chan unix.WaitStatus
}

func newChildren() *children {
	c := &children{waiting: map[int]chan unix.WaitStatus{}}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() { // ends with the machine
		for range ended {
			c.reap()
		}
	}()
	return c
}

// reap takes all processes that have ended.
func (c *children) reap() {
	for {
		// A process that start has made may end before it is entered, so
		// the two exclude each other.
		c.mu.Lock()
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == nil && pid > 0 {
			if ch := c.waiting[pid]; ch != nil {
				ch <- status
				delete(c.waiting, pid)
			}
		}
		c.mu.Unlock()
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}

// start runs a program. The channel gets its status once.
func (c *children) start(program string, args, env []string, stdout, stderr *os.File) (int, <-chan unix.WaitStatus, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, nil, err
	}
	defer null.Close()
	pid, err := syscall.ForkExec(program, args, &syscall.ProcAttr{
		Dir: "/", Env: env, Files: []uintptr{null.Fd(), stdout.Fd(), stderr.Fd()},
		Sys: &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		return 0, nil, err
	}
	ch := make(chan unix.WaitStatus, 1)
	c.waiting[pid] = ch
	return pid, ch, nil
}

// killAll ends every other process of the machine.
func (c *children) killAll() { _ = unix.Kill(-1, unix.SIGKILL) }
