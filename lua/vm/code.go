package vm

import (
	"fmt"
	"math"
)

// Limits, as LuaJIT has them.
const (
	maxLocals = 200
	maxUpvals = 60
	maxSlots  = 250
	maxLevels = 200
	maxConsts = 1 << 16
	noJump    = -1
)

type expKind uint8

const (
	xVoid     expKind = iota
	xNil              // constants: xNil..xStr
	xTrue             //
	xFalse            //
	xNum              // num
	xStr              // str
	xLocal            // info: register
	xUpval            // info: upvalue
	xGlobal           // str: name
	xIndexed          // info: table register, aux: key register
	xField            // info: table register, str: key
	xIndexInt         // info: table register, aux: integer key
	xJump             // info: pc of the conditional jump
	xReloc            // info: pc of the instruction whose A is open
	xNonReloc         // info: register
	xCall             // info: pc
	xVararg           // info: pc
)

// expr describes an expression whose value is not yet in a register. t and f are the lists of jumps taken when the
// value decides to be true or false.
type expr struct {
	kind      expKind
	info, aux int
	num       float64
	str       string
	t, f      int
}

func mkExpr(k expKind, info int) expr { return expr{kind: k, info: info, t: noJump, f: noJump} }

func (e *expr) hasJumps() bool  { return e.t != e.f }
func (e *expr) isNumeral() bool { return e.kind == xNum && !e.hasJumps() }

// localVar is an active or past local variable of a function under compilation.
type localVar struct {
	name     string
	reg      int
	info     int  // index into Proto.locals
	assigned bool // after its declaration
	captured bool
	mutable  bool // captured and assigned; decided when its scope ends
}

type upvalRef struct {
	desc  upvalDesc
	local *localVar // the variable it stands for, wherever it lives
}

type block struct {
	outer     *block
	nact      int // active locals outside the block
	firstGoto int
	firstLbl  int
	loop      bool
}

type gotoRef struct {
	name     string
	pc, line int
	nact     int // active locals at the jump, lowered as blocks end
	close    bool
	resolved bool
}

type label struct {
	name string
	pc   int
	nact int
}

// fnState is a function under compilation.
type fnState struct {
	p      *Proto
	outer  *fnState
	lx     *lexer
	bl     *block
	free   int // first free register
	act    []*localVar
	upvals []upvalRef
	kNum   map[uint64]int
	kStr   map[string]int
	gotos  []gotoRef
	labels []label
	jpc    int // jumps to the next instruction
	target int // pc of the last jump target: no instruction before it may be merged
	fixups []upvalFixup
}

// upvalFixup is an upvalue access to rewrite once it is known whether the variable is ever assigned.
type upvalFixup struct {
	p  *Proto
	pc int
	v  *localVar
}

func (fs *fnState) pc() int { return len(fs.p.code) }

func (fs *fnState) limit(n int, what string) {
	if fs.outer == nil {
		fs.lx.fail(fs.lx.line, fmt.Sprintf("main function has more than %d %s", n, what), "")
	}
	fs.lx.fail(fs.lx.line, fmt.Sprintf("function at line %d has more than %d %s", fs.p.lineDefined, n, what), "")
}

func (fs *fnState) emit(i uint64) int {
	fs.patchHere()
	fs.p.code = append(fs.p.code, i)
	fs.p.lines = append(fs.p.lines, int32(fs.lx.last))
	return len(fs.p.code) - 1
}

// patchHere sends the pending jumps to the next instruction.
func (fs *fnState) patchHere() {
	fs.patchList(fs.jpc, fs.pc(), noReg, fs.pc())
	fs.jpc = noJump
}

const noReg = 255

func (fs *fnState) emitABC(op opcode, a, b, c int) int { return fs.emit(ins(op, a, b, c)) }

func (fs *fnState) fixLine(line int) { fs.p.lines[len(fs.p.lines)-1] = int32(line) }

func (fs *fnState) setK(pc int, s string) {
	fs.p.code[pc] |= uint64(uint16(hashString(s))) << 48
}

// emitStr emits an instruction whose C (or B) is the string constant idx.
func (fs *fnState) emitStr(op opcode, a, b, c int, s string) int {
	pc := fs.emitABC(op, a, b, c)
	fs.setK(pc, s)
	return pc
}

// --- jumps

func (fs *fnState) jump() int {
	jpc := fs.jpc
	fs.jpc = noJump
	j := fs.emit(insD(opJmp, 0, 0, noJump))
	fs.concatJumps(&j, jpc)
	return j
}

// plainJump emits a jump of its own: jumps that are pending here lead to it, not past it to where it will go. Jumps
// back must be such, since only they burn fuel, and so must those whose target is set without their list.
func (fs *fnState) plainJump() int { return fs.emit(insD(opJmp, 0, 0, noJump)) }

// jumpBack emits the jump at the end of a loop to its start.
func (fs *fnState) jumpBack(start int) { fs.fixJump(fs.plainJump(), start) }

func (fs *fnState) label() int {
	fs.target = fs.pc()
	return fs.pc()
}

func (fs *fnState) getJump(pc int) int {
	d := insDist(fs.p.code[pc])
	if d == noJump {
		return noJump
	}
	return pc + 1 + d
}

func (fs *fnState) fixJump(pc, dest int) { setD(&fs.p.code[pc], dest-(pc+1)) }

func (fs *fnState) concatJumps(l1 *int, l2 int) {
	if l2 == noJump {
		return
	}
	if *l1 == noJump {
		*l1 = l2
		return
	}
	list := *l1
	for {
		next := fs.getJump(list)
		if next == noJump {
			break
		}
		list = next
	}
	fs.fixJump(list, l2)
}

// needValue reports whether some jump of the list leaves no value behind.
func (fs *fnState) needValue(list int) bool {
	for ; list != noJump; list = fs.getJump(list) {
		if op := insOp(fs.p.code[list]); op != opJTSet && op != opJFSet {
			return true
		}
	}
	return false
}

// patchTest makes a value-keeping test store to reg, or keep nothing; false if the instruction is no such test.
func (fs *fnState) patchTest(pc, reg int) bool {
	i := &fs.p.code[pc]
	op := insOp(*i)
	if op != opJTSet && op != opJFSet {
		return false
	}
	if b := insB(*i); reg != noReg && reg != b {
		setA(i, reg)
	} else {
		setA(i, b)
		setOp(i, opJT+op-opJTSet)
	}
	return true
}

func (fs *fnState) dropValues(list int) {
	for ; list != noJump; list = fs.getJump(list) {
		fs.patchTest(list, noReg)
	}
}

func (fs *fnState) patchList(list, vtarget, reg, dtarget int) {
	for list != noJump {
		next := fs.getJump(list)
		if fs.patchTest(list, reg) {
			fs.fixJump(list, vtarget)
		} else {
			fs.fixJump(list, dtarget)
		}
		list = next
	}
}

func (fs *fnState) patchToHere(list int) {
	fs.label()
	fs.concatJumps(&fs.jpc, list)
}

// --- registers and constants

func (fs *fnState) checkSlots(n int) {
	sz := fs.free + n
	if sz > int(fs.p.frameSize) {
		if sz >= maxSlots {
			fs.lx.fail(fs.lx.line, "function or expression too complex", "")
		}
		fs.p.frameSize = uint8(sz)
	}
}

func (fs *fnState) reserve(n int) {
	fs.checkSlots(n)
	fs.free += n
}

func (fs *fnState) nactRegs() int {
	if len(fs.act) == 0 {
		return 0
	}
	return fs.act[len(fs.act)-1].reg + 1
}

func (fs *fnState) freeReg(r int) {
	if r >= fs.nactRegs() {
		fs.free--
	}
}

func (fs *fnState) freeExpr(e *expr) {
	if e.kind == xNonReloc {
		fs.freeReg(e.info)
	}
}

func (fs *fnState) addK(v Value) int {
	if len(fs.p.k) >= maxConsts {
		fs.limit(maxConsts, "constants")
	}
	fs.p.k = append(fs.p.k, v)
	h := uint32(0)
	if v.isStr() {
		h = hashString(v.str())
	}
	fs.p.kh = append(fs.p.kh, h)
	return len(fs.p.k) - 1
}

func (fs *fnState) numK(f float64) int {
	b := math.Float64bits(f)
	if i, ok := fs.kNum[b]; ok {
		return i
	}
	i := fs.addK(Number(f))
	fs.kNum[b] = i
	return i
}

func (fs *fnState) strK(s string) int {
	if i, ok := fs.kStr[s]; ok {
		return i
	}
	v := fs.p.internConst(s)
	i := fs.addK(v)
	fs.kStr[v.str()] = i
	return i
}

// --- expressions into registers

// discharge turns variables into values: the load is emitted, its register still open.
func (fs *fnState) discharge(e *expr) {
	switch e.kind {
	case xLocal:
		e.kind = xNonReloc
	case xUpval:
		idx := e.info
		e.info = fs.emitABC(opGetUpval, 0, idx, 0)
		fs.noteUpval(e.info, fs.upvals[idx].local)
		e.kind = xReloc
	case xGlobal:
		e.info = fs.emitStr(opGetGlobal, 0, fs.strK(e.str), 0, e.str)
		e.kind = xReloc
	case xIndexed:
		fs.freeReg(max(e.aux, e.info))
		fs.freeReg(min(e.aux, e.info))
		e.info = fs.emitABC(opGetTable, 0, e.info, e.aux)
		e.kind = xReloc
	case xField:
		fs.freeReg(e.info)
		e.info = fs.emitStr(opGetField, 0, e.info, fs.strK(e.str), e.str)
		e.kind = xReloc
	case xIndexInt:
		fs.freeReg(e.info)
		e.info = fs.emitABC(opGetIndex, 0, e.info, e.aux)
		e.kind = xReloc
	case xCall:
		e.kind = xNonReloc
		e.info = insA(fs.p.code[e.info])
	case xVararg:
		setC(&fs.p.code[e.info], 2)
		e.kind = xReloc
	}
}

// toReg puts the value of e, without its jumps, into register reg.
func (fs *fnState) dischargeTo(e *expr, reg int) {
	fs.discharge(e)
	switch e.kind {
	case xNil:
		// Merge with a LOADNIL just before, unless something jumps here.
		if pc := fs.pc(); pc > fs.target && pc > 0 && fs.jpc == noJump {
			if i := &fs.p.code[pc-1]; insOp(*i) == opLoadNil && insB(*i) == reg-1 {
				setB(i, reg)
				break
			}
		}
		fs.emitABC(opLoadNil, reg, reg, 0)
	case xTrue:
		fs.emitABC(opLoadPri, reg, tagTrue, 0)
	case xFalse:
		fs.emitABC(opLoadPri, reg, tagFalse, 0)
	case xNum:
		fs.emitABC(opLoadK, reg, fs.numK(e.num), 0)
	case xStr:
		fs.emitABC(opLoadK, reg, fs.strK(e.str), 0)
	case xReloc:
		setA(&fs.p.code[e.info], reg)
	case xNonReloc:
		if reg != e.info {
			fs.emitABC(opMove, reg, e.info, 0)
		}
	default:
		return
	}
	e.kind, e.info = xNonReloc, reg
}

func (fs *fnState) dischargeAny(e *expr) {
	if e.kind != xNonReloc {
		fs.reserve(1)
		fs.dischargeTo(e, fs.free-1)
	}
}

func (fs *fnState) toReg(e *expr, reg int) {
	fs.dischargeTo(e, reg)
	if e.kind == xJump {
		fs.concatJumps(&e.t, e.info)
	}
	if e.hasJumps() {
		pf, pt := noJump, noJump
		if fs.needValue(e.t) || fs.needValue(e.f) {
			fj := noJump
			if e.kind != xJump {
				fj = fs.jump()
			}
			fs.label()
			pf = fs.emitABC(opLoadPri, reg, tagFalse, 0)
			skip := fs.emit(insD(opJmp, 0, 0, 1))
			_ = skip
			fs.label()
			pt = fs.emitABC(opLoadPri, reg, tagTrue, 0)
			fs.patchToHere(fj)
		}
		end := fs.label()
		fs.patchList(e.f, end, reg, pf)
		fs.patchList(e.t, end, reg, pt)
	}
	e.t, e.f = noJump, noJump
	e.kind, e.info = xNonReloc, reg
}

func (fs *fnState) toNextReg(e *expr) {
	fs.discharge(e)
	fs.freeExpr(e)
	fs.reserve(1)
	fs.toReg(e, fs.free-1)
}

func (fs *fnState) toAnyReg(e *expr) int {
	fs.discharge(e)
	if e.kind == xNonReloc {
		if !e.hasJumps() {
			return e.info
		}
		if e.info >= fs.nactRegs() {
			fs.toReg(e, e.info)
			return e.info
		}
	}
	fs.toNextReg(e)
	return e.info
}

// toVal makes e a value: in a register, or a constant.
func (fs *fnState) toVal(e *expr) {
	if e.hasJumps() {
		fs.toAnyReg(e)
		return
	}
	fs.discharge(e)
}

// store assigns e to the variable v.
func (fs *fnState) store(v, e *expr) {
	switch v.kind {
	case xLocal:
		fs.freeExpr(e)
		fs.toReg(e, v.info)
		return
	case xUpval:
		r := fs.toAnyReg(e)
		fs.emitABC(opSetUpval, v.info, r, 0)
	case xGlobal:
		r := fs.toAnyReg(e)
		fs.emitStr(opSetGlobal, r, fs.strK(v.str), 0, v.str)
	case xIndexed:
		r := fs.toAnyReg(e)
		fs.emitABC(opSetTable, v.info, v.aux, r)
	case xField:
		r := fs.toAnyReg(e)
		fs.emitStr(opSetField, v.info, r, fs.strK(v.str), v.str)
	case xIndexInt:
		r := fs.toAnyReg(e)
		fs.emitABC(opSetIndex, v.info, r, v.aux)
	}
	fs.freeExpr(e)
}

// self prepares a method call: e becomes the function's register, the object is above it.
func (fs *fnState) self(e *expr, name string) {
	fs.toAnyReg(e)
	fs.freeExpr(e)
	fn := fs.free
	fs.reserve(2)
	fs.emitStr(opSelf, fn, e.info, fs.strK(name), name)
	e.kind, e.info = xNonReloc, fn
}

// index makes e the element of e under k.
func (fs *fnState) index(e, k *expr) {
	switch {
	case k.kind == xStr && !k.hasJumps():
		e.str, e.kind = k.str, xField
	case k.isNumeral() && k.num == math.Floor(k.num) && k.num >= 1 && k.num < 1<<16:
		e.aux, e.kind = int(k.num), xIndexInt
	default:
		e.aux, e.kind = fs.toAnyReg(k), xIndexed
	}
}
