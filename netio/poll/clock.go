package poll

import "time"

// clock is the time of the current turn: read once per turn, cheap to ask
// for. The monotonic part costs one vdso call per turn; the wall clock is
// asked again whenever its second changes, so a clock that is set is followed
// within a second.
type clock struct {
	ns   int64 // monotonic, since epoch
	ms   int64 // the same in milliseconds
	wall int64 // wall clock minus ns, in nanoseconds
	unix int64 // wall clock in milliseconds

	sec  int64 // wall clock seconds
	base int64 // ns at which sec began

	httpDate, logTime, isoTime, errTime stamp
}

// stamp is a formatted time and the second it was made for.
type stamp struct {
	sec  int64
	text []byte
}

// Layouts of the cached strings.
const (
	layoutHTTP = "Mon, 02 Jan 2006 15:04:05 GMT"
	layoutLog  = "02/Jan/2006:15:04:05 -0700"
	layoutISO  = "2006-01-02T15:04:05-07:00"
	layoutErr  = "2006/01/02 15:04:05"
)

func (c *clock) start() {
	c.ns = c.nanos()
	c.ms = c.ns / 1e6
	c.syncWall()
	c.unix = (c.wall + c.ns) / 1e6
}

// nanos reads the monotonic clock.
func (c *clock) nanos() int64 { return int64(time.Since(epoch)) }

// tick takes the time for a turn.
func (c *clock) tick() {
	c.ns = c.nanos()
	c.ms = c.ns / 1e6
	if c.ns-c.base >= 1e9 {
		c.syncWall()
	}
	c.unix = (c.wall + c.ns) / 1e6
}

// refreshMS reads the clock anew and returns it in milliseconds.
func (c *clock) refreshMS() int64 {
	c.ns = c.nanos()
	c.ms = c.ns / 1e6
	c.unix = (c.wall + c.ns) / 1e6
	return c.ms
}

func (c *clock) syncWall() {
	now := time.Now()
	mono := int64(now.Sub(epoch))
	c.wall = now.UnixNano() - mono
	c.sec = now.Unix()
	c.base = mono - int64(now.Nanosecond())
}

// NowMS returns the monotonic time of this turn in milliseconds. All loops of
// the process count from the same moment.
func (c *clock) NowMS() int64 { return c.ms }

// NowNS returns the monotonic time of this turn in nanoseconds.
func (c *clock) NowNS() int64 { return c.ns }

// Refresh reads the clock within a turn, for handlers that ran long.
func (c *clock) Refresh() { c.tick() }

// Unix returns the wall clock's seconds.
func (c *clock) Unix() int64 { return c.sec }

// UnixMS returns the wall clock in milliseconds.
func (c *clock) UnixMS() int64 { return c.unix }

// Wall returns the wall clock in seconds and milliseconds.
func (c *clock) Wall() (sec int64, ms int) {
	t := c.wall + c.ns
	return t / 1e9, int(t % 1e9 / 1e6)
}

// HTTPDate returns the time as the Date header has it. Copy it at once: the
// bytes change with the second.
func (c *clock) HTTPDate() []byte {
	s := &c.httpDate
	if s.sec != c.sec || s.text == nil {
		s.set(c.sec, time.Unix(c.sec, 0).UTC(), layoutHTTP)
	}
	return s.text
}

// LogTime returns the local time as $time_local has it; copy it at once.
func (c *clock) LogTime() []byte { return c.logTime.local(c.sec, layoutLog) }

// ISOTime returns the local time as $time_iso8601 has it; copy it at once.
func (c *clock) ISOTime() []byte { return c.isoTime.local(c.sec, layoutISO) }

// ErrorTime returns the local time as error logs have it; copy it at once.
func (c *clock) ErrorTime() []byte { return c.errTime.local(c.sec, layoutErr) }

func (s *stamp) local(sec int64, layout string) []byte {
	if s.sec != sec || s.text == nil {
		s.set(sec, time.Unix(sec, 0), layout)
	}
	return s.text
}

func (s *stamp) set(sec int64, t time.Time, layout string) {
	s.sec = sec
	s.text = t.AppendFormat(s.text[:0], layout)
}
