package sock

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// DefaultBacklog is nginx's backlog on Linux.
const DefaultBacklog = 511

// ListenOptions says how a listening socket is made. Only Addr is needed.
type ListenOptions struct {
	Addr      Addr
	Backlog   int  // queue length; 0 means DefaultBacklog
	ReusePort bool // one of a group of sockets on the same address
	Deferred  bool // accept only connections that have sent data
	FastOpen  int  // length of the TCP Fast Open queue; 0 means off
	IPv6Only  bool // an IPv6 socket takes no IPv4
	FreeBind  bool // the host need not have the address
	KeepAlive KeepAlive
	RcvBuf    int // bytes; 0 leaves the kernel's
	SndBuf    int
	Mode      os.FileMode // of a unix socket's file; 0 means 0666, as nginx
}

// Listen makes a listening socket: plain TCP (never MPTCP) or unix,
// non-blocking and closed on exec. The error is an *Error that says which
// call failed for which address, in nginx's words. Whether a missing option
// of the kernel matters is decided here: Deferred and FastOpen are hints, and
// their failure is not an error.
func Listen(o ListenOptions) (fd int, err error) {
	text := o.Addr.String()
	fd, err = Socket(o.Addr.Family(), unix.SOCK_STREAM)
	if err != nil {
		return -1, fail("socket() "+text, err)
	}
	defer func() {
		if err != nil {
			Close(fd)
			fd = -1
		}
	}()
	if err = listenOptions(fd, &o, text); err != nil {
		return fd, err
	}
	var raw RawAddr
	raw.Set(o.Addr)
	if e := Bind(fd, &raw); e != 0 {
		return fd, fail("bind() to "+text, e)
	}
	if o.Addr.Family() == Unix && o.Addr.path != "" && o.Addr.path[0] != 0 {
		mode := o.Mode
		if mode == 0 {
			mode = 0o666
		}
		if err = unix.Chmod(o.Addr.path, uint32(mode.Perm())); err != nil {
			return fd, fail(fmt.Sprintf("chmod() %q", o.Addr.path), err)
		}
	}
	return fd, Relisten(fd, o)
}

// Relisten calls listen again, which changes the backlog of a socket that
// listens already, and sets the hints that may follow it.
func Relisten(fd int, o ListenOptions) error {
	backlog := o.Backlog
	if backlog == 0 {
		backlog = DefaultBacklog
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return fail(fmt.Sprintf("listen() to %s, backlog %d", o.Addr, backlog), err)
	}
	if o.Addr.Family() == Unix {
		return nil
	}
	// Hints: the connection works without them. A socket that served another
	// configuration may have them on, so that off is said too.
	wait := 0
	if o.Deferred {
		wait = 1
	}
	_ = setInt(fd, unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, wait)
	_ = setInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, max(o.FastOpen, 0))
	return nil
}

// listenOptions sets what must stand before bind.
func listenOptions(fd int, o *ListenOptions, text string) error {
	v6 := o.Addr.Family() == IPv6
	tcp := o.Addr.Family() != Unix
	for _, s := range [...]struct {
		want              bool
		level, opt, value int
		name              string
	}{
		{true, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1, "SO_REUSEADDR"},
		{o.ReusePort && tcp, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1, "SO_REUSEPORT"},
		{v6, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flag(o.IPv6Only), "IPV6_V6ONLY"},
		{o.FreeBind && !v6, unix.IPPROTO_IP, unix.IP_FREEBIND, 1, "IP_FREEBIND"},
		{o.FreeBind && v6, unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1, "IPV6_FREEBIND"},
		{o.RcvBuf > 0, unix.SOL_SOCKET, unix.SO_RCVBUF, o.RcvBuf, "SO_RCVBUF"},
		{o.SndBuf > 0, unix.SOL_SOCKET, unix.SO_SNDBUF, o.SndBuf, "SO_SNDBUF"},
	} {
		if !s.want {
			continue
		}
		if e := setInt(fd, s.level, s.opt, s.value); e != 0 {
			return fail(fmt.Sprintf("setsockopt(%s) %s", s.name, text), e)
		}
	}
	if tcp {
		if e := SetKeepAlive(fd, o.KeepAlive); e != 0 {
			return fail("setsockopt(SO_KEEPALIVE) "+text, e)
		}
	}
	return nil
}

// Socket makes a non-blocking socket of the family that is closed on exec.
// The kind is unix.SOCK_STREAM or unix.SOCK_DGRAM.
func Socket(f Family, kind int) (int, error) {
	domain := 0
	switch f {
	case IPv4:
		domain = unix.AF_INET
	case IPv6:
		domain = unix.AF_INET6
	case Unix:
		domain = unix.AF_UNIX
	default:
		return -1, syscall.EAFNOSUPPORT
	}
	// Protocol 0 is plain TCP; Go's own net.Listen would take MPTCP, which
	// eBPF socket maps refuse.
	fd, err := unix.Socket(domain, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	return fd, nil
}

// Stream makes a stream socket, Datagram a datagram socket.
func Stream(f Family) (int, error) { return Socket(f, unix.SOCK_STREAM) }

// Datagram makes a datagram socket: what a DNS client connects to its server.
func Datagram(f Family) (int, error) { return Socket(f, unix.SOCK_DGRAM) }

// Pair returns two connected stream sockets, non-blocking.
func Pair() (a, b int, err error) {
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return p[0], p[1], fail("socketpair()", err)
}

// Pipe returns a non-blocking pipe, as large as the kernel allows up to want
// bytes, and its capacity.
func Pipe(want int) (r, w, size int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return -1, -1, 0, fail("pipe2()", err)
	}
	// Over the user's pipe budget the larger size is refused, and the
	// pipe stays as it is.
	size, err = unix.FcntlInt(uintptr(p[1]), unix.F_SETPIPE_SZ, want)
	if err != nil {
		if size, err = unix.FcntlInt(uintptr(p[1]), unix.F_GETPIPE_SZ, 0); err != nil {
			size = 4096
		}
	}
	return p[0], p[1], size, nil
}
