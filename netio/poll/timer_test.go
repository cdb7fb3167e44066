package poll

import (
	"math/rand"
	"slices"
	"testing"
	"time"
)

// at moves the loop's clock, without sleeping, and runs what is due.
func (l *Loop) at(ms int64) {
	l.ms = ms
	l.runTimers()
}

func TestTimersRunInOrderOfDeadline(t *testing.T) {
	l := newLoop(t, Config{})
	l.ms = 0
	r := rand.New(rand.NewSource(1))
	var ran []int64
	timers := make([]Timer, 500)
	for i := range timers {
		timers[i].Owner = owner(func(*Timer) { ran = append(ran, l.ms) })
		l.SetTimer(&timers[i], int64(1+r.Intn(1000)))
	}
	// Some are set again to earlier, some to later, some stopped.
	want := []int64{}
	for i := range timers {
		switch i % 4 {
		case 1:
			l.SetTimer(&timers[i], int64(1+r.Intn(100)))
		case 2:
			l.SetTimer(&timers[i], int64(900+r.Intn(500)))
		case 3:
			timers[i].Stop()
			continue
		}
		want = append(want, timers[i].Deadline())
	}
	slices.Sort(want)
	for ms := int64(1); ms < 2000; ms++ {
		l.at(ms)
	}
	if !slices.Equal(ran, want) {
		t.Fatalf("ran at\n%v, want\n%v", ran, want)
	}
	if n := len(l.timers.items); n != 0 {
		t.Errorf("%d timers are left in the heap", n)
	}
}

func TestSettingLaterDoesNotTouchTheHeap(t *testing.T) {
	l := newLoop(t, Config{})
	l.ms = 0
	ran := 0
	tm := Timer{Owner: owner(func(*Timer) { ran++ })}
	l.SetTimer(&tm, 100)
	key := l.timers.items[0].key
	for l.ms < 99 {
		l.ms++
		l.SetTimer(&tm, 100)
	}
	if l.timers.items[0].key != key {
		t.Fatal("the heap was touched")
	}
	l.at(150)
	if ran != 0 || !tm.Active() {
		t.Fatal("it ran at its old deadline")
	}
	l.at(198)
	if ran != 0 {
		t.Fatal("it ran too early")
	}
	l.at(199)
	if ran != 1 || tm.Active() {
		t.Fatalf("ran %d times, active %v", ran, tm.Active())
	}
}

func TestTimerMayStopAndSetOthersInItsCallback(t *testing.T) {
	l := newLoop(t, Config{})
	l.ms = 0
	var a, b, c Timer
	ran := ""
	a.Owner = owner(func(*Timer) {
		ran += "a"
		b.Stop()
		l.RemoveTimer(&c)
		l.SetTimer(&a, 5)
	})
	b.Owner = owner(func(*Timer) { ran += "b" })
	c.Owner = owner(func(*Timer) { ran += "c" })
	l.SetTimer(&a, 1)
	l.SetTimer(&b, 1)
	l.SetTimer(&c, 2)
	l.at(3)
	if ran != "a" {
		t.Fatalf("ran %q, want a", ran)
	}
	l.at(7)
	if ran != "a" {
		t.Fatalf("ran %q before the new deadline", ran)
	}
	l.SetTimer(&b, 10)
	l.at(8)
	if ran != "aa" {
		t.Fatalf("ran %q, want aa", ran)
	}
}

func TestTimerSetToNothingRunsInALaterTurn(t *testing.T) {
	l := newLoop(t, Config{})
	n := 0
	var a Timer
	a.Owner = owner(func(*Timer) {
		if n++; n < 3 {
			l.SetTimer(&a, 0)
		}
	})
	l.SetTimer(&a, 0)
	l.runTimers()
	if n != 0 {
		t.Fatal("it ran within the turn that set it")
	}
	until(t, l, func() bool { return n == 3 })
}

func TestLoopSleepsUntilTheTimer(t *testing.T) {
	l := newLoop(t, Config{})
	var a, stopped, moved Timer
	a.Owner = owner(func(*Timer) {})
	stopped.Owner, moved.Owner = a.Owner, a.Owner
	l.SetTimer(&stopped, 1)
	l.SetTimer(&moved, 1)
	l.SetTimer(&moved, 500)
	stopped.Stop()
	l.SetTimer(&a, 30)
	turns := l.Turn()
	start := time.Now()
	until(t, l, func() bool { return !a.Active() })
	if d := time.Since(start); d < 29*time.Millisecond {
		t.Errorf("ran after %v, want 30 ms", d)
	}
	// Stopped and moved timers at the top of the heap wake nobody.
	if n := l.Turn() - turns; n > 3 {
		t.Errorf("woke %d times for one timer", n)
	}
}

func TestRemoveFindsAnyPlaceInTheHeap(t *testing.T) {
	l := newLoop(t, Config{})
	l.ms = 0
	r := rand.New(rand.NewSource(2))
	timers := make([]Timer, 300)
	left := 0
	for i := range timers {
		timers[i].Owner = owner(func(*Timer) { left-- })
		l.SetTimer(&timers[i], int64(1+r.Intn(100)))
	}
	for i, p := range r.Perm(len(timers)) {
		if i%3 == 0 {
			left++
			continue
		}
		l.RemoveTimer(&timers[p])
	}
	l.at(100)
	if left != 0 || len(l.timers.items) != 0 {
		t.Errorf("%d timers did not run, %d are in the heap", left, len(l.timers.items))
	}
}

func BenchmarkTimerSetLater(b *testing.B) {
	l := newLoop(b, Config{})
	timers := make([]Timer, 1024)
	b.ReportAllocs()
	for i := range b.N {
		l.ms++
		l.SetTimer(&timers[i&1023], 60000)
	}
}
