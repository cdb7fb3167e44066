package autoindex

import (
	"bytes"
	"slices"
	"syscall"
	"time"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/file"
	"weir/netio/http1"
	"weir/netio/sock"
)

const everywhere = conf.HTTP | conf.Server | conf.Location

// Module is autoindex and its companions.
var Module = http.Module{
	Name: "http_autoindex",
	Directives: []conf.Directive{
		{Name: "autoindex", In: everywhere, Args: conf.FlagArg, Default: "off",
			Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.on }),
			Doc: "Lists directories that have no index file."},
		{Name: "autoindex_format", In: everywhere, Args: conf.Take1, Default: "html", Syntax: "html | xml | json | jsonp",
			Set: conf.Enum(func(c *locConf) *conf.Opt[format] { return &c.format },
				[]conf.EnumValue[format]{{Name: "html", Value: formatHTML}, {Name: "json", Value: formatJSON},
					{Name: "jsonp", Value: formatJSONP}, {Name: "xml", Value: formatXML}}),
			Doc: "Sets the format of a listing. With jsonp, the argument callback names the function."},
		{Name: "autoindex_localtime", In: everywhere, Args: conf.FlagArg, Default: "off",
			Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.localTime }),
			Doc: "Shows times in the local time zone instead of UTC, in HTML."},
		{Name: "autoindex_exact_size", In: everywhere, Args: conf.FlagArg, Default: "on",
			Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.exactSize }),
			Doc: "Shows exact sizes instead of rounded ones, in HTML."},
	},
	Loc:      http.NewLoc(&loc, nil, merge),
	Handlers: []http.PhaseHandler{{Phase: http.Content, Run: serve, Used: used}},
}

var loc http.LocSlot[locConf]

type format uint8

const (
	formatHTML format = iota
	formatJSON
	formatJSONP
	formatXML
)

type locConf struct {
	on, localTime, exactSize conf.Opt[bool]
	format                   conf.Opt[format]
}

func merge(_ *http.Builder, p, c *locConf) error {
	c.on.Merge(p.on, false)
	c.format.Merge(p.format, formatHTML)
	c.localTime.Merge(p.localTime, false)
	c.exactSize.Merge(p.exactSize, true)
	return nil
}

func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if loc.In(l).on.V {
			return true
		}
	}
	return false
}

// entry is one line of a listing.
type entry struct {
	name      []byte
	dir, file bool // neither: something else
	mtime     int64
	size      int64
}

var (
	typeHTML  = []byte("text/html")
	typeJSON  = []byte("application/json")
	typeJSONP = []byte("application/javascript")
	typeXML   = []byte("text/xml")
	utf8Name  = []byte("utf-8")
)

// serve is the handler.
func serve(r *http.Request) http.Code {
	c := loc.Of(r)
	n := len(r.URI)
	if n == 0 || r.URI[n-1] != '/' || r.Method != http1.MethodGet && r.Method != http1.MethodHead || !c.on.V {
		return http.Declined
	}
	if rc := r.DiscardBody(); rc != http.OK {
		return rc
	}
	path, ok := r.MapPath(1)
	if !ok {
		return http.StatusInternalServerError
	}
	if len(path) > 1 {
		path = path[:len(path)-1]
	}
	form := c.format.V
	var callback []byte
	if form == formatJSONP {
		if callback, ok = callbackOf(r); !ok {
			return http.StatusBadRequest
		}
		if len(callback) == 0 {
			form = formatJSON
		}
	}
	dir, e := file.Open(append(path, 0), file.Read|file.Dir)
	if e != 0 {
		return openFault(r, path, e)
	}
	defer file.Close(dir)
	setType(r, form)
	if rc := r.SendHeader(); rc == http.Error || rc > http.OK || r.HeaderOnly() {
		return rc
	}
	list, ok := read(r, dir, path)
	if !ok {
		return http.Error
	}
	slices.SortFunc(list, func(a, b entry) int {
		if a.dir != b.dir {
			if a.dir {
				return -1
			}
			return 1
		}
		return bytes.Compare(a.name, b.name)
	})
	var page []byte
	switch form {
	case formatJSON, formatJSONP:
		page = appendJSON(nil, list, callback)
	case formatXML:
		page = appendXML(nil, list)
	default:
		page = appendHTML(nil, list, options{
			title: r.URI, exactSize: c.exactSize.V,
			utf8:   bytes.EqualFold(r.Out.Charset, utf8Name),
			offset: zoneOffset(r, c.localTime.V),
		})
	}
	return r.OutputBytes(page)
}

// zoneOffset is what is added to times: the local zone's offset now, not at
// the time that is shown, as nginx has it.
func zoneOffset(r *http.Request, local bool) int64 {
	if !local {
		return 0
	}
	_, sec := time.Unix(r.Worker().Loop.Unix(), 0).Zone()
	return int64(sec)
}

func setType(r *http.Request, f format) {
	o := &r.Out
	o.Status = int(http.StatusOK)
	switch f {
	case formatJSON:
		o.ContentType = typeJSON
	case formatJSONP:
		o.ContentType = typeJSONP
	case formatXML:
		o.ContentType, o.Charset = typeXML, utf8Name
	default:
		o.ContentType = typeHTML
	}
}

// openFault logs that the directory could not be opened.
func openFault(r *http.Request, path []byte, e syscall.Errno) http.Code {
	level, rc := http.LogErr, http.StatusNotFound
	switch e {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG:
	case syscall.EACCES:
		rc = http.StatusForbidden
	default:
		level, rc = http.LogCrit, http.StatusInternalServerError
	}
	r.Logf(level, "opendir() \"%s\" failed %s", path, sock.AppendErrno(nil, e))
	return rc
}

// read lists the directory. Names that begin with a dot are left out.
func read(r *http.Request, dir int, path []byte) (list []entry, ok bool) {
	buf := make([]byte, 32<<10)
	for {
		n, e := file.ReadDir(dir, buf)
		if e != 0 {
			r.Logf(http.LogCrit, "readdir() \"%s\" failed %s", path, sock.AppendErrno(nil, e))
			return nil, false
		}
		if n == 0 {
			return list, true
		}
		for name, _, rest := file.Entry(buf[:n]); len(name) > 0; name, _, rest = file.Entry(rest) {
			if name[0] == '.' {
				continue
			}
			var i file.Info
			if e := stat(dir, name, &i); e != 0 {
				r.Logf(http.LogCrit, "stat() \"%s/%s\" failed %s", path, name, sock.AppendErrno(nil, e))
				if e == syscall.EACCES {
					continue
				}
				return nil, false
			}
			list = append(list, entry{name: bytes.Clone(name), dir: i.IsDir(), file: i.IsRegular(), mtime: i.Mtime, size: i.Size})
		}
	}
}

// stat describes what the entry leads to, or the link itself where it leads
// nowhere.
func stat(dir int, name []byte, i *file.Info) syscall.Errno {
	z := append(bytes.Clone(name), 0)
	e := file.StatAt(dir, z, true, i)
	if e == syscall.ENOENT || e == syscall.ELOOP {
		e = file.StatAt(dir, z, false, i)
	}
	return e
}

// callbackOf returns the function name for JSONP, empty for none; ok is false
// when it is not one.
func callbackOf(r *http.Request) (name []byte, ok bool) {
	name, _ = r.Arg([]byte("callback"))
	if len(name) > 128 {
		r.Logf(http.LogInfo, "client sent too long callback name: \"%s\"", name)
		return nil, false
	}
	for _, c := range name {
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '.' {
			continue
		}
		r.Logf(http.LogInfo, "client sent invalid callback name: \"%s\"", name)
		return nil, false
	}
	return name, true
}
