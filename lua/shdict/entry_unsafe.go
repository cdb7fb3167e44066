package shdict

import "unsafe"

// entry is the fixed part of an entry as it lies in the memory; see the package's comment. The key follows, then the
// value.
type entry struct {
	hash    uint32
	next    ref
	newer   ref
	older   ref
	expires int64
	flags   uint32
	length  uint32
	keyLen  uint16
	kind    Kind
}

// entry returns the entry at a place. It is valid because refs come from alloc alone, which keeps blocks within the
// mapping and aligned to 16 bytes, and because the mapping lives until the dictionary is unreachable, which unlock
// prevents before the operation is over. The memory is outside the Go heap: the collector never looks at it.
func (s *shard) entry(e ref) *entry {
	return (*entry)(unsafe.Add(s.base.p, uintptr(e)<<refShift))
}

// key returns the bytes of an entry's key without a copy.
func (s *shard) key(e ref) string {
	p := unsafe.Add(s.base.p, uintptr(e)<<refShift)
	return unsafe.String((*byte)(unsafe.Add(p, entData)), int((*entry)(p).keyLen))
}

// ends returns the shard's root, the ends of the order of use and the number of entries.
func (s *shard) ends() *ends { return (*ends)(unsafe.Add(s.base.p, s.root)) }

// ends is the fixed part of a shard's root.
type ends struct {
	newest  ref
	oldest  ref
	entries uint32
}

// address is where the memory begins.
type address struct{ p unsafe.Pointer }

func (m memory) address() address { return address{unsafe.Pointer(unsafe.SliceData(m))} }
