package errlog

import (
	"maps"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Capture keeps the last lines that a thread has written, whatever log they
// went to, until somebody takes them. It may be used from any thread.
type Capture struct {
	size int
	now  func() float64 // seconds since 1970

	mu     sync.Mutex
	filter Level
	lines  []Captured // oldest first
	used   int        // bytes that count towards size
}

// Captured is a line without its line feed.
type Captured struct {
	Level Level
	Time  float64 // seconds since 1970
	Text  string
}

// captureOverhead is what a line counts beside its text.
const captureOverhead = 16

// NewCapture makes one that keeps size bytes. now tells the time of a line; it
// is called by those who write.
func NewCapture(size int, now func() float64) *Capture {
	return &Capture{size: size, now: now, filter: Debug}
}

// SetFilter leaves out the lines above level that are written from now on.
func (c *Capture) SetFilter(level Level) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filter = level
}

// Take removes the oldest line and returns it; false when there is none.
func (c *Capture) Take() (Captured, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines) == 0 {
		return Captured{}, false
	}
	return c.drop(), true
}

// Copy makes another one with the same lines and filter, and a clock of its own.
func (c *Capture) Copy(now func() float64) *Capture {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Capture{size: c.size, now: now, filter: c.filter, lines: append([]Captured(nil), c.lines...), used: c.used}
}

func (c *Capture) drop() Captured {
	oldest := c.lines[0]
	c.lines[0].Text = ""
	c.lines = c.lines[1:]
	c.used -= len(oldest.Text) + captureOverhead
	return oldest
}

func (c *Capture) add(level Level, line []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(line) + captureOverhead
	if level > c.filter || n > c.size {
		return
	}
	for c.used+n > c.size {
		c.drop()
	}
	c.used += n
	c.lines = append(c.lines, Captured{level, c.now(), string(line)})
}

// captures are by the thread whose lines they get; 0 is for the threads that
// have none. nil: nobody captures.
var captures atomic.Pointer[map[int]*Capture]

// capturesMu is held while captures is replaced.
var capturesMu sync.Mutex

// CaptureThread has c get the lines that the calling thread writes from now on,
// instead of the one before; nil ends that.
func CaptureThread(c *Capture) { setCapture(unix.Gettid(), c) }

// CaptureOthers has c get the lines of all threads that no CaptureThread is in
// force for; nil ends that.
func CaptureOthers(c *Capture) { setCapture(0, c) }

func setCapture(thread int, c *Capture) {
	capturesMu.Lock()
	defer capturesMu.Unlock()
	m := make(map[int]*Capture)
	if old := captures.Load(); old != nil {
		m = maps.Clone(*old)
	}
	if m[thread] = c; c == nil {
		delete(m, thread)
	}
	if len(m) == 0 {
		captures.Store(nil)
		return
	}
	captures.Store(&m)
}

// capture hands a line to whoever keeps those of this thread.
func capture(m map[int]*Capture, level Level, line []byte) {
	c := m[unix.Gettid()]
	if c == nil {
		c = m[0]
	}
	if c != nil {
		c.add(level, line)
	}
}
