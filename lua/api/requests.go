package api

import (
	"sync/atomic"

	"weir/appliance/errlog"
	"weir/appliance/http"
)

// Requests is the slot of a request's context; lua/phase brings it into the list of modules.
var Requests http.Slot[Ctx]

// Workers is the slot of a worker's VMs; lua/phase brings it into the list of modules.
var Workers http.WorkerSlot[Worker]

// Worker is what a worker has of Lua: the VM of each configuration that is still in use.
type Worker struct {
	// Current is the VM of the configuration that new requests get; nil without Lua.
	Current *Env
	// Next is the VM of a configuration that the worker is going to take; nil for none.
	Next *Env
	// Older are VMs of earlier configurations with requests or timers in flight, the last one the newest.
	Older []*Env
	// Late makes a VM for a request that a connection begins when the one of its configuration has ended already.
	Late func(g *http.Generation) *Env
	// Fresh makes a VM for one request, with lua_code_cache off.
	Fresh func(r *http.Request) *Env
	// Capture has the lines that the worker has written to error logs; nil without lua_capture_error_log.
	Capture *errlog.Capture
	// Meters count what the Lua of this worker uses.
	Meters Meters
	// Busy is Lua that has run for more than a millisecond without waiting, renewed as it goes on; nil for none. Any
	// goroutine may read it.
	Busy atomic.Pointer[Busy]
	// Sampler is on while it is not nil. Any goroutine may set it.
	Sampler atomic.Pointer[Sampler]
}

// For returns the context of r, made if there is none yet. It is closed when the main request ends.
func For(r *http.Request) *Ctx {
	if c := Requests.Get(r); c != nil {
		return c
	}
	return newRequestCtx(r)
}

func newRequestCtx(r *http.Request) *Ctx {
	w := Workers.Of(r.Worker())
	var e *Env
	if w.Fresh != nil {
		e = w.Fresh(r)
	}
	if e == nil {
		e = EnvOn(r.Worker(), r.Generation())
	}
	if e == nil {
		e = w.Late(r.Generation())
	}
	c := e.NewCtx(r, 0)
	Requests.Set(r, c)
	r.Cleanup(endCtx, c)
	r.Release(closeCtx, c)
	return c
}

// endCtx ends what still runs when the request ends; the log phase runs after it.
func endCtx(data any) { data.(*Ctx).End() }

func closeCtx(data any) { data.(*Ctx).Close() }
