package conn

import (
	"syscall"

	"weir/netio/poll"
	"weir/netio/sock"
)

const (
	// acceptPause is how long a listener rests when the process has no
	// descriptors left (nginx's accept_mutex_delay).
	acceptPause = 500
	// maxBurst is how many connections one event accepts at most.
	maxBurst = 64
	// probeEvery is how often a connection's first receive is tried at
	// once although recent ones found nothing.
	probeEvery = 16
	// hitMax bounds the memory of that.
	hitMax = 8
)

// Acceptor gets the connections of a listener.
type Acceptor interface {
	// Accepted is given a new connection. It sets a handler, and usually
	// tries Recv at once: with a deferred listener, and under load, the
	// request is there already. What is not closed when it returns is
	// registered for events.
	Accepted(c *Conn)
}

// ListenerOptions configures a Listener.
type ListenerOptions struct {
	// Addr is the address the socket was bound to. It spares asking the
	// kernel for it per connection, unless it is a wildcard.
	Addr sock.Addr
	// Deferred says that the socket has TCP_DEFER_ACCEPT, so that the
	// first receive never misses.
	Deferred bool
	// Exclusive is for a socket that several workers listen on: one of
	// them is woken.
	Exclusive bool
	// Admit is asked after each accept; false closes the connection at
	// once. It is how worker_connections is enforced. Nil admits all.
	Admit func() bool
	// Failed is told of a failed accept. Pause is true when the listener
	// rests because descriptors ran out. Nil ignores it.
	Failed func(e syscall.Errno, pause bool)
	// Owner is whatever the acceptor wants to find from a connection.
	Owner any
}

// Listener accepts connections from one listening socket.
type Listener struct {
	d        *Driver
	fd       int
	acceptor Acceptor
	o        ListenerOptions
	active   int

	// Connections are accepted one per event, since one more accept to
	// learn that the queue is empty costs as much as the event it saves;
	// while the queue proves longer turn after turn, more at a time.
	burst    int
	lastTurn uint64

	// hits remembers whether the first receive of recent connections
	// found anything: tried at once it saves a turn of the loop, tried in
	// vain it costs a call.
	hits, probe int

	paused bool // not registered
	timer  poll.Timer
}

// NewListener registers a listening descriptor, which stays its caller's:
// Close only ends the registration.
func NewListener(d *Driver, fd int, a Acceptor, o ListenerOptions) (*Listener, error) {
	l := &Listener{d: d, fd: fd, acceptor: a, o: o, burst: 1, hits: hitMax / 2}
	l.timer.Owner = (*listenerTimer)(l)
	if err := l.register(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *Listener) register() error {
	ev := poll.In
	if l.o.Exclusive {
		ev |= poll.Exclusive
	}
	return l.d.Loop.Add(l.fd, ev, (*listenerSource)(l))
}

// Owner returns what the options named.
func (l *Listener) Owner() any { return l.o.Owner }

// Addr returns the address of the listening socket.
func (l *Listener) Addr() sock.Addr { return l.o.Addr }

// FD returns the listening descriptor.
func (l *Listener) FD() int { return l.fd }

// Active returns how many of its connections are open.
func (l *Listener) Active() int { return l.active }

// SetAcceptor gives later connections to another acceptor.
func (l *Listener) SetAcceptor(a Acceptor) { l.acceptor = a }

// SetDeferred says anew what ListenerOptions.Deferred said.
func (l *Listener) SetDeferred(on bool) { l.o.Deferred = on }

// Pause stops accepting; the kernel keeps queueing. Resume goes on.
func (l *Listener) Pause() {
	if !l.paused {
		l.paused = true
		_ = l.d.Loop.Del(l.fd) // it was registered: this cannot fail
	}
}

// Resume accepts again after Pause.
func (l *Listener) Resume() error {
	if !l.paused {
		return nil
	}
	if err := l.register(); err != nil {
		return err
	}
	l.paused = false
	l.timer.Stop()
	return nil
}

// Close stops accepting for good. Open connections stay. The descriptor is
// the caller's to close.
func (l *Listener) Close() {
	l.Pause()
	l.d.Loop.RemoveTimer(&l.timer)
}

type (
	listenerSource Listener
	listenerTimer  Listener
)

// Expired ends a pause for want of descriptors.
func (t *listenerTimer) Expired(*poll.Timer) {
	l := (*Listener)(t)
	if err := l.Resume(); err != nil {
		l.d.Loop.SetTimer(&l.timer, acceptPause)
	}
}

// Ready accepts.
func (s *listenerSource) Ready(poll.Events) {
	l := (*Listener)(s)
	turn := l.d.Loop.Turn()
	if turn != l.lastTurn+1 {
		l.burst = 1
	}
	l.lastTurn = turn
	for n := range l.burst {
		fd, e := sock.Accept(l.fd, &l.d.from)
		if e == syscall.EAGAIN {
			l.burst = max(1, n)
			return
		}
		if e != 0 {
			l.failed(e)
			return
		}
		l.accepted(fd)
		if l.paused {
			return
		}
	}
	l.burst = min(maxBurst, 2*l.burst)
}

// failed handles an accept error. Errors of the one connection at the head of
// the queue pass by with it, see accept(2). All others, lack of descriptors
// first of all, would come again at once, since the registration is
// level-triggered: the listener rests.
func (l *Listener) failed(e syscall.Errno) {
	l.d.stats.AcceptErr++
	pause := true
	switch e {
	case syscall.ECONNABORTED, syscall.EINTR, syscall.EPERM, syscall.EPROTO, syscall.ENETDOWN, syscall.ENOPROTOOPT,
		syscall.EHOSTDOWN, syscall.ENONET, syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH:
		pause = false
	}
	if pause {
		l.Pause()
		l.d.Loop.SetTimer(&l.timer, acceptPause)
	}
	if l.o.Failed != nil {
		l.o.Failed(e, pause)
	}
}

// accepted makes a connection of a descriptor and hands it on.
func (l *Listener) accepted(fd int) {
	d := l.d
	if l.o.Admit != nil && !l.o.Admit() {
		d.stats.Refused++
		sock.Close(fd)
		return
	}
	d.stats.Accepted++
	c := d.take(fd)
	c.flags = writable
	c.listener = l
	c.remote = d.from.Addr()
	if l.o.Addr.IsValid() && !l.o.Addr.IsUnspecified() {
		c.local = &l.o.Addr
	}
	l.active++
	try := l.speculate()
	if try {
		c.flags |= readable
	}
	d.accepting = c
	l.acceptor.Accepted(c)
	d.accepting = nil
	if try && !l.o.Deferred {
		l.learn(c)
	}
	if c.flags&closed != 0 {
		return
	}
	if err := c.register(); err != nil {
		l.failed(err.(syscall.Errno))
		c.Close()
	}
}

// speculate decides whether a new connection may receive before an event
// said so.
func (l *Listener) speculate() bool {
	if l.o.Deferred || l.hits >= hitMax/2 {
		return true
	}
	l.probe++
	return l.probe%probeEvery == 0
}

// learn notes whether speculation paid.
func (l *Listener) learn(c *Conn) {
	switch {
	case c.Received > 0:
		l.hits = min(hitMax, l.hits+1)
	case c.flags&(readable|closed) == 0: // tried in vain
		l.hits = max(0, l.hits-1)
	}
}
