// Package phase runs Lua in the phases of HTTP requests: the *_by_lua directives, the lua_* settings, the VMs of a
// worker and what the outcome of a script means for its request.
//
// It owns the modules (Settings, Module, Capture), the handlers and filters, the compiled scripts of a configuration and
// each worker's VMs: one for every configuration in use. It must not know single functions of the ngx API; families.go
// lists the packages that bring them. Everything at run time belongs to the worker's loop.
//
// # A script in a request
//
//	phase engine -> step.run -> api.For(r) -> script.load -> Ctx.Start
//	    over:  step.result: exit, exec, error page, on with the phases
//	    waits: the handler returns Again (content: Done, with the request held);
//	           Env.Run ends the script later -> OnDone -> the phases are run again, and the handler,
//	           which is asked again, collects the result
//
// set, header_filter, body_filter, log and balancer run aside: they may not wait (see package api). With lua_phase_io
// relaxed they run on light threads in contexts of their own, and may (see relaxed.go).
//
// # VMs
//
// A configuration's init_by_lua runs once, when the configuration has been read, in the VM that the first worker then
// takes over; each further worker runs it in its own VM. nginx runs it once in the master and lets the workers
// inherit the memory: for scripts the difference is visible only in how often side effects outside of Lua happen.
// With lua_code_cache off every main request has a VM of its own.
package phase
