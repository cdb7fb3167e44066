package regex

import (
	"sync"
	"sync/atomic"
)

// Cache keeps compiled patterns, up to a bound. It is safe for all workers. A
// hit takes a read lock only.
type Cache struct {
	max int

	mu   sync.RWMutex
	m    map[cacheKey]*cacheEntry
	ring []*cacheEntry // guarded by mu; the hand goes around it (second chance)
	hand int
}

type cacheKey struct {
	pattern string
	flags   Flags
}

type cacheEntry struct {
	key  cacheKey
	re   *Regex
	used atomic.Bool
}

// NewCache returns a cache for at most n patterns; n below 1 keeps none.
func NewCache(n int) *Cache {
	return &Cache{max: n, m: make(map[cacheKey]*cacheEntry)}
}

// Get returns the compiled pattern, from the cache where it is there. An error
// is an *Error and is not kept.
func (c *Cache) Get(pattern string, flags Flags) (*Regex, error) {
	key := cacheKey{pattern, flags}
	c.mu.RLock()
	e := c.m[key]
	c.mu.RUnlock()
	if e != nil {
		if !e.used.Load() {
			e.used.Store(true)
		}
		return e.re, nil
	}
	re, err := Compile(pattern, flags)
	if err != nil {
		return nil, err
	}
	c.put(key, re)
	return re, nil
}

// put keeps a pattern; another one that was not used lately goes.
func (c *Cache) put(key cacheKey, re *Regex) {
	if c.max < 1 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m[key] != nil {
		return
	}
	e := &cacheEntry{key: key, re: re}
	c.m[key] = e
	if len(c.ring) < c.max {
		c.ring = append(c.ring, e)
		return
	}
	for c.ring[c.hand].used.Swap(false) {
		c.hand = (c.hand + 1) % len(c.ring)
	}
	delete(c.m, c.ring[c.hand].key)
	c.ring[c.hand] = e
	c.hand = (c.hand + 1) % len(c.ring)
}

// Len returns how many patterns are kept.
func (c *Cache) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.m)
}
