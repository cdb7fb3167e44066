package conn

import (
	"io"
	"os"
	"reflect"
	"testing"
	"time"

	"weir/netio/buf"
	"weir/netio/poll"
)

func TestPostReadableComesAgainInTheSameTurn(t *testing.T) {
	w := newWorld(t)
	client, server, _, se := w.connect("127.0.0.1:0")
	w.send(client, "pipelined")
	var b [3]byte
	var turns []uint64
	var got []byte
	se.onReadable = func(c *Conn) {
		turns = append(turns, w.d.Loop.Turn())
		n, _ := c.Recv(b[:])
		got = append(got, b[:n]...)
		if c.ReadReady() {
			c.PostReadable()
			c.PostReadable() // once is enough
		}
	}
	w.until("all bytes", func() bool { return len(got) == 9 && len(turns) == 4 })
	if turns[0] != turns[1] || turns[1] == turns[2] {
		t.Errorf("Readable ran in turns %v: want the second with the first, later ones later", turns)
	}
	// Closed with a call still due: it never comes, and the Conn is not
	// reused before.
	server.PostReadable()
	server.Close()
	n := se.readable
	w.settle(5)
	if se.readable != n {
		t.Error("a closed connection was readable")
	}
}

func TestTimersOfAConnection(t *testing.T) {
	w := newWorld(t)
	_, server, _, se := w.connect("127.0.0.1:0")
	start := time.Now()
	server.SetTimer(WriteTimer, 20)
	server.SetTimer(ReadTimer, 40)
	w.until("both timers", func() bool { return len(se.expired) == 2 })
	if se.expired[0] != WriteTimer || se.expired[1] != ReadTimer || time.Since(start) < 39*time.Millisecond {
		t.Errorf("%v after %v", se.expired, time.Since(start))
	}
	se.expired = nil
	server.SetTimer(ReadTimer, 10)
	server.SetTimer(WriteTimer, 10)
	server.ClearTimer(ReadTimer)
	server.SetTimer(WriteTimer, 60_000)
	w.settle(30)
	if len(se.expired) != 0 || server.TimerSet(ReadTimer) || !server.TimerSet(WriteTimer) {
		t.Errorf("ran %v", se.expired)
	}
	se.onExpired = func(c *Conn) { c.Close() }
	server.SetTimer(ReadTimer, 40)
	w.until("the first timer", func() bool { return len(se.expired) == 1 })
	w.settle(20)
	if len(se.expired) != 1 {
		t.Error("a timer of a closed connection ran")
	}
}

func TestLingerCloseDeliversTheResponse(t *testing.T) {
	w := newWorld(t)
	client, server, _, _ := w.connect("127.0.0.1:0")
	w.send(client, "a request body that nobody reads")
	w.until("the request", server.ReadReady)
	w.send(server, "413")
	server.LingerClose(2000, 500)
	w.settle(20)
	w.send(client, "still sending")
	w.settle(20)
	if server.Closed() {
		t.Fatal("it did not linger")
	}
	got, err := recvAll(client)
	if string(got) != "413" || err != io.EOF {
		t.Errorf("the client got %q, %v", got, err)
	}
	client.Close()
	w.until("the close", server.Closed)
}

func TestLingerCloseEndsByItself(t *testing.T) {
	for _, c := range []struct {
		name        string
		total, idle int64
		talk        bool
	}{
		{"a silent peer ends it after the idle time", 60_000, 30, false},
		{"a talking peer ends it after the total time", 60, 40, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			client, server, _, _ := w.connect("127.0.0.1:0")
			start := time.Now()
			server.LingerClose(c.total, c.idle)
			w.until("the close", func() bool {
				if c.talk && !server.Closed() {
					w.send(client, "x")
					w.settle(10)
				}
				return server.Closed()
			})
			if d := time.Since(start); d < 29*time.Millisecond || d > 30*time.Second {
				t.Errorf("closed after %v", d)
			}
		})
	}
}

func TestConnStaysSmall(t *testing.T) {
	if n := reflect.TypeFor[Conn]().Size(); n > 256 {
		t.Errorf("a Conn takes %d bytes, want at most 256", n)
	}
}

func TestNoDescriptorIsLeft(t *testing.T) {
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	w := newWorld(t)
	se := &events{onAccept: func(c *Conn) {
		switch c.Number % 4 {
		case 0:
			c.Close() // within Accepted: never registered
		case 1:
			c.Reset()
		case 2:
			c.LingerClose(10, 10)
		}
	}}
	se.onReadable = func(c *Conn) {
		if _, err := recvAll(c); err != ErrAgain {
			c.Close()
		}
	}
	_, addr := w.listen("127.0.0.1:0", se, ListenerOptions{})
	w.settle(5)
	before := count()
	for range 40 {
		ce := &events{}
		c, err := Dial(w.d, addr, DialOptions{}, ce)
		if err != nil {
			t.Fatal(err)
		}
		n := len(se.conns)
		w.until("the connection", func() bool { return !c.Connecting() && len(se.conns) > n })
		c.Close()
		c.Close()
	}
	w.until("all to be closed", func() bool { return w.d.Stats().Active == 0 })
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	w.settle(5) // the reaper's turn
	seen := map[*Conn]bool{}
	for c := w.d.free; c != nil; c = c.link {
		if seen[c] {
			t.Fatal("a Conn is in the free list twice")
		}
		seen[c] = true
	}
	if len(seen) != slabSize {
		t.Errorf("%d Conns are free, want the slab of %d", len(seen), slabSize)
	}
}

func TestEchoRequestDoesNotAllocate(t *testing.T) {
	w := newWorld(t)
	client, _, _, se := w.connect("127.0.0.1:0")
	var out, in buf.Chain
	served := 0
	se.onReadable = func(c *Conn) {
		b := w.d.Pool.Get(1024)
		n, err := c.Recv(b[:cap(b)])
		if err != nil {
			t.Fatal(err)
		}
		out.Append(w.d.Pool.BufferLink(b, b[:n]))
		if _, err := c.Send(&out, 0); err != nil {
			t.Fatal(err)
		}
		c.SetTimer(ReadTimer, 60000)
		served++
	}
	request, reply := []byte("request"), make([]byte, 100)
	stats := w.d.Stats()
	runs := served
	got := testing.AllocsPerRun(200, func() {
		in.Append(w.d.Pool.MemLink(request))
		client.Send(&in, 0)
		for {
			w.d.Loop.Step()
			if n, _ := client.Recv(reply); n > 0 {
				break
			}
		}
	})
	if got != 0 {
		t.Errorf("a request allocates %v times", got)
	}
	requests := uint64(served - runs)
	now := w.d.Stats()
	if r, s := now.Recvs-stats.Recvs, now.Sends-stats.Sends; r != 2*requests || s != 2*requests {
		t.Errorf("%d requests took %d receives and %d sends at both ends, want %d each", requests, r, s, 2*requests)
	}
}

func BenchmarkEcho(b *testing.B) {
	w := newWorld(b)
	client, _, _, se := w.connect("127.0.0.1:0")
	var out, in buf.Chain
	se.onReadable = func(c *Conn) {
		p := w.d.Pool.Get(1024)
		n, _ := c.Recv(p[:cap(p)])
		out.Append(w.d.Pool.BufferLink(p, p[:n]))
		c.Send(&out, 0)
	}
	request, reply := []byte("request"), make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		in.Append(w.d.Pool.MemLink(request))
		client.Send(&in, 0)
		for {
			w.d.Loop.Step()
			if n, _ := client.Recv(reply); n > 0 {
				break
			}
		}
	}
}

func TestPanicNamesItsConnection(t *testing.T) {
	var d *Driver
	var victims []*Conn
	loop, err := poll.New(poll.Config{OnPanic: func(what, _ any, _ []byte) {
		c := d.ConnOf(what)
		victims = append(victims, c)
		if c != nil {
			c.Reset()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	d = NewDriver(loop, buf.NewPool(0))
	t.Cleanup(loop.Close)
	w := &world{t, d}
	bang := func(*Conn) { panic("handler") }
	for _, c := range []struct {
		name string
		se   *events
		act  func(client, server *Conn)
	}{
		{"Accepted", &events{onAccept: bang}, func(_, _ *Conn) {}},
		{"Readable", &events{onReadable: bang}, func(client, _ *Conn) { w.send(client, "x") }},
		{"Readable that was posted", &events{onReadable: bang}, func(_, server *Conn) { server.PostReadable() }},
		{"Expired", &events{onExpired: bang}, func(_, server *Conn) { server.SetTimer(ReadTimer, 1) }},
	} {
		victims = nil
		_, addr := w.listen("127.0.0.1:0", c.se, ListenerOptions{})
		client, err := Dial(d, addr, DialOptions{}, &events{})
		if err != nil {
			t.Fatal(err)
		}
		w.until("the connection", func() bool { return len(c.se.conns) == 1 && !client.Connecting() })
		c.act(client, c.se.conns[0])
		w.until(c.name, func() bool { return len(victims) == 1 })
		if victims[0] != c.se.conns[0] {
			t.Errorf("%s: the victim is %p, want %p", c.name, victims[0], c.se.conns[0])
		}
		w.until("the reset", client.Hangup)
		client.Close()
	}
	w.settle(5)
	if n := d.Stats().Active; n != 0 {
		t.Errorf("%d connections are left", n)
	}
	if d.ConnOf("something else") != nil {
		t.Error("something else is a connection")
	}
}

func TestClosedConnectionIsInert(t *testing.T) {
	w := newWorld(t)
	_, server, _, se := w.connect("127.0.0.1:0")
	server.Close()
	server.SetTimer(ReadTimer, 1)
	server.PostReadable()
	server.LingerClose(10, 10)
	server.Reset()
	server.ShutdownWrite()
	var ch buf.Chain
	ch.Append(w.d.Pool.MemLink([]byte("x")))
	if _, err := server.Send(&ch, 0); err != ErrClosed {
		t.Errorf("Send says %v", err)
	}
	if _, err := server.Recv(make([]byte, 1)); err != ErrClosed {
		t.Errorf("Recv says %v", err)
	}
	if server.Silent() {
		t.Error("it waits for its peer")
	}
	readable := se.readable
	w.settle(10)
	if len(se.expired) != 0 || se.readable != readable {
		t.Error("its handler was called")
	}
}
