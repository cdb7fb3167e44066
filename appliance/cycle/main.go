package cycle

import (
	"slices"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/tuning/machine"
	"weir/tuning/profile"
)

// Core is the main context's settings with defaults filled in.
type Core struct {
	Daemon           bool
	Master           bool   // two processes; false joins both roles in one
	Pid              string // full path
	Workers          int
	Affinity         Affinity
	Filter           *Filter // nil for none
	Steering         string  // worker_steering: load, cpu, hash or off
	Priority         int     // nice value of the server's threads
	RlimitNofile     int64   // -1: as inherited
	RlimitCore       int64   // -1: as inherited
	ShutdownTimeout  int64   // milliseconds a graceful stop may take; 0: no limit
	WorkingDirectory string
	User             User
	Env              []string          // "NAME" to keep or "NAME=value" to set
	Tuning           string            // profile applied by the master at start; "" for none
	ThreadPools      map[string]string // name -> parameters, for checks of `aio threads=NAME`
}

// mainConf is the main context while it is read.
type mainConf struct {
	daemon, master            conf.Opt[bool]
	pid, lockFile, workingDir conf.Opt[string]
	workers                   conf.Opt[int]
	affinity                  Affinity
	steering                  conf.Opt[string]
	filter                    *filterConf // nil without a block
	priority                  int
	rlimitNofile              conf.Opt[int]
	rlimitCore                conf.Opt[int64]
	shutdownTimeout           conf.Opt[int64]
	timerResolution           conf.Opt[int64]
	debugPoints               conf.Opt[int]
	pcreJIT                   conf.Opt[bool]
	tuning                    conf.Opt[string]
	user                      User
	env                       []string
	pools                     map[string]string
	eventsSeen                bool
}

// owner is the module of the rows below.
type owner struct{}

// AddTo puts the main and events directives into a table.
func AddTo(t *conf.Table) { t.Add(owner{}, directives) }

var directives = slices.Concat(mainDirectives, eventsDirectives, filterDirectives)

var mainDirectives = []conf.Directive{
	{Name: "daemon", In: conf.Main, Args: conf.FlagArg, Default: "on",
		Set: conf.Flag(func(m *mainConf) *conf.Opt[bool] { return &m.daemon }),
		Doc: "Whether the process goes into the background once everything is bound."},
	{Name: "master_process", In: conf.Main, Args: conf.FlagArg, Default: "on",
		Set: conf.Flag(func(m *mainConf) *conf.Opt[bool] { return &m.master }),
		Doc: "Whether a master and a server process run. When off, one process does both and keeps the rights it was started with."},
	{Name: "pid", In: conf.Main, Args: conf.Take1, Default: "logs/nginx.pid",
		Set: conf.Str(func(m *mainConf) *conf.Opt[string] { return &m.pid }),
		Doc: "File that holds the number of the process that takes signals; it appears when all listeners are bound."},
	{Name: "lock_file", In: conf.Main, Args: conf.Take1, Default: "logs/nginx.lock",
		Set: conf.Str(func(m *mainConf) *conf.Opt[string] { return &m.lockFile }),
		Doc: "Accepted; there is no lock, because every worker has listeners of its own."},
	{Name: "worker_processes", In: conf.Main, Args: conf.Take1, Syntax: "number | auto", Default: "1",
		Set: setWorkers,
		Doc: "Number of workers. Workers are threads of the server process, each with its own event loop. `auto` is one per CPU the process may use, and in a container with a share of their time no more than that share."},
	{Name: "worker_cpu_affinity", In: conf.Main, Args: conf.OneMore, Syntax: "cpumask ... | auto [cpumask]",
		Set: setAffinity,
		Doc: "Binds workers to CPUs by masks. Without it workers are bound one to one when there are as many of them as CPUs, and else left to the scheduler."},
	{Name: "worker_steering", In: conf.Main, Args: conf.Take1, Syntax: "load | cpu | hash | off", Default: "load",
		Set: conf.Enum(func(m *mainConf) *conf.Opt[string] { return &m.steering }, []conf.EnumValue[string]{
			{Name: "load", Value: "load"}, {Name: "cpu", Value: "cpu"}, {Name: "hash", Value: "hash"}, {Name: "off", Value: "off"}}),
		Doc: "Which worker gets a new connection: the one with the least to do, the one bound to the CPU that the connection came in on, or one by the hash of the " +
			"addresses. A program in the kernel chooses, where the master may load one; `off` loads none. See docs/steering.md."},
	{Name: "worker_priority", In: conf.Main, Args: conf.Take1, Default: "0",
		Set: setPriority,
		Doc: "Nice value of the worker threads, -20 to 19."},
	{Name: "worker_rlimit_nofile", In: conf.Main, Args: conf.Take1,
		Set: conf.Num(func(m *mainConf) *conf.Opt[int] { return &m.rlimitNofile }, 0, conf.NoMax),
		Doc: "Largest number of open files of the server process."},
	{Name: "worker_rlimit_core", In: conf.Main, Args: conf.Take1,
		Set: conf.Off(func(m *mainConf) *conf.Opt[int64] { return &m.rlimitCore }),
		Doc: "Largest size of a core file of the server process."},
	{Name: "worker_shutdown_timeout", In: conf.Main, Args: conf.Take1,
		Set: conf.Msec(func(m *mainConf) *conf.Opt[int64] { return &m.shutdownTimeout }),
		Doc: "Time after which a graceful stop closes the connections that are left, and a reload ends the requests that began before it."},
	{Name: "working_directory", In: conf.Main, Args: conf.Take1,
		Set: conf.Str(func(m *mainConf) *conf.Opt[string] { return &m.workingDir }),
		Doc: "Working directory of the server process."},
	{Name: "user", In: conf.Main, Args: conf.Take12, Syntax: "user [group]", Default: "nobody nobody",
		Set: setUser,
		Doc: "User and group that the server process runs as when the master is root."},
	{Name: "env", In: conf.Main, Args: conf.Take1, Syntax: "variable[=value]", Default: "TZ",
		Set: conf.StrList(func(m *mainConf) *[]string { return &m.env }),
		Doc: "Environment variable that the server process keeps or is given; all others are removed."},
	{Name: "error_log", In: conf.Main, Args: conf.OneMore, Syntax: "file | stderr | memory:size | syslog:parameters [level]",
		Default: "logs/error.log error",
		Set:     setErrorLog,
		Doc:     "Where messages of that level and above go. It may be repeated."},
	{Name: "timer_resolution", In: conf.Main, Args: conf.Take1,
		Set: conf.After(conf.Msec(func(m *mainConf) *conf.Opt[int64] { return &m.timerResolution }),
			conf.NoOp("every worker reads the clock once per turn of its loop")),
		Doc: "Accepted; the clock is read once per turn of the event loop."},
	{Name: "debug_points", In: conf.Main, Args: conf.Take1, Syntax: "abort | stop",
		Set: conf.After(conf.Enum(func(m *mainConf) *conf.Opt[int] { return &m.debugPoints },
			[]conf.EnumValue[int]{{Name: "stop", Value: 1}, {Name: "abort", Value: 2}}),
			conf.NoOp("broken invariants are logged with their stack")),
		Doc: "Accepted; a broken invariant is logged with its stack and ends the request it belongs to."},
	{Name: "pcre_jit", In: conf.Main, Args: conf.FlagArg, Default: "off",
		Set: conf.Flag(func(m *mainConf) *conf.Opt[bool] { return &m.pcreJIT }),
		Doc: "Accepted; patterns are always compiled ahead of use."},
	{Name: "thread_pool", In: conf.Main, Args: conf.Take23, Syntax: "name threads=number [max_queue=number]",
		Default: "default threads=32 max_queue=65536",
		Set:     setThreadPool,
		Doc:     "Names a pool that `aio threads=` may ask for. File work runs on threads of the runtime, which are as many as needed."},
	{Name: "tuning_profile", In: conf.Main, Args: conf.Take1, Syntax: "name | file",
		Set: conf.After(conf.Str(func(m *mainConf) *conf.Opt[string] { return &m.tuning }), checkTuning),
		Doc: "Tuning profile that the master applies to the machine when it starts, as `weir tune apply` does: api-gateway, default, edge-latency, many-connections, throughput, or a file of one's own with a slash in its name. Without it nothing is changed, and the settings that cost most are named in the error log at level notice."},
	{Name: "load_module", In: conf.Main, Args: conf.Take1,
		Set: setLoadModule,
		Doc: "Accepted with a warning for the module files that weir has built in; other modules cannot be loaded."},
}

func setWorkers(cx *conf.Cx, it *conf.Item) error {
	m := conf.Target[mainConf](cx)
	if m.workers.Set {
		return conf.Tail("is duplicate")
	}
	if it.Arg(0) == "auto" {
		m.workers.Put(min(len(availableCPUs()), machine.Quota(machine.System)))
		return nil
	}
	n, ok := conf.ParseNum(it.Arg(0))
	if !ok || n > maxWorkers {
		return conf.Tail("invalid value")
	}
	m.workers.Put(n)
	return nil
}

// maxWorkers is nginx's bound on worker processes.
const maxWorkers = 1024

func setPriority(cx *conf.Cx, it *conf.Item) error {
	m := conf.Target[mainConf](cx)
	if m.priority != 0 {
		return conf.Tail("is duplicate")
	}
	text, minus := strings.CutPrefix(it.Arg(0), "-")
	if !minus {
		text = strings.TrimPrefix(text, "+")
	}
	n, ok := conf.ParseNum(text)
	if !ok {
		return conf.Tail("invalid number")
	}
	if minus {
		n = -n
	}
	m.priority = n
	return nil
}

// checkTuning reads the profile, so that a fault in it is a fault of the
// configuration and not of the start.
func checkTuning(cx *conf.Cx, it *conf.Item) error {
	if _, err := profile.LoadBy(it.Arg(0), Of(cx).ReadFile); err != nil {
		return conf.Errorf("%v", err)
	}
	if !Of(cx).Root {
		cx.Warn("the \"tuning_profile\" directive makes sense only if the master process runs with super-user privileges, ignored")
		conf.Target[mainConf](cx).tuning.V = ""
	}
	return nil
}

func setThreadPool(cx *conf.Cx, it *conf.Item) error {
	m := conf.Target[mainConf](cx)
	name := it.Arg(0)
	if _, ok := m.pools[name]; ok {
		return conf.Errorf("duplicate thread pool %q", name)
	}
	threads := 0
	for _, arg := range it.Args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		n, err := strconv.Atoi(value)
		switch {
		case key == "threads":
			if err != nil || n <= 0 {
				return conf.Errorf("invalid threads value %q", arg)
			}
			threads = n
		case key == "max_queue":
			if err != nil || n < 0 {
				return conf.Errorf("invalid max_queue value %q", arg)
			}
		}
	}
	if threads == 0 {
		return conf.Errorf("%q must have \"threads\" parameter", it.Name)
	}
	if m.pools == nil {
		m.pools = make(map[string]string)
	}
	m.pools[name] = strings.Join(it.Args[1:], " ")
	return nil
}

// builtIn lists the dynamic modules of nginx packages whose work weir does
// itself: existing configurations load them.
var builtIn = []string{
	"ndk_http_module", "ngx_http_lua_module", "ngx_http_headers_more_filter_module", "ngx_http_echo_module",
	"ngx_http_set_misc_module",
}

func setLoadModule(cx *conf.Cx, it *conf.Item) error {
	base := it.Arg(0)[strings.LastIndexByte(it.Arg(0), '/')+1:]
	for _, name := range builtIn {
		if base == name+".so" {
			cx.Warn("module %q is built in, \"load_module\" ignored", name)
			return nil
		}
	}
	return conf.Errorf("dlopen() %q failed (weir loads no shared objects)", cx.Path(it.Arg(0), false))
}

// core fills in defaults when everything was read.
func (m *mainConf) core(c *Cycle) Core {
	k := Core{
		Daemon:           m.daemon.Or(true),
		Master:           m.master.Or(true),
		Pid:              c.Path(m.pid.Or("logs/nginx.pid")),
		Workers:          max(1, m.workers.Or(1)),
		Affinity:         m.affinity,
		Filter:           m.filter.settings(),
		Steering:         m.steering.Or("load"),
		Priority:         m.priority,
		RlimitNofile:     int64(m.rlimitNofile.Or(-1)),
		RlimitCore:       m.rlimitCore.Or(-1),
		ShutdownTimeout:  m.shutdownTimeout.Or(0),
		WorkingDirectory: m.workingDir.Or(""),
		Env:              m.env,
		Tuning:           m.tuning.V,
		ThreadPools:      m.pools,
	}
	if c.Root {
		k.User = m.user.orDefault()
	}
	return k
}

// Path is the full name of a file below the prefix.
func (c *Cycle) Path(name string) string {
	if strings.HasPrefix(name, "/") {
		return name
	}
	return c.Prefix + name
}
