package steer

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Slot is one worker's part of the Board. It mirrors struct slot of the
// programs, which says what is in each word.
type Slot struct {
	// Written by the worker; the two words share a cache line with nobody.
	State atomic.Int64  // >0: in a turn since; <0: asleep since; CLOCK_MONOTONIC in ns
	Open  atomic.Uint64 // open connections
	_     [6]uint64

	// Written by the programs.
	steered, migrated atomic.Uint64
	_                 [6]uint64
}

// slotSize is the size of a slot on both sides.
const slotSize = 128

type slotBytes [slotSize]byte

// Steered is how many connections the programs gave to the worker, those
// included that it took over from another (migrated).
func (s *Slot) Steered() (all, migrated uint64) { return s.steered.Load(), s.migrated.Load() }

// Board is the memory in which workers and programs meet, mapped into the
// process of the workers. It stays mapped as long as the process lives.
type Board struct {
	slots *[MaxWorkers]Slot
}

// MapBoard maps the memory behind a descriptor that Steering.Board gave, which
// may be closed afterwards. It needs no rights.
func MapBoard(fd int) (*Board, error) {
	mem, err := unix.Mmap(fd, 0, MaxWorkers*slotSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("steer: map the board: %w", err)
	}
	return &Board{slots: slotsOf(mem)}, nil
}

// Slot is the part of worker w; nil for one beyond MaxWorkers.
func (b *Board) Slot(w int) *Slot {
	if w < 0 || w >= MaxWorkers {
		return nil
	}
	return &b.slots[w]
}
