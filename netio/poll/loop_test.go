package poll

import (
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// source records the events it gets and may do something with them.
type source struct {
	events []Events
	do     func(Events)
}

func (s *source) Ready(ev Events) {
	s.events = append(s.events, ev)
	if s.do != nil {
		s.do(ev)
	}
}

// task runs a function once.
type task func()

func (f task) Run() { f() }

func newLoop(t testing.TB, c Config) *Loop {
	t.Helper()
	l, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func pair(t testing.TB) (a, b int) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return p[0], p[1]
}

// until drives the loop until done, at most two seconds.
func until(t testing.TB, l *Loop, done func() bool) {
	t.Helper()
	var guard Timer
	failed := false
	guard.Owner = owner(func(*Timer) { failed = true })
	l.SetTimer(&guard, 60_000)
	defer l.RemoveTimer(&guard)
	for !done() {
		l.Step()
		if failed {
			t.Fatal("nothing happened for a minute")
		}
	}
}

type owner func(*Timer)

func (f owner) Expired(t *Timer) { f(t) }

func TestEdgeIsReportedOncePerArrival(t *testing.T) {
	l := newLoop(t, Config{})
	a, b := pair(t)
	defer unix.Close(a)
	defer unix.Close(b)
	s := &source{}
	if err := l.Add(a, Stream, s); err != nil {
		t.Fatal(err)
	}
	until(t, l, func() bool { return len(s.events) == 1 })
	if s.events[0]&Out == 0 {
		t.Fatalf("first events %#x, want Out", s.events[0])
	}
	for i := range 3 {
		unix.Write(b, []byte("x"))
		until(t, l, func() bool { return len(s.events) == i+2 })
		if s.events[i+1]&In == 0 {
			t.Fatalf("events %#x, want In", s.events[i+1])
		}
	}
	l.Defer(task(func() {}))
	l.Step()
	if len(s.events) != 4 {
		t.Fatalf("unread bytes were reported again: %d events", len(s.events))
	}
}

func TestEventOfReusedDescriptorIsDropped(t *testing.T) {
	l := newLoop(t, Config{})
	a, b := pair(t)
	c, d := pair(t)
	defer unix.Close(a)
	defer unix.Close(b)
	defer unix.Close(d)
	// Whichever of a and c comes first in the batch closes the other and
	// opens a new socket in its place. The event that waits in the batch
	// belongs to the old one.
	fresh := &source{}
	reuse := func(fd int) {
		l.Forget(fd)
		e, f := pair(t)
		t.Cleanup(func() { unix.Close(f) })
		if err := unix.Dup3(e, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		unix.Close(e)
		if err := l.Add(fd, In|Edge, fresh); err != nil {
			t.Fatal(err)
		}
	}
	var first, second *source
	done := 0
	first = &source{do: func(Events) {
		if done++; done == 1 {
			reuse(c)
		}
	}}
	second = &source{do: func(Events) {
		if done++; done == 1 {
			reuse(a)
		}
	}}
	if err := errors.Join(l.Add(a, In|Edge, first), l.Add(c, In|Edge, second)); err != nil {
		t.Fatal(err)
	}
	unix.Write(b, []byte("x"))
	unix.Write(d, []byte("x"))
	until(t, l, func() bool { return done > 0 })
	if done != 1 || len(fresh.events) != 0 {
		t.Fatalf("got %d events for the old sockets and %d for the new, want 1 and 0", done, len(fresh.events))
	}
	if l.count.stale != 1 {
		t.Fatalf("stale events counted: %d, want 1", l.count.stale)
	}
}

func TestDelEndsReportsOfAnOpenDescriptor(t *testing.T) {
	l := newLoop(t, Config{})
	a, b := pair(t)
	defer unix.Close(a)
	defer unix.Close(b)
	s := &source{}
	if err := l.Add(a, In, s); err != nil {
		t.Fatal(err)
	}
	if err := l.Del(a); err != nil {
		t.Fatal(err)
	}
	unix.Write(b, []byte("x"))
	l.Defer(task(func() {}))
	l.Step()
	if len(s.events) != 0 {
		t.Fatalf("got %d events after Del", len(s.events))
	}
	if err := l.Add(a, In, s); err != nil {
		t.Fatalf("Add after Del: %v", err)
	}
	until(t, l, func() bool { return len(s.events) == 1 })
}

func TestTasksDeferredByTasksWaitForTheNextTurn(t *testing.T) {
	l := newLoop(t, Config{})
	var order []string
	l.Defer(task(func() {
		order = append(order, "first")
		l.Defer(task(func() { order = append(order, "third") }))
	}))
	l.Defer(task(func() { order = append(order, "second") }))
	l.Step()
	if got := strings.Join(order, " "); got != "first second" {
		t.Fatalf("after one turn: %q", got)
	}
	l.Step()
	if got := strings.Join(order, " "); got != "first second third" {
		t.Fatalf("after two turns: %q", got)
	}
}

func TestPanicEndsOnlyItsHandler(t *testing.T) {
	type report struct {
		what, value any
		stack       string
	}
	var got []report
	l := newLoop(t, Config{OnPanic: func(what, value any, stack []byte) {
		got = append(got, report{what, value, string(stack)})
	}})
	a, b := pair(t)
	c, d := pair(t)
	for _, fd := range []int{a, b, c, d} {
		defer unix.Close(fd)
	}
	bad := &source{do: func(Events) { panic("handler") }}
	good := &source{}
	l.Add(a, In|Edge, bad)
	l.Add(c, In|Edge, good)
	ran := ""
	badTask := task(func() { panic("task") })
	l.Defer(badTask)
	l.Defer(task(func() { ran += "task " }))
	l.Post(task(func() { panic("letter") }))
	l.Post(task(func() { ran += "letter " }))
	timer := &Timer{Owner: owner(func(*Timer) { panic("timer") })}
	other := &Timer{Owner: owner(func(*Timer) { ran += "timer " })}
	l.SetTimer(timer, 1)
	l.SetTimer(other, 1)
	unix.Write(b, []byte("x"))
	unix.Write(d, []byte("x"))
	time.Sleep(3 * time.Millisecond) // both timers are due in the turn that follows
	l.Step()
	if len(good.events) != 1 {
		t.Errorf("the other source got %d events, want 1", len(good.events))
	}
	if ran != "letter timer task " {
		t.Errorf("after the panics ran %q", ran)
	}
	if len(got) != 4 {
		t.Fatalf("got %d reports, want 4: %v", len(got), got)
	}
	if got[0].what != bad || got[0].value != "handler" || !strings.Contains(got[0].stack, "loop_test.go") {
		t.Errorf("first report: %v %v\n%s", got[0].what, got[0].value, got[0].stack)
	}
}

func TestMailboxTakesEveryLetterOfManyGoroutines(t *testing.T) {
	const posters, each = 8, 500
	l := newLoop(t, Config{})
	last := make([]int, posters)
	n := 0
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := 1; i <= each; i++ {
				l.Post(task(func() {
					n++
					if last[p] != i-1 {
						t.Errorf("poster %d: letter %d after %d", p, i, last[p])
					}
					last[p] = i
					if n == posters*each {
						l.stopping = true
					}
				}))
				if i%100 == 0 {
					time.Sleep(time.Millisecond) // lets the loop fall asleep
				}
			}
		})
	}
	timeout := time.AfterFunc(time.Minute, l.Stop)
	l.Run()
	timeout.Stop()
	wg.Wait()
	if n != posters*each {
		t.Fatalf("got %d letters, want %d", n, posters*each)
	}
}

func TestPostWakesASleepingLoopAndOnlyThen(t *testing.T) {
	l := newLoop(t, Config{})
	for range 20 {
		l.Post(task(func() {}))
	}
	var count [8]byte
	if n, _ := unix.Read(l.mail.fd, count[:]); n > 0 {
		t.Fatal("the eventfd was written although the loop did not sleep")
	}
	l.Step()
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Run()
	}()
	for !l.mail.asleep.Load() {
		time.Sleep(time.Millisecond)
	}
	l.Stop()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("Stop did not wake the loop")
	}
}

func TestSlowTimersAndLettersDoNotStarveEvents(t *testing.T) {
	l := newLoop(t, Config{})
	a, b := pair(t)
	defer unix.Close(a)
	defer unix.Close(b)
	s := &source{}
	if err := l.Add(a, In|Edge, s); err != nil {
		t.Fatal(err)
	}
	unix.Write(b, []byte("x"))
	var timer Timer
	timer.Owner = owner(func(*Timer) {
		l.SetTimer(&timer, 1)
		for end := time.Now().Add(2 * time.Millisecond); time.Now().Before(end); {
		}
	})
	l.SetTimer(&timer, 1)
	time.Sleep(2 * time.Millisecond)
	for range 3 {
		l.Step()
	}
	if len(s.events) != 1 {
		t.Fatal("a timer that is always due keeps events waiting")
	}
	unix.Write(b, []byte("x"))
	for range 3 {
		l.Post(task(func() {}))
		l.Step()
	}
	if len(s.events) != 2 {
		t.Fatal("letters keep events waiting")
	}
}

func TestStatsTellBusyFromIdle(t *testing.T) {
	l := newLoop(t, Config{})
	var timer Timer
	timer.Owner = owner(func(*Timer) {
		for end := time.Now().Add(15 * time.Millisecond); time.Now().Before(end); {
		}
	})
	// A busy machine may keep the thread away until the timer is due: then nothing was idle.
	for end := time.Now().Add(time.Minute); l.Stats().IdleNS < 10e6 && time.Now().Before(end); {
		l.SetTimer(&timer, 20)
		until(t, l, func() bool { return !timer.Active() })
	}
	l.Defer(task(func() {}))
	l.Step()
	s := l.Stats()
	if s.WorstNS < 15e6 || s.BusyNS < 15e6 || s.IdleNS < 10e6 {
		t.Errorf("worst %d busy %d idle %d ns, want at least 15, 15 and 10 ms", s.WorstNS, s.BusyNS, s.IdleNS)
	}
	if s.Sleeps == 0 || s.Turns == 0 {
		t.Errorf("got %d sleeps in %d turns", s.Sleeps, s.Turns)
	}
}

func TestLoopLeavesNoDescriptors(t *testing.T) {
	count := func() int {
		d, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(d)
	}
	before := count()
	for range 10 {
		l, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestTurnDoesNotAllocate(t *testing.T) {
	l := newLoop(t, Config{OnPanic: func(_, v any, _ []byte) { panic(v) }})
	a, b := pair(t)
	defer unix.Close(a)
	defer unix.Close(b)
	s := &drain{fd: a}
	l.Add(a, Stream, s)
	var timer Timer
	timer.Owner = s
	one := []byte("x")
	got := testing.AllocsPerRun(500, func() {
		unix.Write(b, one)
		l.SetTimer(&timer, 1000)
		l.Defer(s)
		l.Step()
	})
	if got != 0 {
		t.Errorf("a turn allocates %v times", got)
	}
}

type drain struct {
	fd  int
	buf [16]byte
}

func (d *drain) Ready(Events)   { unix.Read(d.fd, d.buf[:]) }
func (d *drain) Run()           {}
func (d *drain) Expired(*Timer) {}
