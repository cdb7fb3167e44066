package shdict

// Get returns the value of a key, the kind Nil where there is none or it has expired. A string is appended to buf. A
// list is ErrIsList.
func (d *Dict) Get(now int64, key string, buf []byte) (Item, error) {
	s, hash := d.lock(key, now)
	s.reap()
	e, alive := s.lookup(hash, key)
	if !alive {
		s.count.misses++
		s.unlock()
		return Item{}, nil
	}
	s.count.hits++
	it, err := s.item(e, buf)
	s.unlock()
	return it, err
}

// GetStale is Get that returns expired values as well, and says so.
func (d *Dict) GetStale(now int64, key string, buf []byte) (Item, error) {
	s, hash := d.lock(key, now)
	e, alive := s.lookup(hash, key)
	if e == 0 {
		s.count.misses++
		s.unlock()
		return Item{}, nil
	}
	s.count.hits++
	it, err := s.item(e, buf)
	it.Stale = !alive
	s.unlock()
	return it, err
}

// item reads the value of an entry.
func (s *shard) item(e ref, buf []byte) (Item, error) {
	kind := s.entry(e).kind
	if kind == list {
		return Item{}, ErrIsList
	}
	it := s.m.item(s.value(e), int(s.entry(e).length), kind, buf)
	it.Flags = s.entry(e).flags
	return it, nil
}

// TTL returns the milliseconds until a key expires, 0 for one that does not and a negative number for one that has.
// Asking is no use.
func (d *Dict) TTL(now int64, key string) (int64, error) {
	s, hash := d.lock(key, now)
	defer s.unlock()
	e := s.find(hash, key)
	if e == 0 {
		return 0, ErrNotFound
	}
	x := s.entry(e).expires
	if x == 0 {
		return 0, nil
	}
	return x - now, nil
}

// Expire gives a key a new lifetime, even one that has expired.
func (d *Dict) Expire(now int64, key string, ttl int64) error {
	s, hash := d.lock(key, now)
	defer s.unlock()
	e := s.find(hash, key)
	if e == 0 {
		return ErrNotFound
	}
	s.entry(e).expires = s.deadline(ttl)
	return nil
}
