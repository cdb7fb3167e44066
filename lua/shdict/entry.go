package shdict

import "math"

// Offsets in an entry, see the package's comment.
const (
	entHash    = 0
	entNext    = 4
	entNewer   = 8
	entOlder   = 12
	entExpires = 16
	entFlags   = 24
	entLen     = 28
	entKeyLen  = 32
	entKind    = 34
	entData    = 36
)

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
	m := s.m
	for e := m.ref(s.bucket(hash)); e != 0; {
		at := e.at()
		if m.u32(at+entHash) == hash && m.u16(at+entKeyLen) == len(key) &&
			string(m[at+entData:at+entData+len(key)]) == key {
			return e
		}
		e = m.ref(at + entNext)
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
	x := s.m.i64(e.at() + entExpires)
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
	if s.m.ref(s.root+rootNewest) != e {
		s.leave(e)
		s.enter(e)
	}
}

// enter puts an entry at the new end of the order of use.
func (s *shard) enter(e ref) {
	m := s.m
	newest := m.ref(s.root + rootNewest)
	m.setRef(e.at()+entNewer, 0)
	m.setRef(e.at()+entOlder, newest)
	if newest != 0 {
		m.setRef(newest.at()+entNewer, e)
	} else {
		m.setRef(s.root+rootOldest, e)
	}
	m.setRef(s.root+rootNewest, e)
}

// leave takes an entry out of the order of use.
func (s *shard) leave(e ref) {
	m := s.m
	newer, older := m.ref(e.at()+entNewer), m.ref(e.at()+entOlder)
	if newer != 0 {
		m.setRef(newer.at()+entOlder, older)
	} else {
		m.setRef(s.root+rootNewest, older)
	}
	if older != 0 {
		m.setRef(older.at()+entNewer, newer)
	} else {
		m.setRef(s.root+rootOldest, newer)
	}
}

// insert makes an entry of a block that alloc gave for entryLen bytes. The value is the caller's to write.
func (s *shard) insert(e ref, hash uint32, key string, kind Kind, n int) {
	m, at := s.m, e.at()
	b := s.bucket(hash)
	m.setU32(at+entHash, hash)
	m.setRef(at+entNext, m.ref(b))
	m.setRef(b, e)
	m.setU32(at+entLen, uint32(n))
	m.setU16(at+entKeyLen, len(key))
	m[at+entKind] = byte(kind)
	copy(m[at+entData:], key)
	s.enter(e)
	m.setU32(s.root+rootEntries, m.u32(s.root+rootEntries)+1)
}

// remove deletes an entry.
func (s *shard) remove(e ref) {
	m := s.m
	if s.kind(e) == list {
		s.freeNodes(e)
	}
	p := s.bucket(m.u32(e.at() + entHash))
	for m.ref(p) != e {
		p = m.ref(p).at() + entNext
	}
	m.setRef(p, m.ref(e.at()+entNext))
	s.leave(e)
	s.release(e)
	m.setU32(s.root+rootEntries, m.u32(s.root+rootEntries)-1)
}

func (s *shard) kind(e ref) Kind { return Kind(s.m[e.at()+entKind]) }

// value returns the offset of an entry's value.
func (s *shard) value(e ref) int { return e.at() + entData + s.m.u16(e.at()+entKeyLen) }

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
