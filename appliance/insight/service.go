package insight

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"time"

	"weir/appliance/http"
	"weir/lua/api"
)

// Service answers questions about the workers of a process.
type Service struct {
	Process *http.Process

	profiling sync.Mutex // held while a profile is taken

	mu   sync.Mutex
	last map[*http.Worker]Worker // what running workers said last; guarded by mu
}

// Answer answers the question of a path with a query. It takes as long as the question asks for, and may be called
// from any goroutine.
func (s *Service) Answer(question string) ([]byte, error) {
	u, err := url.ParseRequestURI(question)
	if err != nil {
		return nil, err
	}
	switch u.Path {
	case "/top":
		return encode(s.top())
	case "/lua/memory":
		return encode(s.memory())
	case "/lua/profile":
		return s.profile(u.Query())
	}
	return nil, fmt.Errorf("there is nothing at %s", u.Path)
}

func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	return append(data, '\n'), err
}

func (s *Service) workers() []*http.Worker {
	if list := s.Process.Workers.Load(); list != nil {
		return *list
	}
	return nil
}

// task is a function that a loop runs.
type task func()

func (t task) Run() { t() }

// ask has every worker run f on its loop, and returns what those said that did so in time. asked is when the question
// was put.
func (s *Service) ask(f func(w *http.Worker, asked int64) Worker) map[*http.Worker]Worker {
	workers := s.workers()
	type reply struct {
		w *http.Worker
		a Worker
	}
	replies := make(chan reply, len(workers)) // room for all: no loop waits to send
	for _, w := range workers {
		asked := api.Clock()
		w.Loop.Post(task(func() { replies <- reply{w, f(w, asked)} }))
	}
	timer := time.NewTimer(answerTime)
	defer timer.Stop()
	got := make(map[*http.Worker]Worker, len(workers))
	for len(got) < len(workers) {
		select {
		case r := <-replies:
			got[r.w] = r.a
		case <-timer.C:
			return got
		}
	}
	return got
}
