package upstream

import (
	"os"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/buf"
)

// fileEmpty reports whether everything in the temporary file was passed on.
func (x *Exchange) fileEmpty() bool { return x.file == nil || x.fileFrom == x.file.Len() }

// spill moves queued bytes to the temporary file, so that their buffers are
// free again. It returns false when it could not free any.
func (x *Exchange) spill() bool {
	if !x.buffering || x.out.Empty() || !x.clientWaits() && !x.store {
		return false
	}
	limit := x.conf.maxTemp()
	if x.file == nil {
		if limit == 0 && !x.store {
			return false
		}
		f, err := http.NewTempFile(x.conf.TempPath.V, x.store)
		if err != nil {
			x.R.Logf(http.LogCrit, "%s while %s", err, x.action)
			return false
		}
		x.file = f
		if !x.store {
			x.logWarn("an upstream response is buffered to a temporary file " + f.Name)
		}
	}
	// The file is never written a second time: sendfile hands its pages to
	// the socket, which may still hold them.
	freed := false
	for l := x.out.Head; l != nil && l.Pipe == nil; l = x.out.Head {
		if x.file.Len() >= limit && !x.store {
			return freed
		}
		if err := x.file.Append(l.Mem); err != nil {
			x.R.Logf(http.LogCrit, "%s while %s", err, x.action)
			return freed
		}
		x.out.Pop()
		x.ws.w.Buffers.Done(l)
		freed = true
	}
	if x.cur != nil && x.cur.refs == 1 {
		x.cur.data = x.cur.data[:0]
	}
	return freed
}

// queueFile puts the rest of the temporary file in front of what is queued.
func (x *Exchange) queueFile() {
	if x.fileEmpty() {
		return
	}
	l := x.R.Link()
	l.File = x.file.Hold()
	l.Off, l.End = x.fileFrom, x.file.Len()
	l.Flags = buf.Recycled
	x.fileFrom = l.End
	x.out.Prepend(l)
}

// keep makes a complete response the file that proxy_store names.
func (x *Exchange) keep() {
	r := x.R
	if x.Response.Status != 200 {
		return
	}
	// To be the whole body, all of it must be in the file.
	for x.spillAll() {
	}
	if x.file == nil {
		return
	}
	path := x.storePath()
	if path == "" {
		return
	}
	if err := os.Chmod(x.file.Name, os.FileMode(x.conf.StoreAccess.V)); err != nil {
		r.Logf(http.LogCrit, "chmod() \"%s\" failed (%s)", x.file.Name, conf.ErrnoText(err))
		return
	}
	err := os.Rename(x.file.Name, path)
	if os.IsNotExist(err) {
		if i := strings.LastIndexByte(path, '/'); i > 0 {
			_ = os.MkdirAll(path[:i], os.FileMode(x.conf.StoreAccess.V|0o111)|0o700)
			err = os.Rename(x.file.Name, path)
		}
	}
	if err != nil {
		r.Logf(http.LogCrit, "rename() \"%s\" to \"%s\" failed (%s)", x.file.Name, path, conf.ErrnoText(err))
		return
	}
	x.file.Clean = false
	x.store = false
}

func (x *Exchange) storePath() string {
	if p := x.conf.Store.V.Path; p != nil {
		return string(p.Eval(x.R))
	}
	path, ok := x.R.MapPath(0)
	if !ok {
		return ""
	}
	return string(path)
}

// spillAll moves one round of queued links to the file.
func (x *Exchange) spillAll() bool { return !x.out.Empty() && x.spill() }

func parseSize(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	n, ok := conf.ParseSize(string(b))
	return n, ok && n > 0
}
