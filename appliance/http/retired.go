package http

import "weir/netio/conn"

// Add adds the counters of o to s.
func (s *Stats) Add(o *Stats) {
	s.Accepted += o.Accepted
	s.Requests += o.Requests
	s.Panics += o.Panics
	s.Reading += o.Reading
	s.Writing += o.Writing
	for i, n := range o.ByClass {
		s.ByClass[i] += n
	}
	for i, n := range o.Latency {
		s.Latency[i] += n
	}
	s.LatencySum += o.LatencySum
}

// Retired is what ended workers have counted.
type Retired struct {
	Stats Stats
	Conns conn.Stats
}

// Retire keeps what w has counted, so that sums over the workers of the
// process never fall when one ends. It is the last call on w's loop.
func (p *Process) Retire(w *Worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := &p.retired
	t.Stats.Add(&w.stats)
	t.Stats.Reading, t.Stats.Writing = 0, 0
	c := w.Driver.Stats()
	t.Conns.Accepted += c.Accepted
	t.Conns.Dialled += c.Dialled
	t.Conns.Refused += c.Refused
	t.Conns.AcceptErr += c.AcceptErr
	t.Conns.Recvs += c.Recvs
	t.Conns.Sends += c.Sends
}

// Retired returns the sum over workers that have ended. Any goroutine may
// call it.
func (p *Process) Retired() Retired {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.retired
}
