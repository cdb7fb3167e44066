package http_test

import (
	"testing"
	"time"

	"weir/appliance/http"
	"weir/netio/poll"
)

// task is a function as loops run them.
type task func()

func (f task) Run() { f() }

func TestAnswersOfWorkersAreAwaitedForSoLong(t *testing.T) {
	s := start(t, basic)
	var w *http.Worker
	s.Do(func(of *http.Worker) { w = of })
	workers := []*http.Worker{w}
	got := http.Ask(workers, time.Minute, func(w *http.Worker, answer func(int)) poll.Task {
		return task(func() { w.Loop.Post(task(func() { answer(7) })) }) // in its second turn
	})
	if len(got) != 1 || got[w] != 7 {
		t.Errorf("got %v, want 7", got)
	}
	got = http.Ask(workers, time.Millisecond, func(*http.Worker, func(int)) poll.Task { return task(func() {}) })
	if len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}
