package buf

import "math/bits"

// Size classes of pooled buffers. There is no 128 KB class: what outgrows
// 64 KB is a large body or a splice fallback and takes 256 KB at once.
var classSizes = [...]int{1 << 10, 2 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 256 << 10}

const (
	classCount = len(classSizes)
	// MaxClass is the capacity of the largest pooled buffer. Larger ones
	// are made for the call and left to the collector.
	MaxClass = 256 << 10
	// DefaultRetain is how many bytes of free buffers a pool keeps when
	// its limit is not given.
	DefaultRetain = 32 << 20
	// linkSlab is how many links are allocated together.
	linkSlab = 64
)

// Pool is one worker's store of buffers, links and pipes. The free lists are
// last in, first out, so that a buffer is still in the processor's cache when
// it is taken again. The zero Pool is ready for use and keeps DefaultRetain
// bytes.
type Pool struct {
	free   [classCount][][]byte
	links  *Link // free links, chained by Next
	pipes  []*Pipe
	retain int64 // bytes kept at most; 0 means DefaultRetain
	stats  PoolStats
}

// PoolStats counts what a pool did. It is written by the pool's worker only;
// others see it through a copy taken on that worker.
type PoolStats struct {
	Gets     uint64 // buffers taken
	Misses   uint64 // of these, allocated because the free list was empty
	Odd      uint64 // of these, larger than MaxClass
	Dropped  uint64 // buffers put back but not kept
	Retained int64  // bytes in the free lists now
	InUse    int64  // bytes of pooled buffers out now
	Links    int64  // links out now
	Pipes    int64  // pipe pairs open now, free ones included
}

// NewPool returns a pool that keeps at most retain bytes of free buffers.
// Zero means DefaultRetain.
func NewPool(retain int64) *Pool { return &Pool{retain: retain} }

// Stats returns a copy of the counters.
func (p *Pool) Stats() PoolStats { return p.stats }

// classOf returns the smallest class that holds n bytes; n is at most
// MaxClass.
func classOf(n int) int {
	if n <= 1<<10 {
		return 0
	}
	// Up to seven: above 64 KB the 256 KB class stands where 128 KB would.
	return min(bits.Len(uint(n-1))-10, 7)
}

// Get returns a buffer with length zero and a capacity of at least n. Its
// bytes are undefined. It is the caller's until Put.
func (p *Pool) Get(n int) []byte {
	p.stats.Gets++
	if n > MaxClass {
		p.stats.Odd++
		return make([]byte, 0, n)
	}
	c := classOf(n)
	p.stats.InUse += int64(classSizes[c])
	if list := p.free[c]; len(list) > 0 {
		b := list[len(list)-1]
		p.free[c] = list[:len(list)-1]
		p.stats.Retained -= int64(classSizes[c])
		return b
	}
	p.stats.Misses++
	return make([]byte, 0, classSizes[c])
}

// Put gives a buffer back. Pass the slice that Get returned, or any reslice
// that begins at its first byte: the capacity tells the class. Buffers of
// other capacities, and those beyond the retained limit, are left to the
// collector. A nil b is ignored.
func (p *Pool) Put(b []byte) {
	n := cap(b)
	if n == 0 || n > MaxClass {
		return
	}
	c := classOf(n)
	if classSizes[c] != n {
		return
	}
	p.stats.InUse -= int64(n)
	retain := p.retain
	if retain == 0 {
		retain = DefaultRetain
	}
	if p.stats.Retained+int64(n) > retain {
		p.stats.Dropped++
		return
	}
	poison(b)
	p.stats.Retained += int64(n)
	p.free[c] = append(p.free[c], b[:0])
}

// Link returns an empty link.
func (p *Pool) Link() *Link {
	p.stats.Links++
	l := p.links
	if l == nil {
		l = p.linkSlab()
	}
	p.links = l.Next
	l.Next = nil
	return l
}

// linkSlab allocates links together and returns the first of them, chained.
func (p *Pool) linkSlab() *Link {
	slab := make([]Link, linkSlab)
	for i := range slab[1:] {
		slab[i].Next = &slab[i+1]
	}
	return &slab[0]
}

// PutLink gives back the link alone, not what it points at.
func (p *Pool) PutLink(l *Link) {
	p.stats.Links--
	*l = Link{Next: p.links}
	p.links = l
}

// MemLink returns a link for b that frees nothing but itself: b must stay
// valid until the link is consumed.
func (p *Pool) MemLink(b []byte) *Link {
	l := p.Link()
	l.Mem = b
	return l
}

// BufferLink returns a link that owns the pooled buffer data and carries
// mem, a part of it.
func (p *Pool) BufferLink(data, mem []byte) *Link {
	l := p.Link()
	l.Data, l.Mem = data, mem
	return l
}

// FileLink returns a link for the bytes [off, end) of f. It takes over one
// reference of f.
func (p *Pool) FileLink(f *File, off, end int64) *Link {
	l := p.Link()
	l.File, l.Off, l.End = f, off, end
	return l
}

// PipeLink returns a link for the next n bytes in pipe, which it owns.
func (p *Pool) PipeLink(pipe *Pipe, n int) *Link {
	l := p.Link()
	l.Pipe, l.End = pipe, int64(n)
	return l
}

// Done is called by the consumer of a link, once it is off its chain. See
// the package comment for what happens to it.
func (p *Pool) Done(l *Link) {
	if l.Owner != nil {
		l.Owner.LinkDone(l)
		return
	}
	p.Free(l)
}

// Free gives back the link and all it owns, without asking its Owner.
func (p *Pool) Free(l *Link) {
	if l.Data != nil {
		p.Put(l.Data)
	}
	if l.File != nil {
		l.File.Release()
	}
	if l.Pipe != nil {
		p.PutPipe(l.Pipe)
	}
	p.PutLink(l)
}

// DoneChain takes every link off the chain and calls Done on it: the way to
// drop output that will never be sent.
func (p *Pool) DoneChain(ch *Chain) {
	for l := ch.Pop(); l != nil; l = ch.Pop() {
		p.Done(l)
	}
}
