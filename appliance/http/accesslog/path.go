package accesslog

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"time"

	"weir/appliance/errlog"
	"weir/appliance/http"
)

// A line for a file whose name has variables travels as a record:
//
//	size 4 | root size 4 | path size 4 | root | path | line with its line feed
//
// size counts everything behind it.
const recordHead = 12

// appendRecord formats the line of r for log l, without the line feed that
// the caller appends.
func appendRecord(b []byte, r *http.Request, l *accessLog) []byte {
	var head [recordHead]byte
	b = append(b, head[:]...)
	b = append(b, r.DocumentRoot()...)
	root := len(b) - recordHead
	b = append(b, l.path.Eval(r)...)
	path := len(b) - recordHead - root
	b = l.format.append(b, r)
	binary.LittleEndian.PutUint32(b, uint32(len(b)+1-4))
	binary.LittleEndian.PutUint32(b[4:], uint32(root))
	binary.LittleEndian.PutUint32(b[8:], uint32(path))
	return b
}

// pathFiles writes records. Without a cache every file is closed after the
// lines that came for it in a row.
type pathFiles struct {
	conf cacheConf // max 0: no cache
	open map[string]*pathFile
}

// pathFile is an open file of the cache.
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

// write writes a batch of records.
func (p *pathFiles) write(b []byte) {
	now := time.Now()
	p.expire(now)
	for len(b) > 0 {
		size := 4 + int(binary.LittleEndian.Uint32(b))
		root, path, line := record(b[:size])
		b = b[size:]
		var more [][]byte
		for len(b) > 0 { // lines for the same file in a row
			size := 4 + int(binary.LittleEndian.Uint32(b))
			root2, path2, line2 := record(b[:size])
			if !bytes.Equal(path, path2) || !bytes.Equal(root, root2) {
				break
			}
			more = append(more, line2)
			b = b[size:]
		}
		if more != nil {
			line = append(append([]byte(nil), line...), bytes.Join(more, nil)...)
		}
		p.writeTo(string(root), string(path), line, now)
	}
}

// record takes a record apart.
func record(b []byte) (root, path, line []byte) {
	r := int(binary.LittleEndian.Uint32(b[4:]))
	n := int(binary.LittleEndian.Uint32(b[8:]))
	b = b[recordHead:]
	return b[:r], b[r : r+n], b[r+n:]
}

// writeTo writes lines to a file, if the document root of their requests is
// there: names of hosts that nobody serves make no files.
func (p *pathFiles) writeTo(root, path string, lines []byte, now time.Time) {
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		errlog.Default().Printf(errlog.Error, 0, "testing \"%s\" existence failed%s while logging request", root, errlog.ErrnoText(err))
		return
	}
	f, err := p.get(path, now)
	if err != nil {
		errlog.Default().Printf(errlog.Crit, 0, "open() \"%s\" failed%s while logging request", path, errlog.ErrnoText(err))
		return
	}
	if _, err := f.f.Write(lines); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "write() to \"%s\" failed%s while logging request", path, errlog.ErrnoText(err))
	}
	if p.open[path] != f {
		_ = f.f.Close() // written by then; the kernel has no more to say of an appended file
	}
}

// get returns the file called path, open for appending.
func (p *pathFiles) get(path string, now time.Time) (*pathFile, error) {
	if f := p.open[path]; f != nil {
		if now.Sub(f.check) < time.Duration(p.conf.valid)*time.Second {
			f.used = now
			f.uses++
			return f, nil
		}
		if info, err := os.Stat(path); err == nil && os.SameFile(info, f.info) {
			f.used, f.check = now, now
			f.uses++
			return f, nil
		}
		p.drop(path, f)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	f := &pathFile{f: file, used: now, check: now, uses: 1}
	if p.conf.max == 0 {
		return f, nil
	}
	if f.info, err = file.Stat(); err != nil {
		return f, nil // still good for writing
	}
	if len(p.open) >= p.conf.max {
		p.evict()
	}
	p.open[path] = f
	return f, nil
}

// evict closes the file that was not used for the longest time.
func (p *pathFiles) evict() {
	var oldest string
	var of *pathFile
	for path, f := range p.open {
		if of == nil || f.used.Before(of.used) {
			oldest, of = path, f
		}
	}
	if of != nil {
		p.drop(oldest, of)
	}
}

// expire closes files that were used too little within inactive seconds.
func (p *pathFiles) expire(now time.Time) {
	for path, f := range p.open {
		if idle := now.Sub(f.used); idle >= time.Duration(p.conf.inactive)*time.Second || idle > 0 && f.uses < p.conf.minUses {
			p.drop(path, f)
		}
	}
}

func (p *pathFiles) drop(path string, f *pathFile) {
	delete(p.open, path)
	_ = f.f.Close()
}
