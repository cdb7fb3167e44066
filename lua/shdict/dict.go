package shdict

import (
	"errors"
	"hash/maphash"
	"os"
	"runtime"
	"sync"
)

// The errors. Their texts are OpenResty's.
var (
	// ErrNoMemory says that no room could be made.
	ErrNoMemory = errors.New("no memory")
	// ErrExists says that Add found an entry.
	ErrExists = errors.New("exists")
	// ErrNotFound says that there is no entry, or an expired one.
	ErrNotFound = errors.New("not found")
	// ErrNotNumber says that Incr found something else than a number.
	ErrNotNumber = errors.New("not a number")
	// ErrIsList says that Get found a list.
	ErrIsList = errors.New("value is a list")
	// ErrNotList says that a list operation found something else.
	ErrNotList = errors.New("value not a list")
	// ErrKeyTooLong says that a key has more than MaxKey bytes.
	ErrKeyTooLong = errors.New("key too long")
)

const (
	// MaxKey is the length of the longest key.
	MaxKey = 65535
	// MinSize is the least size of a dictionary in bytes.
	MinSize = 8192
	// MaxSize is the greatest, which is what refs reach.
	MaxSize = 1 << (32 + refShift)
)

// Kind is the type of a value. The numbers are those of the Lua types.
type Kind uint8

// The kinds. Nil stands for no value: storing it deletes.
const (
	Nil    Kind = 0
	Bool   Kind = 1
	Number Kind = 3
	String Kind = 4

	list Kind = 5
)

// Value is a value to be stored.
type Value struct {
	Kind   Kind
	Number float64 // of Number; of Bool, 0 is false
	Text   string  // of String
}

// Item is a value that was read.
type Item struct {
	Kind   Kind
	Stale  bool // it had expired; only GetStale returns such items
	Flags  uint32
	Number float64 // of Number; of Bool, 0 is false
	Text   []byte  // of String, in the caller's buffer
}

// Dict is a dictionary. All methods may be called from any goroutine. A time is in milliseconds since 1970, a lifetime
// in milliseconds, where 0 or less means for ever.
type Dict struct {
	name   string
	size   int64
	seed   maphash.Seed
	file   *os.File
	shards []shard
	free   pages
}

// shard is a part of a dictionary with its own lock.
type shard struct {
	d       *Dict
	m       memory
	base    address // of m
	root    int     // offset of its root
	buckets int     // offset of its buckets
	nbucket uint64
	mu      sync.Mutex
	now     int64 // of the operation under way; guarded by mu, as the rest
	count   counters
	_       [64]byte // the next shard's lock is on another cache line
}

// New makes a dictionary of size bytes; the name is for messages and /proc. It fails when the size is out of bounds or
// memory cannot be mapped.
func New(name string, size int64) (*Dict, error) {
	if size < MinSize || size > MaxSize {
		return nil, errors.New("invalid lua shared dict size \"" + name + "\"")
	}
	l := layoutOf(size)
	m, f, err := mapMemory(name, l)
	if err != nil {
		return nil, err
	}
	d := &Dict{name: name, size: size, seed: maphash.MakeSeed(), file: f, shards: make([]shard, l.shards)}
	m.setI64(headMagic, magic)
	m.setI64(headSize, size)
	m.setI64(headShards, int64(l.shards))
	m.setI64(headPages, int64(l.pages))
	d.free.init(m, l)
	for i := range d.shards {
		s := &d.shards[i]
		s.d, s.m, s.base = d, m, m.address()
		s.root = headRoots + i*rootSize
		s.buckets = l.buckets + 4*i*l.nbucket
		s.nbucket = uint64(l.nbucket)
	}
	runtime.AddCleanup(d, unmap, m)
	return d, nil
}

// Name returns the name given to New.
func (d *Dict) Name() string { return d.name }

// Capacity returns the size given to New, in bytes.
func (d *Dict) Capacity() int64 { return d.size }

// File returns the memory's file, for a process that is to go on with it.
func (d *Dict) File() *os.File { return d.file }

// lock returns the locked shard of a key, and the key's hash.
func (d *Dict) lock(key string, now int64) (*shard, uint32) {
	h := maphash.String(d.seed, key)
	s := &d.shards[h>>32&uint64(len(d.shards)-1)]
	s.mu.Lock()
	s.now = now
	return s, uint32(h)
}

// unlock ends an operation. Until then the dictionary, and with it the memory, is in use.
func (s *shard) unlock() {
	s.mu.Unlock()
	runtime.KeepAlive(s.d)
}
