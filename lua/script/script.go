package script

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"weir/lua/vm"
)

// Stats counts what the cache did since it was made.
type Stats struct {
	Hits     uint64 // found in memory
	Loads    uint64 // read in stored form
	Compiles uint64
	Failures uint64 // chunks that did not compile
	Rejected uint64 // stored forms that failed their check
	Scripts  int    // in memory
	Bytes    int    // estimated memory of those
}

// Cache is a set of compiled scripts.
type Cache struct {
	dir string // of stored forms; empty: none

	hits, loads, compiles, failures, rejected atomic.Uint64

	mu    sync.Mutex
	byKey map[key]*entry
	files map[string]*file
	bytes int
}

type key [sha256.Size]byte

// entry is one script; done is closed when proto or err is set.
type entry struct {
	done  chan struct{}
	proto *vm.Proto
	err   error
}

// file is what a path was last compiled from.
type file struct {
	mtime time.Time
	size  int64
	proto *vm.Proto
	err   error
}

// New returns an empty cache. dir, unless empty, is a directory for stored forms: it must be writable by nobody but
// this process's user, or it is not used.
func New(dir string) *Cache {
	c := &Cache{byKey: map[key]*entry{}, files: map[string]*file{}}
	if dir != "" && private(dir) {
		c.dir = dir
	}
	return c
}

// private makes the directory if it is missing and reports whether only its owner can write it.
func private(dir string) bool {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false
	}
	st, err := os.Stat(dir)
	return err == nil && st.IsDir() && st.Mode().Perm()&0o022 == 0
}

// Stored reports whether stored forms are in use.
func (c *Cache) Stored() bool { return c.dir != "" }

func keyOf(src, name string) (k key) {
	h := sha256.New()
	h.Write([]byte(name))
	h.Write([]byte{0})
	h.Write([]byte(src))
	h.Sum(k[:0])
	return k
}

// Compile returns the prototype of a chunk, compiled at most once per name and content. A failure is remembered as
// well.
func (c *Cache) Compile(src, name string) (*vm.Proto, error) {
	k := keyOf(src, name)
	c.mu.Lock()
	e, ok := c.byKey[k]
	if ok {
		c.mu.Unlock()
		<-e.done
		c.hits.Add(1)
		return e.proto, e.err
	}
	e = &entry{done: make(chan struct{})}
	c.byKey[k] = e
	c.mu.Unlock()

	defer close(e.done)
	if e.proto = c.load(k); e.proto == nil {
		c.compiles.Add(1)
		if e.proto, e.err = vm.Compile(src, name); e.err != nil {
			c.failures.Add(1)
			return nil, e.err
		}
		c.store(k, e.proto)
	}
	c.mu.Lock()
	c.bytes += e.proto.Size()
	c.mu.Unlock()
	return e.proto, nil
}

func (c *Cache) path(k key) string { return filepath.Join(c.dir, hex.EncodeToString(k[:])+".luac") }

// load reads a stored form; nil where there is none that passes its check.
func (c *Cache) load(k key) *vm.Proto {
	if c.dir == "" {
		return nil
	}
	b, err := os.ReadFile(c.path(k))
	if err != nil {
		return nil
	}
	p, err := vm.Unmarshal(b)
	if err != nil {
		c.rejected.Add(1)
		os.Remove(c.path(k))
		return nil
	}
	c.loads.Add(1)
	return p
}

// store writes a stored form: whole or not at all. A failure costs the next start some time and nothing else.
func (c *Cache) store(k key, p *vm.Proto) {
	if c.dir == "" {
		return
	}
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return
	}
	_, err = f.Write(p.Marshal())
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), c.path(k))
	}
	if err != nil {
		os.Remove(f.Name())
	}
}

// File returns the prototype of a file, under the chunk name "@path". With check the file is looked at each time and
// read again when its time or size has changed (lua_code_cache off); without, the first result stays.
func (c *Cache) File(path string, check bool) (*vm.Proto, error) {
	c.mu.Lock()
	f := c.files[path]
	c.mu.Unlock()
	if f != nil && !check {
		c.hits.Add(1)
		return f.proto, f.err
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if f != nil && f.size == st.Size() && f.mtime.Equal(st.ModTime()) {
		c.hits.Add(1)
		return f.proto, f.err
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	n := &file{mtime: st.ModTime(), size: st.Size()}
	n.proto, n.err = c.Compile(string(b), "@"+path)
	c.mu.Lock()
	c.files[path] = n
	c.mu.Unlock()
	return n.proto, n.err
}

// Forget drops the scripts whose keys keep does not want from memory; a reload calls it with the scripts of the
// configuration it has left. VMs that run them are not disturbed.
func (c *Cache) Forget(keep func(p *vm.Proto) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, e := range c.byKey {
		select {
		case <-e.done:
		default:
			continue
		}
		if e.proto == nil || !keep(e.proto) {
			if e.proto != nil {
				c.bytes -= e.proto.Size()
			}
			delete(c.byKey, k)
		}
	}
	for path, f := range c.files {
		if f.proto == nil || !keep(f.proto) {
			delete(c.files, path)
		}
	}
}

// Prune removes stored forms that no script in memory has used, such as those of earlier versions.
func (c *Cache) Prune() error {
	if c.dir == "" {
		return nil
	}
	c.mu.Lock()
	used := make(map[string]bool, len(c.byKey))
	for k := range c.byKey {
		used[filepath.Base(c.path(k))] = true
	}
	c.mu.Unlock()
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".luac" && !used[e.Name()] {
			if err := os.Remove(filepath.Join(c.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Stats returns what the cache did so far.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Hits: c.hits.Load(), Loads: c.loads.Load(), Compiles: c.compiles.Load(),
		Failures: c.failures.Load(), Rejected: c.rejected.Load(), Scripts: len(c.byKey), Bytes: c.bytes}
}
