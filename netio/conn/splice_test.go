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
	w.settle(100)
	if out.Empty() || !to.WriteBlocked() {
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
