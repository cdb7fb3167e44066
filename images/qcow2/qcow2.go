package qcow2

import (
	"encoding/binary"
	"fmt"
	"io"

	"weir/images/sparse"
)

const (
	bits    = 16
	cluster = 1 << bits
	copied  = 1 << 63 // the cluster is used once and may be written in place
	perL2   = cluster / 8
	perRef  = cluster / 2
)

// Write writes the disk that r holds, of size bytes, to w.
func Write(w io.Writer, r io.ReaderAt, size int64) error {
	if size <= 0 || size%cluster != 0 {
		return fmt.Errorf("qcow2: a disk of %d bytes: want a multiple of %d", size, cluster)
	}
	used, err := sparse.Used(r, size, cluster)
	if err != nil {
		return err
	}
	l := layout(size, used)
	if err := l.metadata(w, used); err != nil {
		return err
	}
	return sparse.Copy(w, r, cluster, used, nil)
}

// plan says where things lie, in clusters: header, refcount table, refcount
// blocks, level-1 table, level-2 tables, data.
type plan struct {
	size                   int64
	l2, refBlocks          int
	l1At, l2At, dataAt     int
	refTableAt, refBlockAt int
	data, total            int
}

func layout(size int64, used []bool) *plan {
	p := &plan{size: size, data: sparse.Count(used)}
	p.l2 = (len(used) + perL2 - 1) / perL2
	for p.refBlocks = 1; ; p.refBlocks++ {
		p.refTableAt, p.refBlockAt = 1, 2
		p.l1At = p.refBlockAt + p.refBlocks
		p.l2At = p.l1At + 1
		p.dataAt = p.l2At + p.l2
		p.total = p.dataAt + p.data
		if p.refBlocks*perRef >= p.total {
			return p
		}
	}
}

// metadata writes everything before the data.
func (p *plan) metadata(w io.Writer, used []bool) error {
	b := make([]byte, p.dataAt*cluster)
	be := binary.BigEndian
	copy(b, "QFI\xfb")
	be.PutUint32(b[4:], 2)
	be.PutUint32(b[20:], bits)
	be.PutUint64(b[24:], uint64(p.size))
	be.PutUint32(b[36:], uint32(p.l2))
	be.PutUint64(b[40:], uint64(p.l1At)*cluster)
	be.PutUint64(b[48:], uint64(p.refTableAt)*cluster)
	be.PutUint32(b[56:], 1)
	for i := range p.refBlocks {
		be.PutUint64(b[p.refTableAt*cluster+8*i:], uint64(p.refBlockAt+i)*cluster)
	}
	for i := range p.total {
		be.PutUint16(b[p.refBlockAt*cluster+2*i:], 1)
	}
	for i := range p.l2 {
		be.PutUint64(b[p.l1At*cluster+8*i:], uint64(p.l2At+i)*cluster|copied)
	}
	at := p.dataAt
	for i, u := range used {
		if u {
			be.PutUint64(b[p.l2At*cluster+8*i:], uint64(at)*cluster|copied)
			at++
		}
	}
	_, err := w.Write(b)
	return err
}
