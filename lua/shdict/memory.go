package shdict

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const (
	pageShift = 12
	pageSize  = 1 << pageShift
	refShift  = 4
)

// ref is a place in the memory, in units of 16 bytes; 0 is none.
type ref uint32

// at returns the offset of the place.
func (r ref) at() int { return int(r) << refShift }

// memory is the mapping with its numbers read and written.
type memory []byte

func (m memory) u16(at int) int          { return int(binary.LittleEndian.Uint16(m[at:])) }
func (m memory) setU16(at, v int)        { binary.LittleEndian.PutUint16(m[at:], uint16(v)) }
func (m memory) u32(at int) uint32       { return binary.LittleEndian.Uint32(m[at:]) }
func (m memory) setU32(at int, v uint32) { binary.LittleEndian.PutUint32(m[at:], v) }
func (m memory) i64(at int) int64        { return int64(binary.LittleEndian.Uint64(m[at:])) }
func (m memory) setI64(at int, v int64)  { binary.LittleEndian.PutUint64(m[at:], uint64(v)) }
func (m memory) ref(at int) ref          { return ref(m.u32(at)) }
func (m memory) setRef(at int, r ref)    { m.setU32(at, uint32(r)) }

// Offsets in the header page. The roots of the shards follow, then those of the free pages.
const (
	headMagic  = 0
	headSize   = 8
	headShards = 16
	headPages  = 24 // number of data pages
	headFree   = 32 // root of the free pages
	headRoots  = 64

	magic = 0x31_74_63_69_64_68_73 // "shdict1"
)

// The root of a shard begins with its ends.
const (
	rootPartial = 12 // for each class the first page with a free block, counted from 1
	rootSize    = 64
)

// layout is where the parts of a dictionary of some size lie.
type layout struct {
	total   int // bytes
	buckets int // offset
	nbucket int // for each shard
	runs    int // offset
	slabs   int // offset
	data    int // offset of the first data page
	pages   int // data pages
	shards  int
}

// bucketsPerPage makes one bucket for 64 bytes.
const bucketsPerPage = pageSize / 64

const (
	shardFrom = 1 << 20 // the largest dictionary with one shard
	shardSize = 512 << 10
	maxShards = 32
)

// layoutOf divides size bytes. There is at least one data page, whatever the size.
func layoutOf(size int64) layout {
	all := int(size >> pageShift)
	l := layout{shards: 1}
	if size > shardFrom {
		for l.shards < maxShards && int64(l.shards)*shardSize < size {
			l.shards *= 2
		}
	}
	l.nbucket = max(all*bucketsPerPage/l.shards, bucketsPerPage)
	l.buckets = pageSize
	l.runs = l.buckets + 4*l.nbucket*l.shards
	l.slabs = l.runs + all*runSize
	l.data = (l.slabs + all*slabSize + pageSize - 1) &^ (pageSize - 1)
	l.pages = max(all-l.data>>pageShift, 1)
	l.total = l.data + l.pages<<pageShift
	return l
}

// mapMemory makes the file and maps it.
func mapMemory(name string, l layout) (memory, *os.File, error) {
	fd, err := unix.MemfdCreate("weir-shdict-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("shared dict %q: memfd_create: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), "shdict "+name)
	if err := f.Truncate(int64(l.total)); err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("shared dict %q: %w", name, err)
	}
	m, err := unix.Mmap(fd, 0, l.total, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		f.Close()
		return nil, nil, fmt.Errorf("shared dict %q: mmap of %d bytes: %w", name, l.total, err)
	}
	return memory(m), f, nil
}

// unmap gives the memory back. Nothing may refer to the dictionary any more.
func unmap(m memory) { _ = unix.Munmap(m) }
