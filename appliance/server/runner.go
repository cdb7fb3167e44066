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
	fd  int // -1 with err
	err error
}

// put takes an answer. One that nobody has asked for is dropped.
func (r runners) put(m *Message, fds []int) {
	a := runnerAnswer{fd: -1, err: errors.New(m.Text)}
	if len(fds) == 1 {
		a = runnerAnswer{fd: fds[0]}
	} else {
		closeAll(fds)
	}
	select {
	case r <- a:
	default:
		a.drop()
	}
}

func (a runnerAnswer) drop() {
	if a.err == nil {
		unix.Close(a.fd)
	}
}

// dialRunner asks the master for a process that runs commands. It is called by
// one goroutine.
func (s *Server) dialRunner() (int, error) {
	select {
	case late := <-s.runners: // the answer to a question that was given up
		late.drop()
	default:
	}
	if err := s.o.Link.Send(&Message{Op: Runs}); err != nil {
		return -1, err
	}
	select {
	case a := <-s.runners:
		return a.fd, a.err
	case <-time.After(runnerTime):
		return -1, errors.New("the master starts no process for commands")
	}
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
