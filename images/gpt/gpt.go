package gpt

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

// SectorSize is that of the disks written here, in bytes.
const SectorSize = 512

const (
	entries   = 128
	entrySize = 128
	tableSize = entries * entrySize / SectorSize // sectors
	alignment = 1 << 20 / SectorSize             // partitions begin at whole megabytes
)

// GUID is an identifier in the byte order of the disk.
type GUID [16]byte

// Types of partitions.
var (
	ESP   = mustGUID(0xC12A7328, 0xF81F, 0x11D2, [8]byte{0xBA, 0x4B, 0x00, 0xA0, 0xC9, 0x3E, 0xC9, 0x3B})
	Linux = mustGUID(0x0FC63DAF, 0x8483, 0x4772, [8]byte{0x8E, 0x79, 0x3D, 0x69, 0xD8, 0x47, 0x7D, 0xE4})
)

func mustGUID(a uint32, b, c uint16, d [8]byte) (g GUID) {
	binary.LittleEndian.PutUint32(g[:], a)
	binary.LittleEndian.PutUint16(g[4:], b)
	binary.LittleEndian.PutUint16(g[6:], c)
	copy(g[8:], d[:])
	return g
}

// derived returns an identifier that depends on the text alone.
func derived(text string) (g GUID) {
	sum := sha256.Sum256([]byte("weir:" + text))
	copy(g[:], sum[:])
	g[7] = g[7]&0x0f | 0x40 // version 4
	g[8] = g[8]&0x3f | 0x80
	return g
}

// Partition is one partition.
type Partition struct {
	Type  GUID
	Name  string // at most 36 characters
	Size  int64  // bytes, a multiple of 1 MB
	Start int64  // bytes; set by Layout
}

// Layout places the partitions one behind the other and returns the size of
// the disk in bytes.
func Layout(parts []Partition) (int64, error) {
	at := int64(alignment) * SectorSize
	for i := range parts {
		p := &parts[i]
		if p.Size <= 0 || p.Size%(alignment*SectorSize) != 0 {
			return 0, fmt.Errorf("partition %s has %d bytes, want whole megabytes", p.Name, p.Size)
		}
		if len(utf16.Encode([]rune(p.Name))) > 36 {
			return 0, fmt.Errorf("partition name %q is too long", p.Name)
		}
		p.Start = at
		at += p.Size
	}
	if len(parts) > entries {
		return 0, fmt.Errorf("%d partitions are more than %d", len(parts), entries)
	}
	return at + alignment*SectorSize, nil // room for the second table
}

// Write writes the protective boot record and both tables for a disk of this
// size with partitions that Layout has placed.
func Write(w io.WriterAt, size int64, parts []Partition) error {
	last := size/SectorSize - 1
	table := make([]byte, entries*entrySize)
	for i, p := range parts {
		e := table[i*entrySize:]
		copy(e, p.Type[:])
		id := derived(fmt.Sprintf("partition %d %s", i, p.Name))
		copy(e[16:], id[:])
		binary.LittleEndian.PutUint64(e[32:], uint64(p.Start/SectorSize))
		binary.LittleEndian.PutUint64(e[40:], uint64((p.Start+p.Size)/SectorSize-1))
		for j, c := range utf16.Encode([]rune(p.Name)) {
			binary.LittleEndian.PutUint16(e[56+2*j:], c)
		}
	}
	for _, part := range []struct {
		at   int64
		data []byte
	}{
		{0, protective(last)},
		{1, header(1, last, 2, last, table)},
		{2, table},
		{last - tableSize, table},
		{last, header(last, 1, last-tableSize, last, table)},
	} {
		if _, err := w.WriteAt(part.data, part.at*SectorSize); err != nil {
			return err
		}
	}
	return nil
}

// protective is the boot record that tells old tools the disk is in use.
func protective(last int64) []byte {
	b := make([]byte, SectorSize)
	p := b[446:]
	p[2] = 2 // first sector by cylinder, head and sector
	p[4] = 0xee
	p[5], p[6], p[7] = 0xff, 0xff, 0xff
	binary.LittleEndian.PutUint32(p[8:], 1)
	binary.LittleEndian.PutUint32(p[12:], uint32(min(last, 0xffffffff)))
	b[510], b[511] = 0x55, 0xaa
	return b
}

func header(at, other, tableAt, last int64, table []byte) []byte {
	b := make([]byte, SectorSize)
	le := binary.LittleEndian
	copy(b, "EFI PART")
	le.PutUint32(b[8:], 0x00010000)
	le.PutUint32(b[12:], 92)
	le.PutUint64(b[24:], uint64(at))
	le.PutUint64(b[32:], uint64(other))
	le.PutUint64(b[40:], 2+tableSize)
	le.PutUint64(b[48:], uint64(last-tableSize-1))
	id := derived("disk")
	copy(b[56:], id[:])
	le.PutUint64(b[72:], uint64(tableAt))
	le.PutUint32(b[80:], entries)
	le.PutUint32(b[84:], entrySize)
	le.PutUint32(b[88:], crc32.ChecksumIEEE(table))
	le.PutUint32(b[16:], crc32.ChecksumIEEE(b[:92]))
	return b
}
