package sock

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// CommandPipe returns the two ends of a pipe to or from another process: ours
// does not block, theirs does, as programs expect. Both are closed on exec.
func CommandPipe(weWrite bool) (ours, theirs int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, fail("pipe2()", err)
	}
	ours, theirs = p[0], p[1]
	if weWrite {
		ours, theirs = p[1], p[0]
	}
	if err := unix.SetNonblock(ours, true); err != nil {
		Close(ours)
		Close(theirs)
		return -1, -1, fail("fcntl(O_NONBLOCK)", err)
	}
	return ours, theirs, nil
}

// WaitPipe blocks until the pipe can be read, or written, or the other end is
// closed. It is not for a worker that could wait for an event instead. False
// means that nothing of this happened in time.
func WaitPipe(fd int, write bool, most time.Duration) bool {
	p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if write {
		p[0].Events = unix.POLLOUT
	}
	end := time.Now().Add(most)
	for {
		n, err := unix.Poll(p, max(0, int(time.Until(end).Milliseconds())))
		if n > 0 {
			return true
		}
		if err != syscall.EINTR && time.Now().After(end) {
			return false
		}
	}
}
