package poll

// TimerOwner is told that a timer ran out.
type TimerOwner interface {
	// Expired is called on the loop. The timer is stopped; the owner may
	// set it again.
	Expired(t *Timer)
}

// Timer is embedded by its owner, who sets Owner once. The zero Timer is
// stopped. Its address must not change once it was set.
//
// Timers are lazy. A timer that is set again to a later time, which is what
// every request does to every timeout, only changes its deadline; its place
// in the heap is corrected when that place comes to the top. A stopped timer
// stays there too, until then. So an owner that is reused keeps its timer,
// and an owner that is dropped calls Remove.
type Timer struct {
	Owner    TimerOwner
	deadline int64 // in NowMS; 0 when stopped
	at       int32 // index in the heap plus 1; 0 when not in it
}

// Active reports whether the timer is set.
func (t *Timer) Active() bool { return t.deadline != 0 }

// Deadline returns when the timer runs out, in NowMS; 0 when it is stopped.
func (t *Timer) Deadline() int64 { return t.deadline }

// Stop stops the timer.
func (t *Timer) Stop() { t.deadline = 0 }

// SetTimer lets t run out ms milliseconds from this turn, but not within it.
func (l *Loop) SetTimer(t *Timer, ms int64) {
	if ms < 1 {
		ms = 1
	}
	d := l.ms + ms
	t.deadline = d
	h := &l.timers
	switch {
	case t.at == 0:
		h.push(t, d)
	case d < h.items[t.at-1].key:
		h.items[t.at-1].key = d
		h.up(int(t.at) - 1)
	}
}

// RemoveTimer stops t and takes it out of the heap, so that the loop holds no
// pointer to it.
func (l *Loop) RemoveTimer(t *Timer) {
	t.deadline = 0
	if t.at != 0 {
		l.timers.remove(int(t.at) - 1)
	}
}

// timerItem is a place in the heap. Its key is not later than the timer's
// deadline.
type timerItem struct {
	key int64
	t   *Timer
}

// timerHeap is a 4-ary heap by key: shallow, and the four children of a node
// share a cache line.
type timerHeap struct {
	items []timerItem
}

// until returns how many milliseconds there are from now to the first key;
// -1 when there is none.
func (h *timerHeap) until(now int64) int {
	for len(h.items) > 0 {
		top := h.items[0]
		if top.t.deadline == 0 {
			h.remove(0)
			continue
		}
		if top.t.deadline > top.key {
			h.items[0].key = top.t.deadline
			h.down(0)
			continue
		}
		return int(max(0, top.key-now))
	}
	return -1
}

// expired takes one timer out that has run out at now; nil when none has.
func (h *timerHeap) expired(now int64) *Timer {
	for len(h.items) > 0 && h.items[0].key <= now {
		t := h.items[0].t
		if t.deadline > now {
			h.items[0].key = t.deadline
			h.down(0)
			continue
		}
		h.remove(0)
		if t.deadline == 0 {
			continue
		}
		t.deadline = 0
		return t
	}
	return nil
}

func (h *timerHeap) push(t *Timer, key int64) {
	h.items = append(h.items, timerItem{key, t})
	h.up(len(h.items) - 1)
}

func (h *timerHeap) remove(i int) {
	last := len(h.items) - 1
	h.items[i].t.at = 0
	moved := h.items[last]
	h.items[last] = timerItem{}
	h.items = h.items[:last]
	if i == last {
		return
	}
	h.items[i] = moved
	moved.t.at = int32(i + 1)
	h.down(i)
	h.up(int(moved.t.at) - 1)
}

func (h *timerHeap) up(i int) {
	it := h.items[i]
	for i > 0 {
		p := (i - 1) / 4
		if h.items[p].key <= it.key {
			break
		}
		h.items[i] = h.items[p]
		h.items[i].t.at = int32(i + 1)
		i = p
	}
	h.items[i] = it
	it.t.at = int32(i + 1)
}

func (h *timerHeap) down(i int) {
	it := h.items[i]
	n := len(h.items)
	for {
		c := 4*i + 1
		if c >= n {
			break
		}
		least := c
		for j := c + 1; j < min(c+4, n); j++ {
			if h.items[j].key < h.items[least].key {
				least = j
			}
		}
		if h.items[least].key >= it.key {
			break
		}
		h.items[i] = h.items[least]
		h.items[i].t.at = int32(i + 1)
		i = least
	}
	h.items[i] = it
	it.t.at = int32(i + 1)
}
