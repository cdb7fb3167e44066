package dns

import (
	"sync"
	"sync/atomic"
	"time"
)

// cache keeps results by question, absences included, in a fixed number of
// places. What was not looked at since the hand last passed gives way first
// (second chance), so that reading needs no more than the read lock.
type cache struct {
	mu      sync.RWMutex
	entries map[Query]*entry
	ring    []*entry // at most size; the hand goes round it
	hand    int
	size    int
}

// entry is one kept result. Its result is replaced as a whole, by a new entry.
type entry struct {
	key    Query
	result Result
	place  int          // in the ring
	until  int64        // Unix nanoseconds: fresh before then
	stale  int64        // Unix nanoseconds: may serve while servers fail until then
	hold   atomic.Int64 // Unix nanoseconds: serve stale without asking until then
	turn   atomic.Uint32
	used   atomic.Bool
}

func newCache(size int) *cache {
	return &cache{entries: make(map[Query]*entry), size: size}
}

// find returns what is kept for q, fresh or not; nil for nothing.
func (c *cache) find(q Query) *entry {
	c.mu.RLock()
	e := c.entries[q]
	c.mu.RUnlock()
	return e
}

// findHost is find for a Host query whose name is bytes. The compiler turns
// the composite key into a lookup without a copy of the name.
func (c *cache) findHost(name []byte) *entry {
	c.mu.RLock()
	e := c.entries[Query{Name: string(name)}]
	c.mu.RUnlock()
	return e
}

// fresh returns the result if it may be served without asking anyone.
func (e *entry) fresh(now time.Time) (Result, bool) {
	if e == nil {
		return Result{}, false
	}
	at := now.UnixNano()
	if at < e.until {
		return e.take(), true
	}
	if at < e.stale && at < e.hold.Load() {
		return e.takeStale(), true
	}
	return Result{}, false
}

// old returns the result if it may serve while servers fail.
func (e *entry) old(now time.Time) (Result, bool) {
	if e == nil || now.UnixNano() >= e.stale {
		return Result{}, false
	}
	return e.takeStale(), true
}

func (e *entry) take() Result {
	if !e.used.Load() { // shared by all workers: write only when it changes
		e.used.Store(true)
	}
	res := e.result
	res.Turn = e.turn.Add(1) - 1
	return res
}

func (e *entry) takeStale() Result {
	res := e.take()
	res.Stale = true
	return res
}

// put keeps res for q until the given times and returns it as delivered.
func (c *cache) put(q Query, res Result, until, stale time.Time) Result {
	e := &entry{key: q, result: res, until: until.UnixNano(), stale: stale.UnixNano()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if was := c.entries[q]; was != nil {
		e.turn.Store(was.turn.Load())
		e.place = was.place
	} else if len(c.ring) < c.size {
		e.place = len(c.ring)
		c.ring = append(c.ring, e)
	} else {
		e.place = c.victim()
		delete(c.entries, c.ring[e.place].key)
	}
	c.ring[e.place] = e
	c.entries[q] = e
	// Not marked as used: names seen once must not push out the ones in use.
	res.Turn = e.turn.Add(1) - 1
	return res
}

// victim moves the hand to a place whose entry was not used since the hand
// last passed. It ends: passing takes the mark away. c.mu is held.
func (c *cache) victim() int {
	for {
		e := c.ring[c.hand]
		place := c.hand
		c.hand = (c.hand + 1) % len(c.ring)
		if !e.used.Swap(false) {
			return place
		}
	}
}

// len returns the number of results kept.
func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.entries)
}
