package conn

import (
	"sync/atomic"

	"weir/netio/buf"
	"weir/netio/poll"
	"weir/netio/sock"
)

const (
	// slabSize is how many Conns are allocated together.
	slabSize = 64
	// numberBlock is how many connection numbers a driver takes from the
	// process at once.
	numberBlock = 1 << 10
	// scratchSize is the buffer that discarded input goes through.
	scratchSize = 16 << 10
)

// numbers is the last connection number given to a driver. It is shared by
// the process, and touched once per numberBlock connections.
var numbers atomic.Uint64

// Driver makes and keeps the connections of one worker.
type Driver struct {
	Loop *poll.Loop
	Pool *buf.Pool

	next, end uint64 // connection numbers left in the block
	free      *Conn  // Conns ready for use, chained by link
	accepting *Conn  // the Conn that an Acceptor is being given, for ConnOf
	closed    *Conn  // Conns closed in this turn, chained by link
	reaping   bool   // the reaper is deferred
	iov       sock.Iov
	from      sock.RawAddr // peer of the last accept, address of the next connect
	scratch   []byte       // lingering connections read into it; made when needed
	locals    map[sock.Addr]*sock.Addr
	lingering int // connections that LingerClose has
	stats     Stats
	open      *atomic.Uint64 // shows stats.Active to others; nil when nobody looks
}

// Stats counts what a driver did. It is the worker's own; others get a copy
// made on the worker.
type Stats struct {
	Accepted  uint64 // connections accepted
	Dialled   uint64 // connections begun to upstreams
	Refused   uint64 // accepted connections that Admit did not want
	AcceptErr uint64 // failed accept calls
	Active    int64  // connections open now, both kinds
	Recvs     uint64 // receive calls made
	Sends     uint64 // send, sendmsg, sendfile and splice calls made
	FileBytes uint64 // bytes of files that sendfile sent: they never came into this process
}

// NewDriver returns the driver of the worker that runs loop.
func NewDriver(loop *poll.Loop, pool *buf.Pool) *Driver {
	return &Driver{Loop: loop, Pool: pool}
}

// Stats returns a copy of the counters.
func (d *Driver) Stats() Stats { return d.stats }

// Lingering returns how many connections LingerClose has now.
func (d *Driver) Lingering() int { return d.lingering }

// ConnOf returns the connection whose handler was running, for what
// poll.Config.OnPanic was told; nil when it was something else. The handler's
// state cannot be trusted any more: give up what it holds, and Reset the
// connection.
func (d *Driver) ConnOf(what any) *Conn {
	var c *Conn
	switch w := what.(type) {
	case *connSource:
		c = (*Conn)(w)
	case *connTimer:
		c = (*Conn)(w)
	case *readTask:
		c = (*Conn)(w)
	case *listenerSource:
		c, d.accepting = d.accepting, nil
	}
	return c
}

// number returns the next connection number of the process.
func (d *Driver) number() uint64 {
	if d.next == d.end {
		d.end = numbers.Add(numberBlock)
		d.next = d.end - numberBlock
	}
	d.next++
	return d.next
}

// take returns a Conn for an open descriptor.
func (d *Driver) take(fd int) *Conn {
	c := d.free
	if c == nil {
		c = d.slab()
	}
	d.free = c.link
	timer := c.timer // may still stand in the loop's heap, stopped
	*c = Conn{d: d, fd: int32(fd), Number: d.number(), timer: timer}
	c.timer.Owner = (*connTimer)(c)
	d.stats.Active++
	d.showOpen()
	return c
}

// ShowOpen has the driver keep word: how many connections are open now. Nil
// ends that, and the word is cleared. The word may be memory shared with the
// kernel.
func (d *Driver) ShowOpen(word *atomic.Uint64) {
	if word == d.open {
		return
	}
	if d.open != nil {
		d.open.Store(0)
	}
	d.open = word
	d.showOpen()
}

func (d *Driver) showOpen() {
	if d.open != nil {
		d.open.Store(uint64(d.stats.Active))
	}
}

// slab allocates Conns and returns the first of them, chained.
func (d *Driver) slab() *Conn {
	s := make([]Conn, slabSize)
	for i := range s[1:] {
		s[i].link = &s[i+1]
	}
	return &s[0]
}

// retire takes over a closed Conn until the end of the turn: its owner may
// still be on the stack, and events and tasks of this turn may name it.
func (d *Driver) retire(c *Conn) {
	c.link = d.closed
	d.closed = c
	if !d.reaping {
		d.reaping = true
		d.Loop.Defer((*reaper)(d))
	}
}

// reaper makes retired Conns free again.
type reaper Driver

func (r *reaper) Run() {
	d := (*Driver)(r)
	d.reaping = false
	c := d.closed
	d.closed = nil
	for c != nil {
		next := c.link
		if c.flags&posted != 0 {
			d.retire(c) // its readTask runs in the next turn
		} else {
			c.h, c.Owner, c.local, c.listener = nil, nil, nil, nil
			c.link = d.free
			d.free = c
		}
		c = next
	}
}

// localAddr returns a shared copy of a local address. A host has few, so they
// are kept for ever.
func (d *Driver) localAddr(a sock.Addr) *sock.Addr {
	if p := d.locals[a]; p != nil {
		return p
	}
	if d.locals == nil || len(d.locals) >= 4096 {
		d.locals = make(map[sock.Addr]*sock.Addr)
	}
	p := &a
	d.locals[a] = p
	return p
}

// discard returns the buffer for bytes nobody wants.
func (d *Driver) discard() []byte {
	if d.scratch == nil {
		d.scratch = make([]byte, scratchSize)
	}
	return d.scratch
}
