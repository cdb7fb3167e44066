package http

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"weir/appliance/errlog"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/poll"
)

// cacheTest is a worker with one request whose location has a file cache.
type cacheTest struct {
	t   *testing.T
	dir string
	w   *Worker
	r   *Request
	o   *openFileConf
}

func newCacheTest(t *testing.T, max int) *cacheTest {
	loop, err := poll.New(poll.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(loop.Close)
	w := NewWorker(conn.NewDriver(loop, buf.NewPool(0)), 0, &Process{})
	g := &Generation{}
	w.gen = g
	lc := &coreLoc{}
	c := &cacheTest{t: t, dir: t.TempDir(), w: w, o: &lc.openFiles}
	if max > 0 {
		c.o.cache.Put(&fileCacheConf{gen: g, max: max, inactive: 60})
	}
	c.o.merge(&openFileConf{})
	c.r = w.takeRequest(g)
	c.r.main, c.r.arena, c.r.loc = c.r, &c.r.ownArena, &Location{core: lc}
	t.Cleanup(func() { c.end(); w.gen = nil; w.dropFileCaches(); c.leaks() })
	return c
}

// leaks checks that no descriptor is left.
func (c *cacheTest) leaks() {
	if n := c.open(); n != 0 {
		c.t.Errorf("%d files are open at the end", n)
	}
}

func (c *cacheTest) open() (n int) {
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		c.t.Skip(err)
	}
	for _, fd := range fds {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(name, c.dir) {
			n++
		}
	}
	return n
}

func (c *cacheTest) write(name, text string) {
	c.t.Helper()
	p := filepath.Join(c.dir, name)
	if err := os.WriteFile(p+".new", []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Rename(p+".new", p); err != nil { // another file each time
		c.t.Fatal(err)
	}
}

func (c *cacheTest) remove(name string) {
	c.t.Helper()
	if err := os.Remove(filepath.Join(c.dir, name)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cacheTest) ask(name string, use FileUse) FileInfo {
	return c.r.OpenFile([]byte(filepath.Join(c.dir, name)), use)
}

// end is the end of the request. Its memory has the name of a file where the
// caller's has no room for a byte more, which the folder's name decides.
func (c *cacheTest) end() {
	c.r.runCleanups()
	c.r.ownArena.Reset()
}

// want asks for a file and checks size or failure.
func (c *cacheTest) want(name string, size int64, e syscall.Errno) FileInfo {
	c.t.Helper()
	f := c.ask(name, FileOpen)
	if f.Err != e || e == 0 && f.Size != size || (f.File != nil) != (e == 0 && !f.IsDir) {
		c.t.Fatalf("%s: got %+v, want size %d, error %d", name, f, size, e)
	}
	return f
}

func TestWithoutACacheAFileIsOpenUntilTheRequestEnds(t *testing.T) {
	c := newCacheTest(t, 0)
	c.write("a", "12345")
	if f := c.want("a", 5, 0); !f.IsFile || f.IsDir || f.Mtime == 0 || f.Uniq == 0 {
		t.Errorf("got %+v", f)
	}
	if f := c.ask("", FileOpen); f.Err != 0 || !f.IsDir || f.File != nil {
		t.Errorf("the directory: got %+v", f)
	}
	c.want("none", 0, syscall.ENOENT)
	if f := c.ask("a", FileTest); f.Err != 0 || f.File != nil || f.Size != 5 {
		t.Errorf("a test found %+v", f)
	}
	if n := c.open(); n != 1 {
		t.Errorf("%d files are open, want 1", n)
	}
	c.end()
	if n := c.open(); n != 0 {
		t.Errorf("%d files are open after the request", n)
	}
}

func TestACachedFileIsUsedUntilItIsTooOld(t *testing.T) {
	c := newCacheTest(t, 10)
	c.write("a", "12345")
	c.want("a", 5, 0)
	c.end()
	c.write("a", "1234567")
	c.want("a", 5, 0) // the old one, still valid
	c.end()
	c.o.valid.V = 0
	f := c.want("a", 7, 0)
	if n := c.open(); n != 1 {
		t.Errorf("%d files are open, want the new one only", n)
	}
	c.write("a", "123456789")
	g := c.want("a", 9, 0) // while the one before is being sent
	if f.File == g.File || c.open() != 2 {
		t.Errorf("%d files are open, want two", c.open())
	}
	c.end()
	if n := c.open(); n != 1 {
		t.Errorf("%d files are open, want the newest", n)
	}
	c.want("a", 9, 0) // found to be the same
	c.remove("a")
	c.want("a", 0, syscall.ENOENT)
	c.end()
	if n := c.open(); n != 0 {
		t.Errorf("%d files are open after it was removed", n)
	}
}

func TestFailuresAreRememberedWhereAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		c := newCacheTest(t, 10)
		c.o.errors.V = on
		c.want("a", 0, syscall.ENOENT)
		c.write("a", "123")
		if on {
			c.want("a", 0, syscall.ENOENT)
			c.o.valid.V = 0
		}
		c.want("a", 3, 0)
		c.remove("a")
		c.o.valid.V = 0
		c.want("a", 0, syscall.ENOENT)
		c.o.valid.V = 60
		c.write("a", "12345")
		if on {
			c.want("a", 0, syscall.ENOENT)
		} else {
			c.want("a", 5, 0)
		}
		c.end()
	}
}

func TestFilesStayOpenAfterEnoughUses(t *testing.T) {
	c := newCacheTest(t, 10)
	c.o.minUses.V = 3
	c.write("a", "123")
	for use := 1; use <= 4; use++ {
		c.want("a", 3, 0)
		c.end()
		if n, want := c.open(), use/3; n != want && use <= 3 {
			t.Errorf("after %d uses %d files are open, want %d", use, n, want)
		}
	}
	c.write("a", "12345")
	c.want("a", 3, 0)
}

func TestDirectoriesAreRememberedAndMayBecomeFiles(t *testing.T) {
	c := newCacheTest(t, 10)
	p := filepath.Join(c.dir, "d")
	if err := os.Mkdir(p, 0o700); err != nil {
		t.Fatal(err)
	}
	if f := c.ask("d", FileOpen); !f.IsDir || f.File != nil {
		t.Errorf("got %+v", f)
	}
	if err := os.Remove(p); err != nil {
		t.Fatal(err)
	}
	if f := c.ask("d", FileDir); !f.IsDir {
		t.Errorf("the directory was not remembered: %+v", f)
	}
	c.write("d", "1234")
	c.o.valid.V = 0
	c.want("d", 4, 0)
}

func TestTheOldestEntryMakesRoom(t *testing.T) {
	c := newCacheTest(t, 3)
	for i := range 10 {
		name := strconv.Itoa(i)
		c.write(name, "123")
		c.want(name, 3, 0)
		c.want("0", 3, 0) // always the newest but one
		c.end()
	}
	fc := c.w.fileCache(c.o.cache.V)
	if len(fc.entries) != 3 || c.open() != 3 {
		t.Errorf("%d entries, %d open, want 3", len(fc.entries), c.open())
	}
	if fc.entries[filepath.Join(c.dir, "0")] == nil {
		t.Error("the entry used most was taken out")
	}
}

func TestInactiveEntriesGo(t *testing.T) {
	c := newCacheTest(t, 100)
	for i := range 5 {
		name := strconv.Itoa(i)
		c.write(name, "123")
		c.want(name, 3, 0)
	}
	c.end()
	fc := c.w.fileCache(c.o.cache.V)
	for _, e := range fc.entries {
		e.accessed -= 100
	}
	c.write("new", "123")
	c.want("new", 3, 0)
	c.end() // takes out two at a time
	c.want("new", 3, 0)
	c.end()
	c.want("new", 3, 0)
	c.end()
	if len(fc.entries) != 1 || c.open() != 1 {
		t.Errorf("%d entries, %d open, want 1", len(fc.entries), c.open())
	}
}

func TestAFileInUseOutlivesItsEntryAndTheConfiguration(t *testing.T) {
	c := newCacheTest(t, 1)
	c.write("a", "123")
	c.write("b", "123")
	f := c.want("a", 3, 0)
	c.want("b", 3, 0) // takes a's place
	c.w.gen = &Generation{}
	c.w.dropFileCaches()
	if n := c.open(); n != 2 || f.File.Refs() != 1 {
		t.Errorf("%d files are open, want both", n)
	}
	c.want("a", 3, 0) // a request of the old configuration opens by itself
	if len(c.w.fileCaches) != 0 {
		t.Error("the old configuration has a cache again")
	}
	c.end()
	if n := c.open(); n != 0 {
		t.Errorf("%d files are open after the requests", n)
	}
}

func TestFaultsChooseTheStatus(t *testing.T) {
	c := newCacheTest(t, 0)
	c.r.loc.core.errorLog = errlog.New()
	for _, f := range []struct {
		e    syscall.Errno
		want Code
	}{
		{syscall.ENOENT, 404}, {syscall.ENOTDIR, 404}, {syscall.ENAMETOOLONG, 404},
		{syscall.EACCES, 403}, {syscall.ELOOP, 403}, {syscall.EMLINK, 403},
		{syscall.EIO, 500}, {syscall.EMFILE, 500},
	} {
		if got := c.r.FileFault(&FileInfo{Err: f.e, Failed: "open()"}, []byte("x")); got != f.want {
			t.Errorf("%v: got %d, want %d", f.e, got, f.want)
		}
	}
}

func TestLinksAreFollowedBelowFromOnly(t *testing.T) {
	for _, f := range []struct {
		part, path string
		from       int
		links      symlinks
	}{
		{"", "/a/b", 0, symlinksNone},
		{"/x", "/a/b", 0, symlinksNone},
		{"/a", "/a/b", 2, symlinksNone},
		{"/a/", "/a/b", 2, symlinksNone},
		{"/a/b", "/a/b", 0, symlinksAll},
		{"/a/b/c", "/a/b", 0, symlinksNone},
		{"/a", "/ab/c", 0, symlinksNone},
	} {
		from, links := linksFrom([]byte(f.part), []byte(f.path), symlinksNone)
		if from != f.from || links != f.links {
			t.Errorf("from=%s of %s: got %d, %d, want %d, %d", f.part, f.path, from, links, f.from, f.links)
		}
	}
}

// body is what a link for the whole of f carries out of memory, nil when it
// does not.
func (c *cacheTest) body(f FileInfo) []byte {
	l := c.w.Buffers.FileLink(f.File.Hold(), 0, f.Size)
	defer c.w.Buffers.Done(l)
	e, ok := f.File.Idle.(*cachedFile)
	if !ok || !e.fromMemory(l) {
		return nil
	}
	return append([]byte{}, l.Mem...)
}

func TestContentsOfSmallFilesAreKeptUntilTheyChange(t *testing.T) {
	c := newCacheTest(t, 10)
	c.write("a", "12345")
	check := func(want string) {
		t.Helper()
		if got := c.body(c.ask("a", FileOpen)); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.end()
	}
	check("12345")
	check("12345")
	p := filepath.Join(c.dir, "a")
	if err := os.WriteFile(p, []byte("1234567"), 0o600); err != nil { // the same file
		t.Fatal(err)
	}
	check("12345")
	c.o.valid.V = 0
	check("1234567")
	c.write("a", "new") // another file
	check("new")
	c.write("a", strings.Repeat("x", keptFile+1))
	check("")
	c.write("a", "")
	check("")
	if fc := c.w.fileCache(c.o.cache.V); fc.kept != 0 {
		t.Errorf("%d bytes are counted as kept", fc.kept)
	}
	if n := c.w.Buffers.Stats().InUse; n != 0 {
		t.Errorf("%d bytes of buffers are in use", n)
	}
}

func TestContentsOutliveAFileThatIsReplaced(t *testing.T) {
	c := newCacheTest(t, 10)
	c.o.valid.V = 0
	c.write("a", "old")
	f := c.ask("a", FileOpen)
	l := c.w.Buffers.FileLink(f.File.Hold(), 0, 3)
	if !f.File.Idle.(*cachedFile).fromMemory(l) {
		t.Fatal("the file is not kept in memory")
	}
	c.write("a", "new")
	if got := c.body(c.ask("a", FileOpen)); string(got) != "new" {
		t.Errorf("got %q, want new", got)
	}
	c.end()
	if string(l.Mem) != "old" {
		t.Errorf("what is being sent became %q", l.Mem)
	}
	c.w.Buffers.Done(l)
	if n := c.open(); n != 1 {
		t.Errorf("%d files are open, want the new one", n)
	}
}
