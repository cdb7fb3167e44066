package phase

import (
	"slices"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/lua/api"
)

// Settings is the module of the lua_* directives.
var Settings = http.Module{
	Name: "http_lua_settings",
	Main: http.NewMain(&api.Main, nil, initSettings),
	Loc: http.NewLoc(&api.Locations, nil, func(_ *http.Builder, up, c *api.Settings) error {
		c.Merge(up)
		return nil
	}),
	Prepare: func(b *http.Builder) error {
		api.Main.In(b).Root = b.Locations()[0]
		return nil
	},
	Directives: slices.Concat(settings(), tlsSettings(), budgets()),
	Finish:     finishTLS,
}

// Limits that nobody set.
const (
	defaultPendingTimers = 1024
	defaultRunningTimers = 256
	defaultRegexEntries  = 1024
)

func initSettings(_ *http.Builder, m *api.MainSettings) error {
	for _, d := range []struct {
		opt *conf.Opt[int]
		def int
	}{
		{&m.MaxPendingTimers, defaultPendingTimers}, {&m.MaxRunningTimers, defaultRunningTimers},
		{&m.RegexCacheEntries, defaultRegexEntries}, {&m.RegexMatchLimit, 0},
	} {
		d.opt.Merge(conf.Opt[int]{}, d.def)
	}
	m.BudgetSteps.Merge(conf.Opt[int64]{}, defaultSteps)
	m.BudgetMemory.Merge(conf.Opt[int64]{}, defaultMemory)
	return nil
}

type set = api.Settings

func flag(field func(c *set) *conf.Opt[bool]) conf.Setter  { return conf.Flag(field) }
func msec(field func(c *set) *conf.Opt[int64]) conf.Setter { return conf.Msec(field) }

const maxNum = 1<<31 - 1

func num(field func(c *api.MainSettings) *conf.Opt[int]) conf.Setter {
	return conf.Num(field, 0, maxNum)
}

// settings is the table of Settings.
func settings() []conf.Directive {
	const inSockets = conf.HTTP | conf.Server | conf.Location | conf.LocationIf
	return []conf.Directive{
		{Name: "lua_code_cache", In: inLevels, Args: conf.FlagArg, Default: "on", Set: conf.After(flag(func(c *set) *conf.Opt[bool] { return &c.CodeCache }), warnCache),
			Doc: "Keeps compiled Lua and module state; off makes a VM for each request, for development."},
		{Name: "lua_need_request_body", In: inLevels, Args: conf.FlagArg, Default: "off", Set: flag(func(c *set) *conf.Opt[bool] { return &c.NeedRequestBody }),
			Doc: "Reads the request body before rewrite, access or content Lua runs."},
		{Name: "lua_use_default_type", In: inLevels, Args: conf.FlagArg, Default: "on", Set: flag(func(c *set) *conf.Opt[bool] { return &c.UseDefaultType }),
			Doc: "Gives responses of Lua the type of default_type unless they set their own."},
		{Name: "lua_http10_buffering", In: inLevels, Args: conf.FlagArg, Default: "on", Set: flag(func(c *set) *conf.Opt[bool] { return &c.HTTP10Buffering }),
			Doc: "Collects responses of Lua to HTTP/1.0 requests, to send their length."},
		{Name: "lua_check_client_abort", In: inLevels, Args: conf.FlagArg, Default: "off", Set: flag(func(c *set) *conf.Opt[bool] { return &c.CheckClientAbort }),
			Doc: "Ends Lua when the client closes its connection, or runs what ngx.on_abort registered."},
		{Name: "lua_transform_underscores_in_response_headers", In: inLevels, Args: conf.FlagArg, Default: "on",
			Set: flag(func(c *set) *conf.Opt[bool] { return &c.TransformUnderscores }),
			Doc: "Reads underscores in names given to ngx.header as hyphens."},
		{Name: "lua_phase_io", In: inLevels, Args: conf.Take1, Default: "strict", Syntax: "strict | relaxed",
			Set: conf.Enum(func(c *set) *conf.Opt[bool] { return &c.Relaxed }, []conf.EnumValue[bool]{{Name: "strict"}, {Name: "relaxed", Value: true}}),
			Doc: "Says whether functions that wait (cosockets, ngx.sleep, semaphores, light threads) may be called in every phase of a request, and of the http block in init_worker."},
		{Name: "lua_socket_log_errors", In: inSockets, Args: conf.FlagArg, Default: "on", Set: flag(func(c *set) *conf.Opt[bool] { return &c.SocketLogErrors }),
			Doc: "Logs errors of cosockets."},
		{Name: "lua_socket_connect_timeout", In: inSockets, Args: conf.Take1, Default: "60s", Set: msec(func(c *set) *conf.Opt[int64] { return &c.SocketConnectTimeout }),
			Doc: "Limits how long a cosocket waits for its connection."},
		{Name: "lua_socket_send_timeout", In: inSockets, Args: conf.Take1, Default: "60s", Set: msec(func(c *set) *conf.Opt[int64] { return &c.SocketSendTimeout }),
			Doc: "Limits how long a cosocket waits between two writes."},
		{Name: "lua_socket_read_timeout", In: inSockets, Args: conf.Take1, Default: "60s", Set: msec(func(c *set) *conf.Opt[int64] { return &c.SocketReadTimeout }),
			Doc: "Limits how long a cosocket waits between two reads."},
		{Name: "lua_socket_keepalive_timeout", In: inSockets, Args: conf.Take1, Default: "60s", Set: msec(func(c *set) *conf.Opt[int64] { return &c.SocketKeepaliveTimeout }),
			Doc: "Limits how long an idle cosocket stays in its pool."},
		{Name: "lua_socket_buffer_size", In: inSockets, Args: conf.Take1, Default: "4k", Set: conf.Size(func(c *set) *conf.Opt[int64] { return &c.SocketBufferSize }),
			Doc: "Sets the size of the buffer a cosocket reads into."},
		{Name: "lua_socket_send_lowat", In: inSockets, Args: conf.Take1, Default: "0", Set: conf.Size(func(c *set) *conf.Opt[int64] { return &c.SocketSendLowat }),
			Doc: "Sets the send low-water mark of cosockets; Linux takes none other than 1."},
		{Name: "lua_socket_pool_size", In: inSockets, Args: conf.Take1, Default: "30",
			Set: conf.Num(func(c *set) *conf.Opt[int] { return &c.SocketPoolSize }, 0, maxNum),
			Doc: "Sets how many idle connections a pool of cosockets keeps."},
		{Name: "lua_max_pending_timers", In: conf.HTTP, Args: conf.Take1, Default: "1024", Set: num(func(c *api.MainSettings) *conf.Opt[int] { return &c.MaxPendingTimers }),
			Doc: "Limits the timers of a worker that have not run out."},
		{Name: "lua_max_running_timers", In: conf.HTTP, Args: conf.Take1, Default: "256", Set: num(func(c *api.MainSettings) *conf.Opt[int] { return &c.MaxRunningTimers }),
			Doc: "Limits the callbacks of timers that run in a worker at once."},
		{Name: "lua_regex_cache_max_entries", In: conf.HTTP, Args: conf.Take1, Default: "1024", Set: num(func(c *api.MainSettings) *conf.Opt[int] { return &c.RegexCacheEntries }),
			Doc: "Limits the compiled expressions of ngx.re that a worker keeps."},
		{Name: "lua_regex_match_limit", In: conf.HTTP, Args: conf.Take1, Default: "0", Set: num(func(c *api.MainSettings) *conf.Opt[int] { return &c.RegexMatchLimit }),
			Doc: "Limits the steps of a match of ngx.re; 0 is the engine's own limit."},
		{Name: "lua_package_path", In: conf.HTTP, Args: conf.Take1, Syntax: "path", Set: packagePath(func(c *api.MainSettings) *string { return &c.PackagePath }),
			Doc: "Sets where require finds Lua files; two semicolons stand for the default, $prefix for the prefix."},
		{Name: "lua_package_cpath", In: conf.HTTP, Args: conf.Take1, Syntax: "path", Set: packagePath(func(c *api.MainSettings) *string { return &c.PackageCPath }),
			Doc: "Sets package.cpath. Modules in C cannot be loaded; those that weir brings itself need no path."},
		{Name: "lua_capture_error_log", In: conf.HTTP, Args: conf.Take1, Syntax: "size",
			Set: setCapture,
			Doc: "Keeps the last lines that each worker writes to error logs, up to that size, for get_logs of the module ngx.errlog."},
		{Name: "lua_load_resty_core", In: conf.HTTP, Args: conf.FlagArg, Set: warnRestyCore,
			Doc: "Has no effect: the resty.core functions are built in."},
		{Name: "lua_thread_cache_max_entries", In: conf.HTTP, Args: conf.Take1, Set: conf.NoOpNum("the pool of Lua threads needs no tuning"),
			Doc: "Has no effect: the pool of Lua threads needs no tuning."},
		{Name: "lua_sa_restart", In: conf.HTTP, Args: conf.FlagArg, Set: conf.NoOpFlag("signals do not interrupt system calls here"),
			Doc: "Has no effect: signals do not interrupt system calls."},
		{Name: "lua_malloc_trim", In: conf.HTTP, Args: conf.Take1, Set: conf.NoOpNum("memory is collected by the Go runtime"),
			Doc: "Has no effect: memory is collected by the Go runtime."},
	}
}

// warnRestyCore accepts lua_load_resty_core with the warning that OpenResty gives since it has no effect there either.
func warnRestyCore(cx *conf.Cx, it *conf.Item) error {
	if _, ok := conf.ParseFlag(it.Arg(0)); !ok {
		return conf.Errorf(`invalid value "%s" in "%s" directive, it must be "on" or "off"`, it.Arg(0), it.Name)
	}
	cx.Warn("lua_load_resty_core is deprecated (the lua-resty-core library is required since ngx_lua v0.10.16)")
	return nil
}

// warnCache says what lua_code_cache off costs.
func warnCache(cx *conf.Cx, _ *conf.Item) error {
	if !conf.Target[set](cx).CodeCache.V {
		cx.Alert("lua_code_cache is off; this will hurt performance")
	}
	return nil
}

func packagePath(field func(c *api.MainSettings) *string) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		at := field(conf.Target[api.MainSettings](cx))
		if *at != "" {
			return conf.Tail("is duplicate")
		}
		*at = expandPrefix(it.Args[0], cx.Prefix)
		return nil
	}
}
