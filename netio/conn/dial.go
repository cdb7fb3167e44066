package conn

import (
	"syscall"

	"weir/netio/sock"
)

// DialOptions configures a connection to a backend. The zero value is usable.
type DialOptions struct {
	Local       sock.Addr // address to bind; the zero Addr leaves it to the kernel
	Transparent bool      // Local may be an address the host does not have
	KeepAlive   bool      // TCP keepalive with the kernel's times
	NoDelay     bool      // no Nagle's algorithm
	RcvBuf      int       // bytes; 0 leaves the kernel's
	SndBuf      int
}

// Dial begins a connection. Its error, a *sock.Error, is a failure on this
// side or an immediate refusal. Otherwise the attempt is under way: Writable
// is called when it ends, and ConnectError tells how. Only when Connecting is
// false at once (unix sockets) the connection stands already, and Writable is
// not called. A timeout is the caller's: set WriteTimer.
func Dial(d *Driver, to sock.Addr, o DialOptions, h Handler) (*Conn, error) {
	fd, err := sock.Stream(to.Family())
	if err != nil {
		return nil, failed("socket()", err.(syscall.Errno))
	}
	if err := prepare(d, fd, to, &o); err != nil {
		sock.Close(fd)
		return nil, err
	}
	d.from.Set(to)
	e := sock.Connect(fd, &d.from)
	if e != 0 && e != syscall.EINPROGRESS {
		sock.Close(fd)
		return nil, failed("connect() to "+to.String(), e)
	}
	d.stats.Dialled++
	c := d.take(fd)
	c.h = h
	c.remote = to
	c.flags = writable
	if e != 0 {
		c.flags = connecting | wantWrite
	}
	if err := c.register(); err != nil {
		c.Close()
		return nil, failed("epoll_ctl()", err.(syscall.Errno))
	}
	return c, nil
}

// prepare sets what must stand before connect.
func prepare(d *Driver, fd int, to sock.Addr, o *DialOptions) error {
	if o.RcvBuf > 0 {
		if e := sock.SetRcvBuf(fd, o.RcvBuf); e != 0 {
			return failed("setsockopt(SO_RCVBUF)", e)
		}
	}
	if o.SndBuf > 0 {
		if e := sock.SetSndBuf(fd, o.SndBuf); e != 0 {
			return failed("setsockopt(SO_SNDBUF)", e)
		}
	}
	if to.Family() == sock.Unix {
		return nil
	}
	if o.KeepAlive {
		if e := sock.SetKeepAlive(fd, sock.KeepAlive{On: true}); e != 0 {
			return failed("setsockopt(SO_KEEPALIVE)", e)
		}
	}
	if o.NoDelay {
		if e := sock.SetNoDelay(fd, true); e != 0 {
			return failed("setsockopt(TCP_NODELAY)", e)
		}
	}
	if !o.Local.IsValid() {
		return nil
	}
	if o.Transparent {
		if e := sock.SetTransparent(fd, to.Family()); e != 0 {
			return failed("setsockopt(IP_TRANSPARENT)", e)
		}
	}
	if o.Local.Port() == 0 {
		_ = sock.SetBindAddressNoPort(fd) // a hint: more ports to choose from
	}
	d.from.Set(o.Local)
	if e := sock.Bind(fd, &d.from); e != 0 {
		return failed("bind("+o.Local.String()+")", e)
	}
	return nil
}

func failed(call string, e syscall.Errno) error { return &sock.Error{Call: call, Errno: e} }

// Connecting reports whether a Dial is still under way.
func (c *Conn) Connecting() bool { return c.flags&connecting != 0 }

// ConnectError tells, in the first Writable after Dial, how it ended: nil or
// a syscall.Errno. It asks the kernel only when the event brought an error.
func (c *Conn) ConnectError() error {
	if c.flags&(errored|hangup) == 0 {
		return nil
	}
	if e := sock.SocketError(int(c.fd)); e != 0 {
		return e
	}
	return nil
}
