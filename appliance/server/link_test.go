package server

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func linkPair(t *testing.T) (a, b *Link) {
	t.Helper()
	a, b, err := LinkPair()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Free()
		b.Free()
	})
	return a, b
}

func TestLinkCarriesBodiesAndDescriptors(t *testing.T) {
	for _, c := range []struct {
		name      string
		body, fds int
	}{
		{"neither", -1, 0},
		{"an empty body", 0, 0},
		{"a body larger than any packet", 3 << 20, 0},
		{"one descriptor", -1, 1},
		{"a body and more descriptors than one packet holds", 100, 600},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := linkPair(t)
			var body []byte
			if c.body >= 0 {
				body = bytes.Repeat([]byte("x"), c.body)
			}
			f, err := os.Open("/dev/null")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			fds := make([]int, c.fds)
			for i := range fds {
				fds[i] = int(f.Fd())
			}
			sent := make(chan error, 1)
			go func() { sent <- a.Send(&Message{Op: Load, Generation: 7, Text: "t", Body: body}, fds...) }()
			m, got, err := b.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			defer closeAll(got)
			if m.Op != Load || m.Generation != 7 || m.Text != "t" || !bytes.Equal(m.Body, body) {
				t.Errorf("got %v %d %q with %d bytes", m.Op, m.Generation, m.Text, len(m.Body))
			}
			if len(got) != c.fds {
				t.Fatalf("got %d descriptors, want %d", len(got), c.fds)
			}
			for _, fd := range got {
				if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
					t.Fatalf("descriptor %d: flags %#x, %v; want it closed on exec", fd, flags, err)
				}
			}
		})
	}
}

func TestLinkClosedByTheOtherEndIsAnError(t *testing.T) {
	a, b := linkPair(t)
	go a.Close()
	if _, _, err := b.Receive(); err != errClosed {
		t.Errorf("got %v, want %v", err, errClosed)
	}
	if _, _, err := a.Receive(); err != errClosed {
		t.Errorf("the closing end got %v, want %v", err, errClosed)
	}
	if err := b.Send(&Message{Op: Quit}); err == nil || !strings.Contains(err.Error(), "(32: Broken pipe)") {
		t.Errorf("sending gave %v, want EPIPE", err)
	}
}

func TestOrdersSurvivePacking(t *testing.T) {
	o := &Order{Generation: 3, Prefix: []byte("/p\xff/"), Logs: [][]byte{[]byte("/l")},
		Sockets: []Socket{{Key: []byte("127.0.0.1:80"), Index: 1, New: true}}}
	body, err := pack(o, []byte("snap"))
	if err != nil {
		t.Fatal(err)
	}
	got, snapshot, err := unpack(body)
	if err != nil || string(snapshot) != "snap" || got.Generation != 3 || string(got.Prefix) != "/p\xff/" || !got.Sockets[0].New {
		t.Errorf("got %+v, %q, %v", got, snapshot, err)
	}
	for n := range len(body) - len("snap") {
		if _, _, err := unpack(body[:n]); err == nil {
			t.Errorf("an order cut at %d bytes was accepted", n)
		}
	}
}
