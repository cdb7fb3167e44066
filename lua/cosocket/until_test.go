package cosocket

import (
	"bytes"
	"testing"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
)

// readUntil feeds input in pieces to a receiveuntil of text; size is that of each call, 0 for none. It returns the
// pieces it gave, up to the text, and whether it found it.
func readUntil(st *state, input, text []byte, piece, size int) (got []byte, found bool) {
	s := &socket{st: st}
	u := newUntil(string(text), false)
	u.sized, u.rest = size > 0, size
	for len(input) > 0 || s.pos < len(s.in) {
		if s.pos == len(s.in) {
			n := min(piece, len(input))
			s.in, s.pos = input[:n], 0
			input = input[n:]
		}
		if !u.consume(s) {
			continue
		}
		if size == 0 || u.state == ended {
			return append(got, s.acc...), true
		}
		got = append(got, s.acc...)
		s.acc = s.acc[:0]
		u.rest = size
	}
	return append(got, s.acc...), false
}

func FuzzReceiveUntil(f *testing.F) {
	loop, err := poll.New(poll.Config{})
	if err != nil {
		f.Fatal(err)
	}
	defer loop.Close()
	w := http.NewWorker(conn.NewDriver(loop, buf.NewPool(0)), 0, &http.Process{})
	st := &state{env: &api.Env{Worker: w}}
	for _, seed := range []struct{ input, text string }{
		{"head\r\n\r\nbody", "\r\n\r\n"}, {"aabaabaaa", "aabaaa"}, {"abcabcabd", "abcabd"}, {"-----abc", "--abc"}, {"none", "x"}, {"ab1ab1ab2", "ab1ab2"},
	} {
		f.Add([]byte(seed.input), []byte(seed.text), 1, 0)
		f.Add([]byte(seed.input), []byte(seed.text), 3, 2)
	}
	f.Fuzz(func(t *testing.T, input, text []byte, piece, size int) {
		if len(text) == 0 || len(text) > 64 || len(input) > 4096 {
			return
		}
		piece, size = 1+piece&63, size&15
		got, found := readUntil(st, input, text, piece, size)
		at := bytes.Index(input, text)
		if found != (at >= 0) {
			t.Fatalf("%q in %q: found %t", text, input, found)
		}
		if found && !bytes.Equal(got, input[:at]) {
			t.Fatalf("%q in %q: got %q, want %q", text, input, got, input[:at])
		}
		if !found && !bytes.HasPrefix(input, got) {
			t.Fatalf("%q in %q: got %q", text, input, got)
		}
	})
}
