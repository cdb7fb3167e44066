package poll

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollNow asks for ready events and never waits; the Go scheduler is not
// told. The pointer is to the loop's own array and is passed in the call
// expression.
func epollNow(epfd int, ev *[maxEvents]unix.EpollEvent) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(ev)), maxEvents, 0, 0, 0)
	return int(n), e
}

// epollWait waits up to ms milliseconds, for ever when negative. The
// scheduler is told, so that the thread's processor can serve others.
func epollWait(epfd int, ev *[maxEvents]unix.EpollEvent, ms int) (int, syscall.Errno) {
	n, _, e := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(ev)), maxEvents, uintptr(ms), 0, 0)
	return int(n), e
}

// epollCtl adds, changes or removes a registration. The data word is the
// descriptor below and its generation above.
func epollCtl(epfd, op, fd int, events Events, gen uint32) syscall.Errno {
	ev := unix.EpollEvent{Events: uint32(events), Fd: int32(fd), Pad: int32(gen)}
	_, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epfd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}

// wakeWrite adds one to the eventfd; the edge wakes its loop. It is called
// from any goroutine.
func wakeWrite(fd int) {
	one := uint64(1)
	syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&one)), 8)
}
