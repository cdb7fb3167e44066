package buf

import (
	"bytes"
	"testing"
)

func TestClassesHoldWhatIsAsked(t *testing.T) {
	p := NewPool(0)
	for _, c := range []struct{ n, want int }{
		{0, 1 << 10}, {1, 1 << 10}, {1024, 1 << 10}, {1025, 2 << 10}, {2048, 2 << 10}, {4000, 4 << 10},
		{8192, 8 << 10}, {8193, 16 << 10}, {16384, 16 << 10}, {32768, 32 << 10}, {65536, 64 << 10},
		{65537, 256 << 10}, {131072, 256 << 10}, {131073, 256 << 10}, {262144, 256 << 10}, {262145, 262145},
	} {
		b := p.Get(c.n)
		if len(b) != 0 || cap(b) != c.want && c.n <= MaxClass || cap(b) < c.n {
			t.Errorf("Get(%d): length %d, capacity %d, want 0, %d", c.n, len(b), cap(b), c.want)
		}
		p.Put(b)
	}
}

func TestPoolIsLastInFirstOut(t *testing.T) {
	p := NewPool(0)
	a, b := p.Get(100), p.Get(100)
	p.Put(a)
	p.Put(b[:50])
	if c := p.Get(1); &c[:1][0] != &b[:1][0] {
		t.Error("the first buffer is not the last one put")
	}
	if c := p.Get(1); &c[:1][0] != &a[:1][0] {
		t.Error("the second buffer is not the first one put")
	}
}

func TestPoolKeepsNoMoreThanItsLimit(t *testing.T) {
	p := NewPool(8 << 10)
	var all [][]byte
	for range 4 {
		all = append(all, p.Get(4096))
	}
	if s := p.Stats(); s.InUse != 16<<10 || s.Misses != 4 {
		t.Errorf("%+v", s)
	}
	for _, b := range all {
		p.Put(b)
	}
	if s := p.Stats(); s.Retained != 8<<10 || s.Dropped != 2 || s.InUse != 0 {
		t.Errorf("%+v", s)
	}
	p.Put(nil)
	p.Put(make([]byte, 100))
	p.Put(make([]byte, 300<<10))
	if s := p.Stats(); s.Retained != 8<<10 {
		t.Errorf("foreign buffers were kept: %+v", s)
	}
}

type recorder struct{ links []*Link }

func (r *recorder) LinkDone(l *Link) { r.links = append(r.links, l) }

func TestChainConsumesAcrossLinks(t *testing.T) {
	p := NewPool(0)
	own := &recorder{}
	build := func() *Chain {
		ch := &Chain{}
		for _, s := range []string{"abc", "", "defgh", ""} {
			l := p.MemLink([]byte(s))
			l.Owner = own
			ch.Append(l)
		}
		ch.Tail.Flags = Last
		return ch
	}
	for n := int64(0); n <= 8; n++ {
		own.links = nil
		ch := build()
		ch.Consume(p, n)
		if ch.Size() != 8-n {
			t.Errorf("after %d of 8: %d left", n, ch.Size())
		}
		want := map[bool]int{n < 3: 0, n >= 3 && n < 8: 2, n == 8: 4}[true]
		if len(own.links) != want {
			t.Errorf("after %d of 8: %d links done, want %d", n, len(own.links), want)
		}
		if (ch.Flags()&Last != 0) != (n < 8) || ch.Empty() != (n == 8) {
			t.Errorf("after %d of 8: flags %b, empty %v", n, ch.Flags(), ch.Empty())
		}
		if n == 4 && string(ch.Head.Mem) != "efgh" {
			t.Errorf("after 4: %q", ch.Head.Mem)
		}
	}
}

func TestChainsJoin(t *testing.T) {
	p := NewPool(0)
	text := func(ch *Chain) (s string) {
		for l := ch.Head; l != nil; l = l.Next {
			s += string(l.Mem)
		}
		return s
	}
	var a, b, empty Chain
	a.AppendChain(&empty)
	b.Append(p.MemLink([]byte("b")))
	a.AppendChain(&b)
	b.Append(p.MemLink([]byte("c")))
	b.Append(p.MemLink([]byte("d")))
	a.AppendChain(&b)
	a.Prepend(p.MemLink([]byte("a")))
	a.Append(p.MemLink([]byte("e")))
	if got := text(&a); got != "abcde" || !b.Empty() {
		t.Errorf("got %q", got)
	}
	for want := int64(4); a.Pop() != nil; want-- {
		if a.Size() != want {
			t.Errorf("size %d, want %d", a.Size(), want)
		}
	}
	if a.Tail != nil {
		t.Error("an empty chain has a tail")
	}
}

type idle struct{ n int }

func (i *idle) FileIdle(*File) { i.n++ }

func TestLinkWithoutOwnerFreesWhatItCarries(t *testing.T) {
	p := NewPool(0)
	defer p.Close()
	var i idle
	f := NewFile(-1, 100, &i)
	pipe, err := p.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	data := p.Get(10)
	var ch Chain
	ch.Append(p.FileLink(f.Hold(), 0, 10))
	ch.Append(p.FileLink(f.Hold(), 10, 20))
	ch.Append(p.BufferLink(data, append(data, "xy"...)))
	ch.Append(p.PipeLink(pipe, 0))
	f.Release()
	if i.n != 0 || f.Refs() != 2 || ch.Size() != 22 {
		t.Fatalf("idle %d, refs %d, size %d", i.n, f.Refs(), ch.Size())
	}
	p.DoneChain(&ch)
	s := p.Stats()
	if i.n != 1 || s.InUse != 0 || s.Links != 0 || s.Pipes != 1 || len(p.pipes) != 1 {
		t.Errorf("idle %d, %+v, %d pipes free", i.n, s, len(p.pipes))
	}
	defer func() {
		if recover() == nil {
			t.Error("a file released too often is no panic")
		}
	}()
	f.Release()
}

func TestPipeWithBytesIsNotReused(t *testing.T) {
	p := NewPool(0)
	defer p.Close()
	a, err := p.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if a.Cap < 4096 {
		t.Errorf("capacity %d", a.Cap)
	}
	p.PutPipe(a)
	if b, _ := p.Pipe(); b != a {
		t.Error("an empty pipe was not reused")
	}
	a.N = 1
	p.PutPipe(a)
	if p.Stats().Pipes != 0 || a.R != -1 {
		t.Error("a pipe with bytes was kept")
	}
}

func TestArenaHandsOutDistinctMemory(t *testing.T) {
	p := NewPool(0)
	a := Arena{Pool: p}
	var all [][]byte
	for i := range 400 {
		b := a.Alloc(i * 7 % 1500)
		for j := range b {
			b[j] = byte(i)
		}
		all = append(all, b)
		if cap(b) != len(b) {
			t.Fatalf("capacity %d of %d bytes", cap(b), len(b))
		}
	}
	big := a.Copy(bytes.Repeat([]byte("x"), 300<<10))
	all = append(all, a.CopyString("tail"))
	for i, b := range all[:400] {
		for _, c := range b {
			if c != byte(i) {
				t.Fatalf("piece %d was overwritten", i)
			}
		}
	}
	if len(big) != 300<<10 || string(all[400]) != "tail" {
		t.Error("copies are wrong")
	}
	if a.Size() < 300<<10 {
		t.Errorf("size %d", a.Size())
	}
	a.Reset()
	if s := p.Stats(); s.InUse != 0 || a.Size() != 0 {
		t.Errorf("after Reset: %+v, size %d", s, a.Size())
	}
}

func TestArenaKeepsWhatWasScratch(t *testing.T) {
	a := Arena{Pool: NewPool(0)}
	first := a.Keep(append(a.Scratch(100), "first"...))
	dropped := append(a.Scratch(100), "dropped"...)
	second := a.Keep(append(a.Scratch(100), "second"...))
	if &dropped[0] != &second[0] {
		t.Error("scratch that was not kept was not reused")
	}
	over := a.Scratch(10)
	over = a.Keep(append(over, make([]byte, 8<<10)...))
	large := a.Keep(append(a.Scratch(10<<10), "large"...))
	third := a.Copy([]byte("third"))
	if string(first)+string(second)+string(third)+string(large) != "firstsecondthirdlarge" || len(over) != 8<<10 {
		t.Errorf("got %q %q %q %q", first, second, third, large)
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	p := NewPool(0)
	a := Arena{Pool: p}
	var ch Chain
	own := &discard{p}
	if n := testing.AllocsPerRun(100, func() {
		for range 10 {
			a.Alloc(1000)
		}
		a.Alloc(10000)
		a.Reset()
		for range 20 {
			b := p.Get(1000)
			ch.Append(p.BufferLink(b, b[:100]))
			l := p.MemLink(b)
			l.Owner = own
			ch.Append(l)
		}
		ch.Consume(p, 50)
		p.DoneChain(&ch)
	}); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

type discard struct{ p *Pool }

func (d *discard) LinkDone(l *Link) { d.p.PutLink(l) }

func BenchmarkGetPut(b *testing.B) {
	p := NewPool(0)
	b.ReportAllocs()
	for b.Loop() {
		p.Put(p.Get(1024))
	}
}

func BenchmarkLinkCycle(b *testing.B) {
	p := NewPool(0)
	m := []byte("x")
	var ch Chain
	b.ReportAllocs()
	for b.Loop() {
		ch.Append(p.MemLink(m))
		ch.Consume(p, 1)
	}
}
