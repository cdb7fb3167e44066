package api

import (
	"context"

	"weir/lua/vm"
)

// Meter counts what the Lua of one script has used in one phase on one worker. It outlives VMs: a reload goes on
// counting. The numbers are plain ones of the worker's loop.
type Meter struct {
	Phase Phase
	Name  string // the script as messages name it: "content_by_lua(nginx.conf:12)", a path, the place of a timer's function

	Runs   uint64 // times it was begun
	Parks  uint64 // times it was set aside to wait
	Errors uint64 // runs that an error ended
	Steps  uint64 // loop ends and calls, as budgets count them
	Bytes  uint64 // allocated
	Nanos  uint64 // time on the worker, without what ran within it; see slice

	due    int64 // slices until the next one that is timed, this one included
	gap    int64 // what due was after the last one that was timed
	recent int64 // nanoseconds since the last sample, while a Sampler is on
	labels context.Context
}

// meterID identifies a meter of a worker.
type meterID struct {
	phase Phase
	name  string
}

// Meters are those of a worker.
type Meters struct {
	list []*Meter
	byID map[meterID]*Meter
}

// maxMeters bounds the meters of a worker. What comes when there are so many is counted together, by phase.
const maxMeters = 512

// otherScripts is the name of what is counted together.
const otherScripts = "(others)"

// Get returns the meter of a script in a phase, made if there is none yet.
func (ms *Meters) Get(p Phase, name string) *Meter {
	if m := ms.byID[meterID{p, name}]; m != nil {
		return m
	}
	if len(ms.list) >= maxMeters && name != otherScripts {
		return ms.Get(p, otherScripts)
	}
	if ms.byID == nil {
		ms.byID = map[meterID]*Meter{}
	}
	m := &Meter{Phase: p, Name: name}
	ms.byID[meterID{p, name}] = m
	ms.list = append(ms.list, m)
	return m
}

// List is the meters, in the order they were made; to be read on the worker's loop.
func (ms *Meters) List() []*Meter { return ms.list }

// adopt takes the meters of a VM that began before it had a worker.
func (ms *Meters) adopt(from *Meters) {
	for _, m := range from.list {
		to := ms.Get(m.Phase, m.Name)
		to.Runs += m.Runs
		to.Parks += m.Parks
		to.Errors += m.Errors
		to.Steps += m.Steps
		to.Bytes += m.Bytes
		to.Nanos += m.Nanos
	}
}

// slice is Lua that runs without waiting: from the resumption of a light thread until it waits or ends, or a whole run
// aside. Reading the clock costs as much as a short script, so only one slice of 16, on average, is timed, and
// stands for those of its meter since the one before. What a slice takes beyond the first 16,384 steps is always
// timed, and stands for itself: a single long one is neither missed nor multiplied. Slices nest (a filter runs within
// the script that prints); the time of the inner one is not counted for the outer.
type slice struct {
	m     *Meter
	at    int64 // clock since when it is timed; 0: it is not
	kind  sliceKind
	began int64 // clock when it was first seen to be a long one
}

type sliceKind uint8

const (
	sampled sliceKind = 1 << iota // it stands for the gap of its meter
	long                          // from now on it stands for itself
	burnt                         // it has used up its fuel once
)

// meanGap is about how many slices there are for each that is timed.
const meanGap = 16

// enter begins a slice of m within the one that runs, which is returned for leave.
func (e *Env) enter(m *Meter) (outer slice) {
	outer = e.slice
	e.slice = slice{m: m}
	if m.due--; m.due <= 0 || outer.at != 0 || e.sampler != nil {
		e.enterTimed(&outer)
	}
	return outer
}

func (e *Env) enterTimed(outer *slice) {
	now := clock()
	if outer.at != 0 {
		outer.spend(now)
	}
	e.followSampler()
	switch m := e.slice.m; {
	case e.sampler != nil: // everything is timed
		e.slice.at, e.slice.kind = now, long
		m.gap, m.due = 1, 1
	case m.due <= 0:
		e.slice.at, e.slice.kind = now, sampled
	}
}

// spend counts the time since the slice was timed last.
func (s *slice) spend(now int64) {
	d := now - s.at
	if s.kind == sampled {
		d *= max(s.m.gap, 1)
	}
	s.m.Nanos += uint64(d)
	s.m.recent += d
	s.at = now
}

// leave ends the slice that runs: outer goes on.
func (e *Env) leave(outer *slice) {
	if e.slice.at != 0 || outer.at != 0 {
		e.leaveTimed(outer)
	}
	e.slice = *outer
}

func (e *Env) leaveTimed(outer *slice) {
	now := clock()
	if s := &e.slice; s.at != 0 {
		s.spend(now)
		if s.kind&sampled != 0 {
			s.m.gap = e.nextGap()
			s.m.due = s.m.gap
		}
		if s.kind&burnt != 0 && e.shown {
			e.shown = false
			e.own.Busy.Store(nil)
		}
	}
	if outer.at != 0 {
		outer.at = now
	}
}

// nextGap draws how many slices there are until the next one that is timed: a script that does the same in every
// sixteenth must not always be met there.
func (e *Env) nextGap() int64 {
	e.dice ^= e.dice << 13
	e.dice ^= e.dice >> 17
	e.dice ^= e.dice << 5
	return 1 + int64(e.dice%(2*meanGap-1))
}

// charge adds to m what a run has used since it was before.
func (m *Meter) charge(u, before vm.Usage) {
	m.Steps += uint64(u.Instructions - before.Instructions)
	m.Bytes += uint64(u.Bytes - before.Bytes)
}

// Running is the meter of the Lua that runs, nil for none.
func (e *Env) Running() *Meter { return e.slice.m }

// Busy is Lua that has held its worker for a while.
type Busy struct {
	Phase  Phase
	Script string
	Chunk  string // where it was last seen
	Line   int
	Since  int64 // by Clock, in nanoseconds
}

// showBusy is how long Lua holds its worker before others are told, and how often that is renewed, in nanoseconds.
const showBusy = 1e6

// fuelBurnt is the VM's FuelHook: the slice that runs is a long one.
func (e *Env) fuelBurnt(l *vm.State) error {
	s := &e.slice
	if s.m == nil {
		return nil // beside the loop
	}
	now := clock()
	if s.at != 0 {
		s.spend(now)
	}
	s.at = now
	if s.kind&burnt == 0 {
		s.kind |= long | burnt
		s.began = now
	}
	e.followSampler()
	if e.own != nil && now-s.began > showBusy && (!e.shown || now-e.showedAt > showBusy) {
		chunk, line := l.Position()
		e.own.Busy.Store(&Busy{Phase: s.m.Phase, Script: s.m.Name, Chunk: chunk, Line: line, Since: s.began})
		e.shown, e.showedAt = true, now
	}
	return nil
}
