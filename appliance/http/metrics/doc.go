// Package metrics answers `metrics;` locations with the server's counters in
// the text format of Prometheus.
//
// # How a scrape goes
//
//	handler ── holds the request ──> goroutine ── posts to each worker ──> loops
//	   ^                                 |  <── samples, or none in time ──┘
//	   └───── reply on its own loop <────┘  sums, prints
//
// Counters belong to their workers, who count without atomics; a worker hands
// out a copy when its loop comes round. A worker that does not answer within
// answerTime is reported as not up and counted with what it said last, so that
// sums do not fall. No loop ever waits, and what prints runs beside them. What
// workers that have ended had counted is kept by http.Process.
//
// # What it owns and must not know
//
// The package owns the names of the metrics and the last samples, which
// outlive configurations (a zone of the cycle). It knows the core and package
// upstream, whose peers it shows, and is the only one that knows Prometheus.
package metrics
