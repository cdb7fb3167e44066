package conn

import (
	"net"
	"path/filepath"
	"syscall"
	"testing"

	"weir/netio/sock"
)

// letters collects what a datagram socket is told.
type letters struct {
	d        *Datagram
	got      []string
	errs     []error
	expired  int
	readable int
}

func (p *letters) Expired() { p.expired++ }

func (p *letters) Readable() {
	p.readable++
	var b [16]byte
	for {
		n, err := p.d.Recv(b[:])
		if err == ErrAgain {
			return
		}
		if err != nil {
			p.errs = append(p.errs, err)
			return
		}
		p.got = append(p.got, string(b[:n]))
	}
}

func TestDatagramsKeepTheirBounds(t *testing.T) {
	for _, family := range []string{"udp", "unixgram"} {
		t.Run(family, func(t *testing.T) {
			w := newWorld(t)
			at := "127.0.0.1:0"
			if family == "unixgram" {
				at = filepath.Join(t.TempDir(), "peer")
			}
			peer, err := net.ListenPacket(family, at)
			if err != nil {
				t.Fatal(err)
			}
			defer peer.Close()
			to := sock.UnixAddr(at)
			if family == "udp" {
				if to, err = sock.ParseAddr(peer.LocalAddr().String()); err != nil {
					t.Fatal(err)
				}
			}
			p := new(letters)
			if p.d, err = DialDatagram(w.d, to, sock.Addr{}, p); err != nil {
				t.Fatal(err)
			}
			if n, err := p.d.Send([]byte("question")); n != 8 || err != nil {
				t.Fatal(n, err)
			}
			var b [64]byte
			n, from, err := peer.ReadFrom(b[:])
			if err != nil || string(b[:n]) != "question" {
				t.Fatal(string(b[:n]), err)
			}
			for _, text := range []string{"one", "", "a datagram that is too long"} {
				if _, err := peer.WriteTo([]byte(text), from); err != nil {
					t.Fatal(err)
				}
			}
			w.until("three datagrams", func() bool { return len(p.got) == 3 })
			if p.got[0] != "one" || p.got[1] != "" || p.got[2] != "a datagram that " {
				t.Errorf("got %q", p.got)
			}
			p.d.SetTimer(1)
			w.until("the timer", func() bool { return p.expired == 1 })
			p.d.SetTimer(1)
			p.d.ClearTimer()
			p.d.Close()
			p.d.Close()
			w.settle(5)
			if _, err := p.d.Recv(b[:]); err != ErrClosed || p.expired != 1 {
				t.Errorf("after Close: %v, %d timers", err, p.expired)
			}
			if _, err := p.d.Send(b[:]); err != ErrClosed {
				t.Error(err)
			}
		})
	}
}

func TestADatagramNobodyTakesIsAnError(t *testing.T) {
	w := newWorld(t)
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to, err := sock.ParseAddr(peer.LocalAddr().String())
	peer.Close()
	if err != nil {
		t.Fatal(err)
	}
	p := new(letters)
	if p.d, err = DialDatagram(w.d, to, sock.Addr{}, p); err != nil {
		t.Fatal(err)
	}
	defer p.d.Close()
	if _, err := p.d.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	w.until("the refusal", func() bool { return len(p.errs) == 1 })
	if p.errs[0] != syscall.ECONNREFUSED {
		t.Errorf("got %v", p.errs[0])
	}
	nowhere := sock.UnixAddr(filepath.Join(t.TempDir(), "none"))
	if _, err := DialDatagram(w.d, nowhere, sock.Addr{}, p); err == nil {
		t.Error("a socket that is not there was connected to")
	}
}

func TestOptionsOfAConnection(t *testing.T) {
	w := newWorld(t)
	client, _, _, _ := w.connect("127.0.0.1:0")
	for _, o := range []sock.Option{sock.OptKeepAlive, sock.OptReuseAddr, sock.OptNoDelay, sock.OptSndBuf, sock.OptRcvBuf, sock.OptKeepInterval, sock.OptKeepCount} {
		if err := client.SetOption(o, 9); err != nil {
			t.Errorf("option %d: %v", o, err)
		}
		if v, err := client.Option(o); err != nil || v == 0 {
			t.Errorf("option %d: got %d, %v", o, v, err)
		}
	}
}
