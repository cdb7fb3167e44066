package conn

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"weir/netio/buf"
	"weir/netio/sock"
)

func TestSendResumesAfterAFullSocket(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		w := newWorld(t)
		client, server, _, se := w.connect(addr)
		want := make([]byte, 12<<20)
		for i := range want {
			want[i] = byte(i >> 8 * 7)
		}
		var ch buf.Chain
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 100_003)
			ch.Append(w.d.Pool.MemLink(rest[:n]))
			rest = rest[n:]
		}
		blocked := 0
		flush := func(c *Conn) {
			before := ch.Size()
			n, err := c.Send(&ch, 0)
			if before-ch.Size() != n {
				t.Fatalf("%d bytes consumed, %d sent", before-ch.Size(), n)
			}
			if err == ErrAgain {
				blocked++
				sends := w.d.Stats().Sends
				if _, err := c.Send(&ch, 0); err != ErrAgain || w.d.Stats().Sends != sends {
					t.Fatalf("a full socket was tried again: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			c.ShutdownWrite()
		}
		se.onWritable = flush
		flush(server)
		var got []byte
		w.until("all bytes", func() bool {
			b, err := recvAll(client)
			got = append(got, b...)
			return err == io.EOF
		})
		if !bytes.Equal(got, want) || blocked == 0 || se.writable == 0 {
			t.Errorf("%s: got %d of %d bytes, equal %v, blocked %d times, woken %d times",
				addr, len(got), len(want), bytes.Equal(got, want), blocked, se.writable)
		}
		if server.Sent != int64(len(want)) || client.Received != server.Sent {
			t.Errorf("sent %d, received %d, want %d", server.Sent, client.Received, len(want))
		}
		if n := w.d.Pool.Stats().Links; n != 0 {
			t.Errorf("%d links are out", n)
		}
	}
}

func TestSendKeepsItsLimit(t *testing.T) {
	w := newWorld(t)
	client, server, _, _ := w.connect("127.0.0.1:0")
	f := tempFile(t, "0123456789")
	var ch buf.Chain
	for _, s := range []string{"abc", "", "defg"} {
		ch.Append(w.d.Pool.MemLink([]byte(s)))
	}
	ch.Append(w.d.Pool.FileLink(f, 2, 8))
	var sent int64
	for _, limit := range []int64{1, 3, 5, 2, 100} {
		n, err := server.Send(&ch, limit)
		if err != nil || n != min(limit, 13-sent) {
			t.Fatalf("limit %d: sent %d, %v", limit, n, err)
		}
		sent += n
	}
	var got []byte
	w.until("13 bytes", func() bool {
		b, _ := recvAll(client)
		got = append(got, b...)
		return len(got) == 13
	})
	if string(got) != "abcdefg234567" || !ch.Empty() {
		t.Errorf("got %q", got)
	}
}

func tempFile(t testing.TB, text string) *buf.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return buf.NewFile(int(f.Fd()), int64(len(text)), nil)
}

func TestHeaderAndFileShareAPacket(t *testing.T) {
	w := newWorld(t)
	client, server, _, _ := w.connect("127.0.0.1:0")
	var before, after sock.Info
	sock.TCPInfo(server.FD(), &before)
	var ch buf.Chain
	ch.Append(w.d.Pool.MemLink([]byte("header,")))
	ch.Append(w.d.Pool.MemLink([]byte("more,")))
	ch.Append(w.d.Pool.FileLink(tempFile(t, "file"), 0, 4))
	last := w.d.Pool.Link()
	last.Flags = buf.Last
	ch.Append(last)
	if n, err := server.Send(&ch, 0); n != 16 || err != nil || !ch.Empty() {
		t.Fatal(n, err, ch.Empty())
	}
	w.until("the response", client.ReadReady)
	if got, _ := recvAll(client); string(got) != "header,more,file" {
		t.Errorf("got %q", got)
	}
	sock.TCPInfo(server.FD(), &after)
	if n := after.Data_segs_out - before.Data_segs_out; n != 1 {
		t.Errorf("header and file took %d packets, want 1", n)
	}
}

func TestTruncatedFileIsAnError(t *testing.T) {
	w := newWorld(t)
	_, server, _, _ := w.connect("127.0.0.1:0")
	var ch buf.Chain
	ch.Append(w.d.Pool.FileLink(tempFile(t, "1234"), 0, 10))
	if n, err := server.Send(&ch, 0); n != 4 || err != ErrFileShort {
		t.Errorf("sent %d, %v", n, err)
	}
}

func TestLargeFileGoesThroughASlowReader(t *testing.T) {
	w := newWorld(t)
	client, server, _, se := w.connect("127.0.0.1:0")
	text := bytes.Repeat([]byte("0123456789abcdef"), 400_000)
	var ch buf.Chain
	ch.Append(w.d.Pool.MemLink([]byte("header")))
	ch.Append(w.d.Pool.FileLink(tempFile(t, string(text)), 0, int64(len(text))))
	flush := func(c *Conn) {
		if _, err := c.Send(&ch, 0); err == nil {
			c.Close()
		} else if err != ErrAgain {
			t.Fatal(err)
		}
	}
	se.onWritable = flush
	flush(server)
	var got []byte
	w.until("the file", func() bool {
		b, err := recvAll(client)
		got = append(got, b...)
		return err == io.EOF
	})
	if !bytes.Equal(got, append([]byte("header"), text...)) {
		t.Errorf("got %d bytes of %d, or others", len(got), len(text)+6)
	}
}

func TestNothingIsHeldBackForLinksWithoutBytes(t *testing.T) {
	w := newWorld(t)
	client, server, _, _ := w.connect("127.0.0.1:0")
	last := func() *buf.Link {
		l := w.d.Pool.Link()
		l.Flags = buf.Last
		return l
	}
	header := func() *buf.Link { return w.d.Pool.MemLink([]byte("header")) }
	empty := func() *buf.Link { return w.d.Pool.FileLink(tempFile(t, ""), 0, 0) }
	pipe := func() *buf.Link {
		p, err := w.d.Pool.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		w.send(client, "piped")
		w.until("bytes for the pipe", server.ReadReady)
		if n, err := server.SpliceIn(p, 5); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		return w.d.Pool.PipeLink(p, 5)
	}
	for _, c := range []struct {
		name  string
		links []*buf.Link
		want  string
	}{
		{"a header and an empty file", []*buf.Link{header(), empty(), last()}, "header"},
		{"two headers and an empty file", []*buf.Link{header(), header(), empty()}, "headerheader"},
		{"a pipe and a last link", []*buf.Link{pipe(), last()}, "piped"},
	} {
		var ch buf.Chain
		for _, l := range c.links {
			ch.Append(l)
		}
		if _, err := server.Send(&ch, 0); err != nil || !ch.Empty() {
			t.Fatalf("%s: %v, empty %v", c.name, err, ch.Empty())
		}
		var info sock.Info
		sock.TCPInfo(server.FD(), &info)
		if info.Notsent_bytes != 0 {
			t.Errorf("%s: the kernel holds back %d bytes", c.name, info.Notsent_bytes)
		}
		var got []byte
		w.until(c.name, func() bool {
			b, _ := recvAll(client)
			got = append(got, b...)
			return len(got) >= len(c.want)
		})
		if string(got) != c.want {
			t.Errorf("%s: got %q", c.name, got)
		}
	}
}
