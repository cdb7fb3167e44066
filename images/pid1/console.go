package pid1

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// console shows on the machine's screen or serial line what an operator asks
// first: what runs, where it is reached, whether it is well. It is safe for
// all goroutines.
type console struct {
	mu    sync.Mutex
	out   *os.File // nil until /dev is there
	start time.Time
	lines []line
	early []string // said before there was anything to say it to
}

// stages tells how long the parts of the start took, for who wants it faster.
type stages struct {
	begun, last time.Time
	text        strings.Builder
}

func newStages() *stages {
	now := time.Now()
	return &stages{begun: now, last: now}
}

// done ends a part.
func (s *stages) done(name string) {
	now := time.Now()
	fmt.Fprintf(&s.text, ", %s %d", name, now.Sub(s.last).Milliseconds())
	s.last = now
}

// String is the whole start, in milliseconds.
func (s *stages) String() string {
	return fmt.Sprintf("started in %d ms%s", s.last.Sub(s.begun).Milliseconds(), strings.Replace(s.text.String(), ",", ":", 1))
}

// line is one row of the screen.
type line struct{ name, text string }

func newConsole() *console { return &console{start: time.Now()} }

// open finds the console, once /dev is mounted.
func (c *console) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out, _ = os.OpenFile("/dev/console", os.O_WRONLY, 0) // without one nobody is looking
	for _, s := range c.early {
		c.print(s)
	}
	c.early = nil
}

// log adds a message with the time since the start.
func (c *console) log(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.print(fmt.Sprintf("[%7.3f] %s", time.Since(c.start).Seconds(), fmt.Sprintf(format, args...)))
}

// set changes a row of the screen and shows it when it differs.
func (c *console) set(name, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.lines {
		if c.lines[i].name == name {
			if c.lines[i].text == text {
				return
			}
			c.lines[i].text = text
			c.screen()
			return
		}
	}
	c.lines = append(c.lines, line{name, text})
	c.screen()
}

// screen prints all rows: a serial line keeps what it was sent, so there is no
// redrawing.
func (c *console) screen() {
	var b strings.Builder
	b.WriteString("\n")
	for _, l := range c.lines {
		fmt.Fprintf(&b, "  %-9s %s\n", l.name, l.text)
	}
	c.print(b.String())
}

func (c *console) print(s string) {
	if c.out == nil {
		c.early = append(c.early, s)
		return
	}
	_, _ = c.out.WriteString(strings.ReplaceAll(s, "\n", "\r\n") + "\r\n")
}
