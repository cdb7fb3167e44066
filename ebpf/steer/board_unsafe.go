package steer

import "unsafe"

// slotsOf sees mapped memory as slots. mem is page-aligned, of
// MaxWorkers*slotSize bytes, and never unmapped; the slots hold no pointer.
func slotsOf(mem []byte) *[MaxWorkers]Slot {
	if len(mem) < MaxWorkers*slotSize {
		panic("BUG: steer: the board is too small")
	}
	return (*[MaxWorkers]Slot)(unsafe.Pointer(&mem[0]))
}

// A slot that is not of the size the programs have does not compile.
var _ = [1]struct{}{}[unsafe.Sizeof(Slot{})-slotSize]
