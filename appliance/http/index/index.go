package index

import (
	"syscall"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
	"weir/netio/sock"
)

// Module is the index directive and its handler.
var Module = http.Module{
	Name: "http_index",
	Directives: []conf.Directive{
		{Name: "index", In: conf.HTTP | conf.Server | conf.Location, Args: conf.OneMore, Set: set, Default: "index.html",
			Syntax: "file ...", Doc: "Sets the files that are looked for, in order, when a path ends in a slash."},
	},
	Loc:      http.NewLoc(&loc, nil, merge),
	Handlers: []http.PhaseHandler{{Phase: http.Content, Run: serve}},
}

var loc http.LocSlot[locConf]

// locConf is the index files of a location.
type locConf struct {
	names   []*http.Complex // nil: inherit
	longest int             // length of the longest constant name
}

func merge(b *http.Builder, p, c *locConf) error {
	if c.names != nil {
		return nil
	}
	if *c = *p; c.names != nil {
		return nil
	}
	v, err := b.CompileComplex("index.html")
	if err != nil {
		return err
	}
	c.names, c.longest = []*http.Complex{v}, len("index.html")
	return nil
}

func set(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	for i, name := range it.Args {
		if name == "" {
			return conf.Errorf("index \"%s\" in \"index\" directive is invalid", name)
		}
		if name[0] == '/' && i != len(it.Args)-1 {
			cx.Warn("only the last index in \"index\" directive should be absolute")
		}
		v, err := http.BuilderOf(cx).CompileComplex(name)
		if err != nil {
			return err
		}
		if _, constant := v.Constant(); constant {
			c.longest = max(c.longest, len(name))
		}
		c.names = append(c.names, v)
	}
	return nil
}

// serve redirects to the first index file that exists.
func serve(r *http.Request) http.Code {
	if n := len(r.URI); n == 0 || r.URI[n-1] != '/' {
		return http.Declined
	}
	switch r.Method {
	case http1.MethodGet, http1.MethodHead, http1.MethodPost:
	default:
		return http.Declined
	}
	c := loc.Of(r)
	var dir []byte
	dirTested := false
	for _, v := range c.names {
		name := v.Eval(r)
		if len(name) > 0 && name[0] == '/' {
			return r.InternalRedirect(name, r.Args)
		}
		if dir == nil {
			var ok bool
			if dir, ok = r.MapPath(c.longest + 1); !ok {
				return http.StatusInternalServerError
			}
		}
		path := dir
		if cap(path)-len(path) <= len(name) {
			path = append(r.Alloc(len(dir) + len(name) + 1)[:0], dir...)
		}
		path = append(path, name...)
		f := r.OpenFile(path, http.FileTest)
		if f.Err == 0 {
			uri := append(r.Alloc(len(r.URI) + len(name))[:0], r.URI...)
			return r.InternalRedirect(append(uri, name...), r.Args)
		}
		if rc := missing(r, &f, path, dir, &dirTested); rc != http.OK {
			return rc
		}
	}
	return http.Declined
}

// missing decides what a file that cannot be opened means: OK to try the next
// one, or the status to answer with. It tests the directory once.
func missing(r *http.Request, f *http.FileInfo, path, dir []byte, tested *bool) http.Code {
	switch f.Err {
	case syscall.EMLINK, syscall.ELOOP:
		return http.StatusForbidden
	case syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EACCES:
		return fault(r, path, f.Err)
	}
	if !*tested {
		if rc := testDir(r, path, dir); rc != http.OK {
			return rc
		}
		*tested = true
	}
	if f.Err == syscall.ENOENT {
		return http.OK
	}
	r.LogFileError(f, path, http.LogCrit)
	return http.StatusInternalServerError
}

// testDir tells an index that is missing from a directory that is. path is the
// file that was not found.
func testDir(r *http.Request, path, dir []byte) http.Code {
	name := dir
	if n := len(dir); n > 1 && dir[n-1] == '/' {
		name = dir[:n-1]
	}
	name = append(r.Alloc(len(name) + 1)[:0], name...)
	f := r.OpenFile(name, http.FileDir)
	switch f.Err {
	case 0:
		if f.IsDir {
			return http.OK
		}
		r.Logf(http.LogAlert, "\"%s\" is not a directory", name)
	case syscall.EMLINK, syscall.ELOOP:
		return http.StatusForbidden
	case syscall.ENOENT:
		return fault(r, path, syscall.ENOENT)
	case syscall.EACCES:
		// The file was looked for and not found, so the directory can be
		// searched: it is only not to be read.
		return http.OK
	default:
		r.LogFileError(&f, name, http.LogCrit)
	}
	return http.StatusInternalServerError
}

// fault logs in the module's own words and returns 403 or 404.
func fault(r *http.Request, path []byte, e syscall.Errno) http.Code {
	if e == syscall.EACCES {
		r.Logf(http.LogErr, "\"%s\" is forbidden %s", path, sock.AppendErrno(nil, e))
		return http.StatusForbidden
	}
	if r.Location().LogNotFound() {
		r.Logf(http.LogErr, "\"%s\" is not found %s", path, sock.AppendErrno(nil, e))
	}
	return http.StatusNotFound
}
