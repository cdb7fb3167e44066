package http

import "sync/atomic"

// Published are the counters of a worker that others may read at any time: a
// copy of its own, taken when somebody asked for it. Counting itself needs no
// atomics that way.
type Published struct {
	Accepted, Requests       atomic.Uint64
	Active, Reading, Writing atomic.Int64

	asked atomic.Bool // a task of AskPublish is on its way
}

// Published returns what Publish stored last. Any goroutine may call it.
func (w *Worker) Published() *Published { return &w.published }

// Publish stores the counters as they are now. It runs on the worker's loop.
func (w *Worker) Publish() {
	p := &w.published
	p.Accepted.Store(w.stats.Accepted)
	p.Requests.Store(w.stats.Requests)
	p.Active.Store(int64(w.conns.n))
	p.Reading.Store(w.stats.Reading)
	p.Writing.Store(w.stats.Writing)
}

// AskPublish has the worker publish its counters soon. Any goroutine may call
// it.
func (w *Worker) AskPublish() {
	if !w.published.asked.Swap(true) {
		w.Loop.Post((*publishTask)(w))
	}
}

type publishTask Worker

// Run implements poll.Task.
func (t *publishTask) Run() {
	w := (*Worker)(t)
	w.published.asked.Store(false)
	w.Publish()
}
