package shdict

// reap removes up to two entries from the old end of the order of use that have expired. Every operation begins with
// it, so that what expires does not wait for an eviction.
func (s *shard) reap() {
	for range 2 {
		e := s.ends().oldest
		if e == 0 || !s.dead(e) {
			return
		}
		s.count.expired++
		s.remove(e)
	}
}

// evict removes the oldest entry, and up to two more that have expired; it returns false where there is none.
func (s *shard) evict() bool {
	e := s.ends().oldest
	if e == 0 {
		return false
	}
	if s.dead(e) {
		s.count.expired++
	} else {
		s.count.evictions++
	}
	s.remove(e)
	s.reap()
	return true
}

// evictions bounds how many entries one operation may push out. OpenResty stops after 30, which may be less than a page
// of small entries; where one page is all that is missing, it is more here.
const (
	evictionsForRun  = 30
	evictionsForPage = 256
)

// makeRoom returns a block of n bytes after pushing old entries out; forced tells whether any was. The shard's own go
// first; where it has none, those of other shards whose lock is free.
func (s *shard) makeRoom(n int) (r ref, forced bool) {
	limit := evictionsForPage
	if n > pageSize {
		limit = evictionsForRun
	}
	for range limit {
		if !s.evict() {
			break
		}
		if r = s.alloc(n); r != 0 {
			return r, true
		}
		forced = true
	}
	if len(s.d.shards) == 1 {
		return 0, forced
	}
	r, other := s.takeRoom(n, limit)
	return r, forced || other
}

// takeRoom pushes entries of other shards out, from each in turn, up to limit.
func (s *shard) takeRoom(n, limit int) (r ref, forced bool) {
	for out := 0; out < limit; forced = true {
		before := out
		for i := range s.d.shards {
			o := &s.d.shards[i]
			if o == s || !o.mu.TryLock() {
				continue
			}
			o.now = s.now
			some := o.evict()
			o.unlock()
			if !some {
				continue
			}
			out++
			if r = s.alloc(n); r != 0 {
				return r, true
			}
		}
		if out == before {
			break
		}
	}
	return 0, forced
}
