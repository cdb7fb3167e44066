package tlsio

import (
	"bytes"
	"crypto/tls"
	"testing"
)

// TestHooksSeeTheHello holds that a hook gets the message as it was sent, in
// whatever pieces it came and however many records carried it.
func TestHooksSeeTheHello(t *testing.T) {
	hello := clientHelloOf(t)
	message := hello[headerLen:]
	var tiny []byte // the message in records of 100 bytes
	for rest := message; len(rest) > 0; {
		n := min(100, len(rest))
		tiny = append(append(tiny, typeHandshake, 3, 1, 0, byte(n)), rest[:n]...)
		rest = rest[n:]
	}
	for _, c := range []struct {
		name  string
		sent  []byte
		piece int
		keep  bool
		want  []byte
	}{
		{"in one piece", hello, len(hello), true, message},
		{"byte by byte", hello, 1, true, message},
		{"in many records", tiny, 33, true, message},
		{"not asked for", hello, len(hello), false, nil},
	} {
		w := newWorld(t, Options{})
		var got []byte
		called := false
		conf := serverConfig()
		conf.KeepHello = c.keep
		var after *Handshake
		conf.Select = func(h *Handshake, _ *tls.ClientHelloInfo) (*Config, error) {
			got, called, after = bytes.Clone(h.Hello()), true, h
			return nil, nil
		}
		s := &side{conf: conf}
		a := w.listen(s)
		raw := w.rawDial(a, nil)
		for rest := c.sent; len(rest) > 0; rest = rest[min(c.piece, len(rest)):] {
			if _, err := raw.Write(rest[:min(c.piece, len(rest))]); err != nil {
				t.Fatal(err)
			}
			w.d.Loop.Step()
		}
		w.until("the hook", func() bool { return called })
		if !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %d bytes, want %d", c.name, len(got), len(c.want))
		}
		if after.Hello() != nil {
			t.Errorf("%s: the hello was kept", c.name)
		}
		raw.Close()
	}
}

// TestPeersThatLeaveEndWhatWatches holds WatchPeer: with it a client that goes
// away ends a hook that waits, without it the hook goes on to its end.
func TestPeersThatLeaveEndWhatWatches(t *testing.T) {
	for _, watch := range []bool{true, false} {
		w := newWorld(t, Options{})
		var waits *Handshake
		var parked error
		over := false
		conf := serverConfig()
		conf.Select = func(h *Handshake, _ *tls.ClientHelloInfo) (*Config, error) {
			h.WatchPeer(watch)
			waits = h
			parked = h.Park()
			over = true
			return nil, parked
		}
		s := &side{conf: conf}
		a := w.listen(s)
		raw := w.rawDial(a, clientHelloOf(t))
		w.until("the hook", func() bool { return waits != nil })
		raw.Close()
		w.until("the hangup", func() bool { return over || s.c.Hangup() })
		if over != watch {
			t.Errorf("watching %v: the hook's end is %v", watch, over)
		}
		waits.Wake()
		w.until("the end", func() bool { return s.handshaken == 1 })
		if watch && (parked != ErrClosedEarly || s.err != ErrClosedEarly) || !watch && parked != nil {
			t.Errorf("watching %v: park said %v, the handshake %v", watch, parked, s.err)
		}
	}
}
