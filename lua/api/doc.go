// Package api is what the ngx API is built from: tables of functions with the phases they may be called in, the
// context a piece of Lua runs in, and light threads that wait for events of the worker's loop.
//
// It owns Env (one VM of one worker with the API in it), Ctx (the Lua of one request or timer) and Thread (a light
// thread). It must not know single functions of the API, directives or phases' handlers: families bring the
// functions (lua/ngx, lua/cosocket, lua/resty and others), lua/phase runs the phases. All of it belongs to the
// worker's loop; nothing is locked.
//
// # Adding a family
//
// A family is one exported value of its package, listed in lua/phase/families.go. Its tables are data, from which
// the reference documentation is made as well:
//
//	var Family = api.Family{
//		Name:   "ngx.example",
//		Doc:    "Shows how a family is written.",
//		State:  api.NewState(&state, newState), // optional: one *perVM for each VM
//		Tables: []api.Table{
//			{Path: "ngx.example", Funcs: funcs},                  // a table reached from the globals
//			{Path: "ngx.example.more", Module: true, Funcs: more}, // require "ngx.example.more"
//			{Path: "obj", Meta: "ngx.example.obj", Funcs: methods}, // methods of userdata
//		},
//		Open: func(e *api.Env) { e.Table("ngx").SetString("EXAMPLE", vm.Int(1)) },
//	}
//
//	var funcs = []api.Func{
//		{Name: "twice", In: api.Any, Args: "(n)", Doc: "Returns 2n.", Run: twice},
//		{Name: "nap", In: api.Yieldable, Args: "(ms)", Doc: "Waits.", Run: nap},
//	}
//
//	var state api.Slot[perVM] // state.Of(l) is this VM's
//
// In is checked before Run is called, with OpenResty's sentence. `lua_phase_io relaxed` lifts the check for what may
// wait: such a function must work in every phase of a request. An object of Meta is e.VM.NewUserdata(v,
// e.VM.NewMetatable(name)) and is read back by l.CheckUserdata(1, name).V.
//
// # Who runs
//
// Of(l) is the Ctx whose Lua called; it costs two loads and never is nil. R is its request, nil in init,
// init_worker, exit_worker and timers (c.Request(l) raises the error for that). Env, Worker and the loop are reached
// from it. Ctx and Thread are reused: an object of a family that outlives the call keeps them only while it is
// registered by OnClose, or as the Waiter of a parked thread.
//
// # Waiting
//
// A function that has to wait parks the light thread it was called in and is woken by an event:
//
//	type pause struct {
//		poll.Timer
//		thread *api.Thread
//	}
//
//	func (p *pause) Expired(*poll.Timer) { p.thread.Wake() } // an event of the loop: it may not run Lua itself
//	func (p *pause) Abandon()            { p.Stop() }        // the thread was killed, its request is gone
//
//	func nap(l *vm.State) int {
//		c := api.Of(l)
//		p := &pause{thread: c.Thread()}
//		p.Owner = p
//		c.Env().Loop().SetTimer(&p.Timer, int64(l.CheckInt(1)))
//		c.Park(l, p) // returns after Wake; does not return when the thread is killed
//		return 0
//	}
//
// Rules: Thread is taken before parking and used only until the function returns. Wake never runs Lua: the thread
// goes on at the end of the turn of the loop, so events may be handled in any order and a thread may be woken from
// within Lua (a semaphore). Waking twice is waking once; after Park returned, look at your own state for what
// happened. What is ready at once needs no Park. When the client goes away, ngx.exit is called in another light
// thread or the thread is killed, Abandon is called first, then the Go stack of the parked function is unwound by
// a panic that neither Lua's pcall nor Go code may stop: deferred functions run, nothing else does. Objects that
// live as long as the request (a connection that is not in a pool) register a Cleaner with OnClose, and take it back
// with DropClose when they are closed before.
//
//	loop event -> Thread.Wake -> (end of turn) Env.Run -> Thread.resume -> Park returns in the Go function
//	                                                    -> Ctx.settle -> OnDone: lua/phase goes on with the request
//
// # Leaving
//
// ngx.exit, ngx.exec and ngx.redirect set what is to happen on the Ctx and call Leave: all light threads of the
// context end, and the phase's handler does the rest.
//
// # Asides
//
// With lua_phase_io relaxed a filter, set, log or balancer runs in a Ctx of its own beside the request's (Ctx.Aside): it
// may wait while the content handler's Lua does, and ends by itself. What belongs to the request, ngx.ctx for one, is
// the Base's; a function that keeps something of the kind asks for c.Base().
//
// # Phases that may not wait
//
// In strict mode set, header_filter, body_filter, log and balancer run by Env.CallAside on a Lua thread of their own, on whatever Go
// stack they are called from, be it that of another light thread. Ctx.Thread is nil there and Park raises an error.
package api
