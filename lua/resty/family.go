package resty

import (
	"weir/lua/api"
	"weir/lua/vm"
)

// Family is all modules of the package.
var Family = api.Family{
	Name:  "resty",
	Doc:   "Modules that OpenResty brings, without ffi.",
	State: api.NewState(&states, func(*api.Env) *state { return new(state) }),
	Tables: []api.Table{
		{Path: "resty.core.base", Module: true, Funcs: baseFuncs},
		{Path: "resty.core.utils", Module: true, Funcs: utilsFuncs},
		{Path: "resty.core.regex", Module: true, Funcs: regexFuncs},
		{Path: "resty.core.time", Module: true, Funcs: timeFuncs},
		{Path: "ngx.base64", Module: true, Funcs: base64Funcs},
		{Path: "tablepool", Module: true, Funcs: tablepoolFuncs},
		{Path: "resty.lrucache", Module: true, Funcs: lrucacheFuncs},
		{Path: "resty.lrucache.pureffi", Module: true, Funcs: lrucacheFuncs},
		{Path: "resty.lock", Module: true, Funcs: lockFuncs},
		{Path: "resty.string", Module: true, Funcs: stringFuncs},
		{Path: "resty.random", Module: true, Funcs: randomFuncs},
		{Path: "resty.md5", Module: true, Funcs: digests[0].funcs()},
		{Path: "resty.sha1", Module: true, Funcs: digests[1].funcs()},
		{Path: "resty.sha224", Module: true, Funcs: digests[2].funcs()},
		{Path: "resty.sha256", Module: true, Funcs: digests[3].funcs()},
		{Path: "resty.sha384", Module: true, Funcs: digests[4].funcs()},
		{Path: "resty.sha512", Module: true, Funcs: digests[5].funcs()},
		{Path: "resty.sha", Module: true},
		{Path: "resty.aes", Module: true, Funcs: aesFuncs},
		{Path: "resty.limit.req", Module: true, Funcs: limitReqFuncs},
		{Path: "resty.limit.conn", Module: true, Funcs: limitConnFuncs},
		{Path: "resty.limit.count", Module: true, Funcs: limitCountFuncs},
		{Path: "resty.limit.traffic", Module: true, Funcs: limitTrafficFuncs},
		{Path: "resty.websocket.protocol", Module: true, Funcs: websocketFuncs},
		{Path: "resty.signal", Module: true, Funcs: signalFuncs},
	},
	Open: open,
}

// state is what a VM has of the modules.
type state struct {
	bufSize int       // of resty.core.base; a number that scripts set and read
	pools   *vm.Table // of tablepool
}

var states api.Slot[state]

// versions are the modules' _VERSION, or version where they call it so.
var versions = []struct{ field, version, modules string }{
	{"_VERSION", "0.17", "string random md5 sha sha1 sha224 sha256 sha384 sha512 aes"},
	{"_VERSION", "0.14", "lrucache lrucache.pureffi"},
	{"_VERSION", "0.13", "websocket.protocol"},
	{"version", "0.04", "signal"},
	{"_VERSION", "0.09", "lock limit.req limit.conn limit.count limit.traffic"},
}

func open(e *api.Env) {
	openCore(e)
	openAES(e)
	openVersions(e)
	st := states.In(e)
	st.bufSize = defaultBufSize
	st.pools = vm.NewTable(0, 4)
}
