package http

import (
	"weir/netio/buf"
	"weir/netio/file"
)

// fileCacheConf is one open_file_cache directive. Locations that inherit it
// share one cache per worker.
type fileCacheConf struct {
	gen      *Generation
	max      int   // entries
	inactive int64 // seconds without use after which an entry goes
}

// fileCache is the open file cache of one directive on one worker: names with
// what was found under them, the least recently used last. An entry that
// requests hold stays open when it is taken out; the last of them closes it.
type fileCache struct {
	w       *Worker
	conf    *fileCacheConf
	entries map[string]*cachedFile
	lru     cachedFile // ring: next is the newest, prev the oldest
	free    *cachedFile
	kept    int // bytes of contents
}

// Files up to keptFile bytes are kept in memory, so that a request for one
// costs no call but the receiving and the sending one. All those of a cache
// take keptBytes at most.
const (
	keptFile  = smallFile
	keptBytes = 16 << 20
)

// cachedFile is one entry. FD is -1 while it only remembers what there was: a
// directory, a failure, or a file not used often enough to stay open.
type cachedFile struct {
	buf.File
	cache      *fileCache
	name       string // without NUL
	next, prev *cachedFile
	info       FileInfo // File is always nil here
	links      symlinks
	from       int
	created    int64 // when it was last looked up on the disk, Unix seconds
	accessed   int64
	uses       int
	minUses    int // of the location that used it last
	dropped    bool
	content    []byte // the whole file; nil: not read
}

// fileCache returns the cache of directive c, nil for one of an earlier
// configuration: its last requests open their files themselves.
func (w *Worker) fileCache(c *fileCacheConf) *fileCache {
	if fc := w.fileCaches[c]; fc != nil {
		return fc
	}
	if c.gen != w.gen {
		return nil
	}
	fc := &fileCache{w: w, conf: c, entries: make(map[string]*cachedFile)}
	fc.lru.next, fc.lru.prev = &fc.lru, &fc.lru
	if w.fileCaches == nil {
		w.fileCaches = make(map[*fileCacheConf]*fileCache)
	}
	w.fileCaches[c] = fc
	return fc
}

// dropFileCaches closes the caches of generations that are no longer used for
// new requests.
func (w *Worker) dropFileCaches() {
	for c, fc := range w.fileCaches {
		if c.gen == w.gen {
			continue
		}
		for e := fc.lru.next; e != &fc.lru; e = fc.lru.next {
			fc.drop(e)
		}
		delete(w.fileCaches, c)
	}
}

// open finds a.name in the cache or on the disk.
func (fc *fileCache) open(r *Request, a *fileAsk, o *openFileConf) FileInfo {
	now := fc.w.Loop.Unix()
	e := fc.entries[string(a.name[:len(a.name)-1])]
	var f FileInfo
	switch {
	case e == nil:
		e, f = fc.miss(a, o, now)
	case e.fresh(a, o, now):
		e.uses++
		fc.unlink(e)
		f = e.info
		if e.FD >= 0 {
			e.Hold()
		}
	default:
		e.uses++
		fc.unlink(e)
		e, f = fc.retest(e, a, o, now)
	}
	if e == nil { // a failure that is not remembered
		return f
	}
	e.accessed, e.minUses = now, o.minUses.V
	fc.link(e)
	if e.FD >= 0 {
		f.File = &e.File
		r.Cleanup(releaseFile, f.File)
	}
	return f
}

// fresh reports whether what e says can be used without asking the disk.
func (e *cachedFile) fresh(a *fileAsk, o *openFileConf, now int64) bool {
	if e.FD < 0 && e.info.Err == 0 && !e.info.IsDir {
		return false // was not used often enough to stay open
	}
	return now-e.created < o.valid.V && e.links == a.links && e.from == a.from
}

// miss looks up a name that is not in the cache. The entry, nil for a failure
// that is not to be remembered, is held once when it is open.
func (fc *fileCache) miss(a *fileAsk, o *openFileConf, now int64) (*cachedFile, FileInfo) {
	var f FileInfo
	fd := a.open(&f)
	if f.Err != 0 && !o.errors.V {
		return nil, f
	}
	e := fc.add(a)
	e.fill(fd, f, a, now)
	return e, f
}

// add makes an entry for the name, after making room.
func (fc *fileCache) add(a *fileAsk) *cachedFile {
	if len(fc.entries) >= fc.conf.max {
		fc.expire(0)
	}
	e := fc.take()
	e.name = string(a.name[:len(a.name)-1])
	fc.entries[e.name] = e
	e.uses = 1
	return e
}

// fill stores what the disk said. An open file is held once.
func (e *cachedFile) fill(fd int, f FileInfo, a *fileAsk, now int64) {
	e.File = buf.File{FD: -1}
	if fd >= 0 {
		e.Init(fd, f.Size, e)
	}
	e.info, e.links, e.from, e.created = f, a.links, a.from, now
}

// retest asks the disk about an entry that is too old or no longer open. e is
// not linked. The entry returned, which may be another, is as miss says.
func (fc *fileCache) retest(e *cachedFile, a *fileAsk, o *openFileConf, now int64) (*cachedFile, FileInfo) {
	var f FileInfo
	fd := -1
	if e.FD >= 0 || e.info.IsDir {
		a.stat(&f)
		if f.Err == 0 && e.FD >= 0 && f.Uniq == e.info.Uniq { // still the same file
			if f.Mtime != e.info.Mtime || f.Size != e.info.Size {
				fc.dropContent(e)
			}
			e.info, e.links, e.from, e.created, e.Size = f, a.links, a.from, now, f.Size
			e.Hold()
			return e, f
		}
	}
	if f.Err == 0 && !f.IsDir {
		f = FileInfo{}
		fd = a.open(&f)
	}
	if f.Err != 0 && !o.errors.V {
		fc.forget(e)
		return nil, f
	}
	if e.Refs() > 0 { // requests still send the old file
		uses := e.uses
		fc.forget(e)
		e = fc.add(a)
		e.uses = uses
	} else if e.FD >= 0 {
		file.Close(e.FD)
		fc.dropContent(e)
	}
	e.fill(fd, f, a, now)
	return e, f
}

// fromMemory turns a link for a part of the file into one for its contents,
// which it reads if they may be kept. The link's hold on the file keeps them.
func (e *cachedFile) fromMemory(l *buf.Link) bool {
	if e.content == nil && !e.keep() || l.Owner != nil || l.End > int64(len(e.content)) {
		return false
	}
	l.Mem, l.File, l.Owner = e.content[l.Off:l.End:l.End], nil, e
	l.Flags &^= buf.InFile
	return true
}

// LinkDone implements buf.Owner for the links of fromMemory.
func (e *cachedFile) LinkDone(l *buf.Link) {
	l.Owner = nil
	e.cache.w.Buffers.Free(l)
	e.Release()
}

// keep reads a small file.
func (e *cachedFile) keep() bool {
	fc := e.cache
	n := int(e.Size)
	if e.dropped || n > keptFile || n == 0 || fc.kept >= keptBytes || e.uses < e.minUses {
		return false
	}
	b := fc.w.Buffers.Get(n)[:n]
	if m, err := file.Pread(e.FD, b, 0); err != 0 || m != n { // changed meanwhile: read as others are
		fc.w.Buffers.Put(b)
		return false
	}
	e.content = b
	fc.kept += cap(b)
	return true
}

// dropContent forgets the contents. While links still carry them they are left
// to the collector.
func (fc *fileCache) dropContent(e *cachedFile) {
	if e.content == nil {
		return
	}
	fc.kept -= cap(e.content)
	if e.Refs() == 0 {
		fc.w.Buffers.Put(e.content)
	}
	e.content = nil
}

// expire takes entries out: with n 0 the oldest whatever its age and up to
// two inactive ones, with n 1 up to two inactive ones.
func (fc *fileCache) expire(n int) {
	now := fc.w.Loop.Unix()
	for ; n < 3; n++ {
		e := fc.lru.prev
		if e == &fc.lru || n != 0 && now-e.accessed <= fc.conf.inactive {
			return
		}
		fc.drop(e)
	}
}

// drop takes a linked entry out of the cache.
func (fc *fileCache) drop(e *cachedFile) {
	fc.unlink(e)
	fc.forget(e)
}

// forget takes an entry that is not linked out of the cache, and closes it
// unless requests hold it.
func (fc *fileCache) forget(e *cachedFile) {
	delete(fc.entries, e.name)
	e.dropped = true
	if e.Refs() == 0 {
		fc.put(e)
	}
}

// FileIdle implements buf.FileIdle: no request holds the file any more.
func (e *cachedFile) FileIdle(*buf.File) {
	fc := e.cache
	if e.dropped {
		fc.put(e)
		return
	}
	e.accessed = fc.w.Loop.Unix()
	fc.unlink(e)
	fc.link(e)
	if e.uses < e.minUses {
		fc.dropContent(e)
		file.Close(e.FD)
		e.FD = -1
	}
	fc.expire(1)
}

// link makes e the newest entry.
func (fc *fileCache) link(e *cachedFile) {
	e.prev, e.next = &fc.lru, fc.lru.next
	e.prev.next, e.next.prev = e, e
}

func (fc *fileCache) unlink(e *cachedFile) {
	e.prev.next, e.next.prev = e.next, e.prev
	e.next, e.prev = nil, nil
}

// take returns an empty entry; put gives one back and closes it.
func (fc *fileCache) take() *cachedFile {
	e := fc.free
	if e == nil {
		e = new(cachedFile)
	}
	fc.free = e.next
	*e = cachedFile{cache: fc}
	e.FD = -1
	return e
}

func (fc *fileCache) put(e *cachedFile) {
	fc.dropContent(e)
	if e.FD >= 0 {
		file.Close(e.FD)
	}
	e.FD, e.name = -1, ""
	e.next = fc.free
	fc.free = e
}
