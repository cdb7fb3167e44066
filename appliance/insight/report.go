package insight

import (
	"cmp"
	"slices"
	"time"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/netio/poll"
)

// Report is what a process has done until now; the difference of two tells what it does.
type Report struct {
	Version string   `json:"version"`
	Clock   int64    `json:"clock_ns"` // monotonic
	Workers []Worker `json:"workers"`
	Scripts []Script `json:"scripts"` // of all workers together, the one that took most time first
}

// Worker is one worker.
type Worker struct {
	ID          int    `json:"id"`
	Up          bool   `json:"up"`     // it answered in time; if not, what it counts is as it was when it did last
	Known       bool   `json:"known"`  // it has answered once; if not, its counters are nothing
	Lag         int64  `json:"lag_ns"` // how long the question waited for its turn on the loop
	CPU         int64  `json:"cpu_ns"` // of its thread
	Connections int    `json:"connections"`
	Accepted    uint64 `json:"accepted"`
	Requests    uint64 `json:"requests"`
	Lua         uint64 `json:"lua_ns"` // time in Lua
	Busy        *Busy  `json:"busy,omitempty"`

	meters []api.Meter
	thread int
}

// Busy is Lua that has held a worker for more than a millisecond without waiting, and still does.
type Busy struct {
	Phase  string `json:"phase"`
	Script string `json:"script"`
	Place  string `json:"place"`   // where it was seen: file and line
	For    int64  `json:"busy_ns"` // for how long
	Line   int    `json:"line"`
}

// Script is what the Lua of one script in one phase has used.
type Script struct {
	Phase  string `json:"phase"`
	Name   string `json:"script"`
	Runs   uint64 `json:"runs"`
	Parks  uint64 `json:"parks"`  // times it waited
	Errors uint64 `json:"errors"` // runs that an error ended
	Steps  uint64 `json:"steps"`  // loop ends and calls
	Bytes  uint64 `json:"bytes"`  // allocated
	Time   uint64 `json:"time_ns"`
}

// answerTime bounds the wait for a worker.
const answerTime = 300 * time.Millisecond

// top asks all workers.
func (s *Service) top() Report {
	r := Report{Version: s.Process.Version, Clock: api.Clock()}
	workers := s.workers()
	answers := http.Ask(workers, answerTime, func(w *http.Worker, answer func(Worker)) poll.Task {
		asked := api.Clock()
		return task(func() { answer(look(w, asked)) })
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last
	s.last = make(map[*http.Worker]Worker, len(answers))
	sum := map[[2]string]*Script{}
	for _, w := range workers {
		a, up := answers[w]
		if !up {
			a = last[w]
			a.ID, a.Up, a.Lag = w.ID, false, int64(answerTime)
		}
		s.last[w] = a
		if a.Known {
			a.CPU = poll.ThreadTime(a.thread)
		}
		a.Busy = busy(w)
		for i := range a.meters {
			addScript(sum, &a.meters[i])
		}
		r.Workers = append(r.Workers, a)
	}
	for _, sc := range sum {
		r.Scripts = append(r.Scripts, *sc)
	}
	slices.SortFunc(r.Workers, func(a, b Worker) int { return a.ID - b.ID })
	slices.SortFunc(r.Scripts, func(a, b Script) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Phase, b.Phase))
	})
	return r
}

func addScript(sum map[[2]string]*Script, m *api.Meter) {
	id := [2]string{m.Phase.Name(), m.Name}
	sc := sum[id]
	if sc == nil {
		sc = &Script{Phase: id[0], Name: id[1]}
		sum[id] = sc
	}
	sc.Runs += m.Runs
	sc.Parks += m.Parks
	sc.Errors += m.Errors
	sc.Steps += m.Steps
	sc.Bytes += m.Bytes
	sc.Time += m.Nanos
}

// look is what a worker says of itself; it runs on its loop.
func look(w *http.Worker, asked int64) Worker {
	st := w.Stats()
	r := Worker{
		ID: w.ID, Up: true, Known: true, Lag: api.Clock() - asked, Connections: w.Active(), Accepted: w.Driver.Stats().Accepted,
		Requests: st.Requests, thread: poll.Thread(),
	}
	if w.Generation() == nil {
		return r // it has just begun, without modules
	}
	for _, m := range api.Workers.Of(w).Meters.List() {
		r.meters = append(r.meters, *m)
		r.Lua += m.Nanos
	}
	return r
}

// busy is what a worker shows without being asked.
func busy(w *http.Worker) *Busy {
	local := api.Workers.Try(w)
	if local == nil {
		return nil
	}
	b := local.Busy.Load()
	if b == nil {
		return nil
	}
	return &Busy{Phase: b.Phase.Name(), Script: b.Script, Place: b.Chunk, Line: b.Line, For: api.Clock() - b.Since}
}
