package server

import (
	"os"
	"os/signal"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/runner"
	"weir/appliance/worker"
	"weir/ebpf/steer"
	"weir/netio/poll"
)

// Factory makes the service of a worker, on the worker's thread.
type Factory func(loop *poll.Loop, id int) worker.Service

// Options say how a server process runs.
type Options struct {
	Link  *Link       // the master's orders
	Table *conf.Table // all directives
	New   Factory
	// Answer answers a question about what the workers do, a path with a query, which the status socket was asked.
	// It is called on goroutines of its own and must come to an end; nil answers nothing.
	Answer func(question string) ([]byte, error)
	// KernelTLS tells what the kernel can do of TLS, for the status. It is
	// called once workers run; nil when there is nothing to tell.
	KernelTLS func() KernelTLS
	// Joined says that the master shares the process: rights, environment,
	// signals and standard error are its business.
	Joined bool
}

// Server is the state of a server process.
type Server struct {
	o          Options
	master     int          // the number of the master process
	cycle      *cycle.Cycle // nil before the first order
	generation int
	order      *Order // the last Load that was accepted
	sockets    map[socketKey]int
	filter     *filterLink
	runners    runners
	runs       int // Runs that were sent; dialRunner's
	commands   *runner.Client
	board      *steer.Board // where workers show their load; nil until the master sends one
	workers    []*worker.Worker
	agent      *worker.Worker   // beside workers, when the configuration asks for one
	leaving    []*worker.Worker // no longer wanted, finishing their connections

	asked    atomic.Int32     // questions being answered
	stopping bool             // Quit or Stop was ordered
	ended    chan struct{}    // closed when the last worker has ended after that
	deadline <-chan time.Time // worker_shutdown_timeout
}

// socketKey identifies a listening descriptor.
type socketKey struct {
	key   string
	index int
}

type incoming struct {
	m   *Message
	fds []int
	err error
}

// maxOrders is how many orders may wait while one is being obeyed, so that an
// answer of the master behind them arrives.
const maxOrders = 16

// Run serves until it is told to end and returns the process's exit code.
func Run(o Options) int {
	s := &Server{o: o, sockets: make(map[socketKey]int), filter: newFilterLink(cycle.FilterPatience), runners: make(runners, 1)}
	s.master = os.Getpid()
	if !o.Joined {
		s.master = os.Getppid()
	}
	s.commands = runner.NewClient(s.dialRunner)
	var pace pacer
	pace.begin()
	if err := poll.RelaxThreads(); err != nil {
		// An ordinary user may not: the Go runtime's monitor then wakes more
		// often than it needs to, which costs a few percent of CPU.
		errlog.Default().Printf(errlog.Info, 0, "%v", err)
	}
	orders := make(chan incoming, maxOrders)
	go func() { // ends with the link
		for {
			m, fds, err := o.Link.Receive()
			if err == nil && m.Op == Runner {
				s.runners.put(m, fds) // Run's goroutine may be waiting for it
				continue
			}
			orders <- incoming{m, fds, err}
			if err != nil {
				return
			}
		}
	}()
	signals := make(chan os.Signal, 8)
	if !o.Joined {
		// HUP, USR1, USR2 and WINCH are for the master; a terminal or a
		// careless kill must not end the server by them.
		signal.Ignore(unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGPIPE)
		signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGQUIT)
	}
	var heap trimmer
	trim := time.NewTicker(trimEvery)
	defer trim.Stop()
	for {
		select {
		case in := <-orders:
			if in.err != nil {
				orders = nil
				s.masterGone()
				continue
			}
			s.obey(in.m, in.fds)
		case q := <-s.filter.questions:
			s.answer(&Message{Op: Filter, Text: q})
		case sig := <-signals:
			s.end(sig == unix.SIGQUIT, false)
		case <-trim.C:
			heap.look()
			pace.look()
		case <-s.deadline:
			s.deadline = nil
			s.cutWorkers()
		case <-s.ended:
			return s.exit()
		}
	}
}

// exit frees what the process of a joined master would keep.
func (s *Server) exit() int {
	s.commands.Close()
	if s.cycle != nil {
		s.cycle.Flush()
	}
	for _, fd := range s.sockets {
		unix.Close(fd)
	}
	if s.o.Joined {
		s.o.Link.Close() // what the end of a process does
	}
	return 0
}

// masterGone ends the server, because a new master could not bind the addresses
// while it holds them. (nginx's workers live on, out of anyone's reach.)
func (s *Server) masterGone() {
	if s.stopping {
		return
	}
	errlog.Default().Printf(errlog.Alert, 0, "master process is gone, shutting down")
	s.end(true, false)
	if s.deadline == nil {
		s.deadline = time.After(orphanTime)
	}
}

// orphanTime is how long requests may take when the master is gone and no
// worker_shutdown_timeout is set.
const orphanTime = 60 * time.Second

func (s *Server) obey(m *Message, fds []int) {
	switch m.Op {
	case Load:
		if err := s.load(m, fds); err != nil {
			s.answer(&Message{Op: Failed, Generation: m.Generation, Text: err.Error()})
			return
		}
		s.answer(&Message{Op: Ready, Generation: m.Generation})
	case Reopen:
		if err := s.reopen(m, fds); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "reopening logs failed%s", errlog.ErrnoText(err))
		}
	case Quit:
		s.end(true, m.Handover)
	case Stop:
		s.end(false, false)
	case Query:
		s.answer(s.status())
	case Ask:
		s.tell(m)
	case Filtered:
		s.filter.answered(m.Body)
	default:
		closeAll(fds)
	}
}

// maxAsked bounds the questions that are answered at once.
const maxAsked = 8

// tell answers a question while the server goes on.
func (s *Server) tell(m *Message) {
	if n := s.asked.Add(1); s.o.Answer == nil || n > maxAsked {
		s.asked.Add(-1)
		s.answer(&Message{Op: Told, ID: m.ID, Text: "no answers at this moment"})
		return
	}
	go func() { // ends with Answer; maxAsked at most
		body, err := s.o.Answer(m.Text)
		told := &Message{Op: Told, ID: m.ID, Body: body}
		if err != nil {
			told.Text = err.Error()
		}
		s.asked.Add(-1) // before the master learns that it may ask again
		s.answer(told)
	}()
}

// answer sends to the master; that it is gone is noticed by Receive.
func (s *Server) answer(m *Message) { _ = s.o.Link.Send(m) }
