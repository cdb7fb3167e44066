package poll

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Timer slack is how late the kernel may wake a thread in order to wake
// several at once. Go's monitor thread sleeps for 20 microseconds at a time
// whenever a worker has just blocked in epoll, which on the worker's own CPU
// costs up to 14,000 wake-ups a second: 5 % of the CPU time of a server whose
// worker is half busy. With a slack of some milliseconds those sleeps end
// with the next timer tick. The worker's own thread keeps the kernel's
// default, so that timeouts are exact.
const (
	relaxedSlack = 10e6 // nanoseconds
	workerSlack  = 50e3 // the kernel's default
)

// RelaxThreads gives every thread of the process, and those they will start,
// a large timer slack. It is called once at the start, before any worker
// runs. It needs CAP_SYS_NICE; a process without it either does without, or
// gets the slack from the process that starts it, by RelaxThread.
func RelaxThreads() error {
	if err := RelaxThread(); err != nil {
		return err
	}
	relaxed := map[string]bool{strconv.Itoa(unix.Gettid()): true}
	const looks = 16 // bounds what follows: threads may come for ever, but from relaxed ones
	found := true
	for n := 0; found && n < looks; n++ { // until none has been started meanwhile by one that was not yet relaxed
		found = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("timer slack: %w", err)
		}
		for _, t := range tasks {
			if relaxed[t.Name()] {
				continue
			}
			found, relaxed[t.Name()] = true, true
			// The file stands in the directory of every thread, although
			// only processes are listed in /proc.
			name := "/proc/" + t.Name() + "/timerslack_ns"
			err := os.WriteFile(name, []byte(strconv.Itoa(relaxedSlack)), 0)
			if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESRCH) { // these say that it has ended
				return fmt.Errorf("timer slack: %w", err)
			}
		}
	}
	return nil
}

// RelaxThread gives the calling thread a large timer slack, which the
// processes and threads it starts inherit, across exec too. The caller has
// locked its goroutine to the thread.
func RelaxThread() error { return setSlack(relaxedSlack) }

// KeepTime gives the calling thread, a worker's, the kernel's default slack
// back: its timeouts are to be exact. The caller has locked its goroutine to
// the thread.
func KeepTime() error { return setSlack(workerSlack) }

func setSlack(ns uintptr) error {
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, ns, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_TIMERSLACK): %w", err)
	}
	return nil
}
