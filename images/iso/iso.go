package iso

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"weir/images/gpt"
)

// sector is a disc's, in bytes.
const sector = 2048

// Where things lie, in sectors.
const (
	primaryAt   = 16
	bootAt      = 17
	endAt       = 18
	catalogAt   = 19
	pathLittle  = 20
	pathBig     = 21
	rootAt      = 22
	filesAt     = 32
	maxRoot     = (filesAt - rootAt) * sector
	bootName    = "EFI.IMG"
	tablesAtEnd = 34 * gpt.SectorSize // the second partition table
)

// File is a file of the root directory.
type File struct {
	Name string // "README.TXT": capital letters, digits and _, at most 8.3
	Data []byte
}

// Disc is what a disc holds.
type Disc struct {
	Label string    // at most 32 of A-Z, 0-9 and _
	Time  time.Time // of everything
	Files []File
	Boot  []byte // the FAT file system that firmware starts from, whole sectors
}

// extent is a file that has its place.
type extent struct {
	name string
	at   uint32 // sector
	data []byte
}

// Write writes the disc, at most 4 GB, and returns its size in bytes. w must
// read as zeros where nothing is written.
func (d *Disc) Write(w io.WriterAt) (int64, error) {
	files, err := d.place()
	if err != nil {
		return 0, err
	}
	boot := files[len(files)-1] // it ends the disc: see catalog
	root := d.directory(sorted(files))
	if len(root) > maxRoot {
		return 0, fmt.Errorf("iso: %d files are too many", len(d.Files))
	}
	part := []gpt.Partition{{Type: gpt.ESP, Name: d.Label, Start: int64(boot.at) * sector, Size: int64(len(boot.data))}}
	size := part[0].Start + part[0].Size + roundUp(tablesAtEnd)
	for _, f := range append([]extent{
		{at: primaryAt, data: d.primary(size, len(root))},
		{at: bootAt, data: bootRecord()},
		{at: endAt, data: []byte("\xffCD001\x01")},
		{at: catalogAt, data: catalog(boot)},
		{at: pathLittle, data: pathTable(binary.LittleEndian)},
		{at: pathBig, data: pathTable(binary.BigEndian)},
		{at: rootAt, data: root},
	}, files...) {
		if _, err := w.WriteAt(f.data, int64(f.at)*sector); err != nil {
			return 0, err
		}
	}
	return size, gpt.Write(w, size, part)
}

// place gives every file its sectors, the boot image last.
func (d *Disc) place() ([]extent, error) {
	if len(d.Label) == 0 || len(d.Label) > 32 || strings.Trim(d.Label, letters) != "" {
		return nil, fmt.Errorf("iso: label %q: want at most 32 of A-Z, 0-9 and _", d.Label)
	}
	if len(d.Boot) == 0 || len(d.Boot)%sector != 0 {
		return nil, fmt.Errorf("iso: a boot image of %d bytes: want whole sectors of %d", len(d.Boot), sector)
	}
	var files []extent
	at := int64(filesAt)
	for _, f := range append(slices.Clone(d.Files), File{bootName, d.Boot}) {
		base, ext, _ := strings.Cut(f.Name, ".")
		if base == "" || len(base) > 8 || len(ext) > 3 || strings.Trim(base+ext, letters) != "" {
			return nil, fmt.Errorf("iso: name %q: want 8.3 of A-Z, 0-9 and _", f.Name)
		}
		if slices.ContainsFunc(files, func(e extent) bool { return e.name == f.Name }) {
			return nil, fmt.Errorf("iso: %s is there twice", f.Name)
		}
		files = append(files, extent{f.Name, uint32(at), f.Data})
		at += roundUp(int64(len(f.Data))) / sector
		if at > 1<<21 { // 4 GB
			return nil, fmt.Errorf("iso: the files do not fit on a disc")
		}
	}
	return files, nil
}

// letters are ECMA-119's d-characters.
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

// sorted returns the files in the order that directories must have.
func sorted(files []extent) []extent {
	files = slices.Clone(files)
	slices.SortFunc(files, func(a, b extent) int { return strings.Compare(a.name, b.name) })
	return files
}

// roundUp returns n rounded up to whole sectors, in bytes.
func roundUp(n int64) int64 { return (n + sector - 1) / sector * sector }

// both16 and both32 write a number in both byte orders, as the format has most
// of them (7.2.3, 7.3.3).
func both16(b []byte, v uint16) {
	binary.LittleEndian.PutUint16(b, v)
	binary.BigEndian.PutUint16(b[2:], v)
}

func both32(b []byte, v uint32) {
	binary.LittleEndian.PutUint32(b, v)
	binary.BigEndian.PutUint32(b[4:], v)
}

// primary is the primary volume descriptor (8.4).
func (d *Disc) primary(size int64, root int) []byte {
	b := make([]byte, sector)
	copy(b, "\x01CD001\x01")
	blank(b[8:72])
	copy(b[40:], d.Label)
	both32(b[80:], uint32(size/sector))
	both16(b[120:], 1) // volumes in the set
	both16(b[124:], 1) // this one
	both16(b[128:], sector)
	both32(b[132:], uint32(len(pathTable(binary.LittleEndian))))
	binary.LittleEndian.PutUint32(b[140:], pathLittle)
	binary.BigEndian.PutUint32(b[148:], pathBig)
	copy(b[156:], d.record("\x00", rootAt, root, true))
	blank(b[190:813])
	for _, at := range []int{813, 830} { // created, changed
		copy(b[at:], d.Time.UTC().Format("20060102150405")+"00\x00")
	}
	for _, at := range []int{847, 864} { // it does not expire and is in effect
		copy(b[at:], strings.Repeat("0", 16)+"\x00")
	}
	b[881] = 1
	return b
}

// blank fills fields of text that say nothing.
func blank(b []byte) {
	for i := range b {
		b[i] = ' '
	}
}

// directory is the root: itself, its parent, which it is too, and the files.
// No record crosses the end of a sector.
func (d *Disc) directory(files []extent) []byte {
	self := recordSize(1)
	b := make([]byte, 2*self) // the two are filled in when the size is known
	for _, f := range files {
		name := f.name
		if !strings.Contains(name, ".") {
			name += "."
		}
		r := d.record(name+";1", f.at, len(f.data), false)
		if len(b)%sector+len(r) > sector {
			b = toSector(b)
		}
		b = append(b, r...)
	}
	b = toSector(b)
	copy(b, d.record("\x00", rootAt, len(b), true))
	copy(b[self:], d.record("\x01", rootAt, len(b), true))
	return b
}

// toSector adds zeros to the end of a sector.
func toSector(b []byte) []byte {
	return append(b, make([]byte, roundUp(int64(len(b)))-int64(len(b)))...)
}

// recordSize is that of a directory record with a name of n bytes.
func recordSize(n int) int { return (33 + n + 1) &^ 1 }

// record is a directory record (9.1).
func (d *Disc) record(name string, at uint32, size int, dir bool) []byte {
	b := make([]byte, recordSize(len(name)))
	b[0] = byte(len(b))
	both32(b[2:], at)
	both32(b[10:], uint32(size))
	t := d.Time.UTC()
	copy(b[18:], []byte{byte(t.Year() - 1900), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()), 0})
	if dir {
		b[25] = 2
	}
	both16(b[28:], 1)
	b[32] = byte(len(name))
	copy(b[33:], name)
	return b
}

// pathTable is a list of directories: the root (9.4).
func pathTable(order binary.ByteOrder) []byte {
	b := make([]byte, 10)
	b[0] = 1
	order.PutUint32(b[2:], rootAt)
	order.PutUint16(b[6:], 1)
	return b
}

// bootRecord points to the boot catalog (El Torito 1.0, figure 7).
func bootRecord() []byte {
	b := make([]byte, sector)
	copy(b, "\x00CD001\x01EL TORITO SPECIFICATION")
	binary.LittleEndian.PutUint32(b[71:], catalogAt)
	return b
}

// catalog is the list of boot images: one, for UEFI (El Torito 1.0, section 2;
// UEFI specification 2.10, section 13.3.2.1).
func catalog(boot extent) []byte {
	b := make([]byte, 64)
	le := binary.LittleEndian
	b[0], b[1] = 1, 0xef // validation entry, of the EFI platform
	copy(b[4:], "weir")
	b[30], b[31] = 0x55, 0xaa
	var sum uint16
	for i := 0; i < 32; i += 2 {
		sum += le.Uint16(b[i:])
	}
	le.PutUint16(b[28:], -sum)
	e := b[32:]
	e[0] = 0x88 // to be started, without emulating a floppy
	// The size has 16 bits, for sectors of 512 bytes. Firmware takes 0 as all
	// that follows to the end of the disc, which is why the image stands last.
	if n := len(boot.data) / 512; n <= 0xffff {
		le.PutUint16(e[6:], uint16(n))
	}
	le.PutUint32(e[8:], boot.at)
	return b
}
