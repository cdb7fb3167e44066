package server

import (
	"encoding/json"
	"errors"
	"sync"
	"time"

	"weir/appliance/cycle"
)

// filterLink is the cycle.FilterLink of a server: encoded questions on their way
// to Run's goroutine, which tells the master, and who waits for their answers.
type filterLink struct {
	questions chan string
	patience  time.Duration // for an answer

	mu      sync.Mutex
	last    int64 // ID
	waiting map[int64]*waiter
}

// waiter is who waits for an answer.
type waiter struct {
	answer func(*cycle.FilterAnswer)
	timer  *time.Timer // ends the waiting
}

// Bounds of what modules can have on its way.
const (
	maxQuestions = 256 // not yet told to the master, and as many waiting for an answer
	maxNetworks  = 256
)

var (
	errManyQuestions = errors.New("too many requests to the packet filter at once")
	errManyNetworks  = errors.New("too many networks at once")
)

func newFilterLink(patience time.Duration) *filterLink {
	return &filterLink{questions: make(chan string, maxQuestions), patience: patience, waiting: make(map[int64]*waiter)}
}

// Ask implements cycle.FilterLink.
func (f *filterLink) Ask(q cycle.FilterQuestion, answer func(*cycle.FilterAnswer)) error {
	if len(q.Networks) > maxNetworks {
		return errManyNetworks
	}
	q.ID = 0
	f.mu.Lock()
	defer f.mu.Unlock()
	if answer != nil {
		if len(f.waiting) >= maxQuestions {
			return errManyQuestions
		}
		f.last++
		q.ID = f.last
	}
	data, err := json.Marshal(q)
	if err != nil {
		return err
	}
	select {
	case f.questions <- string(data):
	default:
		return errManyQuestions
	}
	if answer != nil {
		id := q.ID
		f.waiting[id] = &waiter{answer, time.AfterFunc(f.patience, func() {
			f.settle(&cycle.FilterAnswer{ID: id, Error: "the master process does not answer"})
		})}
	}
	return nil
}

// answered passes the master's answer on.
func (f *filterLink) answered(body []byte) {
	a := new(cycle.FilterAnswer)
	if json.Unmarshal(body, a) == nil {
		f.settle(a)
	}
}

// settle gives an answer to who waits for it, unless it comes too late.
func (f *filterLink) settle(a *cycle.FilterAnswer) {
	f.mu.Lock()
	w := f.waiting[a.ID]
	delete(f.waiting, a.ID)
	f.mu.Unlock()
	if w != nil {
		w.timer.Stop()
		w.answer(a)
	}
}
