package buf

// Flags say what a link means to the filters and the wire.
type Flags uint32

// Flags of a link.
const (
	// Last marks the last link of the main request's body.
	Last Flags = 1 << iota
	// LastInChain marks the last link of a subrequest's body.
	LastInChain
	// Flush asks every filter to pass on what it holds.
	Flush
	// Sync marks a link without bytes that only carries order.
	Sync
	// Temporary says that a filter may change the bytes of Mem in place.
	Temporary
	// InFile says that the bytes stand in File, even when Mem holds a
	// copy of them.
	InFile
	// Recycled asks the wire to send at once, because the producer waits
	// for the buffer.
	Recycled
	// Special is Last, LastInChain, Flush or Sync: a link with one of
	// these has a meaning without bytes.
	Special = Last | LastInChain | Flush | Sync
)

// Link is one piece of output: memory, a range of a file, or bytes in a
// pipe. Exactly one of the three is set; a link with none carries only
// flags. See the package comment for who frees it.
type Link struct {
	Mem   []byte // bytes in memory; consumed from the front
	File  *File  // with Off and End: a range of a file
	Pipe  *Pipe  // with Off and End: End-Off bytes waiting in the pipe
	Off   int64  // first byte not yet consumed, of File; count consumed, of Pipe
	End   int64  // end of the range
	Next  *Link  // next link of the chain
	Owner Owner  // told when the link is consumed; nil: the link owns what it carries
	Data  []byte // whole buffer behind Mem, for whoever frees it
	Flags Flags
}

// Owner is told that a link of its own was consumed. It is called on the
// worker, possibly from within Send; it must not touch the chain that is
// being sent.
type Owner interface {
	LinkDone(l *Link)
}

// Size returns how many bytes the link still carries.
func (l *Link) Size() int64 {
	if l.File != nil || l.Pipe != nil {
		return l.End - l.Off
	}
	return int64(len(l.Mem))
}

// Consume takes n bytes, at most Size, off the front.
func (l *Link) Consume(n int64) {
	if l.File != nil || l.Pipe != nil {
		l.Off += n
		return
	}
	l.Mem = l.Mem[n:]
}

// Chain is a list of links in sending order. The zero Chain is empty.
type Chain struct {
	Head, Tail *Link
}

// Empty reports whether the chain has no link.
func (c *Chain) Empty() bool { return c.Head == nil }

// Append adds one link at the end. Its Next is overwritten.
func (c *Chain) Append(l *Link) {
	l.Next = nil
	if c.Tail == nil {
		c.Head = l
	} else {
		c.Tail.Next = l
	}
	c.Tail = l
}

// AppendChain moves all links of d to the end of c and leaves d empty.
func (c *Chain) AppendChain(d *Chain) {
	if d.Head == nil {
		return
	}
	if c.Tail == nil {
		c.Head = d.Head
	} else {
		c.Tail.Next = d.Head
	}
	c.Tail = d.Tail
	*d = Chain{}
}

// Prepend adds one link before the first.
func (c *Chain) Prepend(l *Link) {
	l.Next = c.Head
	c.Head = l
	if c.Tail == nil {
		c.Tail = l
	}
}

// Pop takes the first link off the chain; nil when it is empty.
func (c *Chain) Pop() *Link {
	l := c.Head
	if l == nil {
		return nil
	}
	c.Head = l.Next
	if c.Head == nil {
		c.Tail = nil
	}
	l.Next = nil
	return l
}

// Size returns how many bytes the chain carries.
func (c *Chain) Size() (n int64) {
	for l := c.Head; l != nil; l = l.Next {
		n += l.Size()
	}
	return n
}

// Flags returns the union of the flags of all links.
func (c *Chain) Flags() (f Flags) {
	for l := c.Head; l != nil; l = l.Next {
		f |= l.Flags
	}
	return f
}

// Consume takes n bytes off the front, and calls Done for every link that
// has none left, links that never had any included. When n is the size of
// the chain, nothing stays.
func (c *Chain) Consume(p *Pool, n int64) {
	for l := c.Head; l != nil; l = c.Head {
		size := l.Size()
		if size > n {
			l.Consume(n)
			return
		}
		n -= size
		l.Consume(size)
		c.Pop()
		p.Done(l)
	}
}
