package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
)

const (
	sector  = 512
	cluster = 4096 // bytes; firmware reads larger ones slower and smaller ones need larger tables
	// The number of clusters alone tells readers which kind a file system is
	// (section 3.5): FAT16 and FAT32 begin at these.
	leastClusters16 = 4085
	leastClusters32 = 65525
	// MinSize is the smallest file system there can be, in bytes; it is FAT16.
	MinSize = 17 << 20
	// MinSize32 is the size in bytes from which on a file system is FAT32.
	MinSize32 = 264 << 20
	// rootEntries is how many entries the root of a FAT16 file system has.
	rootEntries = 512

	date = (2020-1980)<<9 | 1<<5 | 1

	attrVolume    = 0x08
	attrDirectory = 0x10
	attrArchive   = 0x20
	attrLong      = 0x0f
	endOfChain    = 0x0fffffff
)

// File is one file. Directories come from the names.
type File struct {
	Name string // "EFI/BOOT/BOOTX64.EFI"
	Data []byte
}

// node is a file or directory on its way to the disk.
type node struct {
	name     string
	short    [11]byte
	data     []byte // of a file
	children []*node
	dir      bool
	parent   *node
	first    uint32 // first cluster, 0 for an empty file
}

// Write writes a file system of size bytes at offset 0 of w, which must read
// as zeros where nothing is written. The label has at most 11 characters.
func Write(w io.WriterAt, size int64, label string, files []File) error {
	if size < MinSize || size%cluster != 0 {
		return fmt.Errorf("a FAT file system of %d bytes: want a multiple of %d, at least %d", size, cluster, MinSize)
	}
	if len(label) > 11 || label != strings.ToUpper(label) {
		return fmt.Errorf("label %q: want at most 11 capital letters", label)
	}
	root, err := tree(files)
	if err != nil {
		return err
	}
	d := &disk{w: w, label: label, sectors: uint32(size / sector), reserved: 1, rootSectors: rootEntries * 32 / sector, fat: []uint32{0x0ffffff8, endOfChain}}
	if size >= MinSize32 {
		d.wide, d.reserved, d.rootSectors = true, 32, 0
	}
	d.measure()
	if err := d.place(root); err != nil {
		return err
	}
	if err := d.contents(root); err != nil {
		return err
	}
	return d.tables()
}

// tree sorts the files into directories.
func tree(files []File) (*node, error) {
	root := &node{dir: true}
	for _, f := range files {
		at := root
		parts := strings.Split(path.Clean(f.Name), "/")
		for _, p := range parts[:len(parts)-1] {
			next := at.child(p)
			if next == nil {
				next = &node{name: p, dir: true, parent: at}
				at.children = append(at.children, next)
			} else if !next.dir {
				return nil, fmt.Errorf("%s: %s is a file", f.Name, p)
			}
			at = next
		}
		name := parts[len(parts)-1]
		if at.child(name) != nil {
			return nil, fmt.Errorf("%s is there twice", f.Name)
		}
		at.children = append(at.children, &node{name: name, data: f.Data, parent: at})
	}
	return root, root.names()
}

func (n *node) child(name string) *node {
	i := slices.IndexFunc(n.children, func(c *node) bool { return strings.EqualFold(c.name, name) })
	if i < 0 {
		return nil
	}
	return n.children[i]
}

// names gives every entry of a directory its short name.
func (n *node) names() error {
	used := map[[11]byte]bool{}
	for _, c := range n.children {
		if len(utf16.Encode([]rune(c.name))) > 255 || c.name == "" || strings.ContainsAny(c.name, "\"*/:<>?\\|") {
			return fmt.Errorf("%q is no name for a FAT file system", c.name)
		}
		c.short = short(c.name)
		for i := 1; used[c.short]; i++ {
			c.short = numbered(c.name, i)
		}
		used[c.short] = true
		if err := c.names(); err != nil {
			return err
		}
	}
	return nil
}

// short is the 8.3 form of a name: itself where it has one.
func short(name string) [11]byte {
	if s, ok := exact(name); ok {
		return s
	}
	return numbered(name, 1)
}

// exact is the short form of a name that needs no long one.
func exact(name string) (s [11]byte, ok bool) {
	base, ext, _ := strings.Cut(name, ".")
	if name != strings.ToUpper(name) || len(base) > 8 || len(ext) > 3 || base == "" || strings.ContainsAny(name, " +,;=[]") || strings.Contains(ext, ".") {
		return s, false
	}
	copy(s[:], "           ")
	copy(s[:], base)
	copy(s[8:], ext)
	return s, true
}

// numbered is the n-th short form of a long name: "LONGNA~1.EXT".
func numbered(name string, n int) (s [11]byte) {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 {
		i = len(name)
	}
	tail := fmt.Sprintf("~%d", n)
	base := plain(name[:i])
	base = base[:min(len(base), 8-len(tail))] + tail
	copy(s[:], "           ")
	copy(s[:], base)
	copy(s[8:], plain(name[i:]))
	return s
}

// plain keeps what a short name may have.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("!#$%&'()-@^_`{}~", r):
			return r
		case r == '.' || r == ' ':
			return -1
		}
		return '_'
	}, s)
}

// disk is the file system being written:
//
//	reserved sectors, first of them the boot sector
//	two tables
//	the root's entries (FAT16; in FAT32 the root is a directory like others)
//	clusters
type disk struct {
	w           io.WriterAt
	label       string
	wide        bool // FAT32
	sectors     uint32
	reserved    uint32 // sectors before the first table
	rootSectors uint32
	fatSectors  uint32 // of one table
	clusters    uint32
	fat         []uint32 // in FAT16 the lower half of each counts
}

// perCluster is the number of bytes that a table has for a cluster.
func (d *disk) perCluster() uint32 {
	if d.wide {
		return 4
	}
	return 2
}

// measure sizes the tables, each with an entry per cluster of what is left
// beside them.
func (d *disk) measure() {
	for d.fatSectors = 1; ; d.fatSectors++ {
		d.clusters = (d.sectors - d.reserved - d.rootSectors - 2*d.fatSectors) / (cluster / sector)
		if d.fatSectors*sector/d.perCluster() >= d.clusters+2 {
			break
		}
	}
	if d.clusters < leastClusters16 || d.wide != (d.clusters >= leastClusters32) {
		panic("BUG: MinSize or MinSize32 is wrong")
	}
}

// place gives every directory and file its clusters, in one run each.
func (d *disk) place(n *node) error {
	size := len(n.data)
	if n.dir {
		size = len(n.entries())
		if n.parent == nil {
			size += 32 // the label
		}
	}
	if n.parent == nil && !d.wide {
		if size > rootEntries*32 {
			return fmt.Errorf("the root has more than %d entries, long names being several", rootEntries)
		}
		size = 0
	}
	if size > 0 {
		count := uint32((size + cluster - 1) / cluster)
		n.first = uint32(len(d.fat))
		if n.first+count > d.clusters+2 {
			return errors.New("the files do not fit")
		}
		for i := range count {
			d.fat = append(d.fat, n.first+i+1)
		}
		d.fat[len(d.fat)-1] = endOfChain
	}
	for _, c := range n.children {
		if err := d.place(c); err != nil {
			return err
		}
	}
	return nil
}

// at is the offset of a cluster in bytes.
func (d *disk) at(c uint32) int64 {
	return d.rootAt() + int64(d.rootSectors)*sector + int64(c-2)*cluster
}

// rootAt is the offset of the root's entries in a FAT16 file system, in bytes.
func (d *disk) rootAt() int64 { return int64(d.reserved+2*d.fatSectors) * sector }

func (d *disk) contents(n *node) error {
	data := n.data
	if n.dir {
		data = n.entries()
		if n.parent == nil {
			data = append(entry(d.labelName(), attrVolume, 0, 0), data...)
		}
	}
	if len(data) > 0 {
		at := d.at(n.first)
		if n.parent == nil && !d.wide {
			at = d.rootAt()
		}
		if _, err := d.w.WriteAt(data, at); err != nil {
			return err
		}
	}
	for _, c := range n.children {
		if err := d.contents(c); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) labelName() (s [11]byte) {
	copy(s[:], "           ")
	copy(s[:], d.label)
	return s
}

// entries is the content of a directory. Its size does not depend on where
// anything lies.
func (n *node) entries() []byte {
	var b []byte
	if n.parent != nil {
		above := n.parent.first
		if n.parent.parent == nil {
			above = 0 // the root is called 0 from below
		}
		b = append(b, entry([11]byte([]byte(".          ")), attrDirectory, n.first, 0)...)
		b = append(b, entry([11]byte([]byte("..         ")), attrDirectory, above, 0)...)
	}
	for _, c := range n.children {
		if s, ok := exact(c.name); !ok || s != c.short {
			b = append(b, long(c.name, c.short)...)
		}
		if c.dir {
			b = append(b, entry(c.short, attrDirectory, c.first, 0)...)
		} else {
			b = append(b, entry(c.short, attrArchive, c.first, uint32(len(c.data)))...)
		}
	}
	return b
}

// entry is a directory entry (section 6).
func entry(name [11]byte, attr byte, first, size uint32) []byte {
	b := make([]byte, 32)
	copy(b, name[:])
	b[11] = attr
	le := binary.LittleEndian
	le.PutUint16(b[16:], date)
	le.PutUint16(b[18:], date)
	le.PutUint16(b[20:], uint16(first>>16))
	le.PutUint16(b[24:], date)
	le.PutUint16(b[26:], uint16(first))
	le.PutUint32(b[28:], size)
	return b
}

// long is the entries of a long name, last part first (section 7).
func long(name string, short [11]byte) []byte {
	var sum byte
	for _, c := range short {
		sum = sum>>1 | sum<<7
		sum += c
	}
	units := utf16.Encode([]rune(name))
	if len(units)%13 != 0 {
		units = append(units, 0)
	}
	for len(units)%13 != 0 {
		units = append(units, 0xffff)
	}
	var b []byte
	parts := len(units) / 13
	for i := parts; i > 0; i-- {
		e := make([]byte, 32)
		e[0] = byte(i)
		if i == parts {
			e[0] |= 0x40
		}
		e[11], e[13] = attrLong, sum
		for j, u := range units[(i-1)*13 : i*13] {
			at := []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30}[j]
			binary.LittleEndian.PutUint16(e[at:], u)
		}
		b = append(b, e...)
	}
	return b
}

// part is bytes at a sector.
type part struct {
	at   uint32
	data []byte
}

// tables writes boot sectors and both tables.
func (d *disk) tables() error {
	fat := make([]byte, 0, int(d.perCluster())*len(d.fat))
	for _, v := range d.fat {
		if d.wide {
			fat = binary.LittleEndian.AppendUint32(fat, v)
		} else {
			fat = binary.LittleEndian.AppendUint16(fat, uint16(v))
		}
	}
	boot := d.boot()
	parts := []part{{0, boot}, {d.reserved, fat}, {d.reserved + d.fatSectors, fat}}
	if d.wide {
		info := d.info()
		parts = append(parts, part{1, info}, part{6, boot}, part{7, info})
	}
	for _, p := range parts {
		if _, err := d.w.WriteAt(p.data, int64(p.at)*sector); err != nil {
			return err
		}
	}
	return nil
}

// boot is the first sector (section 3): a common beginning, and what follows
// at different places.
func (d *disk) boot() []byte {
	b := make([]byte, sector)
	le := binary.LittleEndian
	copy(b, "\xeb\x58\x90weir    ")
	le.PutUint16(b[11:], sector)
	b[13] = cluster / sector
	le.PutUint16(b[14:], uint16(d.reserved))
	b[16] = 2    // tables
	b[21] = 0xf8 // a disk that stays in place
	le.PutUint16(b[24:], 63)
	le.PutUint16(b[26:], 255)
	if d.sectors < 1<<16 {
		le.PutUint16(b[19:], uint16(d.sectors))
	} else {
		le.PutUint32(b[32:], d.sectors)
	}
	rest, kind := 36, "FAT16   "
	if d.wide {
		le.PutUint32(b[36:], d.fatSectors)
		le.PutUint32(b[44:], 2) // the root
		le.PutUint16(b[48:], 1) // the information sector
		le.PutUint16(b[50:], 6) // the copy of this sector
		rest, kind = 64, "FAT32   "
	} else {
		b[1] = 0x3c
		le.PutUint16(b[17:], rootEntries)
		le.PutUint16(b[22:], uint16(d.fatSectors))
	}
	b[rest] = 0x80
	b[rest+2] = 0x29
	le.PutUint32(b[rest+3:], 0x77656972)
	name := d.labelName()
	copy(b[rest+7:], name[:])
	copy(b[rest+18:], kind)
	b[510], b[511] = 0x55, 0xaa
	return b
}

// info says how much is free (section 5).
func (d *disk) info() []byte {
	b := make([]byte, sector)
	le := binary.LittleEndian
	le.PutUint32(b, 0x41615252)
	le.PutUint32(b[484:], 0x61417272)
	le.PutUint32(b[488:], d.clusters+2-uint32(len(d.fat)))
	le.PutUint32(b[492:], uint32(len(d.fat)))
	le.PutUint32(b[508:], 0xaa550000)
	return b
}
