package vm

// Operand kinds, for the check of stored code.
type operand uint8

const (
	oNone  operand = iota // not used, or any value
	oReg                  // a register
	oStr                  // a string constant
	oNum                  // a number constant
	oConst                // a constant
	oPri                  // nil, false or true
	oUpval                // an upvalue
	oProto                // an inner function
	oCount                // 0: up to the top; n: n-1 registers from A on
	oLast                 // the last register of a range that begins with A
)

// operands tells what A, B and C of each instruction are; conditional and other jumps have none in C.
var operands = func() (t [numOpcodes][3]operand) {
	set := func(a, b, c operand, ops ...opcode) {
		for _, op := range ops {
			t[op] = [3]operand{a, b, c}
		}
	}
	set(oReg, oReg, oNone, opMove, opUnm, opNot, opLen)
	set(oReg, oConst, oNone, opLoadK)
	set(oReg, oPri, oNone, opLoadPri, opEQP, opNEP)
	set(oReg, oLast, oNone, opLoadNil)
	set(oReg, oUpval, oNone, opGetUpval, opGetUpvalV)
	set(oUpval, oReg, oNone, opSetUpval)
	set(oReg, oStr, oNone, opGetGlobal, opSetGlobal)
	set(oReg, oReg, oReg, opGetTable, opSetTable, opConcat)
	set(oReg, oReg, oStr, opGetField, opSetField, opSelf)
	set(oReg, oReg, oNone, opGetIndex, opSetIndex)
	for op := opAddRR; op <= opPowRR; op++ {
		set(oReg, oReg, oReg, op)
		set(oReg, oReg, oNum, op+opAddRK-opAddRR)
		set(oReg, oNum, oReg, op+opAddKR-opAddRR)
	}
	set(oReg, oReg, oNone, opLT, opNLT, opLE, opNLE, opEQ, opNE, opJTSet, opJFSet)
	set(oReg, oNum, oNone, opLTK, opNLTK, opLEK, opNLEK, opGTK, opNGTK, opGEK, opNGEK)
	set(oReg, oConst, oNone, opEQK, opNEK)
	set(oReg, oNone, oNone, opJT, opJF, opForPrep, opForLoop, opTForPrep, opTForCall, opTForLoop, opRet1)
	set(oReg, oCount, oCount, opCall)
	set(oReg, oCount, oNone, opTailCall)
	set(oReg, oNone, oNone, opRet)
	set(oReg, oProto, oNone, opClosure)
	set(oReg, oNone, oCount, opVararg)
	set(oReg, oNone, oNone, opNewTable)
	set(oReg, oCount, oNone, opSetList)
	return t
}()

// verify reports whether the code of p stays within its registers, constants, upvalues, functions and instructions.
// It is what makes running a stored prototype as safe as running a compiled one.
func (p *Proto) verify(outer *Proto) bool {
	n := len(p.code)
	if n == 0 || len(p.k) == 0 || p.frameSize < 2 || p.frameSize > maxSlots || p.nparams > p.frameSize ||
		len(p.upvals) > maxUpvals || len(p.k) > maxConsts || outer == nil && len(p.upvals) > 0 {
		return false
	}
	for _, u := range p.upvals {
		if u.inStack && u.index >= outer.frameSize || !u.inStack && int(u.index) >= len(outer.upvals) ||
			!u.inStack && outer.upvals[u.index].byValue != u.byValue {
			return false
		}
	}
	for i := range p.locals {
		l := &p.locals[i]
		if l.reg >= p.frameSize || l.start < 0 || l.end < l.start || int(l.end) > n {
			return false
		}
	}
	if len(p.locals) < int(p.nparams) {
		return false
	}
	target := make([]bool, n)
	for pc, in := range p.code {
		if !p.verifyIns(pc, in) {
			return false
		}
		if hasJump(insOp(in)) {
			target[pc+1+insDist(in)] = true
		}
	}
	for pc := range p.code {
		if !p.verifyOpen(pc, target[pc]) {
			return false
		}
	}
	// Nothing runs off the end.
	switch insOp(p.code[n-1]) {
	case opRet, opRet0, opRet1:
		return true
	}
	return false
}

func (p *Proto) verifyIns(pc int, in uint64) bool {
	op := insOp(in)
	if op >= numOpcodes {
		return false
	}
	a := insA(in)
	size := int(p.frameSize)
	for i, v := range [...]int{a, insB(in), insC(in)} {
		ok := true
		switch operands[op][i] {
		case oReg:
			ok = v < size
		case oStr:
			ok = v < len(p.k) && p.k[v].isStr()
		case oNum:
			ok = v < len(p.k) && p.k[v].isNum()
		case oConst:
			ok = v < len(p.k) && (p.k[v].isStr() || p.k[v].isNum())
		case oPri:
			ok = v <= tagTrue
		case oUpval:
			ok = v < len(p.upvals)
		case oProto:
			ok = v < len(p.protos)
		case oCount:
			ok = v == 0 || a+v-1 <= size
		case oLast:
			ok = v >= a && v < size
		}
		if !ok {
			return false
		}
	}
	extra := 0 // registers above A that the instruction uses
	switch op {
	case opGetUpval, opSetUpval:
		u := insB(in)
		if op == opSetUpval {
			u = a
		}
		if p.upvals[u].byValue {
			return false
		}
	case opGetUpvalV:
		if !p.upvals[insB(in)].byValue {
			return false
		}
	case opVararg:
		if !p.vararg {
			return false
		}
	case opSelf:
		extra = 1
	case opForPrep, opForLoop:
		extra = 3
	case opTForPrep:
		extra = 4
	case opTForCall:
		extra = 4 + max(insC(in), 3) - 1
		if pc+1 >= len(p.code) || insOp(p.code[pc+1]) != opTForLoop || insA(p.code[pc+1]) != a {
			return false
		}
	case opTForLoop:
		extra = 4
	case opConcat:
		return insB(in) < insC(in) && insC(in) < size
	case opRet:
		if b := insB(in); b > 0 && a+b-1 > size {
			return false
		}
	case opSetList:
		// No instruction before it made more elements than there are registers.
		if int(uint32(in>>32)) > pc*maxSlots {
			return false
		}
	}
	if a+extra >= size+1 && extra > 0 {
		return false
	}
	if hasJump(op) {
		to := pc + 1 + insDist(in)
		if to < 0 || to >= len(p.code) || to <= pc && !burnsFuel(op) {
			return false
		}
	}
	return true
}

// burnsFuel tells which jumps may lead back: those that count against the budget.
func burnsFuel(op opcode) bool {
	return op == opJmp || op == opJmpClose || op == opForLoop || op == opTForLoop
}

func hasJump(op opcode) bool {
	return op == opJmp || op == opJmpClose || op >= opLT && op <= opTForPrep || op == opTForLoop
}

// verifyOpen checks that an instruction that takes values up to the top follows one that leaves the top above its
// own registers, and that nothing jumps in between.
func (p *Proto) verifyOpen(pc int, target bool) bool {
	in := p.code[pc]
	low := insA(in)
	switch insOp(in) {
	case opCall, opTailCall, opSetList:
		low++
	case opRet:
	default:
		return true
	}
	if insB(in) != 0 {
		return true
	}
	if pc == 0 || target {
		return false
	}
	prev := p.code[pc-1]
	switch insOp(prev) {
	case opCall, opVararg:
		return insC(prev) == 0 && insA(prev) >= low
	case opTailCall:
		return true // never falls through
	}
	return false
}
