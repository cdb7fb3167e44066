package server

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// trimEvery is how often the heap is looked at.
	trimEvery = 15 * time.Second
	// quietBytes is how much a quiet process allocates in that time: less
	// than a few dozen handshakes.
	quietBytes = 2 << 20
	// trimBytes is how much must have been allocated since the last trim
	// for another one to be worth a collection.
	trimBytes = 16 << 20
)

// trimmer gives memory back to the system when the process has become quiet.
// gcPercent lets a burst, of TLS handshakes above all, leave a heap five times
// as large as what its idle connections keep; no collection comes while nothing
// is allocated, and none gives back more than the next burst is expected to
// need.
type trimmer struct {
	sample  [1]metrics.Sample
	seen    uint64 // bytes allocated ever, at the last look
	trimmed uint64 // at the last trim
}

// look trims if the time has come, and reports whether it did.
func (t *trimmer) look() bool {
	t.sample[0].Name = "/gc/heap/allocs:bytes"
	metrics.Read(t.sample[:])
	if !t.due(t.sample[0].Value.Uint64()) {
		return false
	}
	debug.FreeOSMemory()
	return true
}

// due decides by the number of bytes allocated ever.
func (t *trimmer) due(allocated uint64) bool {
	quiet := allocated-t.seen < quietBytes
	t.seen = allocated
	if !quiet || allocated-t.trimmed < trimBytes {
		return false
	}
	t.trimmed = allocated
	return true
}
