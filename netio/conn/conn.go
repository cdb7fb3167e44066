package conn

import (
	"syscall"

	"weir/netio/poll"
	"weir/netio/sock"
)

// Handler is what a connection belongs to at the moment: the request parser,
// an upstream exchange, the keepalive pool. Its methods are called on the
// worker's loop.
type Handler interface {
	// Readable says that Recv has something: bytes, the end, or an error.
	// It is called once per edge; read until ErrAgain, or call
	// PostReadable, or nothing comes again.
	Readable(c *Conn)
	// Writable follows a Send that answered ErrAgain, and the end of a
	// Dial, successful or not.
	Writable(c *Conn)
	// Expired says that a timer ran out. It is stopped.
	Expired(c *Conn, t TimerID)
}

// TimerID names one of the two timers of a connection.
type TimerID uint8

// Timers of a connection.
const (
	ReadTimer TimerID = iota
	WriteTimer
	timerCount
)

// flags is the state of a connection.
type flags uint16

const (
	readable   flags = 1 << iota // Recv may bring something
	writable                     // Send may take something
	wantWrite                    // Writable is due when the socket drains
	hangup                       // RDHUP, HUP or ERR was seen: read to the end
	errored                      // ERR was seen
	connecting                   // Dial has not ended
	registered                   // in the epoll set
	posted                       // the deferred list holds it for PostReadable
	closed                       // Close was called
	shut                         // FIN was sent
	records                      // short reads do not mean drained
	lingering                    // the linger handler owns it
	spliced                      // the transport does not have to see output
)

// Conn is one stream connection, TCP or unix, of a client or to a backend. It
// is made by a Listener or by Dial.
type Conn struct {
	h        Handler
	d        *Driver
	Number   uint64 // unique in the process; set when the connection begins
	Sent     int64  // bytes sent
	Received int64  // bytes received
	Owner    any    // the handler's; not touched here
	Requests uint32 // requests served; the handler's count
	Tag      uint32 // the handler's bits

	remote   sock.Addr
	local    *sock.Addr // nil until asked for
	listener *Listener  // nil for dialled connections
	link     *Conn      // next in the driver's free or closed list

	transport Transport // nil: the owner's bytes are the socket's

	timer    poll.Timer        // set to the earlier deadline, or before it
	deadline [timerCount]int64 // in NowMS; 0 when not set

	fd    int32
	flags flags
}

// The loop's view of a Conn: named types, so that Ready, Run and Expired are
// not methods of Conn, and no allocation is needed to register one.
type (
	connSource Conn
	connTimer  Conn
	readTask   Conn
)

// Ready takes the events of one wait.
func (s *connSource) Ready(ev poll.Events) {
	c := (*Conn)(s)
	if ev&(poll.RdHup|poll.Hup|poll.Err) != 0 {
		c.flags |= hangup | readable
		if ev&(poll.Hup|poll.Err) != 0 {
			c.flags |= writable // so that a waiting sender learns of it
		}
		if ev&poll.Err != 0 {
			c.flags |= errored
		}
	}
	if ev&poll.Out != 0 {
		c.flags |= writable
	}
	if c.flags&(wantWrite|writable) == wantWrite|writable {
		c.flags &^= wantWrite | connecting
		c.h.Writable(c)
		if c.flags&closed != 0 {
			return
		}
	}
	if ev&(poll.In|poll.RdHup|poll.Hup|poll.Err) != 0 {
		c.flags |= readable
		c.h.Readable(c)
	}
}

// PostReadable has Readable called once more at the end of this turn, when
// the other events have had their share, whether new bytes come or not.
func (c *Conn) PostReadable() {
	if c.flags&(posted|closed) == 0 {
		c.flags |= posted
		c.d.Loop.Defer((*readTask)(c))
	}
}

// Run is the deferred call of Readable.
func (t *readTask) Run() {
	c := (*Conn)(t)
	c.flags &^= posted
	if c.flags&closed == 0 {
		c.h.Readable(c)
	}
}

// SetHandler gives the connection to another handler, from the next event on.
func (c *Conn) SetHandler(h Handler) { c.h = h }

// Handler returns whom the connection belongs to.
func (c *Conn) Handler() Handler { return c.h }

// Driver returns the driver of the connection's worker.
func (c *Conn) Driver() *Driver { return c.d }

// Listener returns the listener that accepted the connection; nil when it was
// dialled.
func (c *Conn) Listener() *Listener { return c.listener }

// FD returns the descriptor, for socket options and variables; never read,
// write or close it.
func (c *Conn) FD() int { return int(c.fd) }

// Remote returns the peer's address.
func (c *Conn) Remote() sock.Addr { return c.remote }

// SetRemote replaces the peer's address, by what a PROXY protocol header or a
// trusted request header says.
func (c *Conn) SetRemote(a sock.Addr) { c.remote = a }

// Local returns the connection's own address. It asks the kernel at most
// once, and only when the listener's address is a wildcard.
func (c *Conn) Local() sock.Addr {
	if c.local == nil {
		a, e := sock.Getsockname(int(c.fd))
		if e != 0 {
			return sock.Addr{}
		}
		c.local = c.d.localAddr(a)
	}
	return *c.local
}

// Closed reports whether the connection was closed on this side.
func (c *Conn) Closed() bool { return c.flags&closed != 0 }

// Hangup reports whether the peer has closed its side or an error is pending:
// what remains to be received is the last.
func (c *Conn) Hangup() bool { return c.flags&hangup != 0 }

// Broken reports whether the kernel reported an error: the connection is dead
// in both directions.
func (c *Conn) Broken() bool { return c.flags&errored != 0 }

// Past returns what is known of the connection as that of one that has been
// closed: addresses, number and counts, for who tells of it later.
func (c *Conn) Past() *Conn {
	c.Local()
	return &Conn{d: c.d, Number: c.Number, Sent: c.Sent, Received: c.Received, Requests: c.Requests, Tag: c.Tag,
		remote: c.remote, local: c.local, listener: c.listener, fd: -1, flags: closed | c.flags&(hangup|errored)}
}

// ReadReady reports whether Recv would make a system call, that is, whether
// bytes may be waiting. With a transport, what it holds counts as well.
func (c *Conn) ReadReady() bool {
	return c.flags&readable != 0 || c.transport != nil && c.transport.Pending()
}

// WriteBlocked reports whether the last Send found the socket full and
// Writable is still due.
func (c *Conn) WriteBlocked() bool { return c.flags&wantWrite != 0 }

// SetRecords says that the socket delivers records (kTLS): a short read does
// not mean drained.
func (c *Conn) SetRecords(on bool) {
	c.flags &^= records
	if on {
		c.flags |= records
	}
}

// SetTimer lets a timer run out ms milliseconds from now. Setting a timer
// again to a later time costs two stores. A closed connection has no timers.
func (c *Conn) SetTimer(id TimerID, ms int64) {
	if c.flags&closed != 0 {
		return
	}
	c.deadline[id] = c.d.Loop.NowMS() + max(1, ms)
	if t := c.timer.Deadline(); t == 0 || c.deadline[id] < t {
		c.d.Loop.SetTimer(&c.timer, ms)
	}
}

// ClearTimer stops a timer.
func (c *Conn) ClearTimer(id TimerID) { c.deadline[id] = 0 }

// TimerSet reports whether a timer runs.
func (c *Conn) TimerSet(id TimerID) bool { return c.deadline[id] != 0 }

// Expired is called at the earlier deadline or before it, and sets the timer
// again for what is left.
func (t *connTimer) Expired(*poll.Timer) {
	c := (*Conn)(t)
	now := c.d.Loop.NowMS()
	for id := range timerCount {
		if d := c.deadline[id]; d == 0 || d > now {
			continue
		}
		c.deadline[id] = 0
		c.h.Expired(c, id)
		if c.flags&closed != 0 {
			return
		}
	}
	var first int64
	for _, d := range c.deadline {
		if d != 0 && (first == 0 || d < first) {
			first = d
		}
	}
	if first != 0 {
		c.d.Loop.SetTimer(&c.timer, first-now)
	}
}

// register puts the connection into the epoll set.
func (c *Conn) register() error {
	if err := c.d.Loop.Add(int(c.fd), poll.Stream, (*connSource)(c)); err != nil {
		return err
	}
	c.flags |= registered
	return nil
}

// Close closes the connection. Nothing is called on its handler any more. A
// second Close does nothing.
func (c *Conn) Close() {
	if c.flags&closed != 0 {
		return
	}
	c.endTransport(true)
	if c.flags&registered != 0 {
		c.d.Loop.Forget(int(c.fd))
	}
	if c.flags&lingering != 0 {
		c.d.lingering--
	}
	c.flags = c.flags&posted | closed
	c.timer.Stop()
	c.deadline = [timerCount]int64{}
	sock.Close(int(c.fd))
	c.fd = -1
	if c.listener != nil {
		c.listener.active--
	}
	c.d.stats.Active--
	c.d.showOpen()
	c.d.retire(c)
}

// Reset closes the connection with RST: the peer learns at once that what it
// has is not complete, and the kernel keeps nothing.
func (c *Conn) Reset() {
	if c.flags&closed == 0 {
		c.endTransport(false)
		_ = sock.SetLinger0(int(c.fd)) // a unix socket has no RST; Close is what is left
		c.Close()
	}
}

// ShutdownWrite sends FIN and leaves the receiving side open.
func (c *Conn) ShutdownWrite() error {
	if c.flags&(closed|shut) != 0 {
		return nil
	}
	if c.transport != nil {
		c.transport.Shutdown(c)
	}
	c.flags |= shut
	if e := sock.ShutdownWrite(int(c.fd)); e != 0 {
		return e
	}
	return nil
}

// SetNoDelay switches Nagle's algorithm off or on; a unix socket has none.
func (c *Conn) SetNoDelay(on bool) error {
	if c.remote.Family() == sock.Unix {
		return nil
	}
	if e := sock.SetNoDelay(int(c.fd), on); e != 0 {
		return e
	}
	return nil
}

// errno makes the error value that callers compare with syscall's constants.
func errno(e syscall.Errno) error {
	if e == syscall.EAGAIN {
		return ErrAgain
	}
	return e
}

// SetOption sets an option of the socket.
func (c *Conn) SetOption(o sock.Option, value int) error {
	if e := sock.SetOption(int(c.fd), o, value); e != 0 {
		return e
	}
	return nil
}

// Option returns the value of an option of the socket.
func (c *Conn) Option(o sock.Option) (int, error) {
	value, e := sock.GetOption(int(c.fd), o)
	if e != 0 {
		return 0, e
	}
	return value, nil
}
