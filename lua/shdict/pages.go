package shdict

import "sync"

// pages hands out runs of data pages. A free run is in a list, its length stands at its first and at its last page; a
// run in use has usedRun set at both. What stands between is never read, so neighbours of a run that is freed tell
// whether they are free.
type pages struct {
	mu   sync.Mutex
	m    memory // what follows is guarded by mu; the tables belong to it too
	left int    // free pages

	// immutable
	runs int // offset of the table of runs
	slab int // offset of the table of slabs
	data int // offset of the first data page
	n    int // data pages
}

// Offsets in a row of the table of runs.
const (
	runLen  = 0
	runPrev = 4 // page, counted from 1
	runNext = 8
	runSize = 12

	usedRun = 1 << 31
)

func (p *pages) init(m memory, l layout) {
	p.m, p.runs, p.slab, p.data, p.n = m, l.runs, l.slabs, l.data, l.pages
	p.insert(0, l.pages)
}

// refOf returns the place of a page's first byte.
func (p *pages) refOf(page int) ref { return ref((p.data + page<<pageShift) >> refShift) }

// pageOf returns the page of a place and the offset in it.
func (p *pages) pageOf(r ref) (page, inside int) {
	off := r.at() - p.data
	return off >> pageShift, off & (pageSize - 1)
}

func (p *pages) row(page int) int { return p.runs + page*runSize }

// mark writes the length of a run at its ends.
func (p *pages) mark(page, n int, used uint32) {
	p.m.setU32(p.row(page)+runLen, uint32(n)|used)
	p.m.setU32(p.row(page+n-1)+runLen, uint32(n)|used)
}

// insert makes a run free and puts it in front of the list.
func (p *pages) insert(page, n int) {
	p.left += n
	p.mark(page, n, 0)
	first := p.m.u32(headFree)
	row := p.row(page)
	p.m.setU32(row+runPrev, 0)
	p.m.setU32(row+runNext, first)
	if first != 0 {
		p.m.setU32(p.row(int(first)-1)+runPrev, uint32(page)+1)
	}
	p.m.setU32(headFree, uint32(page)+1)
}

// remove takes a free run out of the list and returns its length.
func (p *pages) remove(page int) int {
	row := p.row(page)
	prev, next := p.m.u32(row+runPrev), p.m.u32(row+runNext)
	if prev != 0 {
		p.m.setU32(p.row(int(prev)-1)+runNext, next)
	} else {
		p.m.setU32(headFree, next)
	}
	if next != 0 {
		p.m.setU32(p.row(int(next)-1)+runPrev, prev)
	}
	n := int(p.m.u32(row + runLen))
	p.left -= n
	return n
}

// alloc returns the first of n pages in a row; ok is false where there is no such run.
func (p *pages) alloc(n int) (page int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at := p.m.u32(headFree); at != 0; at = p.m.u32(p.row(page) + runNext) {
		page = int(at) - 1
		if int(p.m.u32(p.row(page)+runLen)) < n {
			continue
		}
		have := p.remove(page)
		p.mark(page, n, usedRun)
		if have > n {
			p.insert(page+n, have-n)
		}
		return page, true
	}
	return 0, false
}

// release frees the run that begins with page.
func (p *pages) release(page int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := int(p.m.u32(p.row(page)+runLen) &^ usedRun)
	if end := page + n; end < p.n && p.m.u32(p.row(end)+runLen)&usedRun == 0 {
		n += p.remove(end)
	}
	if page > 0 {
		if before := p.m.u32(p.row(page-1) + runLen); before&usedRun == 0 {
			page -= int(before)
			n += p.remove(page)
		}
	}
	p.insert(page, n)
}

// free returns the number of free pages.
func (p *pages) free() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left
}
