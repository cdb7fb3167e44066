package process

import (
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// sleeper is a light thread that waits for a stream, or for the end of a process, of which each has at most one. Its
// owner sets loop and the timer's Owner before the first one.
type sleeper struct {
	poll.Timer
	loop   *poll.Loop
	thread *api.Thread // nil when it has been woken
	busy   bool        // the light thread has not gone on yet
}

// park has the running light thread wait until it is woken; the timer runs for limit milliseconds, with 0 not at all.
func (s *sleeper) park(l *vm.State, w api.Waiter, limit int64) {
	c := api.Of(l)
	s.thread = c.Thread()
	if limit > 0 {
		s.loop.SetTimer(&s.Timer, limit)
	}
	s.busy = true
	defer func() { s.busy = false }() // when the thread is aborted, too
	c.Park(l, w)
}

// wake has the light thread go on.
func (s *sleeper) wake() {
	t := s.thread
	s.Abandon()
	t.Wake()
}

// Abandon implements api.Waiter: nobody waits any more.
func (s *sleeper) Abandon() {
	s.thread = nil
	s.loop.RemoveTimer(&s.Timer)
}
