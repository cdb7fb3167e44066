package accesslog

import (
	"fmt"
	"slices"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/http"
)

// logFile is a file that access_log directives of one configuration name.
type logFile struct {
	path   string
	params sinkParams
	file   *errlog.File
	sink   *sink // set when the configuration is complete
}

// file returns the logFile of a path, which directives share.
func (m *mainConf) file(c *cycle.Cycle, path string) *logFile {
	f := m.files[path]
	if f == nil {
		f = &logFile{path: path, file: c.OpenFile(path)}
		m.files[path] = f
	}
	return f
}

// setFormat reads log_format name [escape=...] string ...
func setFormat(cx *conf.Cx, it *conf.Item) error {
	b := http.BuilderOf(cx)
	m := main.In(b)
	name, texts := it.Args[0], it.Args[1:]
	for _, f := range m.formats {
		if f.name == name {
			return conf.Errorf("duplicate \"log_format\" name \"%s\"", name)
		}
	}
	f := &format{name: name}
	if e, ok := strings.CutPrefix(texts[0], "escape="); ok {
		switch e {
		case "default":
		case "json":
			f.escape = escapeJSON
		case "none":
			f.escape = escapeNone
		default:
			return conf.Errorf("unknown log format escaping \"%s\"", e)
		}
		texts = texts[1:]
	}
	m.formats = append(m.formats, f)
	return f.compile(texts, b.VariableIndex)
}

// setLog reads access_log.
func setLog(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	where := it.Args[0]
	if where == "off" {
		c.off = true
		if len(it.Args) > 1 {
			return conf.Errorf("invalid parameter \"%s\"", it.Args[1])
		}
		return nil
	}
	b := http.BuilderOf(cx)
	m := main.In(b)
	l := &accessLog{}
	c.logs = append(c.logs, l)
	var err error
	params, isSyslog := strings.CutPrefix(where, "syslog:")
	switch {
	case isSyslog:
		if l.syslog, err = errlog.ParseSyslog(params); err != nil {
			return conf.Errorf("%s", err)
		}
	case http.HasVariables(where):
		if l.path, err = b.CompileComplex(cx.Path(where, false)); err != nil {
			return err
		}
	default:
		l.file = m.file(b.Cycle(), cx.Path(where, false))
	}
	name := "combined"
	if len(it.Args) > 1 {
		name = it.Args[1]
	}
	i := slices.IndexFunc(m.formats, func(f *format) bool { return strings.EqualFold(f.name, name) })
	if i < 0 {
		return conf.Errorf("unknown log format \"%s\"", name)
	}
	l.format = m.formats[i]
	if len(it.Args) < 3 {
		return nil
	}
	return l.setParams(b, where, it.Args[2:])
}

// setParams reads buffer=, flush=, gzip and if=.
func (l *accessLog) setParams(b *http.Builder, where string, args []string) (err error) {
	var p sinkParams
	for _, arg := range args {
		key, val, hasVal := strings.Cut(arg, "=")
		ok := true
		switch {
		case key == "buffer" && hasVal:
			if p.size, ok = conf.ParseSize(val); !ok || p.size == 0 {
				return conf.Errorf("invalid buffer size \"%s\"", val)
			}
		case key == "flush" && hasVal:
			if p.flush, ok = conf.ParseTime(val, false); !ok || p.flush == 0 {
				return conf.Errorf("invalid flush time \"%s\"", val)
			}
		case key == "gzip":
			if p.size == 0 {
				p.size = gzipBuffer
			}
			p.gzip = 1
			if hasVal {
				if p.gzip, ok = conf.ParseNum(val); !ok || p.gzip < 1 || p.gzip > 9 {
					return conf.Errorf("invalid compression level \"%s\"", val)
				}
			}
		case key == "if" && hasVal:
			if l.filter, err = b.CompileComplex(val); err != nil {
				return err
			}
		default:
			return conf.Errorf("invalid parameter \"%s\"", arg)
		}
	}
	switch {
	case p.size == 0 && p.flush != 0:
		return conf.Errorf("no buffer is defined for access_log \"%s\"", where)
	case p.size == 0:
		return nil
	case l.path != nil:
		return conf.Errorf("buffered logs cannot have variables in name")
	case l.syslog != nil:
		return conf.Errorf("logs to syslog cannot be buffered")
	case l.file.params != (sinkParams{}) && l.file.params != p:
		return conf.Errorf("access_log \"%s\" already defined with conflicting parameters", where)
	}
	l.file.params = p
	return nil
}

// gzipBuffer is the buffer of a compressed log without buffer=.
const gzipBuffer = 64 << 10

// cacheConf is an open_log_file_cache directive.
type cacheConf struct {
	max, minUses    int
	inactive, valid int64 // seconds
}

// setCache reads open_log_file_cache.
func setCache(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if c.cache.Set {
		return conf.Tail("is duplicate")
	}
	cc := &cacheConf{minUses: 1, inactive: 10, valid: 60}
	off := false
	for _, arg := range it.Args {
		key, val, _ := strings.Cut(arg, "=")
		ok := true
		switch key {
		case "max":
			cc.max, ok = conf.ParseNum(val)
		case "min_uses":
			cc.minUses, ok = conf.ParseNum(val)
		case "inactive":
			cc.inactive, ok = conf.ParseTime(val, true)
		case "valid":
			cc.valid, ok = conf.ParseTime(val, true)
		default:
			off = arg == "off"
			ok = off
		}
		if !ok {
			return conf.Errorf("invalid \"open_log_file_cache\" parameter \"%s\"", arg)
		}
	}
	if off {
		c.cache.Put(nil)
		return nil
	}
	if cc.max == 0 {
		return conf.Errorf("\"open_log_file_cache\" must have \"max\" parameter")
	}
	c.cache.Put(cc)
	return nil
}

// finish gives every log its sink. Sinks that were there under the
// configuration before go on with what they hold.
func finish(b *http.Builder) error {
	m, c := main.In(b), b.Cycle()
	z, err := c.Zone(cycle.ZoneID{Kind: "access_log", Name: "writer"}, func() (any, error) { return newWriter(), nil })
	if err != nil {
		return err
	}
	m.writer = z.(*writer)
	for _, l := range b.Locations() {
		lc := loc.In(l)
		for _, log := range lc.logs {
			if log.path == nil || log.files != nil {
				continue // a file, or inherited and seen before
			}
			if log.files, err = openPaths(c, log.path.Text(), lc.cache.V); err != nil {
				return err
			}
		}
	}
	for _, f := range m.files {
		if err := f.open(c, m.writer); err != nil {
			return err
		}
	}
	c.OnFlush(m.writer.flush)
	return nil
}

func (f *logFile) open(c *cycle.Cycle, w *writer) error {
	id := cycle.ZoneID{Kind: "access_log", Name: "file " + f.path, Params: fmt.Sprintf("%+v", f.params)}
	z, err := c.Zone(id, func() (any, error) { return newSink(w, f), nil })
	if err == nil {
		f.sink = z.(*sink)
	}
	return err
}

func openPaths(c *cycle.Cycle, path string, cache *cacheConf) (*pathFiles, error) {
	id := cycle.ZoneID{Kind: "access_log", Name: "path " + path}
	if cache != nil {
		id.Params = fmt.Sprintf("%+v", *cache)
	}
	z, err := c.Zone(id, func() (any, error) { return newPathFiles(cache), nil })
	if err != nil {
		return nil, err
	}
	return z.(*pathFiles), nil
}
