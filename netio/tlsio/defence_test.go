package tlsio

import (
	"net"
	"strings"
	"testing"
)

// TestStrangersCostLittle holds what a client that has proved nothing makes the
// server keep: nothing of the protocol before its first byte, a coroutine and
// what crypto/tls has read so far afterwards, all of it bounded, and given back
// with the connection.
func TestStrangersCostLittle(t *testing.T) {
	hello := clientHelloOf(t)
	for _, c := range []struct {
		name  string
		sent  []byte
		limit int64 // bytes of heap and stack for each, with the test's own side
	}{
		{"silent", nil, 4 << 10},
		{"half a hello", hello[:len(hello)/2], 48 << 10},
		{"a hello, then nothing", hello, 64 << 10},
		{"a hello of 64 KB, nearly", longHello(60_000), 256 << 10},
	} {
		w := newWorld(t, Options{})
		s := &side{conf: serverConfig()}
		a := w.listen(s)
		used := func() int64 {
			m := memory()
			return int64(m.HeapAlloc + m.StackInuse)
		}
		open := func(n int) (list []net.Conn) {
			for range n {
				s.c = nil
				list = append(list, w.rawDial(a, nil))
				w.until("the connection", func() bool { return s.c != nil })
				own := s.c
				for rest := c.sent; len(rest) > 0; {
					k := min(len(rest), 8<<10)
					if _, err := list[len(list)-1].Write(rest[:k]); err != nil {
						t.Fatal(err)
					}
					rest = rest[k:]
					seen := int64(len(c.sent) - len(rest))
					w.until("the bytes", func() bool { return own.Closed() || own.Received == seen })
				}
			}
			return list
		}
		closeAll := func(list []net.Conn) {
			for _, nc := range list {
				nc.Close()
			}
			w.until("the end", func() bool { return w.e.Stats().Handshakes == 0 })
		}
		closeAll(open(4)) // pools, and what is made once
		const n = 64
		before := used()
		list := open(n)
		each := (used() - before) / n
		t.Logf("%s: %d bytes each", c.name, each)
		if each > c.limit {
			t.Errorf("%s: %d bytes each, want %d at most", c.name, each, c.limit)
		}
		if got := w.e.Stats().Handshakes; got != n {
			t.Errorf("%s: %d handshakes under way, want %d", c.name, got, n)
		}
		closeAll(list)
		if w.d.Pool.Stats().InUse != 0 {
			t.Errorf("%s: %d bytes of buffers were kept", c.name, w.d.Pool.Stats().InUse)
		}
	}
}

// longHello begins a hello of n bytes whose last ones never come.
func longHello(n int) []byte {
	msg := append([]byte{clientHello, byte(n >> 16), byte(n >> 8), byte(n)}, make([]byte, n-10)...)
	var out []byte
	for len(msg) > 0 {
		k := min(len(msg), 16<<10)
		out = append(append(out, typeHandshake, 3, 1, byte(k>>8), byte(k)), msg[:k]...)
		msg = msg[k:]
	}
	return out
}

// TestFloodsInHandshakesAreRefused holds that no handshake takes endless input.
func TestFloodsInHandshakesAreRefused(t *testing.T) {
	const begun = "\x16\x03\x01\x00\x01\x01" // the first byte of a hello
	for _, c := range []struct{ name, sent, want string }{
		{"a message of 16 MB", "\x16\x03\x01\x00\x04\x01\xff\xff\xff", "exceeds maximum"},
		{"a record too long", "\x16\x03\x01\xff\xff\x01" + strings.Repeat("x", 60), "oversized record"},
		{"empty records", begun + strings.Repeat("\x16\x03\x01\x00\x00", 100), "unexpected message"},
		{"warnings", begun + strings.Repeat("\x15\x03\x01\x00\x02\x01\x5a", 100), "too many ignored records"},
	} {
		w := newWorld(t, Options{})
		s := &side{conf: serverConfig()}
		a := w.listen(s)
		w.rawDial(a, []byte(c.sent))
		w.until(c.name, func() bool { return s.handshaken > 0 })
		if s.err == nil || !strings.Contains(s.err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, s.err)
		}
	}
}
