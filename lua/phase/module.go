package phase

import (
	"weir/appliance/http"
	"weir/lua/api"
)

// Module is the module of the *_by_lua directives: the handlers, the header and body filters, the VMs of the workers.
var Module = http.Module{
	Name:        "http_lua",
	Main:        http.NewMain(&main, nil, nil),
	Srv:         http.NewSrv(&srv, nil, mergeSrv),
	Loc:         http.NewLoc(&loc, nil, mergeLoc),
	State:       http.NewState(&api.Requests),
	Local:       http.NewLocal(&api.Workers, newWorker),
	Directives:  directives(),
	Metrics:     &metrics,
	Prepare:     prepare,
	Finish:      finish,
	StartWorker: startWorker,
	InitWorker:  initWorker,
	Exiting:     exiting,
	ExitWorker:  exitWorker,
	Handlers: []http.PhaseHandler{
		{Phase: http.Log, Run: logPhase, Used: uses(atLog)},
	},
	HeaderFilter: func(b *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		if !uses(atHeaderFilter)(b) && !uses(atBodyFilter)(b) {
			return next
		}
		main.In(b).nextHeader = next
		return func(r *http.Request) http.Code { return headerFilter(r, next) }
	},
	BodyFilter: func(b *http.Builder, next http.BodyFilter) http.BodyFilter {
		if !uses(atBodyFilter)(b) {
			return next
		}
		main.In(b).nextBody = next
		return func(r *http.Request, in *http.Chain) http.Code { return bodyFilter(r, in, next) }
	},
}

// uses tells whether any location has a script for a step.
func uses(at int) func(b *http.Builder) bool {
	return func(b *http.Builder) bool {
		for _, l := range b.Locations() {
			if loc.In(l).scripts[at] != nil {
				return true
			}
		}
		return false
	}
}
