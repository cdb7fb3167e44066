package http

import (
	"strconv"
	"syscall"

	"weir/appliance/errlog"
	"weir/netio/buf"
	"weir/netio/http1"
	"weir/netio/sock"
)

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
