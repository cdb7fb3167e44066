// Package master is the master process: the only one that runs as root and the
// one that takes signals. It serves no traffic.
//
//	           signals                     descriptors, snapshot
//	init ──────────────► master ═══════════════════════════════════► server
//	           pid file     │   Link: load, reopen, quit, stop, query   (workers)
//	weir.sock ◄── status ───┤ ◄═══════ ready, failed, state, exit ═════
//	                        └─ USR2 ─► new binary, listeners in $NGINX
//
// It checks configurations, binds listeners (one per worker and address), opens
// logs, makes temporary directories, writes the pid file, starts the server
// process and starts it again on the same listeners when it dies. With
// `master_process off`, or when it was not started by root, the server runs
// inside it, behind the same Link.
//
// The command line's other answers (-t, -T, -s) live here too, because they need
// the same loading and checking.
//
// It knows no HTTP: the table of directives and the factory of services come
// from the program.
//
// Threads: one goroutine, Run's, owns the master; the others only send it
// events.
package master
