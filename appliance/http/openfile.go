package http

import (
	"bytes"
	"syscall"

	"weir/netio/buf"
	"weir/netio/file"
)

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
