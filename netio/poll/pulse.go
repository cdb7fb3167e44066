package poll

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// pulse shows others, without a system call, whether the loop runs: those who
// could not ask it if it did not. The kernel programs that steer connections
// are among them, so the time is CLOCK_MONOTONIC's.
type pulse struct {
	to     *atomic.Int64 // nil: nobody looks
	offset int64         // CLOCK_MONOTONIC minus the loop's clock, constant
}

// SetPulse has the loop keep word: when it is in a turn, the positive time at
// which the turn began; when it is blocked, the negative time since when; in
// nanoseconds of CLOCK_MONOTONIC. Nil ends that, and the word is cleared. The
// word may be memory shared with the kernel.
func (l *Loop) SetPulse(word *atomic.Int64) {
	if word == l.pulse.to {
		return
	}
	if l.pulse.to != nil {
		l.pulse.to.Store(0)
	}
	l.pulse = pulse{to: word, offset: monotonicOffset()}
	l.pulse.awake(l.ns)
}

// awake notes that a turn begins at now.
func (p *pulse) awake(now int64) {
	if p.to != nil {
		p.to.Store(now + p.offset)
	}
}

// asleep notes that the loop blocks from now on.
func (p *pulse) asleep(now int64) {
	if p.to != nil {
		p.to.Store(-(now + p.offset))
	}
}

// monotonicOffset is CLOCK_MONOTONIC at epoch: Go's monotonic clock is the same
// one, counted from the start of the process.
func monotonicOffset() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0 // cannot fail; a pulse of zeros would look asleep for ever
	}
	return ts.Nano() - int64(time.Since(epoch))
}
