package poll

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestThePulseIsTheKernelsClock looks at the word from within a turn and from
// without while the loop is blocked.
func TestThePulseIsTheKernelsClock(t *testing.T) {
	l, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var word atomic.Int64
	l.SetPulse(&word)
	kernel := func() int64 {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return ts.Nano()
	}
	before := kernel()
	ran := make(chan int64)
	ended := make(chan struct{})
	go func() { l.Run(); close(ended) }()
	l.Post(pulseTask(func() { ran <- word.Load() }))
	if got := <-ran; got < before-1e6 || got > kernel()+1e6 {
		t.Errorf("within a turn the word is %d, want a time from %d on", got, before)
	}
	for word.Load() >= 0 { // it falls asleep by itself
		unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
	}
	if got := -word.Load(); got < before-1e6 || got > kernel()+1e6 {
		t.Errorf("asleep, the word is -%d, want a time from %d on", got, before)
	}
	done := make(chan struct{})
	l.Post(pulseTask(func() { l.SetPulse(nil); close(done) }))
	<-done
	if got := word.Load(); got != 0 {
		t.Errorf("after SetPulse(nil) the word is %d", got)
	}
	l.Stop()
	<-ended // before Close
}

type pulseTask func()

func (f pulseTask) Run() { f() }
