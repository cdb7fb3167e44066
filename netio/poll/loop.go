package poll

import (
	"fmt"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// maxEvents is the largest batch one wait brings.
	maxEvents = 512
	// busyBatch is from which batch on more events are expected at once.
	busyBatch = 8
)

// Events is a set of epoll events.
type Events uint32

// Events of a descriptor.
const (
	In        Events = unix.EPOLLIN
	Out       Events = unix.EPOLLOUT
	RdHup     Events = unix.EPOLLRDHUP
	Hup       Events = unix.EPOLLHUP
	Err       Events = unix.EPOLLERR
	Edge      Events = unix.EPOLLET
	Exclusive Events = unix.EPOLLEXCLUSIVE

	// Stream is the registration of a connection: once, for everything.
	Stream = In | Out | RdHup | Edge
)

// Source is what a registered descriptor belongs to.
type Source interface {
	// Ready is called on the loop with the events of one wait.
	Ready(ev Events)
}

// Task is something to run once on the loop.
type Task interface {
	Run()
}

// Config configures a Loop. The zero value is usable.
type Config struct {
	// OnPanic is told of a panic in a handler: what was running (the
	// Source, Task or Timer), the value, and the stack. The loop goes on
	// afterwards. Nil lets the panic end the process.
	OnPanic func(what, value any, stack []byte)
}

// slot is the registration of one descriptor.
type slot struct {
	src Source // nil when free
	gen uint32 // changes with every registration
}

// Loop is one event loop.
type Loop struct {
	clock

	epfd    int
	n, next int // events of this batch, and the first not yet handled
	table   []slot
	timers  timerHeap
	stage   stage
	current any // what runs now, for OnPanic

	tasks   []Task // deferred, run at the end of the next turn
	running []Task // being run, from taskAt on
	taskAt  int
	posted  *letter // letters taken from the mailbox, not yet run

	stopping bool
	pulse    pulse // shows nothing when nobody looks
	conf     Config
	mail     mailbox
	count    counters
	events   [maxEvents]unix.EpollEvent
}

// stage is where in a turn the loop stands, so that a turn cut short by a
// panic is taken up where it was.
type stage uint8

const (
	stageEvents stage = iota
	stageMail
	stageTimers
	stageTasks
)

// New makes a loop with its epoll instance and mailbox.
func New(conf Config) (*Loop, error) {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	l := &Loop{epfd: epfd, conf: conf}
	if err := l.mail.open(); err != nil {
		unix.Close(epfd)
		return nil, err
	}
	if err := l.Add(l.mail.fd, In|Edge, &l.mail); err != nil {
		l.Close()
		return nil, err
	}
	l.clock.start()
	return l, nil
}

// Close frees the loop's own descriptors. Registered ones are their owners'.
// It must not be running.
func (l *Loop) Close() {
	unix.Close(l.epfd)
	l.mail.close()
}

// Add registers a descriptor.
func (l *Loop) Add(fd int, ev Events, s Source) error {
	if fd >= len(l.table) {
		l.growTable(fd)
	}
	sl := &l.table[fd]
	sl.gen++
	if e := epollCtl(l.epfd, unix.EPOLL_CTL_ADD, fd, ev, sl.gen); e != 0 {
		return e
	}
	sl.src = s
	return nil
}

func (l *Loop) growTable(fd int) {
	t := make([]slot, max(64, 2*len(l.table), fd+1))
	copy(t, l.table)
	l.table = t
}

// Mod changes which events of a registered descriptor are reported.
func (l *Loop) Mod(fd int, ev Events) error {
	if e := epollCtl(l.epfd, unix.EPOLL_CTL_MOD, fd, ev, l.table[fd].gen); e != 0 {
		return e
	}
	return nil
}

// Del ends a registration of a descriptor that stays open, here or in
// another process. Events of it that wait in this batch are dropped.
func (l *Loop) Del(fd int) error {
	l.Forget(fd)
	if e := epollCtl(l.epfd, unix.EPOLL_CTL_DEL, fd, 0, 0); e != 0 {
		return e
	}
	return nil
}

// Forget ends the registration of a descriptor that the caller closes at
// once and that nobody else has open: the kernel then removes it by itself,
// and a system call is saved.
func (l *Loop) Forget(fd int) {
	if fd < len(l.table) {
		l.table[fd].src = nil
	}
}

// Run serves events until Stop. It is called once, by the goroutine that
// owns the loop from now on.
func (l *Loop) Run() {
	for !l.stopping {
		l.Step()
	}
	l.stopping = false
}

// Step is one turn of Run: it waits until something is due, and handles it.
// Tests drive a loop by it without a second goroutine.
func (l *Loop) Step() {
	l.wait()
	for !l.turn() {
		// A handler panicked; the rest of the turn is still due.
	}
}

// Stop makes Run return after the turn it is in. It may be called from any
// goroutine.
func (l *Loop) Stop() { l.Post((*stopTask)(l)) }

type stopTask Loop

func (s *stopTask) Run() { s.stopping = true }

// Turn returns the number of the current turn.
func (l *Loop) Turn() uint64 { return l.count.turns }

// Defer runs t at the end of this turn of the loop, or, when deferred tasks
// are running already, at the end of the next.
func (l *Loop) Defer(t Task) { l.tasks = append(l.tasks, t) }

// wait fills the batch. It does not block while tasks or letters wait.
//
// Under load something is nearly always ready, and asking without telling
// the scheduler is cheapest; below it a call that brings nothing costs more
// than telling. The last batch says which it is.
func (l *Loop) wait() {
	l.current = nil
	idle := len(l.tasks) == 0 && l.posted == nil
	n := 0
	if !idle || l.n >= busyBatch {
		n = l.ask()
	}
	if n == 0 && idle {
		n = l.sleep()
	}
	l.n, l.next = n, 0
	l.stage = stageEvents
	l.tick()
	l.pulse.awake(l.ns)
	l.count.turn(l.ns, n)
}

// ask returns how many events are ready, without blocking.
func (l *Loop) ask() int {
	n, e := epollNow(l.epfd, &l.events)
	if e != 0 {
		return 0
	}
	return n
}

// sleep blocks until something happens and returns how many events there
// are. When a timer or a letter is due it does not block, but asks: neither
// may keep events waiting for ever.
func (l *Loop) sleep() int {
	ms := l.timers.until(l.refreshMS())
	if ms == 0 || !l.mail.prepareSleep() {
		return l.ask()
	}
	l.count.sleep(l.ns)
	l.pulse.asleep(l.ns)
	n, e := epollWait(l.epfd, &l.events, ms)
	l.mail.awake()
	if e != 0 {
		if e != syscall.EINTR {
			panic("BUG: epoll_pwait: " + e.Error())
		}
		return 0
	}
	return n
}

// turn handles everything that is due. It returns false when a panic was
// contained and the turn must be taken up again.
func (l *Loop) turn() (done bool) {
	defer l.contain()
	if l.stage == stageEvents {
		l.runEvents()
		l.stage = stageMail
	}
	if l.stage == stageMail {
		l.runMail()
		l.stage = stageTimers
	}
	if l.stage == stageTimers {
		l.runTimers()
		l.stage = stageTasks
	}
	l.runTasks()
	return true
}

func (l *Loop) runEvents() {
	for l.next < l.n {
		ev := &l.events[l.next]
		l.next++
		sl := &l.table[ev.Fd]
		if sl.gen != uint32(ev.Pad) || sl.src == nil {
			l.count.stale++
			continue
		}
		l.current = sl.src
		sl.src.Ready(Events(ev.Events))
	}
}

func (l *Loop) runMail() {
	if l.posted == nil {
		l.posted = l.mail.take()
	}
	for l.posted != nil {
		t := l.posted.task
		l.posted = l.posted.next
		l.current = t
		t.Run()
	}
}

func (l *Loop) runTimers() {
	for t := l.timers.expired(l.ms); t != nil; t = l.timers.expired(l.ms) {
		l.current = t.Owner
		t.Owner.Expired(t)
	}
}

func (l *Loop) runTasks() {
	if l.taskAt == len(l.running) {
		if len(l.tasks) == 0 {
			return
		}
		l.running, l.tasks = l.tasks, l.running[:0]
		l.taskAt = 0
	}
	for l.taskAt < len(l.running) {
		t := l.running[l.taskAt]
		l.taskAt++
		l.current = t
		t.Run()
	}
	clear(l.running)
}

// contain catches a panic at the loop's edge.
func (l *Loop) contain() {
	if l.conf.OnPanic == nil {
		return // the panic goes on with its own stack
	}
	v := recover()
	if v == nil {
		return
	}
	l.count.panics++
	l.conf.OnPanic(l.current, v, debug.Stack())
}

// epoch is what all loops of the process count their time from.
var epoch = time.Now()
