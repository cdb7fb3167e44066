package worker

import (
	"bytes"
	"fmt"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/ebpf/steer"
	"weir/netio/conn"
	"weir/netio/poll"
	"weir/netio/sock"
)

// Service is what serves the connections of a worker. Its methods are called
// on the worker's thread.
type Service interface {
	// Driver makes the connections that listeners accept.
	Driver() *conn.Driver
	// Prepare begins what is to be done before the first request under c. The
	// channel is closed when it is done.
	Prepare(c *cycle.Cycle) <-chan struct{}
	// Use makes c, which was prepared, the configuration for requests from now
	// on.
	Use(c *cycle.Cycle)
	// Acceptor serves connections of the address under the configuration
	// that was given to Use last.
	Acceptor(l *cycle.Listen) conn.Acceptor
	// Shutdown begins a graceful stop: requests that run are finished, idle
	// connections closed.
	Shutdown()
	// Handover is Shutdown when somebody else accepts on the same addresses:
	// idle connections stay until their timeout, so that no request meets a
	// connection that is just being closed.
	Handover()
	// Cut ends the requests that began under configurations older than the
	// numbered one (cycle.Cycle.Generation), and in a graceful stop all
	// connections. It returns how many connections it closed.
	Cut(generation int) int
	// Active is the number of connections a graceful stop still waits for.
	Active() int
	// Close is the last call: it writes what is buffered.
	Close()
}

// Panicker is a Service that wants to end what a contained panic has left
// half done.
type Panicker interface {
	// Panicked is given the poll.Source, poll.Task or timer owner that ran.
	Panicked(what any)
}

// Config says how a worker runs; it is immutable.
type Config struct {
	ID   int
	CPUs []int                                 // bind the thread to these; nil leaves it free
	New  func(loop *poll.Loop, id int) Service // called on the worker's thread
}

// Bound is an address with the descriptor this worker listens on.
type Bound struct {
	Listen *cycle.Listen
	FD     int
}

// Worker is one event loop with its thread.
type Worker struct {
	conf Config
	loop *poll.Loop
	done chan struct{}

	// Owned by the worker's thread.
	svc        Service
	thread     int
	listeners  map[int]*listener // by descriptor
	limit      int64             // worker_connections
	generation int               // number of the configuration in force; 0 before the first
	patience   int64             // its worker_shutdown_timeout, 0 for none
	quitting   bool
	drain      poll.Timer
	warned     int64 // second of the last "worker_connections are not enough"
}

// listener is a registered descriptor.
type listener struct {
	*conn.Listener
	key string
}

// Start starts a worker without listeners.
func Start(c Config) (*Worker, error) {
	w := &Worker{conf: c, done: make(chan struct{}), listeners: make(map[int]*listener)}
	loop, err := poll.New(poll.Config{OnPanic: w.panicked})
	if err != nil {
		return nil, err
	}
	w.loop = loop
	w.drain.Owner = (*drainer)(w)
	go w.run() // ends with Quit or Stop; Done tells
	return w, nil
}

// ID is the worker's number, from 0.
func (w *Worker) ID() int { return w.conf.ID }

// Loop is the worker's loop, for its statistics.
func (w *Worker) Loop() *poll.Loop { return w.loop }

// Done is closed when the worker has ended.
func (w *Worker) Done() <-chan struct{} { return w.done }

func (w *Worker) run() {
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	if err := poll.KeepTime(); err != nil {
		errlog.Default().Printf(errlog.Info, 0, "worker %d: timers may be late: %v", w.conf.ID, err)
	}
	defer close(w.done)
	w.thread = unix.Gettid()
	w.bind()
	w.svc = w.conf.New(w.loop, w.conf.ID)
	w.loop.Run()
	for _, l := range w.listeners {
		l.Close()
	}
	w.svc.Close()
	w.loop.Close()
}

// bind ties the thread to its CPUs.
func (w *Worker) bind() {
	if len(w.conf.CPUs) == 0 {
		return
	}
	var set unix.CPUSet
	for _, cpu := range w.conf.CPUs {
		set.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		errlog.Default().Printf(errlog.Alert, 0, "sched_setaffinity() failed%s", errlog.ErrnoText(err))
	}
}

// call runs f on the worker's thread and waits for it. False means that the
// worker has ended meanwhile.
func (w *Worker) call(f func()) bool {
	ran := make(chan struct{})
	w.loop.Post(task(func() {
		defer close(ran) // also when f panics: the loop contains it
		f()
	}))
	select {
	case <-ran:
		return true
	case <-w.done:
		return false
	}
}

type task func()

func (t task) Run() { t() }

// Prepare begins what the worker has to do before its first request under c,
// and returns a channel that is closed when it is done. Apply follows.
func (w *Worker) Prepare(c *cycle.Cycle) (ready <-chan struct{}, err error) {
	if !w.call(func() { ready = w.svc.Prepare(c) }) {
		return nil, fmt.Errorf("worker %d has ended", w.conf.ID)
	}
	return ready, nil
}

// Apply makes c the configuration of the worker and bound all that it listens
// on. It returns when that is so; descriptors that are no longer named may be
// closed then. slot is where the worker shows how busy it is, nil when nobody
// looks; two workers must not show it in the same one.
func (w *Worker) Apply(c *cycle.Cycle, bound []Bound, slot *steer.Slot) error {
	var err error
	if !w.call(func() { w.show(slot); err = w.apply(c, bound) }) {
		return fmt.Errorf("worker %d has ended", w.conf.ID)
	}
	return err
}

func (w *Worker) apply(c *cycle.Cycle, bound []Bound) error {
	w.limit = int64(c.Events.WorkerConnections)
	w.svc.Use(c)
	w.supersede(c)
	if w.quitting {
		return nil
	}
	wanted := make(map[int]bool, len(bound))
	for _, b := range bound {
		wanted[b.FD] = true
	}
	for fd, l := range w.listeners {
		if !wanted[fd] {
			l.Close()
			delete(w.listeners, fd)
		}
	}
	for _, b := range bound {
		if err := w.listen(b); err != nil {
			return err
		}
	}
	return nil
}

// show keeps the slot up to date from now on. A worker that has stopped
// accepting shows nothing.
func (w *Worker) show(slot *steer.Slot) {
	if slot == nil || w.quitting {
		w.loop.SetPulse(nil)
		w.svc.Driver().ShowOpen(nil)
		return
	}
	w.loop.SetPulse(&slot.State)
	w.svc.Driver().ShowOpen(&slot.Open)
}

// listen registers a descriptor, or gives one that is to the new acceptor.
func (w *Worker) listen(b Bound) error {
	a := w.svc.Acceptor(b.Listen)
	if l := w.listeners[b.FD]; l != nil {
		l.SetAcceptor(a)
		l.SetDeferred(b.Listen.Options.Deferred)
		return nil
	}
	addr := b.Listen.Addr
	if b.Listen.Wide() {
		addr = sock.Addr{} // each connection has its own
	}
	l, err := conn.NewListener(w.svc.Driver(), b.FD, a, conn.ListenerOptions{
		Addr:      addr,
		Deferred:  b.Listen.Options.Deferred,
		Exclusive: b.Listen.Shared,
		Admit:     w.admit,
		Failed:    w.acceptFailed,
	})
	if err != nil {
		return fmt.Errorf("worker %d: listen on %s: %w", w.conf.ID, b.Listen.Text, err)
	}
	w.listeners[b.FD] = &listener{l, b.Listen.Key()}
	return nil
}

// admit holds worker_connections.
func (w *Worker) admit() bool {
	if w.svc.Driver().Stats().Active < w.limit {
		return true
	}
	if now := w.loop.Unix(); now != w.warned {
		w.warned = now
		errlog.Default().Printf(errlog.Alert, 0, "%d worker_connections are not enough", w.limit)
	}
	return false
}

func (w *Worker) acceptFailed(e syscall.Errno, pause bool) {
	level := errlog.Alert
	if e == syscall.ECONNABORTED {
		level = errlog.Error
	} else if pause {
		level = errlog.Crit
	}
	errlog.Default().Printf(level, 0, "accept4() failed%s", errlog.ErrnoText(e))
}

// drainEvery is how often a graceful stop looks whether it is over, in
// milliseconds.
const drainEvery = 10

// Quit begins a graceful stop: no new connections, and the worker ends when
// the last one is closed. It returns when nothing is accepted any more.
// handover says that others go on accepting on the same addresses.
func (w *Worker) Quit(handover bool) {
	w.call(func() {
		if w.quitting {
			return
		}
		w.quitting = true
		w.show(nil)
		for fd, l := range w.listeners {
			l.Close()
			delete(w.listeners, fd)
		}
		if handover {
			w.svc.Handover()
		} else {
			w.svc.Shutdown()
		}
		(*drainer)(w).Expired(nil)
	})
}

// drainer ends the worker when no connection is left.
type drainer Worker

func (d *drainer) Expired(*poll.Timer) {
	if d.svc.Active() == 0 {
		d.loop.Stop()
		return
	}
	d.loop.SetTimer(&d.drain, drainEvery)
}

// supersede notes that c is in force. What began before may go on for the
// worker_shutdown_timeout of the configuration it began under, as nginx gives
// its old workers that time.
func (w *Worker) supersede(c *cycle.Cycle) {
	if w.generation != 0 && w.patience > 0 {
		e := &expiry{w: w, before: c.Generation}
		e.timer.Owner = e
		w.loop.SetTimer(&e.timer, w.patience)
	}
	w.generation, w.patience = c.Generation, c.Core.ShutdownTimeout
}

// expiry ends what is left of superseded configurations. It holds their number
// only, so that they can be collected before.
type expiry struct {
	timer  poll.Timer
	w      *Worker
	before int // older ones than this
}

// Expired implements poll.TimerOwner. A configuration that could not be
// applied everywhere gives way to an older one, which must not be cut.
func (e *expiry) Expired(*poll.Timer) { e.w.cut(min(e.before, e.w.generation)) }

func (w *Worker) cut(generation int) {
	if n := w.svc.Cut(generation); n > 0 {
		errlog.Default().Printf(errlog.Notice, 0, "worker %d: %d connections closed by worker_shutdown_timeout", w.conf.ID, n)
	}
}

// cutTime is how long what Cut has ended may take to be gone, in milliseconds:
// a request may wait for a disk.
const cutTime = 1000

// Cut ends a graceful stop that has taken too long: all requests end, are
// logged, and the worker with them.
func (w *Worker) Cut() {
	w.loop.Post(task(func() {
		w.cut(w.generation)
		last := &poll.Timer{Owner: (*stopper)(w)}
		w.loop.SetTimer(last, cutTime)
	}))
}

// stopper ends the worker whatever is left.
type stopper Worker

func (s *stopper) Expired(*poll.Timer) { s.loop.Stop() }

// Stop ends the worker after the turn its loop is in.
func (w *Worker) Stop() { w.loop.Stop() }

// Status is a look at a worker, as the status socket shows it.
type Status struct {
	ID          int   `json:"id"`
	Thread      int   `json:"thread"`
	CPUs        []int `json:"cpus,omitempty"` // bound to these; absent when free
	Connections int   `json:"connections"`
	Listeners   int   `json:"listeners"`

	Accepted uint64 `json:"accepted"` // connections, since the worker began
	Steered  uint64 `json:"steered"`  // given to it by a kernel program, clients included that sent nothing
	Migrated uint64 `json:"migrated"` // of those, taken over from a socket that was closed
}

// Status asks the worker. It waits until the loop comes round, or until give
// up is closed; then only what never changes is filled in.
func (w *Worker) Status(giveUp <-chan struct{}) Status {
	s := Status{ID: w.conf.ID, CPUs: w.conf.CPUs}
	answer := make(chan Status, 1)
	w.loop.Post(task(func() {
		t := s
		t.Thread, t.Connections, t.Listeners = w.thread, w.svc.Active(), len(w.listeners)
		t.Accepted = w.svc.Driver().Stats().Accepted
		answer <- t
	}))
	select {
	case s = <-answer:
	case <-w.done:
	case <-giveUp:
	}
	return s
}

// panicked reports a panic that the loop has contained. The stack goes out
// line by line, because lines are short.
func (w *Worker) panicked(what, value any, stack []byte) {
	log := errlog.Default()
	log.Printf(errlog.Alert, 0, "panic in worker %d: %v", w.conf.ID, value)
	for line := range bytes.Lines(stack) {
		log.Printf(errlog.Alert, 0, "panic:   %s", bytes.TrimSpace(line))
	}
	if p, ok := w.svc.(Panicker); ok {
		p.Panicked(what)
	}
}
