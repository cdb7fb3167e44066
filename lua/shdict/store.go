package shdict

import "math"

// Op says how Store stores.
type Op uint8

// The ways to store; Safe may be added to each.
const (
	// Set stores in any case.
	Set Op = 0
	// Add stores where no entry is: ErrExists.
	Add Op = 1
	// Replace stores where an entry is: ErrNotFound.
	Replace Op = 2
	// Safe pushes no other entry out: ErrNoMemory.
	Safe Op = 4
)

// Store stores a value; the value Nil deletes. forced says that entries which had not expired were pushed out for it,
// which may be so although there was no memory in the end.
func (d *Dict) Store(now int64, op Op, key string, v Value, ttl int64, flags uint32) (forced bool, err error) {
	if len(key) > MaxKey {
		return false, ErrKeyTooLong
	}
	s, hash := d.lock(key, now)
	s.reap()
	s.count.sets++
	e, alive := s.lookup(hash, key)
	switch {
	case op&Replace != 0 && !alive:
		err = ErrNotFound
	case op&Add != 0 && alive:
		err = ErrExists
	case v.Kind == Nil:
		if e != 0 {
			s.remove(e)
		}
	default:
		forced, err = s.store(e, hash, key, &v, ttl, flags, op&Safe != 0)
	}
	s.unlock()
	return forced, err
}

// store writes a value over the entry e, or where e is 0 or too small or too large in a new one.
func (s *shard) store(e ref, hash uint32, key string, v *Value, ttl int64, flags uint32, safe bool) (forced bool, err error) {
	n := v.len()
	if e != 0 && s.entry(e).kind != list && fits(entryLen(key, int(s.entry(e).length)), entryLen(key, n)) {
		s.entry(e).kind = v.Kind
		s.entry(e).length = uint32(n)
		s.touch(e)
	} else {
		if e != 0 {
			s.remove(e)
		}
		if e, forced = s.obtain(entryLen(key, n), safe); e == 0 {
			return forced, ErrNoMemory
		}
		s.insert(e, hash, key, v.Kind, n)
	}
	s.entry(e).expires = s.deadline(ttl)
	s.entry(e).flags = flags
	s.m.put(s.value(e), v)
	return forced, nil
}

// obtain returns a block, pushing other entries out unless safe is set; 0 where there is no memory.
func (s *shard) obtain(n int, safe bool) (r ref, forced bool) {
	if r = s.alloc(n); r != 0 || safe {
		return r, false
	}
	return s.makeRoom(n)
}

// Incr adds delta to a number and returns the sum: ErrNotFound, ErrNotNumber.
func (d *Dict) Incr(now int64, key string, delta float64) (float64, error) {
	sum, _, err := d.incr(now, key, delta, 0, 0, false)
	return sum, err
}

// IncrInit is Incr that begins with init where there is no entry, with a lifetime for the new one. For forced see
// Store.
func (d *Dict) IncrInit(now int64, key string, delta, init float64, ttl int64) (sum float64, forced bool, err error) {
	return d.incr(now, key, delta, init, ttl, true)
}

func (d *Dict) incr(now int64, key string, delta, init float64, ttl int64, create bool) (sum float64, forced bool, err error) {
	if len(key) > MaxKey {
		return 0, false, ErrKeyTooLong
	}
	s, hash := d.lock(key, now)
	s.reap()
	e, alive := s.lookup(hash, key)
	switch {
	case alive && s.entry(e).kind != Number:
		err = ErrNotNumber
	case alive:
		at := s.value(e)
		sum = s.m.number(at) + delta
		s.m.setI64(at, int64(math.Float64bits(sum)))
	case !create:
		err = ErrNotFound
	default:
		sum = init + delta
		forced, err = s.store(e, hash, key, &Value{Kind: Number, Number: sum}, ttl, 0, false)
	}
	s.unlock()
	return sum, forced, err
}
