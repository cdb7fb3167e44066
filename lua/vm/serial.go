package vm

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
)

// The stored form of a prototype: a header with the version of the instruction set, a SHA-256 of the rest, then the
// functions depth first, numbers as unsigned varints. Hashes of constants are not stored: their seed is the
// process's. What is read is checked twice, by sum and by structure (verify), before it may ever run.
const (
	serialMagic   = "weirlua"
	serialVersion = 2
)

var errStored = errors.New("lua/vm: stored script is damaged or of another version")

// Marshal returns the stored form of a main function.
func (p *Proto) Marshal() []byte {
	var w bytes.Buffer
	p.write(&w)
	sum := sha256.Sum256(w.Bytes())
	out := append([]byte(serialMagic), serialVersion, byte(numOpcodes))
	out = append(out, sum[:]...)
	return append(out, w.Bytes()...)
}

// Unmarshal returns the prototype of a stored form, or an error for anything that is not exactly one.
func Unmarshal(data []byte) (p *Proto, err error) {
	head := append([]byte(serialMagic), serialVersion, byte(numOpcodes))
	if len(data) < len(head)+sha256.Size || !bytes.Equal(data[:len(head)], head) {
		return nil, errStored
	}
	body := data[len(head)+sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], data[len(head):len(head)+sha256.Size]) {
		return nil, errStored
	}
	r := &protoReader{b: body}
	defer func() {
		if recover() == errStored {
			p, err = nil, errStored
		}
	}()
	p = r.proto(nil, 0)
	if len(r.b) != 0 {
		return nil, errStored
	}
	return p, nil
}

func putInt(w *bytes.Buffer, n int) {
	var b [binary.MaxVarintLen64]byte
	w.Write(b[:binary.PutUvarint(b[:], uint64(n))])
}

func putString(w *bytes.Buffer, s string) {
	putInt(w, len(s))
	w.WriteString(s)
}

func putBool(w *bytes.Buffer, bs ...bool) {
	n := 0
	for i, b := range bs {
		if b {
			n |= 1 << i
		}
	}
	w.WriteByte(byte(n))
}

func (p *Proto) write(w *bytes.Buffer) {
	putString(w, p.source)
	w.Write([]byte{p.nparams, p.frameSize})
	putBool(w, p.vararg, p.needsClose)
	putInt(w, int(p.lineDefined))
	putInt(w, int(p.lastLine))
	putInt(w, len(p.code))
	var b8 [8]byte
	for i, in := range p.code {
		if hasHash(insOp(in)) {
			in &= 1<<48 - 1
		}
		binary.LittleEndian.PutUint64(b8[:], in)
		w.Write(b8[:])
		putInt(w, int(p.lines[i]))
	}
	putInt(w, len(p.k))
	for _, v := range p.k {
		switch {
		case v.isStr():
			w.WriteByte(1)
			putString(w, v.str())
		case v.isNum():
			w.WriteByte(2)
			binary.LittleEndian.PutUint64(b8[:], math.Float64bits(v.num()))
			w.Write(b8[:])
		default:
			w.WriteByte(0)
		}
	}
	putInt(w, len(p.upvals))
	for _, u := range p.upvals {
		putString(w, u.name)
		w.WriteByte(u.index)
		putBool(w, u.inStack, u.byValue)
	}
	putInt(w, len(p.locals))
	for _, l := range p.locals {
		putString(w, l.name)
		putInt(w, int(l.start))
		putInt(w, int(l.end))
		w.WriteByte(l.reg)
	}
	putInt(w, len(p.protos))
	for _, c := range p.protos {
		c.write(w)
	}
}

// protoReader reads the stored form; anything wrong is a panic with errStored.
type protoReader struct{ b []byte }

func (r *protoReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		panic(errStored)
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *protoReader) byte() byte { return r.take(1)[0] }

func (r *protoReader) int() int {
	n, k := binary.Uvarint(r.b)
	if k <= 0 || n > 1<<31 {
		panic(errStored)
	}
	r.b = r.b[k:]
	return int(n)
}

// count reads a number of elements of at least size bytes each.
func (r *protoReader) count(size int) int {
	n := r.int()
	if n > len(r.b)/size {
		panic(errStored)
	}
	return n
}

func (r *protoReader) string() string { return string(r.take(r.int())) }

func (r *protoReader) proto(outer *Proto, depth int) *Proto {
	if depth > maxLevels {
		panic(errStored)
	}
	p := &Proto{source: r.string(), nparams: r.byte(), frameSize: r.byte()}
	flags := r.byte()
	p.vararg, p.needsClose = flags&1 != 0, flags&2 != 0
	p.lineDefined, p.lastLine = int32(r.int()), int32(r.int())
	n := r.count(9)
	p.code, p.lines = make([]uint64, n), make([]int32, n)
	for i := range n {
		p.code[i] = binary.LittleEndian.Uint64(r.take(8))
		p.lines[i] = int32(r.int())
	}
	n = r.count(1)
	p.k, p.kh = make([]Value, n), make([]uint32, n)
	for i := range n {
		switch r.byte() {
		case 1:
			p.k[i] = p.internConst(r.string())
			p.kh[i] = hashString(p.k[i].str())
		case 2:
			p.k[i] = Number(math.Float64frombits(binary.LittleEndian.Uint64(r.take(8))))
		}
	}
	p.upvals = make([]upvalDesc, r.count(3))
	for i := range p.upvals {
		u := upvalDesc{name: r.string(), index: r.byte()}
		f := r.byte()
		u.inStack, u.byValue = f&1 != 0, f&2 != 0
		p.upvals[i] = u
	}
	p.locals = make([]localInfo, r.count(4))
	for i := range p.locals {
		p.locals[i] = localInfo{name: r.string(), start: int32(r.int()), end: int32(r.int()), reg: r.byte()}
	}
	p.protos = make([]*Proto, r.count(8))
	for i := range p.protos {
		p.protos[i] = r.proto(p, depth+1)
	}
	if !p.verify(outer) {
		panic(errStored)
	}
	for i, in := range p.code {
		switch op := insOp(in); {
		case op == opGetGlobal || op == opSetGlobal:
			p.code[i] |= uint64(uint16(p.kh[insB(in)])) << 48
		case hasHash(op):
			p.code[i] |= uint64(uint16(p.kh[insC(in)])) << 48
		}
	}
	return p
}

// hasHash tells which instructions carry the hash of a string constant.
func hasHash(op opcode) bool {
	return op == opGetGlobal || op == opSetGlobal || op == opGetField || op == opSetField || op == opSelf
}
