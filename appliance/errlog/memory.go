package errlog

import "sync"

// Memory is the target of `error_log memory:SIZE`: the last SIZE bytes of lines,
// kept for a look by the status socket or a debugger.
type Memory struct {
	mu   sync.Mutex
	ring []byte
	next int  // where the next byte goes
	full bool // the ring has wrapped
}

// NewMemory makes a ring of size bytes; size must be positive.
func NewMemory(size int) *Memory { return &Memory{ring: make([]byte, size)} }

// Write appends p; of a p longer than the ring only the end is kept.
func (m *Memory) Write(p []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(p) > len(m.ring) {
		p = p[len(p)-len(m.ring):]
	}
	n := copy(m.ring[m.next:], p)
	m.next += n
	if m.next == len(m.ring) {
		m.next, m.full = 0, true
	}
	if n < len(p) {
		m.next = copy(m.ring, p[n:])
	}
}

// Bytes is a copy of what the ring holds, oldest first.
func (m *Memory) Bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.full {
		return append([]byte(nil), m.ring[:m.next]...)
	}
	return append(append([]byte(nil), m.ring[m.next:]...), m.ring[:m.next]...)
}
