package buf

// File is an open file that links refer to. Several users may hold it (the
// open file cache and the responses in flight); the last Release calls Idle.
// A File belongs to one worker: the count is not atomic.
type File struct {
	FD   int
	Size int64    // size when it was opened; informative
	Idle FileIdle // what to do when nobody holds it any more
	refs int32
}

// FileIdle closes or keeps a file that has no user left.
type FileIdle interface {
	FileIdle(f *File)
}

// NewFile returns a file held once by the caller.
func NewFile(fd int, size int64, idle FileIdle) *File {
	return &File{FD: fd, Size: size, Idle: idle, refs: 1}
}

// Init makes an embedded or reused File hold fd, held once.
func (f *File) Init(fd int, size int64, idle FileIdle) {
	*f = File{FD: fd, Size: size, Idle: idle, refs: 1}
}

// Hold adds a reference and returns f.
func (f *File) Hold() *File {
	f.refs++
	return f
}

// Refs returns the number of references.
func (f *File) Refs() int { return int(f.refs) }

// Release gives back one reference; the last one calls Idle.
func (f *File) Release() {
	f.refs--
	switch {
	case f.refs < 0:
		panic("BUG: buf.File released too often")
	case f.refs == 0 && f.Idle != nil:
		f.Idle.FileIdle(f)
	}
}
