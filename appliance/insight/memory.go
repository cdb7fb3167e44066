package insight

import (
	"slices"
	"time"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// Memory is what the Lua of each worker keeps: what can be reached from its globals, modules and registry. What a
// request under way holds alone is not in it.
type Memory struct {
	Workers []WorkerMemory `json:"workers"`
}

// WorkerMemory is one worker's part.
type WorkerMemory struct {
	ID       int   `json:"id"`
	Complete bool  `json:"complete"` // it was measured to the end in time; if not, Bytes is nothing
	Bytes    int64 `json:"bytes"`
	VMs      int   `json:"vms"` // more than one while requests of earlier configurations run
}

// Bounds of a measurement.
const (
	memoryTime   = 2500 * time.Millisecond // for the whole answer
	elementsEach = 20000                   // looked at in one turn of the loop: about a millisecond
)

// memory measures all workers at once.
func (s *Service) memory() Memory {
	workers := s.workers()
	end := time.Now().Add(memoryTime)
	answers := http.Ask(workers, memoryTime, func(w *http.Worker, answer func(WorkerMemory)) poll.Task {
		return &measurement{w: w, end: end, answer: answer}
	})
	var m Memory
	for _, w := range workers {
		r := answers[w]
		r.ID = w.ID
		m.Workers = append(m.Workers, r)
	}
	slices.SortFunc(m.Workers, func(a, b WorkerMemory) int { return a.ID - b.ID })
	return m
}

// measurement walks through the VMs of a worker; each turn of the loop runs it once.
type measurement struct {
	w      *http.Worker
	end    time.Time // give up then
	answer func(WorkerMemory)

	// Owned by the loop.
	begun bool
	walk  *vm.Walk // under way
	rest  []*api.Env
	sum   WorkerMemory
}

// Run implements poll.Task.
func (m *measurement) Run() {
	if !m.begun {
		m.begun = true
		if local := api.Workers.Try(m.w); local != nil {
			m.rest = append(m.rest, local.Older...)
			if local.Current != nil {
				m.rest = append(m.rest, local.Current)
			}
		}
		m.sum.VMs = len(m.rest)
	}
	if m.walk == nil && len(m.rest) > 0 {
		m.walk = m.rest[0].VM.NewWalk()
		m.rest = m.rest[1:]
	}
	if m.walk != nil {
		if m.walk.Step(elementsEach) {
			m.sum.Bytes += m.walk.Bytes()
			m.walk = nil
		}
	}
	switch {
	case m.walk == nil && len(m.rest) == 0:
		m.sum.Complete = true
		m.answer(m.sum)
	case time.Now().Before(m.end):
		m.w.Loop.Post(m)
	}
}
