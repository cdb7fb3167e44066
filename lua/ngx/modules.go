package ngx

import (
	"weir/lua/api"
	"weir/lua/vm"
)

// Modules is the family of the small modules that require finds under ngx.
var Modules = api.Family{
	Name: "ngx modules",
	Doc:  "The modules ngx.errlog, ngx.process, ngx.req and ngx.resp.",
	Tables: []api.Table{
		{Path: "ngx.errlog", Module: true, Funcs: errlogFuncs},
		{Path: "ngx.process", Module: true, Funcs: processFuncs},
		{Path: "ngx.req", Module: true, Funcs: reqModuleFuncs},
		{Path: "ngx.resp", Module: true, Funcs: respModuleFuncs},
	},
}

var reqModuleFuncs = []api.Func{
	{Name: "add_header", In: api.Request, Args: "(name, value)", Doc: "Adds a field to the request header.", Run: func(l *vm.State) int {
		setReqHeader(l, false)
		return 0
	}},
}

var respModuleFuncs = []api.Func{
	{Name: "add_header", In: api.Request, Args: "(name, value)", Doc: "Adds a field to the response header.", Run: func(l *vm.State) int {
		SetResponseHeader(l, headerKey(l, 1), l.Arg(2), false)
		return 0
	}},
	{Name: "set_status", In: api.Request, Args: "(status, reason?)", Doc: "Sets the status and the reason of the response.", Run: setRespStatus},
	{Name: "bypass_if_checks", In: api.Request, Args: "()", Doc: "Has conditional requests answered in full.", Run: func(l *vm.State) int {
		api.Of(l).R.DisableNotModified()
		return 0
	}},
}

var processFuncs = []api.Func{
	{Name: "type", In: api.Any, Args: "()", Doc: "Returns the kind of process: master while the configuration is read, worker, privileged agent, or single with master_process off.", Run: processType},
	{Name: "enable_privileged_agent", In: api.Any, Args: "(connections?)", Doc: "Asks for a worker that serves nobody, beside the others, in init_by_lua. It has no more rights than they have.", Run: enableAgent},
	{Name: "signal_graceful_exit", In: api.Any, Args: "()", Doc: "Has the worker begin anew: with the requests and timers of now its Lua ends, and what comes finds new Lua.", Run: gracefulExit},
	{Name: "get_master_pid", In: api.Any, Args: "()", Doc: "Returns the number of the master process.", Run: func(l *vm.State) int {
		return l.Ret(vm.Int(api.Of(l).Env().Gen.Cycle.Master))
	}},
}

// maxAgentConnections is what lua-resty-core takes at most.
const maxAgentConnections = 1e6 // nothing here depends on it: an agent has as many as it needs

// enableAgent is process.enable_privileged_agent.
func enableAgent(l *vm.State) int {
	c := api.Of(l)
	if c.Phase != api.Init {
		return api.Fail(l, "API disabled in the current context")
	}
	if !l.Arg(1).IsNil() {
		if n := l.CheckNumber(1); n < 0 || n > maxAgentConnections {
			l.Errorf("bad 'connections' argument")
		}
	}
	if e := c.Env(); e.Worker == nil { // the first run decides, before there are workers
		e.Gen.Cycle.Agent = true
	}
	return l.Ret(vm.True)
}

// gracefulExit is process.signal_graceful_exit. A worker is a thread here, and its connections have nothing to do
// with its Lua: what a new worker process would have that the old one has not is new Lua.
func gracefulExit(l *vm.State) int {
	if renew := api.EnvOf(l).Renew; renew != nil {
		renew()
	}
	return 0
}

// processType is process.type. What is called a worker is a thread here.
func processType(l *vm.State) int {
	c := api.Of(l)
	kind := "worker"
	switch w := c.Env().Worker; {
	case !c.Env().Gen.Cycle.Core.Master:
		kind = "single"
	case c.Phase == api.Init:
		kind = "master"
	case w != nil && w.Agent():
		kind = "privileged agent"
	}
	return l.Ret(vm.String(kind))
}
