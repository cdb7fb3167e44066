package conn

import (
	"io"
	"syscall"
	"testing"

	"weir/netio/buf"
)

func TestShortReadMeansDrained(t *testing.T) {
	w := newWorld(t)
	client, server, _, se := w.connect("127.0.0.1:0")
	b := make([]byte, 10)
	for i := range 3 {
		want := se.readable + 1
		w.send(client, "hello")
		w.until("a request", func() bool { return se.readable == want })
		calls := w.d.Stats().Recvs
		if n, err := server.Recv(b); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := server.Recv(b); n != 0 || err != ErrAgain {
			t.Fatal(n, err)
		}
		if made := w.d.Stats().Recvs - calls; made != 1 {
			t.Errorf("round %d: %d receive calls, want 1", i, made)
		}
	}
	// A full read says nothing: the next one asks the kernel.
	w.send(client, "0123456789")
	w.until("ten bytes", server.ReadReady)
	calls := w.d.Stats().Recvs
	if n, err := server.Recv(b); n != 10 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := server.Recv(b); err != ErrAgain {
		t.Fatal(err)
	}
	if made := w.d.Stats().Recvs - calls; made != 2 {
		t.Errorf("after a full read: %d calls, want 2", made)
	}
	// With records on a short read says nothing either.
	server.SetRecords(true)
	w.send(client, "abc")
	w.until("three bytes", server.ReadReady)
	server.Recv(b)
	if !server.ReadReady() {
		t.Error("a record was taken for a drained socket")
	}
}

func TestEndIsSeenBehindAShortRead(t *testing.T) {
	w := newWorld(t)
	client, server, _, se := w.connect("127.0.0.1:0")
	w.send(client, "last")
	client.ShutdownWrite()
	w.until("the end", server.Hangup)
	got, err := recvAll(server)
	if string(got) != "last" || err != io.EOF {
		t.Fatalf("got %q, %v", got, err)
	}
	if _, err := server.Recv(make([]byte, 1)); err != io.EOF {
		t.Errorf("the end was forgotten: %v", err)
	}
	// Half-closed: the other direction still works.
	w.send(server, "reply")
	server.Close()
	w.until("the reply", client.Hangup)
	if got, err := recvAll(client); string(got) != "reply" || err != io.EOF {
		t.Errorf("got %q, %v", got, err)
	}
	if client.Broken() {
		t.Error("an orderly close was taken for an error")
	}
	_ = se
}

func TestResetIsAnError(t *testing.T) {
	w := newWorld(t)
	client, server, ce, _ := w.connect("127.0.0.1:0")
	server.Reset()
	w.until("the reset", func() bool { return ce.readable > 0 })
	if _, err := client.Recv(make([]byte, 1)); err != syscall.ECONNRESET || !client.Broken() {
		t.Errorf("got %v, broken %v", err, client.Broken())
	}
	var ch buf.Chain
	ch.Append(w.d.Pool.MemLink([]byte("x")))
	if _, err := client.Send(&ch, 0); err != syscall.EPIPE {
		t.Errorf("sending says %v", err)
	}
	if ch.Empty() {
		t.Error("what was not sent is gone")
	}
}

func TestSilenceIsNoBytesAndNoEnd(t *testing.T) {
	w := newWorld(t)
	client, server, _, _ := w.connect("127.0.0.1:0")
	if n := testing.AllocsPerRun(100, func() {
		if !server.Silent() {
			t.Fatal("nothing was sent")
		}
	}); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
	w.send(client, "x")
	w.until("a byte", server.ReadReady)
	if server.Silent() {
		t.Error("the byte was not seen")
	}
	if got, err := recvAll(server); string(got) != "x" || err != ErrAgain {
		t.Errorf("the byte was taken: got %q, %v", got, err)
	}
	if !server.Silent() {
		t.Error("the byte was read")
	}
	client.Close()
	w.until("the end", server.Hangup)
	if server.Silent() {
		t.Error("the end was not seen")
	}
}
