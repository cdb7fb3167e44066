package poll

import "golang.org/x/sys/unix"

// Thread is the number of the thread that the caller runs on, for ThreadTime. A
// loop stays on its thread.
func Thread() int { return unix.Gettid() }

// ThreadTime is the CPU time in nanoseconds of a thread of this process; 0 when
// it cannot be told. Any goroutine may ask.
func ThreadTime(thread int) int64 {
	const perThread, scheduler = 4, 2 // how the kernel composes the number of a thread's clock
	var ts unix.Timespec
	if thread == 0 || unix.ClockGettime(int32(^thread<<3|perThread|scheduler), &ts) != nil {
		return 0
	}
	return ts.Nano()
}
