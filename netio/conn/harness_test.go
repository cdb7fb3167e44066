package conn

import (
	"testing"

	"weir/netio/buf"
	"weir/netio/poll"
	"weir/netio/sock"
)

// world is one worker's loop and driver, driven by the test.
type world struct {
	t testing.TB
	d *Driver
}

func newWorld(t testing.TB) *world {
	t.Helper()
	l, err := poll.New(poll.Config{})
	if err != nil {
		t.Fatal(err)
	}
	d := NewDriver(l, buf.NewPool(0))
	t.Cleanup(func() { d.Pool.Close(); l.Close() })
	return &world{t, d}
}

type expire func()

func (f expire) Expired(*poll.Timer) { f() }

// until drives the loop until done, with patience for a busy machine.
func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	var guard poll.Timer
	late := false
	guard.Owner = expire(func() { late = true })
	w.d.Loop.SetTimer(&guard, 60_000)
	defer w.d.Loop.RemoveTimer(&guard)
	for !done() {
		w.d.Loop.Step()
		if late {
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// settle drives the loop for some milliseconds: what should not happen has
// had its chance.
func (w *world) settle(ms int64) {
	over := false
	var timer poll.Timer
	timer.Owner = expire(func() { over = true })
	w.d.Loop.SetTimer(&timer, ms)
	for !over {
		w.d.Loop.Step()
	}
}

// events is a Handler and Acceptor that counts what it is told, and acts by
// the functions that are set.
type events struct {
	readable, writable int
	expired            []TimerID
	conns              []*Conn
	onAccept           func(*Conn)
	onReadable         func(*Conn)
	onWritable         func(*Conn)
	onExpired          func(*Conn)
}

func (e *events) Accepted(c *Conn) {
	e.conns = append(e.conns, c)
	c.SetHandler(e)
	if e.onAccept != nil {
		e.onAccept(c)
	}
}

func (e *events) Readable(c *Conn) {
	e.readable++
	if e.onReadable != nil {
		e.onReadable(c)
	}
}

func (e *events) Writable(c *Conn) {
	e.writable++
	if e.onWritable != nil {
		e.onWritable(c)
	}
}

func (e *events) Expired(c *Conn, id TimerID) {
	e.expired = append(e.expired, id)
	if e.onExpired != nil {
		e.onExpired(c)
	}
}

func parse(t testing.TB, s string) sock.Addr {
	t.Helper()
	a, err := sock.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// listen makes a listener and returns it with its address.
func (w *world) listen(addr string, a Acceptor, o ListenerOptions) (*Listener, sock.Addr) {
	w.t.Helper()
	fd, err := sock.Listen(sock.ListenOptions{Addr: parse(w.t, addr)})
	if err != nil {
		w.t.Fatal(err)
	}
	o.Addr, _ = sock.Getsockname(fd)
	l, err := NewListener(w.d, fd, a, o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { l.Close(); sock.Close(fd) })
	return l, o.Addr
}

// connect returns a connected pair: the client dialled, the server accepted.
func (w *world) connect(addr string) (client, server *Conn, ce, se *events) {
	w.t.Helper()
	ce, se = &events{}, &events{}
	_, a := w.listen(addr, se, ListenerOptions{})
	client, err := Dial(w.d, a, DialOptions{}, ce)
	if err != nil {
		w.t.Fatal(err)
	}
	w.until("the connection", func() bool { return !client.Connecting() && len(se.conns) == 1 })
	if err := client.ConnectError(); err != nil {
		w.t.Fatal(err)
	}
	w.settle(5) // the first Out edge of the accepted side
	return client, se.conns[0], ce, se
}

func (w *world) send(c *Conn, s string) {
	w.t.Helper()
	var ch buf.Chain
	ch.Append(w.d.Pool.MemLink([]byte(s)))
	if n, err := c.Send(&ch, 0); n != int64(len(s)) || err != nil {
		w.t.Fatalf("sent %d of %d: %v", n, len(s), err)
	}
}

// recvAll reads until there is nothing now, or the end.
func recvAll(c *Conn) (got []byte, err error) {
	var b [512]byte
	for {
		n, err := c.Recv(b[:])
		got = append(got, b[:n]...)
		if err != nil {
			return got, err
		}
	}
}
