// Package accesslog is nginx's log module: log_format, access_log and
// open_log_file_cache.
//
// # How a line reaches its file
//
//	log phase ── format ──> line ──> shard of (file, worker) ──> writer ──> file
//	                                 lines since the last batch  one goroutine
//
// A line is formatted on the worker and appended to the buffer that the file
// has on that worker. One goroutine of the process writes: a batch when it is
// full (batchSize, or buffer= of the directive), otherwise what has gathered
// within flushDelay (or flush=). So an access_log as a user writes it costs a
// system call per batch and not per request; lines are in the file long before
// a second has passed, and before the process ends or reopens its logs. While
// requests are few, the worker writes their lines itself and at once: a log
// that somebody looks at does not lag behind. A log with buffer= and without
// flush= waits for its buffer to fill, as in nginx. A process that is killed
// loses what it has not written yet, at most flushDelay of lines.
//
// When the disk cannot follow, the bounded queue of batches fills up and
// workers write their own batches: lines are never dropped, the disk slows the
// server down, as it does nginx.
//
// Files whose name has variables are written at once by the worker, as in
// nginx, through a cache of open files when open_log_file_cache asks for one.
// Lines for syslog are datagrams, sent at once, too.
//
// # Ownership
//
// A shard is appended to by its worker and emptied by the writer, under a
// mutex that is held for the copy of a line. Everything else of the writer
// belongs to its goroutine. Sinks and the writer outlive configurations: they
// are zones of the cycle. The package knows the core and no other module.
package accesslog
