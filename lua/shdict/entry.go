package shdict

import "math"

// entData is where the key begins.
const entData = 36

const numberLen = 8

// counters count what happened in a shard.
type counters struct {
	hits, misses, sets, evictions, expired int64
}

// bucket returns the offset of a hash's bucket.
func (s *shard) bucket(hash uint32) int {
	return s.buckets + 4*int(uint64(hash)*s.nbucket>>32)
}

// find returns the entry of a key, expired or not, 0 for none.
func (s *shard) find(hash uint32, key string) ref {
	e := s.m.ref(s.bucket(hash))
	for e != 0 {
		n := s.entry(e)
		if n.hash == hash && int(n.keyLen) == len(key) && s.key(e) == key {
			return e
		}
		e = n.next
	}
	return 0
}

// lookup returns the entry of a key; alive says that it has not expired, and then it is the newest now.
func (s *shard) lookup(hash uint32, key string) (e ref, alive bool) {
	e = s.find(hash, key)
	if e == 0 || s.dead(e) {
		return e, false
	}
	s.touch(e)
	return e, true
}

// dead tells whether an entry has expired.
func (s *shard) dead(e ref) bool {
	x := s.entry(e).expires
	return x != 0 && x <= s.now
}

// deadline returns what the expires field says for a lifetime.
func (s *shard) deadline(ttl int64) int64 {
	if ttl <= 0 {
		return 0
	}
	return s.now + ttl
}

// touch makes an entry the newest.
func (s *shard) touch(e ref) {
	if s.ends().newest != e {
		s.leave(e)
		s.enter(e)
	}
}

// enter puts an entry at the new end of the order of use.
func (s *shard) enter(e ref) {
	r, n := s.ends(), s.entry(e)
	n.newer, n.older = 0, r.newest
	if r.newest != 0 {
		s.entry(r.newest).newer = e
	} else {
		r.oldest = e
	}
	r.newest = e
}

// leave takes an entry out of the order of use.
func (s *shard) leave(e ref) {
	r, n := s.ends(), s.entry(e)
	if n.newer != 0 {
		s.entry(n.newer).older = n.older
	} else {
		r.newest = n.older
	}
	if n.older != 0 {
		s.entry(n.older).newer = n.newer
	} else {
		r.oldest = n.newer
	}
}

// insert makes an entry of a block that alloc gave for entryLen bytes. The value is the caller's to write.
func (s *shard) insert(e ref, hash uint32, key string, kind Kind, length int) {
	n, b := s.entry(e), s.bucket(hash)
	n.hash, n.next = hash, s.m.ref(b)
	s.m.setRef(b, e)
	n.length, n.keyLen, n.kind = uint32(length), uint16(len(key)), kind
	copy(s.m[e.at()+entData:], key)
	s.enter(e)
	s.ends().entries++
}

// remove deletes an entry.
func (s *shard) remove(e ref) {
	n := s.entry(e)
	if n.kind == list {
		s.freeNodes(e)
	}
	b := s.bucket(n.hash)
	if first := s.m.ref(b); first == e {
		s.m.setRef(b, n.next)
	} else {
		before := s.entry(first)
		for before.next != e {
			before = s.entry(before.next)
		}
		before.next = n.next
	}
	s.leave(e)
	s.release(e)
	s.ends().entries--
}

// value returns the offset of an entry's value.
func (s *shard) value(e ref) int { return e.at() + entData + int(s.entry(e).keyLen) }

// entryLen is how many bytes an entry takes.
func entryLen(key string, value int) int { return entData + len(key) + value }

// len returns how many bytes the value takes.
func (v *Value) len() int {
	switch v.Kind {
	case String:
		return len(v.Text)
	case Number:
		return numberLen
	}
	return 1
}

// put writes a value.
func (m memory) put(at int, v *Value) {
	switch v.Kind {
	case String:
		copy(m[at:], v.Text)
	case Number:
		m.setI64(at, int64(math.Float64bits(v.Number)))
	default:
		m[at] = 0
		if v.Number != 0 {
			m[at] = 1
		}
	}
}

// item reads a value of n bytes.
func (m memory) item(at, n int, kind Kind, buf []byte) Item {
	it := Item{Kind: kind}
	switch kind {
	case String:
		it.Text = append(buf, m[at:at+n]...)
	case Number:
		it.Number = m.number(at)
	case Bool:
		it.Number = float64(m[at])
	}
	return it
}

func (m memory) number(at int) float64 { return math.Float64frombits(uint64(m.i64(at))) }
