// Package server is the server process: it takes configurations and
// descriptors from the master over a Link and runs the workers.
//
//	master ==orders, descriptors==> Link ==> Server.Run --Mailbox--> worker 0..n-1
//	       <==ready, failed, status==
//
// It owns the workers, the loaded Cycle and the listening descriptors it was
// handed. It binds nothing and opens no log: that is the master's part, which
// may run as root. After the first order it is the configured user without any
// capability.
//
// With `master_process off` the same code runs inside the master's process, at
// the other end of a socket pair: there is no second implementation.
//
// It knows no HTTP: the program gives it a Factory of services.
//
// Threads: Run's goroutine owns the Server; workers are reached through their
// mailboxes only.
package server
