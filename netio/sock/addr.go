package sock

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
)

// Family is the kind of an address.
type Family uint8

// Families.
const (
	None Family = iota // the zero Addr
	IPv4
	IPv6
	Unix
)

// Addr is a socket address: IPv4 or IPv6 with a port, or the path of a unix
// socket. It is a value: copy it, compare it with ==, use it as a map key.
// The zero Addr is no address. It has no pointer besides the unix path.
type Addr struct {
	hi, lo uint64 // IPv6 address in network order; IPv4 in the low half of lo
	path   string
	scope  uint32 // IPv6 interface index of link-local addresses
	port   uint16
	family Family
}

// AddrFrom returns the address of ip and port. An IPv4-mapped IPv6 address
// stays IPv6, as the kernel has it. A zone must be a number.
func AddrFrom(ip netip.Addr, port uint16) Addr {
	switch {
	case ip.Is4():
		b := ip.As4()
		return Addr{lo: uint64(binary.BigEndian.Uint32(b[:])), port: port, family: IPv4}
	case ip.Is6():
		b := ip.As16()
		a := Addr{
			hi:   binary.BigEndian.Uint64(b[:8]),
			lo:   binary.BigEndian.Uint64(b[8:]),
			port: port, family: IPv6,
		}
		if zone := ip.Zone(); zone != "" { // a failed parse allocates
			if z, err := strconv.ParseUint(zone, 10, 32); err == nil {
				a.scope = uint32(z)
			}
		}
		return a
	}
	return Addr{}
}

// UnixAddr returns the address of the unix socket at path. An empty path is
// an unnamed socket; one that begins with NUL is abstract.
func UnixAddr(path string) Addr { return Addr{path: path, family: Unix} }

var errAddr = errors.New("invalid address")

// ParseAddr reads "1.2.3.4:80", "[::1]:80", "unix:/path", or an IP address
// without port, whose port is then 0. Names are not resolved.
func ParseAddr(s string) (Addr, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path == "" || len(path) > maxPath {
			return Addr{}, errAddr
		}
		return UnixAddr(path), nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return AddrFrom(ap.Addr(), ap.Port()), nil
	}
	if len(s) > 1 && s[0] == '[' && s[len(s)-1] == ']' {
		if ip, err := netip.ParseAddr(s[1 : len(s)-1]); err == nil && ip.Is6() {
			return AddrFrom(ip, 0), nil
		}
		return Addr{}, errAddr
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return Addr{}, errAddr
	}
	return AddrFrom(ip, 0), nil
}

// IsValid reports whether a is an address at all.
func (a Addr) IsValid() bool { return a.family != None }

// Family returns the kind of address.
func (a Addr) Family() Family { return a.family }

// Port returns the port; 0 for unix sockets.
func (a Addr) Port() uint16 { return a.port }

// Path returns the path of a unix socket.
func (a Addr) Path() string { return a.path }

// WithPort returns a with another port.
func (a Addr) WithPort(p uint16) Addr {
	a.port = p
	return a
}

// IP returns the address without port; invalid for unix sockets. It does not
// carry the scope, which would allocate.
func (a Addr) IP() netip.Addr {
	switch a.family {
	case IPv4:
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(a.lo))
		return netip.AddrFrom4(b)
	case IPv6:
		return netip.AddrFrom16(a.as16())
	}
	return netip.Addr{}
}

func (a Addr) as16() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return b
}

// IsUnspecified reports whether a is 0.0.0.0 or [::].
func (a Addr) IsUnspecified() bool {
	return (a.family == IPv4 || a.family == IPv6) && a.hi == 0 && a.lo == 0
}

// Is4In6 reports whether a is an IPv4-mapped IPv6 address.
func (a Addr) Is4In6() bool {
	return a.family == IPv6 && a.hi == 0 && a.lo>>32 == 0xffff
}

// Unmap returns the IPv4 address that a maps, and a itself otherwise.
func (a Addr) Unmap() Addr {
	if a.Is4In6() {
		return Addr{lo: a.lo & 0xffffffff, port: a.port, family: IPv4}
	}
	return a
}

// AppendBinary appends the 4 or 16 bytes of the IP address in network order,
// and "unix:" with the path for a unix socket: what $binary_remote_addr is.
func (a Addr) AppendBinary(dst []byte) []byte {
	switch a.family {
	case IPv4:
		return binary.BigEndian.AppendUint32(dst, uint32(a.lo))
	case IPv6:
		dst = binary.BigEndian.AppendUint64(dst, a.hi)
		return binary.BigEndian.AppendUint64(dst, a.lo)
	case Unix:
		return a.AppendTo(dst)
	}
	return dst
}

// AppendTo appends the address as nginx prints it with its port:
// 1.2.3.4:80, [::1]:80, unix:/path.
func (a Addr) AppendTo(dst []byte) []byte {
	if a.family != IPv4 && a.family != IPv6 {
		return a.AppendIP(dst)
	}
	if a.family == IPv6 {
		dst = append(dst, '[')
		dst = a.AppendIP(dst)
		dst = append(dst, ']')
	} else {
		dst = a.AppendIP(dst)
	}
	dst = append(dst, ':')
	return strconv.AppendUint(dst, uint64(a.port), 10)
}

// AppendIP appends the address without port and brackets. A unix socket
// prints as "unix:" and its path.
func (a Addr) AppendIP(dst []byte) []byte {
	switch a.family {
	case IPv4:
		return appendIPv4(dst, uint32(a.lo))
	case IPv6:
		// The deprecated IPv4-compatible form: nginx prints it dotted,
		// netip does not.
		if a.hi == 0 && a.lo>>32 == 0 && a.lo>>16 != 0 {
			return appendIPv4(append(dst, "::"...), uint32(a.lo))
		}
		return netip.AddrFrom16(a.as16()).AppendTo(dst)
	case Unix:
		dst = append(dst, "unix:"...)
		return append(dst, a.path...)
	}
	return dst
}

func appendIPv4(dst []byte, v uint32) []byte {
	for shift := 24; ; shift -= 8 {
		dst = appendByteDecimal(dst, byte(v>>shift))
		if shift == 0 {
			return dst
		}
		dst = append(dst, '.')
	}
}

func appendByteDecimal(dst []byte, b byte) []byte {
	if b >= 100 {
		dst = append(dst, '0'+b/100)
	}
	if b >= 10 {
		dst = append(dst, '0'+b/10%10)
	}
	return append(dst, '0'+b%10)
}

// String returns what AppendTo appends.
func (a Addr) String() string { return string(a.AppendTo(nil)) }
