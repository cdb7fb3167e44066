package server

import (
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/worker"
	"weir/ebpf/steer"
)

// apply gives c and its sockets to as many workers as c wants. Socket i of an
// address belongs to worker i modulo their number: when workers become fewer,
// those that stay take over the sockets, so that no queued connection is lost.
func (s *Server) apply(c *cycle.Cycle, sockets map[socketKey]int) error {
	n := c.Core.Workers
	runtime.GOMAXPROCS(n + 2) // two for the runtime and for work off the loops
	for len(s.workers) < n {
		w, err := worker.Start(worker.Config{
			ID: len(s.workers), CPUs: c.Core.Affinity.CPUs(len(s.workers), n), New: s.o.New})
		if err != nil {
			return err
		}
		s.workers = append(s.workers, w)
	}
	s.dismiss(n)
	if err := s.setAgent(c.Agent); err != nil {
		return err
	}
	if err := s.prepare(c); err != nil {
		return err
	}
	if s.agent != nil {
		if err := s.agent.Apply(c, nil, nil); err != nil {
			return err
		}
	}
	for i, w := range s.workers {
		if err := w.Apply(c, bound(c, sockets, i, n), s.slot(c, i)); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long workers may take to be ready for a configuration before
// they serve it all the same.
const patience = 5 * time.Second

// prepare waits until the workers are ready for c. Until then the configuration
// before goes on serving; at a start connections wait in their queues.
func (s *Server) prepare(c *cycle.Cycle) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	all := s.all()
	ready := make([]<-chan struct{}, len(all))
	for i, w := range all {
		var err error
		if ready[i], err = w.Prepare(c); err != nil {
			return err
		}
	}
	for i, w := range all {
		select {
		case <-ready[i]:
		case <-w.Done():
		case <-late.C:
			errlog.Default().Printf(errlog.Warn, 0, "worker %d is not ready after %s: it serves all the same", w.ID(), patience)
			return nil
		}
	}
	return nil
}

// slot is where worker i shows its load under c; nil when nobody looks.
func (s *Server) slot(c *cycle.Cycle, i int) *steer.Slot {
	if s.board == nil || !c.Steering.Scores() {
		return nil
	}
	return s.board.Slot(i)
}

// dismiss lets the workers from number n on finish their connections and end.
// Their sockets are free when it returns. The time they have is that of the
// configuration under which they served.
func (s *Server) dismiss(n int) {
	s.leaving = slices.DeleteFunc(s.leaving, func(w *worker.Worker) bool {
		select {
		case <-w.Done():
			return true
		default:
			return false
		}
	})
	for _, w := range s.workers[n:] {
		s.leave(w)
	}
	s.workers = s.workers[:n]
}

// leave lets a worker finish what it does and end.
func (s *Server) leave(w *worker.Worker) {
	w.Quit(true)
	s.leaving = append(s.leaving, w)
	if s.cycle != nil && s.cycle.Core.ShutdownTimeout > 0 {
		time.AfterFunc(time.Duration(s.cycle.Core.ShutdownTimeout)*time.Millisecond, w.Cut)
	}
}

// setAgent starts the worker that serves nobody, or lets it end.
func (s *Server) setAgent(wanted bool) (err error) {
	switch {
	case wanted && s.agent == nil:
		s.agent, err = worker.Start(worker.Config{ID: cycle.AgentID, New: s.o.New})
	case !wanted && s.agent != nil:
		s.leave(s.agent)
		s.agent = nil
	}
	return err
}

// all is the workers in use, the agent last.
func (s *Server) all() []*worker.Worker {
	all := slices.Clone(s.workers)
	if s.agent != nil {
		all = append(all, s.agent)
	}
	return all
}

// bound lists what worker i of n listens on.
func bound(c *cycle.Cycle, sockets map[socketKey]int, i, n int) []worker.Bound {
	listens := make(map[string]*cycle.Listen, len(c.Listens))
	for _, l := range c.Listens {
		for _, one := range l.Each() {
			listens[one.Key()] = l // a range may have a socket for each port
		}
	}
	var list []worker.Bound
	for k, fd := range sockets {
		l := listens[k.key]
		if l != nil && (l.Shared || k.index%n == i) {
			list = append(list, worker.Bound{Listen: l, FD: fd})
		}
	}
	return list
}

// end begins the end of the process. A fast one may follow a graceful one. With
// handover idle connections are kept until their timeout.
func (s *Server) end(graceful, handover bool) {
	if s.ended == nil {
		s.ended = make(chan struct{})
		s.stopping = true
		all := append(s.all(), s.leaving...)
		if graceful {
			errlog.Default().Printf(errlog.Notice, 0, "gracefully shutting down")
			for _, w := range all {
				w.Quit(handover)
			}
			s.closeSockets()
			if s.cycle != nil && s.cycle.Core.ShutdownTimeout > 0 {
				s.deadline = time.After(time.Duration(s.cycle.Core.ShutdownTimeout) * time.Millisecond)
			}
		}
		go func() { // ends with the workers, at the latest by cutWorkers or stopWorkers
			for _, w := range all {
				<-w.Done()
			}
			close(s.ended)
		}()
	}
	if !graceful {
		errlog.Default().Printf(errlog.Notice, 0, "exiting")
		s.stopWorkers()
	}
}

// closeSockets lets go of all listening sockets, so that the kernel refuses
// connections once the master has done the same.
func (s *Server) closeSockets() {
	for k, fd := range s.sockets {
		unix.Close(fd)
		delete(s.sockets, k)
	}
}

// stopWorkers ends all workers at once.
func (s *Server) stopWorkers() { s.each((*worker.Worker).Stop) }

// cutWorkers ends all workers after what they are serving has been ended.
func (s *Server) cutWorkers() { s.each((*worker.Worker).Cut) }

func (s *Server) each(f func(*worker.Worker)) {
	for _, w := range append(s.all(), s.leaving...) {
		f(w)
	}
}

// status asks all workers, for at most a second.
func (s *Server) status() *Message {
	st := Status{Pid: os.Getpid(), Generation: s.generation}
	giveUp := make(chan struct{})
	timer := time.AfterFunc(time.Second, func() { close(giveUp) })
	defer timer.Stop()
	for _, w := range s.workers {
		ws := w.Status(giveUp)
		if s.board != nil {
			if slot := s.board.Slot(ws.ID); slot != nil {
				ws.Steered, ws.Migrated = slot.Steered()
			}
		}
		st.Workers = append(st.Workers, ws)
	}
	if s.o.KernelTLS != nil && len(s.workers) > 0 {
		k := s.o.KernelTLS()
		st.KernelTLS = &k
	}
	return &Message{Op: State, Generation: s.generation, Body: st.encode()}
}
