package server

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// gcPercent lets a small heap grow fivefold between collections. The
	// steady state of requests allocates nothing, or the few hundred bytes
	// of a script's tables and strings, so that the live heap is small: a
	// collection's cost counts for more than the memory between two of
	// them.
	gcPercent = 400
	// minPercent bounds what a collection costs a large heap.
	minPercent = 100
	// spareBytes is what gcPercent may add to a heap. Marking costs some
	// 0.6 ms a megabyte: between gcPercent and minPercent lie 2 to 3
	// percent of the CPU of a request whose scripts allocate 1 KB, but
	// four gigabytes of memory for each gigabyte of caches in Lua.
	spareBytes = 256 << 20
)

// pacer sets how far the heap may grow until the next collection, by what is
// live. GOGC in the environment overrules it.
type pacer struct {
	sample  [1]metrics.Sample
	percent int // in force; 0: as GOGC says
}

// begin sets the percentage of a small heap.
func (p *pacer) begin() {
	if os.Getenv("GOGC") != "" {
		return
	}
	p.percent = gcPercent
	debug.SetGCPercent(gcPercent)
}

// look follows the live heap of the last collection. Setting the percentage
// stops all workers for a moment, so that small differences are left.
func (p *pacer) look() {
	if p.percent == 0 {
		return
	}
	p.sample[0].Name = "/gc/heap/live:bytes"
	metrics.Read(p.sample[:])
	want := percentFor(p.sample[0].Value.Uint64())
	if !p.due(want) {
		return
	}
	p.percent = want
	debug.SetGCPercent(want)
}

// due reports whether want is far enough from what is in force. The bounds
// are always reached.
func (p *pacer) due(want int) bool {
	if want == gcPercent || want == minPercent {
		return want != p.percent
	}
	return want < p.percent-p.percent/8 || want > p.percent+p.percent/8
}

// percentFor is the percentage at which live bytes grow by spareBytes, within
// the bounds.
func percentFor(live uint64) int {
	if live <= spareBytes*100/gcPercent {
		return gcPercent
	}
	return int(max(spareBytes*100/live, minPercent))
}
