package accesslog

import (
	"os"
	"sync"
	"syscall"
	"time"

	"weir/appliance/errlog"
	"weir/appliance/http"
)

// pathFiles are the files of a log whose name has variables. Its lines are
// written at once, by the worker: which file it is, and whether it may be
// there at all, is decided by the file system at the moment of the request.
// Workers share it.
type pathFiles struct {
	conf cacheConf // max 0: every file is closed after its line

	mu   sync.Mutex
	open map[string]*pathFile
}

// pathFile is a file of the cache. f is nil until it was used often enough to
// be kept open.
type pathFile struct {
	f     *os.File
	info  os.FileInfo
	used  time.Time
	check time.Time // when it was last found to be the file of that name
	uses  int
}

func newPathFiles(c *cacheConf) *pathFiles {
	p := &pathFiles{open: make(map[string]*pathFile)}
	if c != nil {
		p.conf = *c
	}
	return p
}

// log writes the line of r, unless the document root of the request is not
// there: hosts that nobody serves must not make files.
func (p *pathFiles) log(r *http.Request, name, line []byte) {
	root := r.DocumentRoot()
	d := r.OpenFile(root, http.FileDir)
	if d.Err == 0 && !d.IsDir {
		d.Err = syscall.ENOTDIR
	}
	if d.Err != 0 {
		r.Logf(http.LogErr, "testing \"%s\" existence failed%s while logging request", root, errlog.ErrnoText(d.Err))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f, keep, err := p.get(name, time.Now())
	if err != nil {
		r.Logf(http.LogCrit, "open() \"%s\" failed%s while logging request", name, errlog.ErrnoText(err))
		return
	}
	if _, err := f.Write(line); err != nil {
		r.Logf(http.LogAlert, "write() to \"%s\" failed%s while logging request", name, errlog.ErrnoText(err))
	}
	if !keep {
		_ = f.Close() // the line is written; closing has nothing to add
	}
}

// get returns the file called name, open for appending, and whether it stays
// in the cache. p.mu is held.
func (p *pathFiles) get(name []byte, now time.Time) (f *os.File, keep bool, err error) {
	if p.conf.max == 0 {
		f, err = openLog(string(name))
		return f, false, err
	}
	p.expire(now)
	e := p.open[string(name)]
	if e != nil && e.f != nil && p.current(e, name, now) {
		e.use(now)
		return e.f, true, nil
	}
	if f, err = openLog(string(name)); err != nil {
		return nil, false, err
	}
	if e == nil { // only a file that can be opened takes a place from another
		if len(p.open) >= p.conf.max {
			p.evict()
		}
		e = &pathFile{}
		p.open[string(name)] = e
	}
	e.use(now)
	if e.uses < p.conf.minUses {
		return f, false, nil
	}
	if e.info, err = f.Stat(); err != nil {
		return f, false, nil // good for this line
	}
	e.f, e.check = f, now
	return f, true, nil
}

// current reports whether an open file still has its name; if not, it is
// closed. It asks at most once within the time of valid=.
func (p *pathFiles) current(e *pathFile, name []byte, now time.Time) bool {
	if now.Sub(e.check) < time.Duration(p.conf.valid)*time.Second {
		return true
	}
	if info, err := os.Stat(string(name)); err == nil && os.SameFile(info, e.info) {
		e.check = now
		return true
	}
	e.close()
	return false
}

func openLog(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// evict drops the file that was not used for the longest time.
func (p *pathFiles) evict() {
	var oldest string
	var e *pathFile
	for name, o := range p.open {
		if e == nil || o.used.Before(e.used) {
			oldest, e = name, o
		}
	}
	if e != nil {
		e.close()
		delete(p.open, oldest)
	}
}

// expire drops files that nobody used for the time of inactive=.
func (p *pathFiles) expire(now time.Time) {
	for name, e := range p.open {
		if now.Sub(e.used) >= time.Duration(p.conf.inactive)*time.Second {
			e.close()
			delete(p.open, name)
		}
	}
}

func (e *pathFile) use(now time.Time) {
	e.used = now
	e.uses++
}

func (e *pathFile) close() {
	if e.f != nil {
		_ = e.f.Close() // every line was written when it came
		e.f = nil
	}
}
