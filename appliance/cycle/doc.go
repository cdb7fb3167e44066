// Package cycle is what one configuration asks of the process, apart from any
// protocol: the main and events directives, and the resources that the process
// code must provide (log files, listening addresses, temporary directories,
// memory zones).
//
//	conf.Tree --Load--> Cycle --master--> descriptors, directories
//	                          --server--> workers, *http.Generation (Cycle.HTTP)
//
// A configuration is loaded twice: by the master, as root, to check it and to
// learn what to open, and by the server process, which serves it. What the
// server may not read itself travels in a Snapshot: the directives as parsed
// and every file that setters asked for by ReadFile.
//
// A Cycle is filled by one goroutine while it is loaded and is read-only
// afterwards. Files and zones are carried over from the cycle before it by
// their full identity, so that a reload keeps them.
//
// The package knows no HTTP: the http block's setter, which lives in the HTTP
// core, leaves its result in Cycle.HTTP and registers resources here.
package cycle
