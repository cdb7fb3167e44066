package shdict

// classes are the sizes of blocks cut from a page. A block that is freed serves entries of its class only, until all of
// its page is free: with more classes less of a block would be wasted, but making room for an entry would more often
// take a whole page of older ones.
var classes = [...]int{32, 64, 128, 256, 512, 1024, maxBlock}

// Offsets in a row of the table of slabs, one row for each data page.
const (
	slabClass  = 0 // largePage for the first page of a run
	slabUsed   = 2 // blocks in use
	slabFree   = 4 // first free block, counted from 1; a free block begins with the number of the next
	slabCarved = 6 // blocks that were in use at some time: those behind were never touched
	slabPrev   = 8 // page with a free block, counted from 1
	slabNext   = 12
	slabSize   = 16

	largePage = 0xffff
)

// maxBlock is the size of the largest block of a slab.
const maxBlock = 2048

// classOf returns the class for n bytes, at most maxBlock.
func classOf(n int) int {
	c := 0
	for classes[c] < n {
		c++
	}
	return c
}

// fits tells whether a block for have bytes is also the block for want bytes.
func fits(have, want int) bool {
	if have > maxBlock || want > maxBlock {
		return have > maxBlock && want > maxBlock && pagesFor(have) == pagesFor(want)
	}
	return classOf(have) == classOf(want)
}

func pagesFor(n int) int { return (n + pageSize - 1) >> pageShift }

// slab returns the offset of a page's row. The row of a page in use belongs to the shard that uses it.
func (s *shard) slab(page int) int { return s.d.free.slab + page*slabSize }

// alloc returns a block of n bytes, 0 where there is none.
func (s *shard) alloc(n int) ref {
	if n > maxBlock {
		page, ok := s.d.free.alloc(pagesFor(n))
		if !ok {
			return 0
		}
		s.m.setU16(s.slab(page)+slabClass, largePage)
		return s.d.free.refOf(page)
	}
	c := classOf(n)
	root := s.root + rootPartial + 4*c
	page := int(s.m.u32(root)) - 1
	if page < 0 {
		var ok bool
		if page, ok = s.d.free.alloc(1); !ok {
			return 0
		}
		row := s.slab(page)
		s.m.setU16(row+slabClass, c)
		s.m.setU16(row+slabUsed, 0)
		s.m.setU16(row+slabFree, 0)
		s.m.setU16(row+slabCarved, 0)
		s.link(root, page)
	}
	return s.take(root, page, classes[c])
}

// take takes a block of a page that has one.
func (s *shard) take(root, page, size int) ref {
	row := s.slab(page)
	base := s.d.free.refOf(page)
	b := s.m.u16(row + slabFree)
	if b != 0 {
		s.m.setU16(row+slabFree, s.m.u16((base + ref((b-1)*size>>refShift)).at()))
	} else {
		b = s.m.u16(row+slabCarved) + 1
		s.m.setU16(row+slabCarved, b)
	}
	used := s.m.u16(row+slabUsed) + 1
	s.m.setU16(row+slabUsed, used)
	if used == pageSize/size {
		s.unlink(root, page)
	}
	return base + ref((b-1)*size>>refShift)
}

// release frees a block.
func (s *shard) release(r ref) {
	page, inside := s.d.free.pageOf(r)
	row := s.slab(page)
	c := s.m.u16(row + slabClass)
	if c == largePage {
		s.d.free.release(page)
		return
	}
	size := classes[c]
	root := s.root + rootPartial + 4*c
	used := s.m.u16(row + slabUsed)
	if used == pageSize/size {
		s.link(root, page)
	}
	if used == 1 {
		s.unlink(root, page)
		s.d.free.release(page)
		return
	}
	s.m.setU16(row+slabUsed, used-1)
	s.m.setU16(r.at(), s.m.u16(row+slabFree))
	s.m.setU16(row+slabFree, inside/size+1)
}

// link puts a page in front of the list at root.
func (s *shard) link(root, page int) {
	first := s.m.u32(root)
	row := s.slab(page)
	s.m.setU32(row+slabPrev, 0)
	s.m.setU32(row+slabNext, first)
	if first != 0 {
		s.m.setU32(s.slab(int(first)-1)+slabPrev, uint32(page)+1)
	}
	s.m.setU32(root, uint32(page)+1)
}

// unlink takes a page out of the list at root.
func (s *shard) unlink(root, page int) {
	row := s.slab(page)
	prev, next := s.m.u32(row+slabPrev), s.m.u32(row+slabNext)
	if prev != 0 {
		s.m.setU32(s.slab(int(prev)-1)+slabNext, next)
	} else {
		s.m.setU32(root, next)
	}
	if next != 0 {
		s.m.setU32(s.slab(int(next)-1)+slabPrev, prev)
	}
}
