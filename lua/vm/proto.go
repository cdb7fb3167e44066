package vm

import "unique"

// Proto is a compiled function: immutable after Compile, so that any number of VMs may run it at once.
type Proto struct {
	code   []uint64
	k      []Value
	kh     []uint32 // hashes of the string constants
	protos []*Proto
	upvals []upvalDesc

	nparams    uint8
	frameSize  uint8
	vararg     bool
	needsClose bool // a local that is assigned after its capture exists

	source      string // chunk name, with its = or @
	lineDefined int32
	lastLine    int32
	lines       []int32 // per instruction
	locals      []localInfo
	handles     []unique.Handle[string] // keep the canonical copies of the string constants
}

// upvalDesc tells where a closure takes an upvalue from when it is created.
type upvalDesc struct {
	name    string
	index   uint8 // register, or upvalue of the enclosing function
	inStack bool
	byValue bool // never assigned after its capture: the closure holds the value itself
}

// localInfo is the range of instructions in which a register carries a local's name.
type localInfo struct {
	name       string
	start, end int32
	reg        uint8
}

// Line is the line the function is defined at, 0 for a main chunk.
func (p *Proto) Line() int { return int(p.lineDefined) }

// Source returns the chunk name the function was compiled under.
func (p *Proto) Source() string { return p.source }

// bytes estimates the memory of the prototype and its inner functions.
func (p *Proto) bytes() int {
	n := 200 + len(p.code)*12 + len(p.k)*16 + len(p.locals)*32 + len(p.upvals)*24
	for _, v := range p.k {
		if v.isStr() {
			n += v.strLen() + 32
		}
	}
	for _, c := range p.protos {
		n += c.bytes()
	}
	return n
}

// Size returns an estimate of the memory the prototype holds, in bytes.
func (p *Proto) Size() int { return p.bytes() }

// internConst returns the process-wide canonical copy of a constant, so that equal constants of different scripts
// are equal pointers, which is what the fast path of field access compares.
func (p *Proto) internConst(s string) Value {
	h := unique.Make(s)
	p.handles = append(p.handles, h)
	return String(h.Value())
}
