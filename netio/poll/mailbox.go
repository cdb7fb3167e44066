package poll

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// mailbox brings tasks from other goroutines: a stack that many push onto
// and the loop takes whole, and an eventfd that is written only when the loop
// sleeps. It has no lock, so that a poster that loses its processor holds up
// nobody.
//
//	poster: push letter, then if asleep.Swap(false) write eventfd
//	loop:   asleep.Store(true), then if stack not empty do not sleep
//
// One of the two sees the other, since both are sequentially consistent.
type mailbox struct {
	fd     int
	head   atomic.Pointer[letter]
	asleep atomic.Bool
}

// letter is one posted task.
type letter struct {
	task Task
	next *letter
}

func (m *mailbox) open() error {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		m.fd = -1
		return fmt.Errorf("eventfd: %w", err)
	}
	m.fd = fd
	return nil
}

func (m *mailbox) close() { unix.Close(m.fd) }

// Post runs t on the loop, soon. It may be called from any goroutine, never
// blocks, and keeps the order of one caller's tasks.
func (l *Loop) Post(t Task) {
	m := &l.mail
	n := &letter{task: t}
	for {
		n.next = m.head.Load()
		if m.head.CompareAndSwap(n.next, n) {
			break
		}
	}
	if m.asleep.Load() && m.asleep.Swap(false) {
		wakeWrite(m.fd)
	}
}

// prepareSleep reports whether the loop may block: no letter waits.
func (m *mailbox) prepareSleep() bool {
	m.asleep.Store(true)
	if m.head.Load() != nil {
		m.asleep.Store(false)
		return false
	}
	return true
}

func (m *mailbox) awake() { m.asleep.Store(false) }

// Ready is the eventfd's edge. Nothing is read: each write is an edge of its
// own, and the letters are taken every turn anyway.
func (m *mailbox) Ready(Events) {}

// take removes all letters and returns them in the order they were posted.
func (m *mailbox) take() *letter {
	if m.head.Load() == nil {
		return nil
	}
	var first *letter
	for n := m.head.Swap(nil); n != nil; {
		next := n.next
		n.next = first
		first, n = n, next
	}
	return first
}
