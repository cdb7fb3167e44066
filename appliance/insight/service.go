package insight

import (
	"encoding/json"
	"fmt"
	"net/url"
	"sync"

	"weir/appliance/http"
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
