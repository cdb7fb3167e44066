package server

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
)

// runnerTime is how long the master may take to start a runner.
const runnerTime = 5 * time.Second

// runners hands the master's answer to Runs to the goroutine that has asked.
type runners chan runnerAnswer

type runnerAnswer struct {
	id  int // of the question
	fd  int // -1 with err
	err error
}

// put takes an answer, in place of one that nobody has taken. It is called by
// one goroutine.
func (r runners) put(m *Message, fds []int) {
	a := runnerAnswer{id: m.ID, fd: -1, err: errors.New(m.Text)}
	if len(fds) == 1 {
		a = runnerAnswer{id: m.ID, fd: fds[0]}
	} else {
		closeAll(fds)
	}
	select {
	case old := <-r:
		old.drop()
	default:
	}
	r <- a
}

func (a runnerAnswer) drop() {
	if a.err == nil {
		unix.Close(a.fd)
	}
}

// take waits for the answer to a question. Answers to others, which were given
// up, are dropped.
func (r runners) take(id int, late <-chan time.Time) (int, error) {
	for {
		select {
		case a := <-r:
			if a.id == id {
				return a.fd, a.err
			}
			a.drop()
		case <-late:
			return -1, errors.New("the master starts no process for commands")
		}
	}
}

// dialRunner asks the master for a process that runs commands. It is called by
// one goroutine.
func (s *Server) dialRunner() (int, error) {
	s.runs++
	if err := s.o.Link.Send(&Message{Op: Runs, ID: s.runs}); err != nil {
		return -1, err
	}
	return s.runners.take(s.runs, time.After(runnerTime))
}

// commandsFor is what modules of c run commands by.
func (s *Server) commandsFor(o *Order) func(c *cycle.Cycle) cycle.Commands {
	return func(c *cycle.Cycle) cycle.Commands {
		env := make([]string, len(o.Env))
		for i, e := range o.Env {
			env[i] = string(e)
		}
		return s.commands.For(env, c.Core.WorkingDirectory)
	}
}
