package ngx

import (
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
)

// Core is the family of what is part of every request: output, control, variables, headers, the request and its body,
// logging, time and text.
var Core = api.Family{
	Name:  "ngx",
	Doc:   "Output, control, variables, headers, the request, logging, time and text.",
	State: api.NewState(&coreState, newCore),
	Tables: []api.Table{
		{Path: "ngx", Funcs: outputFuncs},
		{Path: "ngx", Funcs: controlFuncs},
		{Path: "ngx", Funcs: logFuncs},
		{Path: "ngx", Funcs: timeFuncs},
		{Path: "ngx", Funcs: stringFuncs},
		{Path: "ngx", Funcs: phaseFuncs},
		{Path: "ngx.req", Funcs: reqFuncs},
		{Path: "ngx.req", Funcs: bodyFuncs},
		{Path: "ngx.resp", Funcs: respFuncs},
		{Path: "ngx.worker", Funcs: workerFuncs},
	},
	Open: openCore,
}

// core is what the family keeps per VM.
type core struct {
	vars      map[string]*http.Variable // by name as Lua wrote it; nil: no such variable
	value     http.Value                // scratch of variables without an index
	headersMT *vm.Table                 // of ngx.req.get_headers: looks names up in lower case
	respMT    *vm.Table
	names     map[string]headerName
}

var coreState api.Slot[core]

func newCore(*api.Env) *core {
	return &core{vars: map[string]*http.Variable{}, names: map[string]headerName{}}
}

// maxNames bounds the names of variables and headers a VM remembers.
const maxNames = 4096

func openCore(e *api.Env) {
	t := e.Table("ngx")
	for name, n := range constants {
		t.SetString(name, vm.Int(n))
	}
	t.SetString("null", vm.Null)
	cfg := e.Table("ngx.config")
	cfg.SetString("debug", vm.False)
	cfg.SetString("subsystem", vm.String("http"))
	cfg.SetString("nginx_version", vm.Int(nginxVersion))
	cfg.SetString("ngx_lua_version", vm.Int(luaVersion))
	e.VM.Register(cfg, "nginx_configure", func(l *vm.State) int { return l.Ret(vm.String("")) })
	e.VM.Register(cfg, "prefix", func(l *vm.State) int { return l.Ret(vm.String(api.EnvOf(l).Prefix)) })

	s := coreState.In(e)
	s.headersMT = vm.NewTable(0, 1)
	e.VM.Register(s.headersMT, "__index", headersIndex)
	s.respMT = s.headersMT

	magic(e, t, "var", varGet, varSet)
	magic(e, t, "header", headerGet, headerSet)
	magic(e, t, "arg", argGet, argSet)
	e.VM.Register(e.VM.Globals(), "print", printLog)
	mt := vm.NewTable(0, 2)
	e.VM.Register(mt, "__index", ngxIndex)
	e.VM.Register(mt, "__newindex", ngxNewIndex)
	t.SetMetatable(e.VM, mt)

	loaded := e.VM.Loaded()
	loaded.SetString("ngx", t.Value())
}

// magic makes ngx.NAME a table without fields of its own: reads and writes go to get and set.
func magic(e *api.Env, ngx *vm.Table, name string, get, set vm.Func) {
	t, mt := vm.NewTable(0, 0), vm.NewTable(0, 2)
	e.VM.Register(mt, "__index", get)
	e.VM.Register(mt, "__newindex", set)
	t.SetMetatable(e.VM, mt)
	ngx.SetString(name, t.Value())
}

// Versions that ngx.config tells: those whose behaviour this is.
const (
	nginxVersion = 1031000
	luaVersion   = 10032
)

// constants are the numbers of the ngx table.
var constants = map[string]int{
	"OK": 0, "ERROR": -1, "AGAIN": -2, "DONE": -4, "DECLINED": -5,
	"STDERR": 0, "EMERG": 1, "ALERT": 2, "CRIT": 3, "ERR": 4, "WARN": 5, "NOTICE": 6, "INFO": 7, "DEBUG": 8,
	"HTTP_GET": 1 << 1, "HTTP_HEAD": 1 << 2, "HTTP_POST": 1 << 3, "HTTP_PUT": 1 << 4, "HTTP_DELETE": 1 << 5,
	"HTTP_MKCOL": 1 << 6, "HTTP_COPY": 1 << 7, "HTTP_MOVE": 1 << 8, "HTTP_OPTIONS": 1 << 9, "HTTP_PROPFIND": 1 << 10,
	"HTTP_PROPPATCH": 1 << 11, "HTTP_LOCK": 1 << 12, "HTTP_UNLOCK": 1 << 13, "HTTP_PATCH": 1 << 14, "HTTP_TRACE": 1 << 15,
	"HTTP_CONTINUE": 100, "HTTP_SWITCHING_PROTOCOLS": 101,
	"HTTP_OK": 200, "HTTP_CREATED": 201, "HTTP_ACCEPTED": 202, "HTTP_NO_CONTENT": 204, "HTTP_PARTIAL_CONTENT": 206,
	"HTTP_SPECIAL_RESPONSE": 300, "HTTP_MOVED_PERMANENTLY": 301, "HTTP_MOVED_TEMPORARILY": 302, "HTTP_SEE_OTHER": 303,
	"HTTP_NOT_MODIFIED": 304, "HTTP_TEMPORARY_REDIRECT": 307, "HTTP_PERMANENT_REDIRECT": 308,
	"HTTP_BAD_REQUEST": 400, "HTTP_UNAUTHORIZED": 401, "HTTP_PAYMENT_REQUIRED": 402, "HTTP_FORBIDDEN": 403, "HTTP_NOT_FOUND": 404,
	"HTTP_NOT_ALLOWED": 405, "HTTP_NOT_ACCEPTABLE": 406, "HTTP_REQUEST_TIMEOUT": 408, "HTTP_CONFLICT": 409, "HTTP_GONE": 410,
	"HTTP_UPGRADE_REQUIRED": 426, "HTTP_TOO_MANY_REQUESTS": 429, "HTTP_CLOSE": 444, "HTTP_ILLEGAL": 451,
	"HTTP_INTERNAL_SERVER_ERROR": 500, "HTTP_NOT_IMPLEMENTED": 501, "HTTP_METHOD_NOT_IMPLEMENTED": 501, "HTTP_BAD_GATEWAY": 502,
	"HTTP_SERVICE_UNAVAILABLE": 503, "HTTP_GATEWAY_TIMEOUT": 504, "HTTP_VERSION_NOT_SUPPORTED": 505, "HTTP_INSUFFICIENT_STORAGE": 507,
}

// ngxIndex is what the ngx table has only while a request runs: ctx, status and the like.
func ngxIndex(l *vm.State) int {
	key, ok := l.Arg(2).AsString()
	if !ok {
		return l.Ret(vm.Nil)
	}
	c := api.Of(l)
	switch key {
	case "ctx":
		return l.Ret(ctxTable(l, c).Value())
	case "status":
		return l.Ret(vm.Int(getStatus(c.Request(l))))
	case "headers_sent":
		c.Request(l)
		return l.Ret(vm.Bool(c.HeaderSent()))
	case "is_subrequest":
		return l.Ret(vm.Bool(c.Request(l).IsSubrequest()))
	}
	return l.Ret(vm.Nil)
}

func ngxNewIndex(l *vm.State) int {
	c := api.Of(l)
	key, _ := l.Arg(2).AsString()
	switch key {
	case "ctx":
		t := l.Arg(3).AsTable()
		if t == nil {
			l.Errorf("ctx should be a table while getting a %s", l.Arg(3).TypeName())
		}
		if c.R == nil && c.Phase == api.Init {
			l.Errorf("no request found")
		}
		c.Base().NgxCtx = t
	case "status":
		setStatus(l, c)
	case "headers_sent", "is_subrequest":
		l.Errorf("attempt to write to ngx.%s", key)
	default:
		l.RawSet(l.CheckTable(1), l.Arg(2), l.Arg(3))
	}
	return 0
}

// ctxTable is ngx.ctx, made at its first use.
func ctxTable(l *vm.State, c *api.Ctx) *vm.Table {
	c = c.Base()
	if c.NgxCtx == nil {
		if c.R == nil && c.Phase == api.Init {
			l.Errorf("no request found")
		}
		c.NgxCtx = l.VM().NewTable(0, 4)
		if c.Place != nil {
			c.NgxCtx.SetString("__index", c.NgxCtx.Value()) // requests of the connection inherit it
		} else if up := c.SharedCtx(); up != nil {
			c.NgxCtx.SetMetatable(l.VM(), up)
		}
	}
	return c.NgxCtx
}

func getStatus(r *http.Request) int {
	if s := r.ErrorStatus(); s != 0 {
		return int(s)
	}
	if r.Out.Status != 0 {
		return r.Out.Status
	}
	if r.Version == 9 {
		return 9
	}
	return 0
}

func setStatus(l *vm.State, c *api.Ctx) {
	r := c.Request(l)
	if c.HeaderSent() {
		c.Log(http.LogErr, "attempt to set ngx.status after sending out response headers")
		return
	}
	n := l.CheckInt(3)
	if r.ErrorStatus() != 0 {
		r.SetErrorStatus(0)
	}
	r.Out.Status = n
	r.Out.StatusLine = nil
	if n == 101 {
		// A response that changes the protocol has no body of its own.
		r.Out.StatusLine = []byte("101 Switching Protocols")
	}
}

var phaseFuncs = []api.Func{
	{Name: "get_phase", In: api.Any, Args: "()", Doc: "Returns the name of the running phase.", Run: func(l *vm.State) int {
		return l.Ret(vm.String(api.Of(l).Phase.Name()))
	}},
}

var workerFuncs = []api.Func{
	{Name: "exiting", In: api.Any, Args: "()", Doc: "Reports whether the worker is about to end.", Run: func(l *vm.State) int {
		e := api.EnvOf(l)
		return l.Ret(vm.Bool(e.Retired() || e.Worker != nil && e.Worker.Exiting()))
	}},
	{Name: "pid", In: api.Any, Args: "()", Doc: "Returns the number of the process.", Run: workerPID},
	{Name: "pids", In: api.Any, Args: "()", Doc: "Returns the process numbers of all workers; they share one process.", Run: workerPIDs},
	{Name: "id", In: api.Any, Args: "()", Doc: "Returns the worker's number, from 0; nil in the privileged agent.", Run: func(l *vm.State) int {
		if w := api.EnvOf(l).Worker; w != nil && !w.Agent() {
			return l.Ret(vm.Int(w.ID))
		}
		return l.Ret(vm.Nil)
	}},
	{Name: "count", In: api.Any, Args: "()", Doc: "Returns the number of workers.", Run: func(l *vm.State) int {
		return l.Ret(vm.Int(workerCount(api.EnvOf(l))))
	}},
}

func workerCount(e *api.Env) int { return e.Workers }

func workerPID(l *vm.State) int { return l.Ret(vm.Int(pid)) }

func workerPIDs(l *vm.State) int {
	t := l.VM().NewTable(1, 0)
	for i := range workerCount(api.EnvOf(l)) {
		t.SetInt(i+1, vm.Int(pid))
	}
	return l.Ret(t.Value())
}
