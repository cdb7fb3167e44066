// Package process is Lua's commands: the module ngx.pipe, os.execute and io.popen.
//
// The server executes nothing: cycle.Commands has a process of its own do it. This package makes the pipes, gives the
// command's ends away and keeps its own ends on the worker's loop. Whatever has to wait parks the light thread it was
// called in:
//
//	proc:stdout_read_line() -> conn.Pipe.Read -> ErrAgain -> Park
//	conn.Pipe: PipeReady    -> Read, consume until there is a line -> Thread.Wake
//	proc:wait()             -> Park;  cycle.Process: changed -> Loop.Post -> Thread.Wake
//
// ngx.pipe.spawn never waits, as in OpenResty, so it may be called in all phases but init: that a program cannot be
// executed is logged and shows as an exit with code 1. A process of ngx.pipe ends with the request (or timer) that
// made it, by SIGKILL, and when nothing in Lua refers to it any more.
//
// os.execute and io.popen park as well where Lua may wait. Elsewhere (init, init_worker, filters, log) they hold the
// worker, as they do in OpenResty, but for no longer than maxHold at a time: then the command is killed, with its
// process group.
//
// It owns the pipes and knows commands by cycle.Process only. All of it belongs to the worker's loop; only changed is
// called from another goroutine.
package process
