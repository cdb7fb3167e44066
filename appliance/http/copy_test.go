package http

import (
	"testing"
	"time"

	"weir/netio/poll"
)

// TestARequestThatEndsWhileAFileIsReadWaitsForTheRead ends the request between
// the start of a read and its coming back.
func TestARequestThatEndsWhileAFileIsReadWaitsForTheRead(t *testing.T) {
	for _, ends := range []bool{false, true} {
		c := newCacheTest(t, 0)
		c.write("a", "12345")
		w, r := c.w, c.r
		r.c = &Client{w: w, active: r}
		resumed := 0
		r.write = func(*Request) { resumed++ }

		f := c.ask("a", FileOpen)
		st := w.takeCopy(r)
		st.in.Append(w.Buffers.FileLink(f.File.Hold(), 0, 5))
		b := w.Buffers.Get(5)
		st.startRead(r, st.in.Head, b[:5])
		if r.blocked != 1 || w.reads.running != 1 {
			t.Fatalf("blocked %d, %d reads running, want 1 and 1", r.blocked, w.reads.running)
		}
		if ends {
			r.terminated = true
			endCopy(st)
			c.end()
		}
		stepUntil(t, w.Loop, func() bool { return resumed > 0 })
		if r.blocked != 0 || w.reads.running != 0 {
			t.Errorf("blocked %d, %d reads running at the end", r.blocked, w.reads.running)
		}
		if !ends {
			if st.read == nil || st.read.n != 5 || string(st.read.buf[:5]) != "12345" {
				t.Errorf("the read brought %+v", st.read)
			}
			endCopy(st)
			c.end()
		}
		if w.freeCopies != st {
			t.Error("the state was not given back")
		}
		if s := w.Buffers.Stats(); s.InUse != 0 || s.Links != 0 {
			t.Errorf("%d bytes and %d links have not come back", s.InUse, s.Links)
		}
		c.leaks()
	}
}

func stepUntil(t *testing.T, l *poll.Loop, done func() bool) {
	t.Helper()
	var timer poll.Timer
	timer.Owner = wake{}
	for end := time.Now().Add(time.Minute); !done(); {
		if time.Now().After(end) {
			t.Fatal("it did not come to an end")
		}
		l.SetTimer(&timer, 20) // a bound for the wait of one step
		l.Step()
	}
}

// wake owns a timer that only ends a wait.
type wake struct{}

func (wake) Expired(*poll.Timer) {}

// TestReadsBeyondTheBoundWaitInLine starts more reads than may run at once.
func TestReadsBeyondTheBoundWaitInLine(t *testing.T) {
	const more = 3
	c := newCacheTest(t, 0)
	c.write("a", "12345")
	w, r := c.w, c.r
	r.c = &Client{w: w, active: r}
	resumed := 0
	r.write = func(*Request) { resumed++ }
	f := c.ask("a", FileOpen)
	var states []*copyState
	for range maxFileReads + more {
		st := w.takeCopy(r)
		states = append(states, st)
		st.in.Append(w.Buffers.FileLink(f.File.Hold(), 0, 5))
		st.startRead(r, st.in.Head, w.Buffers.Get(5)[:5])
	}
	if w.reads.running != maxFileReads {
		t.Errorf("%d reads are running, want %d", w.reads.running, maxFileReads)
	}
	waiting := 0
	for q := w.reads.first; q != nil; q = q.next {
		waiting++
	}
	if waiting != more {
		t.Errorf("%d reads wait, want %d", waiting, more)
	}
	stepUntil(t, w.Loop, func() bool { return resumed == maxFileReads+more })
	if w.reads.running != 0 || w.reads.first != nil || w.reads.last != nil {
		t.Errorf("%d reads are left running", w.reads.running)
	}
	for _, st := range states {
		if string(st.read.buf[:st.read.n]) != "12345" {
			t.Errorf("a read brought %q", st.read.buf[:st.read.n])
		}
		endCopy(st)
	}
	c.end()
}
