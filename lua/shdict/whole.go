package shdict

// flushed is the deadline of an entry that FlushAll let expire: long ago.
const flushed = 1

// FlushAll lets all entries expire. Their memory comes back as it is needed, or by FlushExpired.
func (d *Dict) FlushAll(now int64) {
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		s.now = now
		for e := s.ends().newest; e != 0; e = s.entry(e).older {
			s.entry(e).expires = flushed
		}
		s.evict()
		s.unlock()
	}
}

// FlushExpired removes expired entries, up to limit where that is above zero, and returns how many.
func (d *Dict) FlushExpired(now int64, limit int) int {
	n := 0
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		s.now = now
		for e := s.ends().oldest; e != 0; {
			newer := s.entry(e).newer
			if s.dead(e) {
				s.count.expired++
				s.remove(e)
				if n++; n == limit {
					s.unlock()
					return n
				}
			}
			e = newer
		}
		s.unlock()
	}
	return n
}

// Keys calls yield with the keys that have not expired, the least recently used of a shard first, up to limit where
// that is above zero. The bytes are valid during the call. A shard is locked meanwhile: yield must be quick and must
// not use the dictionary.
func (d *Dict) Keys(now int64, limit int, yield func(key []byte)) {
	n := 0
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		s.now = now
		for e := s.ends().oldest; e != 0; e = s.entry(e).newer {
			if s.dead(e) {
				continue
			}
			at := e.at() + entData
			yield(s.m[at : at+int(s.entry(e).keyLen)])
			if n++; n == limit {
				s.unlock()
				return
			}
		}
		s.unlock()
	}
}

// FreeSpace returns the bytes of the pages that hold nothing. While it is 0 there may still be room in pages that are
// not full.
func (d *Dict) FreeSpace() int64 { return int64(d.free.free()) << pageShift }

// Stats is what a dictionary holds and did.
type Stats struct {
	Entries   int64 // expired ones that were not removed yet included
	Capacity  int64 // bytes
	FreeSpace int64 // bytes
	Shards    int
	Hits      int64 // reads that found something
	Misses    int64 // reads that did not
	Sets      int64 // stores and pushes
	Evictions int64 // entries pushed out before they expired
	Expired   int64 // entries removed after they expired
}

// Stats returns the counters of all shards.
func (d *Dict) Stats() Stats {
	st := Stats{Capacity: d.size, FreeSpace: d.FreeSpace(), Shards: len(d.shards)}
	for i := range d.shards {
		s := &d.shards[i]
		s.mu.Lock()
		c := s.count
		st.Entries += int64(s.ends().entries)
		s.unlock()
		st.Hits += c.hits
		st.Misses += c.misses
		st.Sets += c.sets
		st.Evictions += c.evictions
		st.Expired += c.expired
	}
	return st
}
