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

// openFile makes the temporary file. It returns false, having logged why, when
// that cannot be done.
func (x *Exchange) openFile() bool {
	f, err := http.NewTempFile(x.conf.TempPath.V, x.store)
	if err != nil {
		x.R.Logf(http.LogCrit, "%s while %s", err, x.action)
		return false
	}
	f.Clean = x.store // until it has its final name
	x.file = f
	return true
}

// spill moves queued bytes to the temporary file, so that their buffers are
// free again. It returns false when it could not free any. The file is never
// written a second time: sendfile hands its pages to the socket, which may
// still hold them.
func (x *Exchange) spill() bool {
	limit := x.conf.maxTemp()
	if !x.buffering || x.out.Empty() || !x.clientWaits() || limit == 0 {
		return false
	}
	if x.file == nil {
		if !x.openFile() {
			return false
		}
		x.logWarn("an upstream response is buffered to a temporary file " + x.file.Name)
	}
	freed := false
	for l := x.out.Head; l != nil && l.Pipe == nil && x.file.Len() < limit; l = x.out.Head {
		if !x.appendFile(l.Mem) {
			break
		}
		x.out.Pop()
		x.ws.w.Buffers.Done(l)
		freed = true
	}
	return freed
}

// appendFile writes p. A write that fails, as on a full disk, may have written
// a part of it: the response is broken then.
func (x *Exchange) appendFile(p []byte) bool {
	if err := x.file.Append(p); err != nil {
		x.R.Logf(http.LogCrit, "%s while %s", err, x.action)
		x.broken = true
		return false
	}
	return true
}

// storeBytes writes body bytes to the file that is to be kept; the client gets
// them from there. It returns false when there can be no file: the response is
// passed on and not kept.
func (x *Exchange) storeBytes(p []byte) bool {
	if x.file == nil && !x.openFile() {
		x.store = false
		return false
	}
	x.appendFile(p)
	return true
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
	if x.Response.Status != 200 || x.file == nil && !x.openFile() {
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

func parseSize(b []byte) (int64, bool) {
	if len(b) == 0 {
		return 0, false
	}
	n, ok := conf.ParseSize(string(b))
	return n, ok && n > 0
}
