package vhd

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"weir/images/sparse"
)

const (
	sector    = 512
	block     = 2 << 20 // the unit that is there or not, in bytes
	tableAt   = 3 * sector
	unused    = 0xffffffff
	alignment = 1 << 20 // Azure takes whole megabytes only
)

// epoch is what the format counts seconds from.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Write writes the disk that r holds, of size bytes, to w: copy of the footer,
// header, table of blocks, blocks, footer. made is the time it says it was made.
func Write(w io.Writer, r io.ReaderAt, size int64, made time.Time) error {
	if size <= 0 || size%alignment != 0 || size > 1<<40 {
		return fmt.Errorf("vhd: a disk of %d bytes: want whole megabytes, at most 1 TB", size)
	}
	used, err := sparse.Used(r, size, block)
	if err != nil {
		return err
	}
	foot := footer(size, made)
	b := append(append(foot, header(len(used))...), table(used)...)
	if _, err := w.Write(b); err != nil {
		return err
	}
	// Before each block stands a bit for each of its sectors: all are there.
	bits := make([]byte, block/sector/8)
	for i := range bits {
		bits[i] = 0xff
	}
	if err := sparse.Copy(w, r, block, used, bits); err != nil {
		return err
	}
	_, err = w.Write(b[:len(foot)])
	return err
}

// footer says what the disk is.
func footer(size int64, made time.Time) []byte {
	b := make([]byte, sector)
	be := binary.BigEndian
	copy(b, "conectix")
	be.PutUint32(b[8:], 2) // always set
	be.PutUint32(b[12:], 0x00010000)
	be.PutUint64(b[16:], sector) // the header
	be.PutUint32(b[24:], uint32(made.Sub(epoch)/time.Second))
	// Readers size the disk by its geometry, which is coarser, unless they
	// know that its creator means what the sizes say. Hyper-V does.
	copy(b[28:], "win ")
	be.PutUint32(b[32:], 0x000a0000)
	copy(b[36:], "Wi2k")
	be.PutUint64(b[40:], uint64(size)) // at first
	be.PutUint64(b[48:], uint64(size)) // now
	cylinders, heads, perTrack := geometry(size / sector)
	be.PutUint16(b[56:], uint16(cylinders))
	b[58], b[59] = byte(heads), byte(perTrack)
	be.PutUint32(b[60:], 3)                  // it grows
	copy(b[68:], "weir\x00\x00\x40\x00\x80") // an identifier of version 4
	be.PutUint32(b[64:], checksum(b))
	return b
}

// header says how the blocks are found.
func header(blocks int) []byte {
	b := make([]byte, 2*sector)
	be := binary.BigEndian
	copy(b, "cxsparse")
	be.PutUint64(b[8:], 1<<64-1) // nothing comes after it
	be.PutUint64(b[16:], tableAt)
	be.PutUint32(b[24:], 0x00010000)
	be.PutUint32(b[28:], uint32(blocks))
	be.PutUint32(b[32:], block)
	be.PutUint32(b[36:], checksum(b))
	return b
}

// table says at which sector each block's bits begin, in whole sectors.
func table(used []bool) []byte {
	size := (4*len(used) + sector - 1) / sector * sector
	b := make([]byte, 0, size)
	next := (tableAt + size) / sector
	for _, u := range used {
		if !u {
			b = binary.BigEndian.AppendUint32(b, unused)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(next))
		next += (block + block/sector/8) / sector
	}
	for len(b) < size {
		b = append(b, 0xff)
	}
	return b
}

// checksum is the complement of the sum of the bytes, the sum's own being zero.
func checksum(b []byte) uint32 {
	var sum uint32
	for _, c := range b {
		sum += uint32(c)
	}
	return ^sum
}

// geometry is how the specification's appendix derives cylinders, heads and
// sectors per track from a number of sectors.
func geometry(sectors int64) (cylinders, heads, perTrack int64) {
	const most = 65535 * 16 * 255
	sectors = min(sectors, most)
	if sectors >= 65535*16*63 {
		return sectors / 255 / 16, 16, 255
	}
	perTrack = 17
	tracks := sectors / perTrack
	heads = max((tracks+1023)/1024, 4)
	if tracks >= heads*1024 || heads > 16 {
		perTrack, heads = 31, 16
		tracks = sectors / perTrack
	}
	if tracks >= heads*1024 {
		perTrack, heads = 63, 16
		tracks = sectors / perTrack
	}
	return tracks / heads, heads, perTrack
}
