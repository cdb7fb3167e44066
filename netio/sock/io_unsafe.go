package sock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Every function here passes pointers to the kernel in the call expression,
// which keeps them alive and unmoved for the call: the only use unsafe has in
// this file.

// MaxIov is how many pieces one Sendmsg carries at most.
const MaxIov = 64

// Iov is the scratch space of one Sendmsg, reused by its worker.
type Iov struct {
	msg unix.Msghdr
	vec [MaxIov]unix.Iovec
	n   int
}

// Reset empties v. It keeps the pointers of the last call until they are
// overwritten.
func (v *Iov) Reset() { v.n = 0 }

// Len returns the number of pieces.
func (v *Iov) Len() int { return v.n }

// Full reports whether Add would not fit.
func (v *Iov) Full() bool { return v.n == MaxIov }

// Add appends one piece, which is not empty.
func (v *Iov) Add(b []byte) {
	v.vec[v.n].Base = unsafe.SliceData(b)
	v.vec[v.n].SetLen(len(b))
	v.n++
}

// Recv receives into p, which is not empty. It returns 0 at the end of the
// stream.
func Recv(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	return int(n), e
}

// Peek is Recv that leaves the bytes in the socket.
func Peek(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_PEEK, 0, 0)
	return int(n), e
}

// Send sends p, which is not empty. More says that more follows at once, so
// that the kernel may wait and fill a packet. A closed peer is EPIPE, never
// a signal.
func Send(fd int, p []byte, more bool) (int, syscall.Errno) {
	flags := uintptr(unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	n, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	return int(n), e
}

// Sendmsg sends the pieces of v, which has at least one, as Send does.
func Sendmsg(fd int, v *Iov, more bool) (int, syscall.Errno) {
	flags := uintptr(unix.MSG_NOSIGNAL)
	if more {
		flags |= unix.MSG_MORE
	}
	v.msg.Iov = &v.vec[0]
	v.msg.SetIovlen(v.n)
	n, _, e := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&v.msg)), flags)
	return int(n), e
}

// Sendfile sends up to n bytes of the file from *off and advances *off. It
// may wait for the disk, so the scheduler is told.
func Sendfile(sockFD, fileFD int, off *int64, n int) (int, syscall.Errno) {
	r, _, e := syscall.Syscall6(unix.SYS_SENDFILE, uintptr(sockFD), uintptr(fileFD),
		uintptr(unsafe.Pointer(off)), uintptr(n), 0, 0)
	return int(r), e
}

// Splice moves up to n bytes between a non-blocking socket and a pipe, one of
// the two being the pipe. Never use it with a file: it does not tell the
// scheduler.
func Splice(in, out, n int, more bool) (int, syscall.Errno) {
	flags := uintptr(unix.SPLICE_F_MOVE | unix.SPLICE_F_NONBLOCK)
	if more {
		flags |= unix.SPLICE_F_MORE
	}
	r, _, e := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(in), 0, uintptr(out), 0, uintptr(n), flags)
	return int(r), e
}

// Accept takes one connection from a listener, non-blocking and closed on
// exec. The peer's address is left in from.
func Accept(fd int, from *RawAddr) (int, syscall.Errno) {
	from.reset()
	n, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd),
		uintptr(from.ptr()), uintptr(from.lenPtr()), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	return int(n), e
}

// Connect begins a connection; EINPROGRESS is its usual answer.
func Connect(fd int, to *RawAddr) syscall.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(to.ptr()), uintptr(to.len))
	return e
}

// Bind gives the socket its local address.
func Bind(fd int, at *RawAddr) syscall.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(at.ptr()), uintptr(at.len))
	return e
}

// Getsockname returns the local address.
func Getsockname(fd int) (Addr, syscall.Errno) {
	return name(unix.SYS_GETSOCKNAME, fd)
}

// Getpeername returns the peer's address.
func Getpeername(fd int) (Addr, syscall.Errno) {
	return name(unix.SYS_GETPEERNAME, fd)
}

func name(call uintptr, fd int) (Addr, syscall.Errno) {
	var r RawAddr
	r.reset()
	_, _, e := syscall.RawSyscall(call, uintptr(fd), uintptr(r.ptr()), uintptr(r.lenPtr()))
	if e != 0 {
		return Addr{}, e
	}
	return r.Addr(), 0
}

// Close closes a descriptor. A non-blocking socket without linger time never
// waits here.
func Close(fd int) syscall.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}

// ShutdownWrite sends FIN and leaves the receiving side open.
func ShutdownWrite(fd int) syscall.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_SHUTDOWN, uintptr(fd), unix.SHUT_WR, 0)
	return e
}

// setInt sets an option of type int.
func setInt(fd, level, opt, value int) syscall.Errno {
	v := int32(value)
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(opt),
		uintptr(unsafe.Pointer(&v)), 4, 0)
	return e
}

// getInt reads an option of type int.
func getInt(fd, level, opt int) (int, syscall.Errno) {
	var v int32
	n := uint32(4)
	_, _, e := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(opt),
		uintptr(unsafe.Pointer(&v)), uintptr(unsafe.Pointer(&n)), 0)
	return int(v), e
}

// setLinger sets SO_LINGER.
func setLinger(fd int, on bool, seconds int) syscall.Errno {
	l := unix.Linger{Linger: int32(seconds)}
	if on {
		l.Onoff = 1
	}
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_LINGER,
		uintptr(unsafe.Pointer(&l)), unsafe.Sizeof(l), 0)
	return e
}

// Info is the kernel's view of a TCP connection.
type Info = unix.TCPInfo

// TCPInfo fills info, as much of it as the kernel knows.
func TCPInfo(fd int, info *Info) syscall.Errno {
	n := uint32(unsafe.Sizeof(*info))
	_, _, e := syscall.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&n)), 0)
	return e
}

// ReadPipe reads from a non-blocking pipe into p, which is not empty. It
// returns 0 when the other end is closed.
func ReadPipe(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(unix.SYS_READ, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), e
}

// WritePipe writes p, which is not empty, to a non-blocking pipe. A closed
// other end is EPIPE; the Go runtime drops the signal that comes with it.
func WritePipe(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return int(n), e
}
