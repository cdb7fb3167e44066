package conn

import (
	"syscall"

	"weir/netio/poll"
	"weir/netio/sock"
)

// DatagramHandler is what a datagram socket belongs to. Its methods are called
// on the worker's loop.
type DatagramHandler interface {
	// Readable says that Recv has something: a datagram or an error.
	Readable()
	// Expired says that the timer ran out. It is stopped.
	Expired()
}

// Datagram is a datagram socket, UDP or unix, with one peer. It is not pooled:
// nothing is called on its handler after Close.
type Datagram struct {
	h      DatagramHandler
	d      *Driver
	timer  poll.Timer
	fd     int
	closed bool
}

// DialDatagram makes a socket that sends to, and receives from, one address.
// local, if valid, is the address it is bound to. Its error is a *sock.Error.
func DialDatagram(d *Driver, to, local sock.Addr, h DatagramHandler) (*Datagram, error) {
	fd, err := sock.Datagram(to.Family())
	if err != nil {
		return nil, failed("socket()", err.(syscall.Errno))
	}
	g := &Datagram{h: h, d: d, fd: fd}
	g.timer.Owner = g
	if err := g.connect(to, local); err != nil {
		sock.Close(fd)
		return nil, err
	}
	return g, nil
}

func (g *Datagram) connect(to, local sock.Addr) error {
	if !local.IsValid() && to.Family() == sock.Unix {
		if e := sock.Autobind(g.fd); e != 0 { // so that the peer can answer
			return failed("bind()", e)
		}
	}
	if local.IsValid() {
		g.d.from.Set(local)
		if e := sock.Bind(g.fd, &g.d.from); e != 0 {
			return failed("bind("+local.String()+")", e)
		}
	}
	g.d.from.Set(to)
	if e := sock.Connect(g.fd, &g.d.from); e != 0 {
		return failed("connect() to "+to.String(), e)
	}
	if err := g.d.Loop.Add(g.fd, poll.Stream, g); err != nil {
		return failed("epoll_ctl()", err.(syscall.Errno))
	}
	return nil
}

// Ready implements poll.Source.
func (g *Datagram) Ready(ev poll.Events) {
	if ev&(poll.In|poll.Err|poll.Hup|poll.RdHup) != 0 && !g.closed {
		g.h.Readable()
	}
}

// Expired implements poll.TimerOwner.
func (g *Datagram) Expired(*poll.Timer) { g.h.Expired() }

// Recv receives the next datagram into p; what does not fit is lost. ErrAgain:
// Readable is called when there is one. Other errors are a syscall.Errno.
func (g *Datagram) Recv(p []byte) (int, error) {
	if g.closed {
		return 0, ErrClosed
	}
	n, e := sock.Recv(g.fd, p)
	if e != 0 {
		return 0, errno(e)
	}
	return n, nil
}

// Send sends p as one datagram. A full socket refuses it with EAGAIN:
// datagrams are not queued.
func (g *Datagram) Send(p []byte) (int, error) {
	if g.closed {
		return 0, ErrClosed
	}
	n, e := sock.Send(g.fd, p, false)
	if e != 0 {
		return 0, e
	}
	return n, nil
}

// SetTimer lets the timer run out ms milliseconds from now.
func (g *Datagram) SetTimer(ms int64) { g.d.Loop.SetTimer(&g.timer, ms) }

// ClearTimer stops the timer.
func (g *Datagram) ClearTimer() { g.timer.Stop() }

// Close closes the socket. A second Close does nothing.
func (g *Datagram) Close() {
	if g.closed {
		return
	}
	g.closed = true
	g.d.Loop.RemoveTimer(&g.timer)
	g.d.Loop.Forget(g.fd)
	sock.Close(g.fd)
}
