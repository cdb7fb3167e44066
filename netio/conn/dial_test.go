package conn

import (
	"errors"
	"syscall"
	"testing"

	"weir/netio/sock"
)

func TestDialTellsHowItEnded(t *testing.T) {
	w := newWorld(t)
	// A bound port that does not listen refuses.
	fd, _ := sock.Stream(sock.IPv4)
	defer sock.Close(fd)
	var raw sock.RawAddr
	raw.Set(parse(t, "127.0.0.1:0"))
	sock.Bind(fd, &raw)
	addr, _ := sock.Getsockname(fd)
	e := &events{}
	c, err := Dial(w.d, addr, DialOptions{}, e)
	if err != nil {
		t.Fatal(err)
	}
	e.onWritable = func(c *Conn) {
		if err := c.ConnectError(); err != syscall.ECONNREFUSED {
			t.Errorf("got %v", err)
		}
		c.Close()
	}
	w.until("the refusal", c.Closed)
	if e.writable != 1 || e.readable != 0 {
		t.Errorf("%d writable, %d readable", e.writable, e.readable)
	}
	_, err = Dial(w.d, sock.UnixAddr("/nonexistent/s"), DialOptions{}, e)
	if want := "connect() to unix:/nonexistent/s failed (2: No such file or directory)"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if !errors.Is(err, syscall.ENOENT) {
		t.Error("the errno is lost")
	}
}

func TestDialTakesItsLocalAddress(t *testing.T) {
	w := newWorld(t)
	se := &events{}
	_, addr := w.listen("127.0.0.1:0", se, ListenerOptions{})
	_, err := Dial(w.d, addr, DialOptions{Local: parse(t, "127.0.0.9:0"), KeepAlive: true, NoDelay: true}, &events{})
	if err != nil {
		t.Fatal(err)
	}
	w.until("the connection", func() bool { return len(se.conns) == 1 })
	s := se.conns[0]
	if got := string(s.Remote().AppendIP(nil)); got != "127.0.0.9" || s.Local() != addr {
		t.Errorf("remote %s, local %v", got, s.Local())
	}
	if _, err := Dial(w.d, addr, DialOptions{Local: parse(t, "192.0.2.1:0")}, &events{}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("got %v", err)
	}
}

func TestLocalAddressBehindAWildcard(t *testing.T) {
	w := newWorld(t)
	se := &events{}
	_, addr := w.listen("0.0.0.0:0", se, ListenerOptions{})
	for _, ip := range []string{"127.0.0.2", "127.0.0.3", "127.0.0.2"} {
		to := sock.AddrFrom(parse(t, ip).IP(), addr.Port())
		n := len(se.conns)
		if _, err := Dial(w.d, to, DialOptions{}, &events{}); err != nil {
			t.Fatal(err)
		}
		w.until("the connection", func() bool { return len(se.conns) == n+1 })
		if got := se.conns[n].Local(); got != to {
			t.Errorf("local %v, want %v", got, to)
		}
	}
	if len(w.d.locals) != 2 {
		t.Errorf("%d local addresses kept, want 2", len(w.d.locals))
	}
}
