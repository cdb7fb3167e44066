package errlog

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// taken is what is left in c.
func taken(c *Capture) (lines []Captured) {
	for {
		l, ok := c.Take()
		if !ok {
			return lines
		}
		lines = append(lines, l)
	}
}

func TestAThreadsLinesAreCaptured(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	log := New(Output{Target: Target{Memory: NewMemory(1000)}, Level: Info})
	clock := 10.0
	c := NewCapture(4096, func() float64 { clock++; return clock })
	others := NewCapture(4096, func() float64 { return 0 })
	CaptureThread(c)
	defer CaptureThread(nil)
	CaptureOthers(others)
	log.Write(Error, 7, []byte("one\ntwo"))
	log.Write(Debug, 0, []byte("nobody takes this level"))
	c.SetFilter(Warn)
	log.Write(Info, 0, []byte("filtered"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		log.Write(Alert, 0, []byte("elsewhere"))
	}()
	<-done
	CaptureOthers(nil)
	got := taken(c)
	if len(got) != 1 || got[0].Level != Error || got[0].Time != 11 || !strings.HasSuffix(got[0].Text, ": *7 one\ntwo") || !strings.Contains(got[0].Text, " [error] ") {
		t.Errorf("got %+v", got)
	}
	if got := taken(others); len(got) != 1 || !strings.HasSuffix(got[0].Text, ": elsewhere") {
		t.Errorf("of other threads got %+v", got)
	}
	CaptureThread(nil)
	log.Write(Error, 0, []byte("later"))
	if got := taken(c); got != nil || captures.Load() != nil {
		t.Errorf("got %+v after the end", got)
	}
}

func TestACaptureKeepsTheLastLines(t *testing.T) {
	c := NewCapture(100, func() float64 { return 0 })
	c.SetFilter(Error)
	for i := range 1000 {
		c.add(Error, fmt.Appendf(nil, "%07d", i))
	}
	c.add(Error, make([]byte, 90))
	other := c.Copy(func() float64 { return 5 })
	other.add(Warn, nil)
	for _, c := range []*Capture{c, other} {
		if got := taken(c); len(got) != 4 || got[0].Text != "0000996" || got[3].Text != "0000999" {
			t.Errorf("got %+v", got)
		}
		if c.used != 0 {
			t.Errorf("%d bytes are used by nothing", c.used)
		}
	}
}
