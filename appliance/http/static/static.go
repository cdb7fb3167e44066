package static

import (
	"weir/appliance/http"
	"weir/netio/http1"
)

// Module is the static file handler.
var Module = http.Module{
	Name:     "http_static",
	Handlers: []http.PhaseHandler{{Phase: http.Content, Run: serve}},
}

// serve answers with the file that the path names. Paths that end in a slash
// are for the index and autoindex handlers.
func serve(r *http.Request) http.Code {
	switch r.Method {
	case http1.MethodGet, http1.MethodHead, http1.MethodPost:
	default:
		return http.StatusNotAllowed
	}
	if n := len(r.URI); n == 0 || r.URI[n-1] == '/' {
		return http.Declined
	}
	path, ok := r.MapPath(2)
	if !ok {
		return http.StatusInternalServerError
	}
	f := r.OpenFile(path, http.FileOpen)
	switch {
	case f.Err != 0:
		return r.FileFault(&f, path)
	case f.IsDir:
		return addSlash(r)
	case !f.IsFile:
		r.Logf(http.LogCrit, "\"%s\" is not a regular file", path)
		return http.StatusNotFound
	case r.Method == http1.MethodPost:
		return http.StatusNotAllowed
	}
	return send(r, &f)
}

// addSlash redirects from the name of a directory to the directory.
func addSlash(r *http.Request) http.Code {
	b := http.EscapeURI(r.Alloc(3*len(r.URI) + 2 + len(r.Args))[:0], r.URI, http.EscapePath)
	b = append(b, '/')
	if len(r.Args) > 0 {
		b = append(append(b, '?'), r.Args...)
	}
	r.Redirect(http.StatusMovedPermanently, b)
	return http.StatusMovedPermanently
}

// send answers with the whole of f.
func send(r *http.Request, f *http.FileInfo) http.Code {
	if rc := r.DiscardBody(); rc != http.OK {
		return rc
	}
	r.Out.Status = int(http.StatusOK)
	r.Out.ContentLength = f.Size
	r.Out.LastModified = f.Mtime
	r.SetETag()
	if rc := r.SetContentType(); rc != http.OK {
		return rc
	}
	r.AllowRanges(false)
	rc := r.SendHeader()
	if rc == http.Error || rc > http.OK || r.HeaderOnly() {
		return rc
	}
	return r.OutputFile(f)
}
