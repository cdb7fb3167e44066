package conn

import (
	"bytes"
	"io"
	"testing"

	"weir/netio/buf"
)

// pump moves everything from one connection to another through a pipe.
type pump struct {
	from, to *Conn
	pipe     *buf.Pipe
	ch       buf.Chain
	full     int
	done     bool
	err      error
}

func (p *pump) Readable(c *Conn) {
	if c == p.from {
		p.run()
	}
}
func (p *pump) Writable(*Conn)         { p.run() }
func (p *pump) Expired(*Conn, TimerID) {}
func (p *pump) LinkDone(l *buf.Link)   { p.to.Driver().Pool.PutLink(l) }

func (p *pump) run() {
	for !p.done {
		if !p.ch.Empty() {
			if _, err := p.to.Send(&p.ch, 0); err != nil {
				p.fail(err)
				return
			}
		}
		n, err := p.from.SpliceIn(p.pipe, 1<<20)
		if n > 0 {
			l := p.to.Driver().Pool.PipeLink(p.pipe, n)
			l.Owner = p
			p.ch.Append(l)
			continue
		}
		switch {
		case err == ErrPipeFull:
			p.full++
		case err == io.EOF:
			p.done = true
			p.to.Close()
		case err != nil:
			p.fail(err)
			return
		}
	}
}

func (p *pump) fail(err error) {
	if err != ErrAgain {
		p.err, p.done = err, true
	}
}

func TestSpliceHoldsBackAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	// source -> from | pipe | to -> sink, with a sink that does not read.
	source, from, _, fe := w.connect("127.0.0.1:0")
	sink, to, _, te := w.connect("127.0.0.1:0")
	pipe, err := w.d.Pool.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &pump{from: from, to: to, pipe: pipe}
	_, _ = fe, te
	from.SetHandler(p)
	to.SetHandler(p)
	want := make([]byte, 24<<20)
	for i := range want {
		want[i] = byte(i * 7 >> 9)
	}
	var out buf.Chain
	out.Append(w.d.Pool.MemLink(want))
	feeder := &events{}
	feed := func(c *Conn) {
		if _, err := c.Send(&out, 0); err == nil {
			c.ShutdownWrite()
		} else if err != ErrAgain {
			t.Fatal(err)
		}
	}
	feeder.onWritable = feed
	source.SetHandler(feeder)
	feed(source)
	w.until("the sink's socket to fill", to.WriteBlocked)
	if out.Empty() {
		t.Fatal("nothing was held back while the sink did not read")
	}
	var got []byte
	w.until("all bytes", func() bool {
		b, err := recvAll(sink)
		got = append(got, b...)
		return err == io.EOF
	})
	if !bytes.Equal(got, want) || p.err != nil {
		t.Errorf("got %d of %d bytes, %v", len(got), len(want), p.err)
	}
	if pipe.N != 0 || p.to.Sent != int64(len(want)) {
		t.Errorf("%d bytes in the pipe, %d sent", pipe.N, p.to.Sent)
	}
	w.d.Pool.PutPipe(pipe)
}

func TestFullPipeIsToldFromAnEmptySocket(t *testing.T) {
	w := newWorld(t)
	client, server, _, se := w.connect("127.0.0.1:0")
	pipe, err := w.d.Pool.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server.SpliceIn(pipe, 1); err != ErrAgain {
		t.Fatalf("an empty socket and an empty pipe say %v", err)
	}
	// One byte at a time takes a page of the pipe each: it is full long
	// before its capacity in bytes.
	moved := 0
	for pages := pipe.Cap / 4096; ; {
		n := se.readable
		w.send(client, "x")
		w.until("a byte", func() bool { return se.readable > n })
		m, err := server.SpliceIn(pipe, 100)
		if err == ErrPipeFull {
			break
		}
		if moved += m; err != nil || m != 1 || moved > pages {
			t.Fatalf("byte %d: %d, %v", moved, m, err)
		}
	}
	var ch buf.Chain
	ch.Append(w.d.Pool.PipeLink(pipe, pipe.N))
	if n, err := server.Send(&ch, 0); n != int64(moved) || err != nil {
		t.Fatalf("sent %d of %d, %v", n, moved, err)
	}
	if again, _ := w.d.Pool.Pipe(); again != pipe {
		t.Fatal("the drained pipe did not go back")
	}
	if n, err := server.SpliceIn(pipe, 100); n != 1 || err != nil {
		t.Errorf("after draining: %d, %v, want the byte that did not fit", n, err)
	}
	if _, err := server.SpliceIn(pipe, 100); err != ErrPipeFull {
		t.Errorf("with a byte inside, the pipe cannot tell; got %v", err)
	}
	w.d.Pool.PutPipe(pipe) // closed: it holds a byte
}
