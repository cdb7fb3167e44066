package buf

// ArenaChunk is the size of the buffers an arena takes from its pool.
const ArenaChunk = 4 << 10

// Arena is a bump allocator for what lives as long as one request. It takes
// buffers from a pool and gives them all back at Reset, so in the steady
// state it allocates nothing. The zero Arena with Pool set is ready for use.
type Arena struct {
	Pool *Pool
	cur  []byte   // buffer being filled; len is what is handed out
	full [][]byte // buffers that are full, or were made for one large piece
}

// Alloc returns n bytes, valid until Reset. They are not cleared. The
// capacity is n too, so that append never runs into a neighbour.
func (a *Arena) Alloc(n int) []byte {
	used := len(a.cur)
	if n > cap(a.cur)-used {
		return a.grow(n)
	}
	a.cur = a.cur[:used+n]
	return a.cur[used : used+n : used+n]
}

// grow serves an Alloc that does not fit the current buffer.
func (a *Arena) grow(n int) []byte {
	if n > ArenaChunk/4 {
		b := a.Pool.Get(n)
		a.full = append(a.full, b)
		return b[:n:n]
	}
	if a.cur != nil {
		a.full = append(a.full, a.cur)
	}
	a.cur = a.Pool.Get(ArenaChunk)[:n]
	return a.cur[:n:n]
}

// Copy returns a copy of b, valid until Reset.
func (a *Arena) Copy(b []byte) []byte {
	d := a.Alloc(len(b))
	copy(d, b)
	return d
}

// CopyString returns the bytes of s, valid until Reset.
func (a *Arena) CopyString(s string) []byte {
	d := a.Alloc(len(s))
	copy(d, s)
	return d
}

// Scratch returns an empty slice with room for n bytes at the end of the
// arena. What is appended to it within that room is kept by Keep; the next
// call of any other method makes it invalid. It serves text whose length is
// known only after it was written.
func (a *Arena) Scratch(n int) []byte {
	if n > cap(a.cur)-len(a.cur) {
		if n > ArenaChunk {
			return a.grow(n)[:0]
		}
		if a.cur != nil {
			a.full = append(a.full, a.cur)
		}
		a.cur = a.Pool.Get(ArenaChunk)
	}
	return a.cur[len(a.cur):len(a.cur):cap(a.cur)]
}

// Keep makes the result of appending to Scratch's slice permanent until
// Reset and returns it. When the append outgrew the room it is a slice of its
// own and simply returned.
func (a *Arena) Keep(b []byte) []byte {
	used := len(a.cur)
	if len(b) > 0 && len(b) <= cap(a.cur)-used && &b[0] == &a.cur[:used+1][used] {
		a.cur = a.cur[:used+len(b)]
	}
	return b[:len(b):len(b)]
}

// Reset gives every buffer back. All slices handed out are invalid.
func (a *Arena) Reset() {
	if a.cur != nil {
		a.Pool.Put(a.cur)
		a.cur = nil
	}
	if len(a.full) == 0 {
		return
	}
	for i, b := range a.full {
		a.Pool.Put(b)
		a.full[i] = nil
	}
	a.full = a.full[:0]
}

// Size returns how many bytes of buffers the arena holds.
func (a *Arena) Size() int {
	n := cap(a.cur)
	for _, b := range a.full {
		n += cap(b)
	}
	return n
}
