package vmdk

import (
	"encoding/binary"
	"fmt"
	"io"

	"weir/images/sparse"
)

// Sizes, in sectors of 512 bytes.
const (
	sector         = 512
	grain          = 128 // the unit that is there or not
	perTable       = 512 // grains of a grain table
	tableSize      = perTable * 4 / sector
	descriptorAt   = 1
	descriptorSize = 20
)

// plan says where things lie, in sectors: header, descriptor, a directory with
// its grain tables, both once more, grains.
type plan struct {
	capacity int64
	tables   int
	dirSize  int
	first    int // directory
	second   int // its copy
	grains   int // begin of the data
}

func layout(size int64) *plan {
	p := &plan{capacity: size / sector}
	p.tables = int((p.capacity + grain*perTable - 1) / (grain * perTable))
	p.dirSize = (p.tables*4 + sector - 1) / sector
	p.first = descriptorAt + descriptorSize
	p.second = p.first + p.dirSize + p.tables*tableSize
	p.grains = (p.second + p.dirSize + p.tables*tableSize + grain - 1) / grain * grain
	return p
}

// Write writes the disk that r holds, of size bytes, to w. name is the file's:
// the format wants it said inside.
func Write(w io.Writer, r io.ReaderAt, size int64, name string) error {
	if size <= 0 || size%(grain*sector) != 0 || size > 1<<40 {
		return fmt.Errorf("vmdk: a disk of %d bytes: want a multiple of %d, at most 1 TB", size, grain*sector)
	}
	used, err := sparse.Used(r, size, grain*sector)
	if err != nil {
		return err
	}
	p := layout(size)
	b := make([]byte, p.grains*sector)
	p.header(b)
	if n := copy(b[descriptorAt*sector:][:descriptorSize*sector], p.descriptor(name)); n == descriptorSize*sector {
		return fmt.Errorf("vmdk: the name %q is too long", name)
	}
	for _, at := range []int{p.first, p.second} {
		p.directory(b, at, used)
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return sparse.Copy(w, r, grain*sector, used, nil)
}

// header is SparseExtentHeader, packed.
func (p *plan) header(b []byte) {
	le := binary.LittleEndian
	copy(b, "KDMV")
	le.PutUint32(b[4:], 1)
	le.PutUint32(b[8:], 1|2) // the line ends below are there, and so is the copy of the directory
	le.PutUint64(b[12:], uint64(p.capacity))
	le.PutUint64(b[20:], grain)
	le.PutUint64(b[28:], descriptorAt)
	le.PutUint64(b[36:], descriptorSize)
	le.PutUint32(b[44:], perTable)
	le.PutUint64(b[48:], uint64(p.second))
	le.PutUint64(b[56:], uint64(p.first))
	le.PutUint64(b[64:], uint64(p.grains))
	copy(b[73:], "\n \r\n") // which a transfer as text would have changed
}

// descriptor says in words what the file is. The content's identifier is fixed:
// it tells snapshots whether their parent has changed, and there are none.
func (p *plan) descriptor(name string) string {
	const heads, perTrack = 255, 63 // what firmware takes for disks of this size
	return fmt.Sprintf(`# Disk DescriptorFile
version=1
CID=77656972
parentCID=ffffffff
createType="monolithicSparse"

# Extent description
RW %d SPARSE "%s"

# The Disk Data Base
#DDB

ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "%d"
ddb.geometry.heads = "%d"
ddb.geometry.sectors = "%d"
ddb.adapterType = "lsilogic"
`, p.capacity, name, p.capacity/(heads*perTrack), heads, perTrack)
}

// directory writes a directory and its tables, all of which are there.
func (p *plan) directory(b []byte, at int, used []bool) {
	le := binary.LittleEndian
	table := at + p.dirSize
	for i := range p.tables {
		le.PutUint32(b[at*sector+4*i:], uint32(table+i*tableSize))
	}
	next := p.grains
	for i, u := range used {
		if u {
			le.PutUint32(b[table*sector+4*i:], uint32(next))
			next += grain
		}
	}
}
