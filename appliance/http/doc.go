// Package http is the HTTP core: requests, phases, filters, variables,
// locations, subrequests, bodies and the HTTP/1 server connection.
//
// # What it owns
//
// A Generation is one immutable configuration: servers, locations, compiled
// variables and the phase engine. A Worker is the HTTP state of one worker
// thread: free lists, connections, counters. A Request belongs to one
// connection of one worker and is never touched from another thread, so
// nothing here takes a lock.
//
// # What it must not know
//
// The core knows no module by name, no Lua and no process management. Modules
// (package appliance/http/<name>) describe themselves by a Module value; the
// ordered list of them lives in appliance/stdmodules.
//
// # Life of a request
//
//	conn.Readable -> clientConn.Readable        h1.go       bytes arrive
//	  parseHead -> startRequest                 h1.go       head parsed in place
//	    Request.process                         request.go  host, length, server chosen
//	      Request.RunPhases                     phase.go    flat array of handlers
//	        content handler                     a module
//	          SendHeader -> header filters -> Stream.SendHeader
//	          Output     -> body filters   -> Stream.Send
//	      Request.Finalize                      finalize.go errors, subrequests, keepalive
//	  log phase, request back to the free list
//
// Where a filter has to wait its output gate closes (gate.go); where a log
// handler has to, the connection goes on without the request (pinned.go).
//
// Control flow follows nginx's: a handler returns a Code; Finalize decides
// what a Code means. A request waits by returning Again or Done after it has
// set its ReadHandler or WriteHandler and, where the wait is not for its own
// connection, raised its count.
package http
