package sock

import (
	"encoding/binary"
	"syscall"
	"unsafe"
)

// RawAddr is a socket address as the kernel writes it, long enough for any
// family, with its length. It is reused from call to call, and is decoded
// only when somebody asks.
type RawAddr struct {
	buf [128]byte
	len uint32
}

// maxPath is the longest unix path: sun_path without its closing NUL.
const maxPath = 107

// Addr decodes the address. Only a named unix socket allocates.
func (r *RawAddr) Addr() Addr {
	if r.len < 2 {
		return Addr{}
	}
	switch *(*uint16)(unsafe.Pointer(&r.buf[0])) { // sa_family is in host order
	case syscall.AF_INET:
		return Addr{
			lo:     uint64(binary.BigEndian.Uint32(r.buf[4:])),
			port:   binary.BigEndian.Uint16(r.buf[2:]),
			family: IPv4,
		}
	case syscall.AF_INET6:
		return Addr{
			hi:     binary.BigEndian.Uint64(r.buf[8:]),
			lo:     binary.BigEndian.Uint64(r.buf[16:]),
			scope:  *(*uint32)(unsafe.Pointer(&r.buf[24])),
			port:   binary.BigEndian.Uint16(r.buf[2:]),
			family: IPv6,
		}
	case syscall.AF_UNIX:
		return Addr{path: r.path(), family: Unix}
	}
	return Addr{}
}

// path returns the path of a unix address: up to the closing NUL, or all of
// an abstract name.
func (r *RawAddr) path() string {
	n := min(int(r.len), len(r.buf))
	if n <= 2 {
		return ""
	}
	p := r.buf[2:n]
	if p[0] != 0 {
		for i, c := range p {
			if c == 0 {
				p = p[:i]
				break
			}
		}
	}
	return string(p)
}

// Set encodes a, for connect and bind.
func (r *RawAddr) Set(a Addr) {
	clear(r.buf[:28])
	fam := (*uint16)(unsafe.Pointer(&r.buf[0]))
	switch a.family {
	case IPv4:
		*fam = syscall.AF_INET
		binary.BigEndian.PutUint16(r.buf[2:], a.port)
		binary.BigEndian.PutUint32(r.buf[4:], uint32(a.lo))
		r.len = syscall.SizeofSockaddrInet4
	case IPv6:
		*fam = syscall.AF_INET6
		binary.BigEndian.PutUint16(r.buf[2:], a.port)
		binary.BigEndian.PutUint64(r.buf[8:], a.hi)
		binary.BigEndian.PutUint64(r.buf[16:], a.lo)
		*(*uint32)(unsafe.Pointer(&r.buf[24])) = a.scope
		r.len = syscall.SizeofSockaddrInet6
	case Unix:
		*fam = syscall.AF_UNIX
		n := copy(r.buf[2:2+maxPath], a.path)
		r.len = uint32(2 + n)
		if n > 0 && a.path[0] != 0 {
			r.buf[2+n] = 0
			r.len++
		}
	default:
		r.len = 0
	}
}

// reset prepares r for a call that fills it.
func (r *RawAddr) reset() { r.len = uint32(len(r.buf)) }

// ptr and lenPtr are valid as long as r is: the caller keeps r alive over
// the system call by passing them in the call expression.
func (r *RawAddr) ptr() unsafe.Pointer    { return unsafe.Pointer(&r.buf) }
func (r *RawAddr) lenPtr() unsafe.Pointer { return unsafe.Pointer(&r.len) }
