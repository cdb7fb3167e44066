package accesslog

import (
	"sync"
	"sync/atomic"
	"time"
)

// writer is the goroutine of the process that writes logs, and what it is
// told. There is one in a process, whatever configurations come and go.
type writer struct {
	ids     atomic.Int32 // of sinks
	start   sync.Once
	started atomic.Bool
	wake    chan struct{}      // something is full or new
	flushes chan chan struct{} // write everything now, then close the channel

	mu    sync.Mutex
	dirty []*shard // shards with lines
}

// flushTime bounds how long the end of the process or a reopening waits for a
// disk that does not answer.
const flushTime = 5 * time.Second

func newWriter() *writer {
	return &writer{wake: make(chan struct{}, 1), flushes: make(chan chan struct{})}
}

// mark notes that s has lines. The first call starts the goroutine, which
// lives as long as the process.
func (w *writer) mark(s *shard) {
	w.mu.Lock()
	w.dirty = append(w.dirty, s)
	w.mu.Unlock()
	w.start.Do(func() {
		w.started.Store(true)
		go w.run()
	})
}

// poke has the writer look at the shards soon.
func (w *writer) poke() {
	select {
	case w.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// flush returns when all lines are written.
func (w *writer) flush() {
	if !w.started.Load() {
		return
	}
	deadline := time.NewTimer(flushTime)
	defer deadline.Stop()
	done := make(chan struct{})
	select {
	case w.flushes <- done:
	case <-deadline.C:
		return
	}
	select {
	case <-done:
	case <-deadline.C:
	}
}

func (w *writer) run() {
	timer := time.NewTimer(time.Hour)
	for {
		var done chan struct{}
		select {
		case <-w.wake:
		case <-timer.C:
		case done = <-w.flushes:
		}
		now := time.Now()
		next := w.sweep(now, done != nil)
		if done != nil {
			close(done)
		}
		if next.IsZero() {
			timer.Reset(time.Hour)
		} else {
			timer.Reset(max(next.Sub(now), time.Millisecond))
		}
	}
}

// sweep writes what is full or due, or everything, and returns when the next
// shard is due; zero for none.
func (w *writer) sweep(now time.Time, all bool) (next time.Time) {
	w.mu.Lock()
	list := w.dirty
	w.dirty = nil
	w.mu.Unlock()
	rest := list[:0]
	for _, s := range list {
		due, more := s.drain(now, all)
		if !more {
			continue
		}
		rest = append(rest, s)
		if !due.IsZero() && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	w.mu.Lock()
	w.dirty = append(rest, w.dirty...)
	w.mu.Unlock()
	return next
}
