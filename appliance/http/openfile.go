package http

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"

	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/netio/buf"
	"weir/netio/file"
	"weir/netio/http1"
	"weir/netio/sock"
)

// openFileConf is what open_file_cache, its companions and disable_symlinks
// set.
type openFileConf struct {
	cache    conf.Opt[*fileCacheConf] // nil: off
	valid    conf.Opt[int64]          // seconds
	minUses  conf.Opt[int]
	errors   conf.Opt[bool]
	symlinks conf.Opt[symlinks]
	from     *Complex // part of names whose links are followed; nil: none
}

// symlinks says which symbolic links are not followed.
type symlinks uint8

const (
	symlinksAll     symlinks = iota // disable_symlinks off
	symlinksOfOwner                 // if_not_owner
	symlinksNone                    // on
)

func (c *openFileConf) merge(p *openFileConf) {
	c.cache.Merge(p.cache, nil)
	c.valid.Merge(p.valid, 60)
	c.minUses.Merge(p.minUses, 1)
	c.errors.Merge(p.errors, false)
	if !c.symlinks.Set {
		c.from = p.from
	}
	c.symlinks.Merge(p.symlinks, symlinksAll)
}

// setOpenFileCache reads open_file_cache off | max=N [inactive=time].
func setOpenFileCache(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	o := &c.openFiles.cache
	if o.Set {
		return conf.Tail("is duplicate")
	}
	f := &fileCacheConf{gen: BuilderOf(cx).gen, inactive: 60}
	for _, arg := range it.Args {
		ok := true
		switch name, value, _ := strings.Cut(arg, "="); {
		case arg == "off":
			f = nil
		case name == "max":
			n, valid := conf.ParseNum(value)
			if ok = valid && n > 0; ok && f != nil {
				f.max = n
			}
		case name == "inactive":
			sec, valid := conf.ParseTime(value, true)
			if ok = valid; ok && f != nil {
				f.inactive = sec
			}
		default:
			ok = false
		}
		if !ok {
			return conf.Errorf("invalid \"open_file_cache\" parameter \"%s\"", arg)
		}
	}
	if f != nil && f.max == 0 {
		return conf.Errorf("\"open_file_cache\" must have the \"max\" parameter")
	}
	o.Put(f)
	return nil
}

// setDisableSymlinks reads disable_symlinks off | on | if_not_owner
// [from=part].
func setDisableSymlinks(cx *conf.Cx, it *conf.Item) error {
	f := &conf.Target[coreLoc](cx).openFiles
	if f.symlinks.Set {
		return conf.Tail("is duplicate")
	}
	for _, arg := range it.Args {
		switch arg {
		case "off":
			f.symlinks.Put(symlinksAll)
		case "if_not_owner":
			f.symlinks.Put(symlinksOfOwner)
		case "on":
			f.symlinks.Put(symlinksNone)
		default:
			part, ok := strings.CutPrefix(arg, "from=")
			if !ok {
				return conf.Errorf("invalid parameter \"%s\"", arg)
			}
			v, err := BuilderOf(cx).CompileComplex(part)
			if err != nil {
				return err
			}
			f.from = v
		}
	}
	switch {
	case !f.symlinks.Set:
		return conf.Errorf("\"%s\" must have \"off\", \"on\" or \"if_not_owner\" parameter", it.Name)
	case len(it.Args) == 2 && f.from == nil:
		return conf.Errorf("duplicate parameters \"%s %s\"", it.Args[0], it.Args[1])
	case f.from != nil && f.symlinks.V == symlinksAll:
		return conf.Errorf("\"from=\" cannot be used with \"off\" parameter")
	}
	return nil
}

// FileUse says what OpenFile is asked for.
type FileUse uint8

// Values of FileUse.
const (
	FileOpen FileUse = iota // the file is to be read
	FileTest                // only what it is; File stays nil without a cache
	FileDir                 // as FileTest, and it is probably a directory
)

// FileInfo is what OpenFile found.
type FileInfo struct {
	// File is the open file, nil for directories, failures and tests. It is
	// the request's until that ends: a link that sends it holds it once more.
	File   *buf.File
	Size   int64
	Mtime  int64  // Unix seconds
	Uniq   uint64 // number of the file in its file system
	IsDir  bool
	IsFile bool // a regular file
	IsExec bool
	Err    syscall.Errno // why it could not be opened; 0: it could
	Failed string        // the call that said so: "open()"
}

func (f *FileInfo) describe(i *file.Info) {
	f.Size, f.Mtime, f.Uniq = i.Size, i.Mtime, i.Ino
	f.IsDir, f.IsFile, f.IsExec = i.IsDir(), i.IsRegular(), i.IsExec()
}

// OpenFile opens the file called path, or finds it in the open file cache of
// the location. It follows symbolic links as disable_symlinks says. path needs
// one byte of spare capacity, as MapPath(1) leaves it, and is not changed. It
// allocates nothing that is not kept for the next call.
func (r *Request) OpenFile(path []byte, use FileUse) FileInfo {
	o := &r.loc.core.openFiles
	a := fileAsk{name: terminated(r, path), links: o.symlinks.V, use: use}
	if o.from != nil {
		a.from, a.links = linksFrom(o.from.Eval(r), path, a.links)
	}
	if c := o.cache.V; c != nil {
		if fc := r.w.fileCache(c); fc != nil {
			return fc.open(r, &a, o)
		}
	}
	var f FileInfo
	if use != FileOpen {
		a.stat(&f)
		return f
	}
	if fd := a.open(&f); fd >= 0 {
		f.File = r.w.takeFile(fd, f.Size)
		r.Cleanup(releaseFile, f.File)
	}
	return f
}

// releaseFile is the cleanup of a file that a request has opened.
func releaseFile(f any) { f.(*buf.File).Release() }

// terminated returns path with a NUL behind it, in place where there is room.
func terminated(r *Request, path []byte) []byte {
	if cap(path) == len(path) {
		path = append(r.Alloc(len(path) + 1)[:0], path...)
	}
	return append(path, 0)
}

// linksFrom applies from=part: links within part of path are followed.
func linksFrom(part, path []byte, l symlinks) (from int, links symlinks) {
	n := len(part)
	switch {
	case n == 0 || !bytes.HasPrefix(path, part):
		return 0, l
	case n == len(path):
		return 0, symlinksAll
	case path[n] == '/':
		return n, l
	case path[n-1] == '/':
		return n - 1, l
	}
	return 0, l
}

// fileAsk is one file that is asked for.
type fileAsk struct {
	name  []byte // ends in NUL
	from  int    // length of the part of name whose links are followed
	links symlinks
	use   FileUse
}

// openFD opens the file; -1: it could not be opened.
func (a *fileAsk) openFD(f *FileInfo) int {
	var fd int
	if a.links == symlinksAll {
		f.Failed = "open()"
		fd, f.Err = file.Open(a.name, file.Read)
		return fd
	}
	links := file.LinksNone
	if a.links == symlinksOfOwner {
		links = file.LinksOwned
	}
	fd, f.Failed, f.Err = file.OpenWalk(a.name, a.from, links, file.Read)
	return fd
}

// open opens and describes the file. It returns the descriptor, -1 for a
// directory and for a failure, which f tells.
func (a *fileAsk) open(f *FileInfo) int {
	fd := a.openFD(f)
	if fd < 0 {
		return -1
	}
	var i file.Info
	if e := file.Fstat(fd, &i); e != 0 {
		f.Failed, f.Err = "fstat()", e
		file.Close(fd)
		return -1
	}
	f.describe(&i)
	if f.IsDir {
		file.Close(fd)
		return -1
	}
	return fd
}

// stat describes the file without keeping it open.
func (a *fileAsk) stat(f *FileInfo) {
	var i file.Info
	if a.links != symlinksAll {
		fd := a.openFD(f)
		if fd < 0 {
			return
		}
		if f.Err = file.Fstat(fd, &i); f.Err != 0 {
			f.Failed = "fstat()"
		}
		file.Close(fd)
	} else if f.Err = file.Stat(a.name, &i); f.Err != 0 {
		f.Failed = "stat()"
	}
	if f.Err == 0 {
		f.describe(&i)
	}
}

// requestFile is an open file that no cache keeps.
type requestFile struct {
	buf.File
	w    *Worker
	next *requestFile
}

// FileIdle implements buf.FileIdle.
func (f *requestFile) FileIdle(*buf.File) {
	file.Close(f.FD)
	f.FD = -1
	f.next = f.w.freeFiles
	f.w.freeFiles = f
}

// takeFile returns a counted file for fd.
func (w *Worker) takeFile(fd int, size int64) *buf.File {
	f := w.freeFiles
	if f == nil {
		f = &requestFile{w: w}
	}
	w.freeFiles, f.next = f.next, nil
	f.Init(fd, size, f)
	return &f.File
}

// FileFault logs that path could not be opened and returns the status for it:
// 404, 403 or 500. Files not found are logged as log_not_found says.
func (r *Request) FileFault(f *FileInfo, path []byte) Code {
	level, rc := LogErr, StatusNotFound
	switch f.Err {
	case 0:
		return StatusInternalServerError
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG:
	case syscall.EACCES, syscall.EMLINK, syscall.ELOOP:
		rc = StatusForbidden
	default:
		level, rc = LogCrit, StatusInternalServerError
	}
	if rc != StatusNotFound || r.loc.core.logNotFound.V {
		r.LogFileError(f, path, level)
	}
	return rc
}

// LogFileError logs `open() "path" failed (2: No such file or directory)`.
func (r *Request) LogFileError(f *FileInfo, path []byte, level errlog.Level) {
	if !r.LogOn(level) {
		return
	}
	b := append(r.Alloc(len(path) + 128)[:0], f.Failed...)
	b = append(b, " \""...)
	b = append(b, path...)
	b = append(b, "\" failed "...)
	r.Log(level, string(sock.AppendErrno(b, f.Err)))
}

// SetETag gives the response an ETag made of its modification time and
// length, unless `etag off` forbids it.
func (r *Request) SetETag() {
	if !r.loc.core.etag.V {
		return
	}
	var room [40]byte
	b := append(room[:0], '"')
	b = strconv.AppendInt(b, r.Out.LastModified, 16)
	b = append(b, '-')
	b = strconv.AppendInt(b, r.Out.ContentLength, 16)
	r.Out.Headers.SetID(http1.HeaderETag, append(b, '"'))
}

// OutputFile sends the whole of an open file as the rest of the body.
func (r *Request) OutputFile(f *FileInfo) Code {
	l := r.Link()
	if f.Size > 0 {
		l.File, l.End = f.File.Hold(), f.Size
		l.Flags = buf.InFile
	}
	l.Flags |= r.Last()
	return r.OutputLink(l)
}

// IfModifiedSince is how if_modified_since of the location compares.
func (l *Location) IfModifiedSince() ModifiedSince { return l.core.modifiedSince.V }

// MaxRanges is max_ranges of the location.
func (l *Location) MaxRanges() int { return l.core.maxRanges.V }

// LogNotFound is log_not_found of the location.
func (l *Location) LogNotFound() bool { return l.core.logNotFound.V }
