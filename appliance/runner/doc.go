// Package runner runs commands for the server process, which executes nothing
// itself: os.execute, io.popen and ngx.pipe of Lua end here.
//
//	worker ─► Client ══orders, the command's descriptors══► runner ─► fork, exec
//	       ◄─ changed ◄══════════ reports ═════════════════        ◄─ SIGCHLD
//
// The runner is a process of its own: the same binary, started by the master
// when the server asks for it, as the configured user without capabilities and
// without a way to gain any (no_new_privs). It takes orders from the socket it
// was born with and from nowhere else, keeps at most maxProcesses commands,
// reaps them and what they leave behind, and ends with the socket: commands
// that run then are killed. Each has a process group of its own. Bytes do not
// pass through it: pipes are made by the server, which sends the command's ends.
//
// The package owns the protocol, the runner's process (Main) and the server's
// side (Client). It knows no Lua, no request and no event loop, and it does not
// know how a runner is started: the Client is given a function that does.
//
// Threads: Main is one goroutine on one thread, which all commands are children
// of, and one that receives. A Client may be used from any goroutine.
package runner
