package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollWait waits for events for at most ns nanoseconds. It calls
// epoll_pwait2, which golang.org/x/sys/unix has no function for: epoll_wait
// counts in milliseconds. Both pointers are converted in the call's own
// arguments, where the compiler keeps what they point at alive and in place
// (package unsafe, pattern 4); events must not be empty.
func epollWait(ep int, events []unix.EpollEvent, ns int64) (int, error) {
	ts := unix.NsecToTimespec(max(ns, 0))
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(ep), uintptr(unsafe.Pointer(&events[0])),
		uintptr(len(events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("epoll_pwait2: %w", errno)
}
