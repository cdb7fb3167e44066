// Command perf measures weir beside nginx and haproxy and writes a Markdown
// table: CPU per request, requests per second, latency, memory and system calls.
// README.md says how and why so; `make perf` runs it.
//
// It sees servers from outside: by their command line, their sockets and what
// the kernel tells about their processes. It imports nothing of weir.
//
//	main      flags, the order of everything
//	scenario  what is measured, one row per table
//	server    starting and stopping weir, nginx, haproxy and the backend
//	flavour   their configurations: plain, with TLS, with Lua
//	process   CPU time and memory of a process tree
//	wrk       closed-loop load
//	openloop  load at a fixed rate, in a process of its own
//	handshake a TLS connection per request, in a process of its own
//	idle      memory of idle connections
//	strace    system calls per request
//	report    the table
//
// One goroutine does everything, except in the generators' own processes.
package main
