package poll

import "sync/atomic"

// Stats is what a loop has done since it began. Times are nanoseconds.
type Stats struct {
	Turns   uint64 // batches handled
	Events  uint64 // events in them
	Sleeps  uint64 // times the loop blocked
	Stale   uint64 // events of descriptors that were closed meanwhile
	Panics  uint64 // handlers that panicked
	BusyNS  uint64 // time in turns
	IdleNS  uint64 // time blocked
	WorstNS uint64 // longest single turn
}

// counters are written by the loop once per turn, and published so that
// others can read them at any time.
type counters struct {
	turns, events, sleeps uint64
	stale, panics         uint64
	busy, idle, worst     uint64
	last                  int64 // when the current turn began
	asleep                int64 // when the loop began to block; 0 when it runs
	published             int64 // when the counters were published last
	pubTurns, pubEvents   atomic.Uint64
	pubSleeps, pubStale   atomic.Uint64
	pubPanics, pubBusy    atomic.Uint64
	pubIdle, pubWorst     atomic.Uint64
}

// turn notes that a batch of n events begins at now.
func (c *counters) turn(now int64, n int) {
	switch {
	case c.asleep != 0:
		c.idle += uint64(max(0, now-c.asleep))
		c.asleep = 0
	case c.last != 0:
		c.span(now)
	}
	c.last = now
	c.turns++
	c.events += uint64(n)
	if now-c.published > publishEvery {
		c.publish(now)
	}
}

// publishEvery is how old published counters become, in nanoseconds, while
// the loop runs. Publishing costs eight locked instructions, too many for
// every turn.
const publishEvery = 10e6

// span closes the busy time that began at last.
func (c *counters) span(now int64) {
	d := uint64(max(0, now-c.last))
	c.busy += d
	c.worst = max(c.worst, d)
}

// sleep notes that the loop blocks from now on.
func (c *counters) sleep(now int64) {
	if c.last != 0 {
		c.span(now)
		c.last = 0
	}
	c.sleeps++
	c.asleep = now
	if now-c.published > publishEvery {
		c.publish(now)
	}
}

func (c *counters) publish(now int64) {
	c.published = now
	c.pubTurns.Store(c.turns)
	c.pubEvents.Store(c.events)
	c.pubSleeps.Store(c.sleeps)
	c.pubStale.Store(c.stale)
	c.pubPanics.Store(c.panics)
	c.pubBusy.Store(c.busy)
	c.pubIdle.Store(c.idle)
	c.pubWorst.Store(c.worst)
}

// Stats returns the counters as they were published last, which lacks at most
// the last 10 ms in which the loop ran. It may be called from any goroutine.
func (l *Loop) Stats() Stats {
	c := &l.count
	return Stats{
		Turns:   c.pubTurns.Load(),
		Events:  c.pubEvents.Load(),
		Sleeps:  c.pubSleeps.Load(),
		Stale:   c.pubStale.Load(),
		Panics:  c.pubPanics.Load(),
		BusyNS:  c.pubBusy.Load(),
		IdleNS:  c.pubIdle.Load(),
		WorstNS: c.pubWorst.Load(),
	}
}
