package http

import (
	"time"

	"weir/netio/poll"
)

// Ask posts a task to the loop of each worker and returns the answers that
// have come within limit. question makes the task, which gives its answer once,
// in this turn of the loop or a later one. Ask waits, so it is called from a
// goroutine that is no worker's.
func Ask[T any](workers []*Worker, limit time.Duration, question func(w *Worker, answer func(T)) poll.Task) map[*Worker]T {
	type reply struct {
		w *Worker
		t T
	}
	replies := make(chan reply, len(workers)) // room for all: no loop waits to send
	for _, w := range workers {
		w.Loop.Post(question(w, func(t T) { replies <- reply{w, t} }))
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	got := make(map[*Worker]T, len(workers))
	for len(got) < len(workers) {
		select {
		case r := <-replies:
			got[r.w] = r.t
		case <-timer.C:
			return got
		}
	}
	return got
}
