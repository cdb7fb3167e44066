package shdict

import "testing"

// check walks over everything in a dictionary and fails when the parts contradict each other: chains against order of
// use, blocks against slabs, pages against free runs. Nobody else may use the dictionary meanwhile.
func (d *Dict) check(t *testing.T) {
	t.Helper()
	c := checker{T: t, d: d, blocks: map[ref]bool{}, byPage: map[int]int{}}
	for i := range d.shards {
		c.shard(&d.shards[i])
	}
	c.pages()
}

type checker struct {
	*testing.T
	d      *Dict
	blocks map[ref]bool // all blocks in use
	byPage map[int]int  // blocks in use of each page
}

func (c *checker) block(r ref) {
	if c.blocks[r] {
		c.Fatalf("block %d is in use twice", r)
	}
	c.blocks[r] = true
	page, _ := c.d.free.pageOf(r)
	c.byPage[page]++
}

func (c *checker) shard(s *shard) {
	c.Helper()
	m := s.m
	n, last := 0, ref(0)
	for e := s.ends().oldest; e != 0; e = s.entry(e).newer {
		if s.entry(e).older != last {
			c.Fatalf("entry %d: older is %d, want %d", e, s.entry(e).older, last)
		}
		c.block(e)
		if s.entry(e).kind == list {
			c.list(s, e)
		}
		key := s.key(e)
		if got := s.find(s.entry(e).hash, key); got != e {
			c.Fatalf("key %q: found %d, want %d", key, got, e)
		}
		last = e
		n++
	}
	if s.ends().newest != last {
		c.Fatalf("newest is %d, want %d", s.ends().newest, last)
	}
	if got := int(s.ends().entries); got != n {
		c.Fatalf("shard counts %d entries, has %d", got, n)
	}
	for class, size := range classes {
		for p := m.u32(s.root + rootPartial + 4*class); p != 0; p = m.u32(s.slab(int(p)-1) + slabNext) {
			row := s.slab(int(p) - 1)
			if m.u16(row+slabClass) != class || m.u16(row+slabUsed) >= pageSize/size {
				c.Fatalf("page %d in the list of class %d has class %d and %d blocks in use", p-1, class, m.u16(row+slabClass), m.u16(row+slabUsed))
			}
		}
	}
}

func (c *checker) list(s *shard, e ref) {
	n, last := 0, ref(0)
	ends := s.value(e)
	for node := s.m.ref(ends + listFirst); node != 0; node = s.m.ref(node.at() + nodeNext) {
		if s.m.ref(node.at()+nodePrev) != last {
			c.Fatalf("node %d: previous is %d, want %d", node, s.m.ref(node.at()+nodePrev), last)
		}
		c.block(node)
		last = node
		n++
	}
	if s.m.ref(ends+listLast) != last || n != int(s.entry(e).length) {
		c.Fatalf("list %d has %d nodes up to %d, says %d up to %d", e, n, last, s.entry(e).length, s.m.ref(ends+listLast))
	}
}

func (c *checker) pages() {
	c.Helper()
	p := &c.d.free
	left, wasFree := 0, false
	for page := 0; page < p.n; {
		n := p.m.u32(p.row(page) + runLen)
		free := n&usedRun == 0
		n &^= usedRun
		if n == 0 || p.m.u32(p.row(page+int(n)-1)+runLen)&^usedRun != n {
			c.Fatalf("run at page %d: %d pages, its end says %d", page, n, p.m.u32(p.row(page+int(n)-1)+runLen))
		}
		if free {
			if wasFree {
				c.Fatalf("two free runs meet at page %d", page)
			}
			left += int(n)
		} else {
			want := 1
			if row := c.d.shards[0].slab(page); p.m.u16(row+slabClass) != largePage {
				want = p.m.u16(row + slabUsed)
			}
			if c.byPage[page] != want {
				c.Fatalf("page %d has %d blocks in use, says %d", page, c.byPage[page], want)
			}
		}
		wasFree = free
		page += int(n)
	}
	if left != p.left {
		c.Fatalf("%d free pages, says %d", left, p.left)
	}
}
