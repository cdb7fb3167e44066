package tryfiles

import (
	"bytes"
	"strconv"
	"strings"
	"syscall"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// Module is the try_files directive and its handler.
var Module = http.Module{
	Name: "http_try_files",
	Directives: []conf.Directive{
		{Name: "try_files", In: conf.Server | conf.Location, Args: conf.TwoMore, Set: set,
			Syntax: "file ... uri | file ... =code",
			Doc:    "Looks for files, or directories where the name ends in a slash, and goes on with the first one found; else redirects to the uri or answers with the code."},
	},
	Loc:      http.NewLoc[locConf](&loc, nil, nil),
	Handlers: []http.PhaseHandler{{Phase: http.Precontent, Run: run, Used: used}},
}

var loc http.LocSlot[locConf]

// locConf is the try_files of a location; it is not inherited.
type locConf struct {
	tries []try
	last  *http.Complex // nil: answer with code
	named string        // the last parameter when it is a constant @name
	code  http.Code
}

// try is one file to look for.
type try struct {
	name *http.Complex
	dir  bool // it must be a directory; else it must not be one
}

func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if loc.In(l).tries != nil {
			return true
		}
	}
	return false
}

func set(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.tries != nil {
		return conf.Tail("is duplicate")
	}
	b := http.BuilderOf(cx)
	n := len(it.Args) - 1
	for _, name := range it.Args[:n] {
		name, dir := strings.CutSuffix(name, "/")
		v, err := b.CompileComplex(name)
		if err != nil {
			return err
		}
		c.tries = append(c.tries, try{v, dir})
	}
	last := it.Args[n]
	if digits, ok := strings.CutPrefix(last, "="); ok {
		code, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || code > 999 {
			return conf.Errorf("invalid code \"%s\"", last)
		}
		c.code = http.Code(code)
		return nil
	}
	var err error
	c.last, err = b.CompileComplex(last)
	if strings.HasPrefix(last, "@") && !http.HasVariables(last) {
		c.named = last
	}
	return err
}

// run is the handler.
func run(r *http.Request) http.Code {
	c := loc.Of(r)
	if c.tries == nil {
		return http.Declined
	}
	if r.Location().Alias() && !r.ValidLocation() {
		if _, ok := r.MapPath(0); !ok { // it logs why
			return http.StatusInternalServerError
		}
	}
	root := r.DocumentRoot()
	for i := range c.tries {
		t := &c.tries[i]
		name := behindAlias(r, t.name)
		path := append(r.Alloc(len(root) + len(name) + 1)[:0], root...)
		path = append(path, name...)
		f := r.OpenFile(path, http.FileTest)
		switch f.Err {
		case 0:
			if f.IsDir == t.dir {
				choose(r, name, t.dir)
				return http.Declined
			}
		case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG:
		default:
			r.LogFileError(&f, path, http.LogCrit)
		}
	}
	return fallback(r, c)
}

// behindAlias is the value of v without what an alias replaces. As with nginx,
// this holds for the last parameter, too, and for names with variables only.
func behindAlias(r *http.Request, v *http.Complex) []byte {
	name, constant := v.Constant()
	if constant {
		return name
	}
	name = v.Eval(r)
	if l := r.Location(); l.Alias() && l.AliasLen() > 0 && l.AliasLen() <= len(r.URI) {
		name = bytes.TrimPrefix(name, r.URI[:l.AliasLen()])
	}
	return name
}

// choose makes name the path of the request.
func choose(r *http.Request, name []byte, dir bool) {
	l := r.Location()
	uri := name
	switch {
	case !l.Alias():
	case l.AliasLen() < 0:
		if dir {
			return
		}
		r.SetURIBehindAlias()
	default:
		n := min(l.AliasLen(), len(r.URI))
		uri = append(r.Alloc(n + len(name))[:0], r.URI[:n]...)
		uri = append(uri, name...)
	}
	valid := r.ValidURI // $request_uri still names what is asked for
	r.SetURI(uri)
	r.ValidURI = valid
}

// fallback answers as the last parameter says.
func fallback(r *http.Request, c *locConf) http.Code {
	if c.last == nil {
		return c.code
	}
	uri := behindAlias(r, c.last)
	switch {
	case c.named != "":
		r.NamedRedirect(c.named)
	case len(uri) > 0 && uri[0] == '@':
		r.NamedRedirect(string(uri))
	default:
		path, args, _ := bytes.Cut(uri, question)
		r.InternalRedirect(path, args)
	}
	r.Finalize(http.Done)
	return http.Done
}

var question = []byte("?")
