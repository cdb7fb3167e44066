package sock

import (
	"syscall"

	"golang.org/x/sys/unix"
)

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// SetNoDelay switches Nagle's algorithm off or on.
func SetNoDelay(fd int, on bool) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, flag(on))
}

// SetCork holds partial packets back while it is on.
func SetCork(fd int, on bool) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_CORK, flag(on))
}

// SetQuickAck asks for an acknowledgement at once, or lets it be delayed.
func SetQuickAck(fd int, on bool) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, flag(on))
}

// SetLinger0 makes the next Close send RST and forget unsent data.
func SetLinger0(fd int) syscall.Errno { return setLinger(fd, true, 0) }

// SetIncomingCPU names the CPU whose connections a listener prefers.
func SetIncomingCPU(fd, cpu int) syscall.Errno {
	return setInt(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU, cpu)
}

// IncomingCPU returns the CPU that last handled the connection's packets.
func IncomingCPU(fd int) (int, syscall.Errno) {
	return getInt(fd, unix.SOL_SOCKET, unix.SO_INCOMING_CPU)
}

// SetRcvBuf sets the receive buffer; the kernel doubles it.
func SetRcvBuf(fd, n int) syscall.Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, n) }

// SetSndBuf sets the send buffer; the kernel doubles it.
func SetSndBuf(fd, n int) syscall.Errno { return setInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n) }

// SetNotSentLowat bounds what may wait unsent in the kernel.
func SetNotSentLowat(fd, n int) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, n)
}

// SetUserTimeout bounds how long sent data may stay unacknowledged, in ms.
func SetUserTimeout(fd, ms int) syscall.Errno {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, ms)
}

// SetTransparent allows a socket to bind an address the host does not have.
func SetTransparent(fd int, f Family) syscall.Errno {
	if f == IPv6 {
		return setInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT, 1)
	}
	return setInt(fd, unix.IPPROTO_IP, unix.IP_TRANSPARENT, 1)
}

// SetBindAddressNoPort leaves the choice of a local port to connect, where
// the whole 4-tuple is known.
func SetBindAddressNoPort(fd int) syscall.Errno {
	return setInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// KeepAlive is TCP keepalive. The zero value leaves the socket as it is;
// zero fields of an enabled one keep the kernel's setting.
type KeepAlive struct {
	On    bool
	Off   bool // switched off expressly
	Idle  int  // seconds until the first probe
	Intvl int  // seconds between probes
	Count int  // probes without answer that end the connection
}

// SetKeepAlive applies k.
func SetKeepAlive(fd int, k KeepAlive) syscall.Errno {
	if !k.On {
		if k.Off {
			return setInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
		}
		return 0
	}
	if e := setInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1); e != 0 {
		return e
	}
	for _, o := range [...]struct{ opt, value int }{
		{unix.TCP_KEEPIDLE, k.Idle}, {unix.TCP_KEEPINTVL, k.Intvl}, {unix.TCP_KEEPCNT, k.Count},
	} {
		if o.value == 0 {
			continue
		}
		if e := setInt(fd, unix.IPPROTO_TCP, o.opt, o.value); e != 0 {
			return e
		}
	}
	return 0
}

// SocketError returns and clears the pending error of a socket: how a
// connection attempt ended.
func SocketError(fd int) syscall.Errno {
	v, e := getInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if e != 0 {
		return e
	}
	return syscall.Errno(v)
}

// Buffered returns how many bytes wait to be received.
func Buffered(fd int) (int, syscall.Errno) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0, err.(syscall.Errno)
	}
	return n, 0
}

// SetNonblock makes an inherited descriptor non-blocking.
func SetNonblock(fd int) syscall.Errno {
	if err := unix.SetNonblock(fd, true); err != nil {
		return err.(syscall.Errno)
	}
	return 0
}
