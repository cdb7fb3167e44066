package ukitest

import "encoding/binary"

// Stub makes the smallest PE file that uki.Build accepts: headers with room for n
// more sections, and one section.
func Stub(room int) []byte {
	le := binary.LittleEndian
	b := make([]byte, 1024)
	copy(b, "MZ")
	le.PutUint32(b[0x3c:], 64)
	copy(b[64:], "PE\x00\x00")
	coff := b[68:]
	le.PutUint16(coff, 0x8664)
	le.PutUint16(coff[2:], 1)
	le.PutUint32(coff[4:], 12345) // a time
	le.PutUint16(coff[16:], 240)
	opt := b[88:]
	le.PutUint16(opt, 0x20b)
	le.PutUint32(opt[32:], 4096)
	le.PutUint32(opt[36:], 512)
	le.PutUint32(opt[60:], uint32(328+40+40*room))
	le.PutUint32(opt[64:], 99) // a checksum
	le.PutUint32(opt[108:], 16)
	sec := b[328:]
	copy(sec, ".text")
	le.PutUint32(sec[8:], 100)
	le.PutUint32(sec[12:], 4096)
	le.PutUint32(sec[16:], 512)
	le.PutUint32(sec[20:], 512)
	return b
}
