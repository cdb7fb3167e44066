package shdict

// Offsets in a node of a list.
const (
	nodePrev = 0
	nodeNext = 4
	nodeLen  = 8
	nodeKind = 12
	nodeData = 13
)

// Offsets in the value of a list.
const (
	listFirst = 0
	listLast  = 4
	listLen   = 8
)

// End is an end of a list.
type End uint8

// The ends.
const (
	Left End = iota
	Right
)

// Push adds a string or number at an end of a list, which it makes where there is none, and returns the length:
// ErrNotList, ErrNoMemory. Other entries are not pushed out for it.
func (d *Dict) Push(now int64, key string, end End, v Value) (int, error) {
	if len(key) > MaxKey {
		return 0, ErrKeyTooLong
	}
	s, hash := d.lock(key, now)
	defer s.unlock()
	s.reap()
	s.count.sets++
	e, alive := s.lookup(hash, key)
	if alive && s.entry(e).kind != list {
		return 0, ErrNotList
	}
	if e != 0 && !alive {
		s.remove(e)
		e = 0
	}
	if e == 0 {
		if e = s.alloc(entryLen(key, listLen)); e == 0 {
			return 0, ErrNoMemory
		}
		s.insert(e, hash, key, list, 0)
		s.entry(e).expires = 0
		s.entry(e).flags = 0
		s.m.setI64(s.value(e), 0)
	}
	node := s.alloc(nodeData + v.len())
	if node == 0 {
		if s.entry(e).length == 0 {
			s.remove(e)
		}
		return 0, ErrNoMemory
	}
	at := node.at()
	s.m.setU32(at+nodeLen, uint32(v.len()))
	s.m[at+nodeKind] = byte(v.Kind)
	s.m.put(at+nodeData, &v)
	s.attach(s.value(e), node, end)
	n := s.entry(e).length + 1
	s.entry(e).length = n
	return int(n), nil
}

// attach links a node at an end of the list whose value is at ends.
func (s *shard) attach(ends int, node ref, end End) {
	m, at := s.m, node.at()
	this, that, toward, away := listFirst, listLast, nodeNext, nodePrev
	if end == Right {
		this, that, toward, away = listLast, listFirst, nodePrev, nodeNext
	}
	was := m.ref(ends + this)
	m.setRef(at+toward, was)
	m.setRef(at+away, 0)
	if was != 0 {
		m.setRef(was.at()+away, node)
	} else {
		m.setRef(ends+that, node)
	}
	m.setRef(ends+this, node)
}

// detach unlinks the node at an end of the list whose value is at ends, and returns it.
func (s *shard) detach(ends int, end End) ref {
	m := s.m
	this, that, toward, away := listFirst, listLast, nodeNext, nodePrev
	if end == Right {
		this, that, toward, away = listLast, listFirst, nodePrev, nodeNext
	}
	node := m.ref(ends + this)
	next := m.ref(node.at() + toward)
	m.setRef(ends+this, next)
	if next != 0 {
		m.setRef(next.at()+away, 0)
	} else {
		m.setRef(ends+that, 0)
	}
	return node
}

// Pop removes and returns the element at an end of a list, the kind Nil where there is no list. A string is appended to
// buf. The list goes with its last element.
func (d *Dict) Pop(now int64, key string, end End, buf []byte) (Item, error) {
	s, hash := d.lock(key, now)
	defer s.unlock()
	s.reap()
	e, alive := s.lookup(hash, key)
	if !alive {
		s.count.misses++
		return Item{}, nil
	}
	if s.entry(e).kind != list {
		return Item{}, ErrNotList
	}
	s.count.hits++
	node := s.detach(s.value(e), end)
	at := node.at()
	it := s.m.item(at+nodeData, int(s.m.u32(at+nodeLen)), Kind(s.m[at+nodeKind]), buf)
	s.release(node)
	n := s.entry(e).length - 1
	s.entry(e).length = n
	if n == 0 {
		s.remove(e)
	}
	return it, nil
}

// Len returns the length of a list, 0 where there is none: ErrNotList.
func (d *Dict) Len(now int64, key string) (int, error) {
	s, hash := d.lock(key, now)
	defer s.unlock()
	s.reap()
	e, alive := s.lookup(hash, key)
	if !alive {
		return 0, nil
	}
	if s.entry(e).kind != list {
		return 0, ErrNotList
	}
	return int(s.entry(e).length), nil
}

// freeNodes frees the nodes of a list that is about to go.
func (s *shard) freeNodes(e ref) {
	for node := s.m.ref(s.value(e) + listFirst); node != 0; {
		next := s.m.ref(node.at() + nodeNext)
		s.release(node)
		node = next
	}
}
