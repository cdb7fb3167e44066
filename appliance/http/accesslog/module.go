package accesslog

import (
	"weir/appliance/conf"
	"weir/appliance/errlog"
	"weir/appliance/http"
)

var (
	main  http.MainSlot[mainConf]
	loc   http.LocSlot[locConf]
	local http.WorkerSlot[workerLogs]
)

// mainConf is what the http block has.
type mainConf struct {
	formats []*format
	files   map[string]*logFile // by full path
	writer  *writer
}

// locConf is what a location says.
type locConf struct {
	logs  []*accessLog // nil: not set here
	off   bool
	cache conf.Opt[*cacheConf]
}

// accessLog is one access_log directive. Exactly one of file, path and syslog
// is set.
type accessLog struct {
	file   *logFile
	path   *http.Complex // when the name has variables
	files  *pathFiles    // of path; set when the configuration is complete
	syslog *errlog.Syslog
	format *format
	filter *http.Complex // if=, nil for none
}

// workerLogs is what a worker keeps.
type workerLogs struct {
	id     int
	line   []byte   // the line being formatted
	shards []*shard // by sink.id
}

// Module is the log module.
var Module = http.Module{
	Name: "http_log",
	Main: http.NewMain(&main, func() *mainConf {
		return &mainConf{files: make(map[string]*logFile), formats: []*format{{name: "combined"}}}
	}, nil),
	Loc: http.NewLoc(&loc, nil, merge),
	Local: http.NewLocal(&local, func(w *http.Worker) *workerLogs {
		return &workerLogs{id: w.ID, line: make([]byte, 0, 1024)}
	}),
	Directives: []conf.Directive{
		{Name: "log_format", In: conf.HTTP, Args: conf.TwoMore, Set: setFormat, Syntax: "name [escape=default|json|none] string ...",
			Default: `combined "..."`, Doc: "Defines a format of access logs."},
		{Name: "access_log", In: conf.HTTP | conf.Server | conf.Location | conf.LocationIf | conf.LimitExcept, Args: conf.OneMore, Set: setLog,
			Syntax:  "off | path [format [buffer=size] [flush=time] [gzip[=level]] [if=condition]] | syslog:server=address[,parameter=value] [format [if=condition]]",
			Default: "logs/access.log combined",
			Doc:     "Sets a file or syslog server that requests are logged to. Lines without buffer= are written in batches within a fraction of a second."},
		{Name: "open_log_file_cache", In: conf.HTTP | conf.Server | conf.Location, Args: conf.Take1234, Set: setCache,
			Syntax: "off | max=N [inactive=time] [min_uses=N] [valid=time]", Default: "off",
			Doc: "Keeps log files whose names contain variables open."},
	},
	Prepare:  prepare,
	Finish:   finish,
	Handlers: []http.PhaseHandler{{Phase: http.Log, Run: logRequest}},
}

// prepare compiles the format that needs no log_format.
func prepare(b *http.Builder) error {
	return main.In(b).formats[0].compile([]string{combined}, b.VariableIndex)
}

func merge(b *http.Builder, p, c *locConf) error {
	c.cache.Merge(p.cache, nil)
	if c.logs != nil || c.off {
		return nil
	}
	c.logs, c.off = p.logs, p.off
	if c.logs != nil || c.off {
		return nil
	}
	m := main.In(b)
	c.logs = []*accessLog{{file: m.file(b.Cycle(), b.Cycle().Prefix+defaultPath), format: m.formats[0]}}
	return nil
}

// defaultPath is where requests are logged when nothing is configured, below
// the prefix.
const defaultPath = "logs/access.log"

// logRequest is the log phase.
func logRequest(r *http.Request) http.Code {
	c := loc.Of(r)
	if c.off {
		return http.OK
	}
	w := local.Of(r.Worker())
	for _, l := range c.logs {
		if l.filter != nil {
			if v := l.filter.Eval(r); len(v) == 0 || len(v) == 1 && v[0] == '0' {
				continue
			}
		}
		w.line = l.format.append(w.line[:0], r)
		if l.syslog != nil {
			l.syslog.Send(-1, w.line)
			continue
		}
		w.line = append(w.line, '\n')
		if l.path != nil {
			l.files.log(r, l.path.Eval(r), w.line)
			continue
		}
		w.shard(l.file.sink).add(w.line, r.Worker().Loop.NowMS())
	}
	return http.OK
}

// shard is this worker's buffer of a sink.
func (w *workerLogs) shard(s *sink) *shard {
	if s.id < len(w.shards) {
		if sh := w.shards[s.id]; sh != nil {
			return sh
		}
	}
	for len(w.shards) <= s.id {
		w.shards = append(w.shards, nil)
	}
	sh := &shard{sink: s, solo: soloBurst}
	w.shards[s.id] = sh
	return sh
}
