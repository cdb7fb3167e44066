package server

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/errlog"
	"weir/appliance/worker"
	"weir/netio/poll"
)

// Factory makes the service of a worker, on the worker's thread.
type Factory func(loop *poll.Loop, id int) worker.Service

// Options say how a server process runs.
type Options struct {
	Link  *Link       // the master's orders
	Table *conf.Table // all directives
	New   Factory
	// Joined says that the master shares the process: rights, environment,
	// signals and standard error are its business.
	Joined bool
}

// gcPercent lets the heap grow fivefold between collections. The steady state
// of requests allocates nothing, so the live heap is small and what grows it is
// configuration and Lua: a collection's cost counts for more than the memory
// between two of them. It is where measuring starts, not where it ended.
const gcPercent = 400

// Server is the state of a server process.
type Server struct {
	o          Options
	cycle      *cycle.Cycle // nil before the first order
	generation int
	order      *Order // the last Load that was accepted
	sockets    map[socketKey]int
	workers    []*worker.Worker
	leaving    []*worker.Worker // no longer wanted, finishing their connections

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

// Run serves until it is told to end and returns the process's exit code.
func Run(o Options) int {
	s := &Server{o: o, sockets: make(map[socketKey]int)}
	debug.SetGCPercent(gcPercent)
	if err := poll.RelaxThreads(); err != nil {
		// An ordinary user may not: the Go runtime's monitor then wakes more
		// often than it needs to, which costs a few percent of CPU.
		errlog.Default().Printf(errlog.Info, 0, "%v", err)
	}
	orders := make(chan incoming)
	go func() { // ends with the link
		for {
			m, fds, err := o.Link.Receive()
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
	for {
		select {
		case in := <-orders:
			if in.err != nil {
				orders = nil
				s.masterGone()
				continue
			}
			s.obey(in.m, in.fds)
		case sig := <-signals:
			s.end(sig == unix.SIGQUIT, false)
		case <-s.deadline:
			s.deadline = nil
			s.stopWorkers()
		case <-s.ended:
			return s.exit()
		}
	}
}

// exit frees what the process of a joined master would keep.
func (s *Server) exit() int {
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
		debug.FreeOSMemory() // reading a configuration takes many times what it leaves
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
	default:
		closeAll(fds)
	}
}

// answer sends to the master; that it is gone is noticed by Receive.
func (s *Server) answer(m *Message) { _ = s.o.Link.Send(m) }

// load takes a configuration. On an error the one before serves on; sockets and
// workers are as they were.
func (s *Server) load(m *Message, fds []int) error {
	o, data, err := unpack(m.Body)
	if err != nil {
		closeAll(fds)
		return err
	}
	if s.stopping || len(fds) < len(o.Logs) {
		closeAll(fds)
		return fmt.Errorf("the server process cannot take a configuration now")
	}
	logs, socks := fds[:len(o.Logs)], fds[len(o.Logs):]
	if s.cycle == nil && !s.o.Joined {
		if err := become(o); err != nil {
			closeAll(fds)
			return err
		}
	}
	c, err := s.build(o, data)
	if err != nil {
		closeAll(fds)
		return err
	}
	s.openLogs(c, o, logs)
	sockets := s.mergeSockets(o, socks)
	if err := s.apply(c, sockets); err != nil {
		if s.cycle != nil {
			_ = s.apply(s.cycle, s.sockets) // it served a moment ago
		}
		closeUnless(sockets, s.sockets)
		return err
	}
	closeUnless(s.sockets, sockets)
	s.commit(c, o, sockets)
	return nil
}

func (s *Server) build(o *Order, data []byte) (*cycle.Cycle, error) {
	snapshot, err := cycle.DecodeSnapshot(data)
	if err != nil {
		return nil, err
	}
	if !s.o.Joined {
		setEnvironment(o.Env)
	}
	return cycle.Load(s.o.Table, cycle.LoadOptions{
		Prefix:   string(o.Prefix),
		ConfFile: string(o.ConfFile),
		ErrorLog: string(o.ErrorLog),
		Root:     o.Root,
		Snapshot: snapshot,
		Old:      s.cycle, // warnings are not wanted: the master has given them
	})
}

// commit makes a generation that all workers have the current one.
func (s *Server) commit(c *cycle.Cycle, o *Order, sockets map[socketKey]int) {
	old := s.generation
	c.Forget()
	s.cycle, s.order, s.sockets, s.generation = c, o, sockets, o.Generation
	errlog.SetDefault(c.Log)
	if !s.o.Joined {
		RedirectStderr(c)
		if dir := c.Core.WorkingDirectory; dir != "" {
			if err := os.Chdir(dir); err != nil {
				c.Log.Printf(errlog.Alert, 0, "chdir(%q) failed%s", dir, errlog.ErrnoText(err))
			}
		}
	}
	if old != 0 {
		// The end of the line is what scripts wait for after a reload of
		// nginx, whose old workers say it when they end.
		c.Log.Printf(errlog.Notice, 0, "generation %d serves on %d workers, generation %d exited with code 0",
			o.Generation, len(s.workers), old)
	}
}

// openLogs puts the descriptors that came along behind the cycle's files.
func (s *Server) openLogs(c *cycle.Cycle, o *Order, fds []int) {
	byPath := make(map[string]*errlog.File)
	for _, f := range c.Files() {
		byPath[f.Path] = f
	}
	for i, path := range o.Logs {
		f := byPath[string(path)]
		if f == nil {
			unix.Close(fds[i])
			continue
		}
		if err := f.Reopen(fds[i]); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "reopening %q failed%s", f.Path, errlog.ErrnoText(err))
		}
	}
}

func (s *Server) reopen(m *Message, fds []int) error {
	o, _, err := unpack(m.Body)
	if err != nil || s.cycle == nil || len(fds) != len(o.Logs) {
		closeAll(fds)
		return err
	}
	s.cycle.Flush()
	s.openLogs(s.cycle, o, fds)
	if !s.o.Joined {
		RedirectStderr(s.cycle)
	}
	return nil
}

// RedirectStderr puts standard error behind the main log's first file, so that
// what the runtime or a library prints last is found there.
func RedirectStderr(c *cycle.Cycle) {
	for _, o := range c.Log.Outputs() {
		if o.Target == (errlog.Target{}) {
			return // standard error is the log
		}
	}
	for _, o := range c.Log.Outputs() {
		if f := o.Target.File; f != nil && f.FD() >= 0 {
			_ = unix.Dup3(f.FD(), 2, 0)
			return
		}
	}
}

// mergeSockets is the list of sockets that o names: known ones and new ones.
func (s *Server) mergeSockets(o *Order, fds []int) map[socketKey]int {
	merged := make(map[socketKey]int, len(o.Sockets))
	for _, k := range o.Sockets {
		key := socketKey{string(k.Key), k.Index}
		switch fd, known := s.sockets[key]; {
		case k.New && len(fds) > 0:
			merged[key] = fds[0]
			fds = fds[1:]
		case known:
			merged[key] = fd
		}
	}
	closeAll(fds)
	return merged
}

// closeUnless closes the descriptors of a that are not in b.
func closeUnless(a, b map[socketKey]int) {
	kept := make(map[int]bool, len(b))
	for _, fd := range b {
		kept[fd] = true
	}
	for _, fd := range a {
		if !kept[fd] {
			unix.Close(fd)
		}
	}
}

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
	s.dismiss(n, c.Core.ShutdownTimeout)
	for i, w := range s.workers {
		if err := w.Apply(c, bound(c, sockets, i, n)); err != nil {
			return err
		}
	}
	return nil
}

// dismiss lets the workers from number n on finish their connections and end.
// Their sockets are free when it returns.
func (s *Server) dismiss(n int, timeout int64) {
	s.leaving = slices.DeleteFunc(s.leaving, func(w *worker.Worker) bool {
		select {
		case <-w.Done():
			return true
		default:
			return false
		}
	})
	for _, w := range s.workers[n:] {
		w.Quit(true)
		s.leaving = append(s.leaving, w)
		if timeout > 0 {
			time.AfterFunc(time.Duration(timeout)*time.Millisecond, w.Stop)
		}
	}
	s.workers = s.workers[:n]
}

// bound lists what worker i of n listens on.
func bound(c *cycle.Cycle, sockets map[socketKey]int, i, n int) []worker.Bound {
	listens := make(map[string]*cycle.Listen, len(c.Listens))
	for _, l := range c.Listens {
		listens[l.Key()] = l
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
		all := append(append([]*worker.Worker(nil), s.workers...), s.leaving...)
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
		go func() { // ends with the workers, at the latest by stopWorkers
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

func (s *Server) stopWorkers() {
	for _, w := range s.workers {
		w.Stop()
	}
	for _, w := range s.leaving {
		w.Stop()
	}
}

// status asks all workers, for at most a second.
func (s *Server) status() *Message {
	st := Status{Pid: os.Getpid(), Generation: s.generation}
	giveUp := make(chan struct{})
	timer := time.AfterFunc(time.Second, func() { close(giveUp) })
	defer timer.Stop()
	for _, w := range s.workers {
		st.Workers = append(st.Workers, w.Status(giveUp))
	}
	return &Message{Op: State, Generation: s.generation, Body: st.encode()}
}

// setEnvironment makes the environment what the env directives allow.
func setEnvironment(env [][]byte) {
	os.Clearenv()
	for _, e := range env {
		if name, value, ok := strings.Cut(string(e), "="); ok {
			_ = os.Setenv(name, value)
		}
	}
}

// become takes the rights of the configured user, for good and on all threads.
func become(o *Order) error {
	if o.Priority != 0 {
		setPriority(o.Priority)
	}
	if u := o.User; u.Set {
		if err := syscall.Setgroups(u.Groups); err != nil {
			return fmt.Errorf("setgroups(%d) failed%s", u.GID, errlog.ErrnoText(err))
		}
		if err := syscall.Setgid(u.GID); err != nil {
			return fmt.Errorf("setgid(%d) failed%s", u.GID, errlog.ErrnoText(err))
		}
		// From root to another user this clears all capabilities.
		if err := syscall.Setuid(u.UID); err != nil {
			return fmt.Errorf("setuid(%d) failed%s", u.UID, errlog.ErrnoText(err))
		}
	}
	// ENOTSUP: built with cgo, as the race detector wants it, where only the C
	// library may act on all threads.
	_, _, e := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0)
	if e != 0 && e != syscall.ENOTSUP {
		return fmt.Errorf("prctl(PR_SET_NO_NEW_PRIVS) failed%s", errlog.ErrnoText(e))
	}
	if o.Cores {
		// The change of user has forbidden it.
		if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("prctl(PR_SET_DUMPABLE) failed%s", errlog.ErrnoText(err))
		}
	}
	return nil
}

// setPriority sets the nice value of all threads there are; later ones inherit
// it. It is done while the process is root, because values below 0 need that.
func setPriority(nice int) {
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, t := range tasks {
		var tid int
		if _, err := fmt.Sscan(t.Name(), &tid); err != nil {
			continue
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, nice); err != nil {
			errlog.Default().Printf(errlog.Alert, 0, "setpriority(%d) failed%s", nice, errlog.ErrnoText(err))
			return
		}
	}
}
