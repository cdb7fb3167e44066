package sock

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// As in io_unsafe.go, pointers are passed in the call expression, which keeps
// them alive and unmoved for the call.

// setBytes sets an option whose value is b, which is not empty.
func setBytes(fd, level, opt int, b []byte) syscall.Errno {
	_, _, e := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(opt),
		uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0)
	return e
}

// recordMsg is a message of one piece with the type of a TLS record beside it.
type recordMsg struct {
	msg     unix.Msghdr
	vec     unix.Iovec
	control struct {
		hdr unix.Cmsghdr
		typ byte
		_   [7]byte // a control message is padded to a word
	}
}

func (m *recordMsg) set(p []byte) {
	m.vec.Base = unsafe.SliceData(p)
	m.vec.SetLen(len(p))
	m.msg.Iov = &m.vec
	m.msg.Iovlen = 1
	m.msg.Control = (*byte)(unsafe.Pointer(&m.control))
	m.msg.SetControllen(int(unsafe.Sizeof(m.control)))
}

// RecvTLS receives from a socket with TLSRX keys into p, which is not empty,
// and returns the type of the record the bytes belong to: one record of
// another type than data, or data of one or more.
func RecvTLS(fd int, p []byte) (n int, typ byte, e syscall.Errno) {
	var m recordMsg
	m.set(p)
	r, _, e := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.msg)), 0)
	if e != 0 {
		return 0, 0, e
	}
	typ = 23 // application data, where the kernel does not say
	if c := &m.control; m.msg.Controllen >= unix.SizeofCmsghdr+1 && c.hdr.Level == unix.SOL_TLS && c.hdr.Type == tlsGetRecordType {
		typ = c.typ
	}
	return int(r), typ, 0
}

// SendTLS sends p, which is not empty, as one record of a type.
func SendTLS(fd int, typ byte, p []byte) (int, syscall.Errno) {
	var m recordMsg
	m.set(p)
	m.control.hdr.Level, m.control.hdr.Type = unix.SOL_TLS, tlsSetRecordType
	m.control.hdr.SetLen(unix.SizeofCmsghdr + 1)
	m.control.typ = typ
	r, _, e := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m.msg)), unix.MSG_NOSIGNAL)
	return int(r), e
}
