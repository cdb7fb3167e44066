package cycle

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"weir/appliance/conf"
)

// Snapshot is a configuration as the master read it: all that the server
// process needs to load the same one without the rights to read its files.
// Both ends are the same binary of the same version, so the encoding has no
// version of its own:
//
//	uvarint       number, or length of what follows
//	string        uvarint length, bytes
//	item          name, n, args..., file, line, end, close, hasBlock, n, items..., raw, rawLine
//	snapshot      n, items..., n, (path, text)... of Tree.Files, n, (path, text)... of Files
type Snapshot struct {
	Tree  *conf.Tree
	Files map[string][]byte
}

// Snapshot is what c was loaded from. It is complete once c is loaded.
func (c *Cycle) Snapshot() *Snapshot { return &Snapshot{Tree: c.Tree, Files: c.read} }

// Append appends the encoded snapshot.
func (s *Snapshot) Append(dst []byte) []byte {
	dst = appendItems(dst, s.Tree.Items)
	dst = binary.AppendUvarint(dst, uint64(len(s.Tree.Files)))
	for _, f := range s.Tree.Files {
		dst = appendString(dst, f.Path)
		dst = appendString(dst, f.Text)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Files)))
	for _, path := range sortedKeys(s.Files) {
		dst = appendString(dst, path)
		dst = appendString(dst, s.Files[path])
	}
	return dst
}

func sortedKeys(m map[string][]byte) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func appendString[S string | []byte](dst []byte, s S) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendItems(dst []byte, items []*conf.Item) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(items)))
	for _, it := range items {
		dst = appendString(dst, it.Name)
		dst = binary.AppendUvarint(dst, uint64(len(it.Args)))
		for _, a := range it.Args {
			dst = appendString(dst, a)
		}
		dst = appendString(dst, it.File)
		for _, n := range [...]int{it.Line, it.End, it.Close} {
			dst = binary.AppendUvarint(dst, uint64(n))
		}
		block := byte(0)
		if it.HasBlock {
			block = 1
		}
		dst = append(dst, block)
		dst = appendItems(dst, it.Block)
		dst = appendString(dst, it.Raw)
		dst = binary.AppendUvarint(dst, uint64(it.RawLine))
	}
	return dst
}

var errSnapshot = errors.New("BUG: snapshot is damaged")

// DecodeSnapshot reads what Append wrote and nothing else.
func DecodeSnapshot(data []byte) (*Snapshot, error) {
	d := decoder{rest: data}
	s := &Snapshot{Tree: &conf.Tree{Items: d.items(0)}, Files: make(map[string][]byte)}
	for range d.count() {
		s.Tree.Files = append(s.Tree.Files, conf.FileText{Path: d.string(), Text: []byte(d.string())})
	}
	for range d.count() {
		path := d.string()
		s.Files[path] = bytes.Clone(d.bytes()) // no other copy: it may be a key
	}
	if d.bad || len(d.rest) != 0 {
		return nil, errSnapshot
	}
	return s, nil
}

// decoder takes values off rest; after the first that does not fit all are
// zero and bad is set.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) number() int {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 || n > 1<<40 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[size:]
	return int(n)
}

// count is the length of a list; every element takes at least a byte.
func (d *decoder) count() int {
	n := d.number()
	if n > len(d.rest) {
		d.bad, d.rest = true, nil
		return 0
	}
	return n
}

func (d *decoder) string() string { return string(d.bytes()) }

// bytes are a part of what is decoded.
func (d *decoder) bytes() []byte {
	n := d.count()
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

// maxDepth bounds the nesting of blocks that is believed.
const maxDepth = 1000

func (d *decoder) items(depth int) []*conf.Item {
	n := d.count()
	if n == 0 {
		return nil
	}
	if depth == maxDepth {
		d.bad, d.rest = true, nil
		return nil
	}
	var items []*conf.Item
	for range n {
		it := &conf.Item{Name: d.string()}
		for range d.count() {
			it.Args = append(it.Args, d.string())
		}
		it.File = d.string()
		it.Line, it.End, it.Close = d.number(), d.number(), d.number()
		it.HasBlock = d.number() == 1
		it.Block = d.items(depth + 1)
		it.Raw = d.string()
		it.RawLine = d.number()
		if d.bad {
			return nil
		}
		items = append(items, it)
	}
	return items
}
