package vm

import "math"

// --- conditions

func (fs *fnState) invert(e *expr) {
	i := &fs.p.code[e.info]
	op := insOp(*i)
	if (op-opLT)&1 == 0 {
		setOp(i, op+1)
	} else {
		setOp(i, op-1)
	}
}

// jumpOnCond emits the jump taken when e is cond.
func (fs *fnState) jumpOnCond(e *expr, cond bool) int {
	if e.kind == xReloc {
		if i := fs.p.code[e.info]; insOp(i) == opNot && e.info == fs.pc()-1 {
			fs.p.code = fs.p.code[:e.info]
			fs.p.lines = fs.p.lines[:e.info]
			op := opJT
			if cond {
				op = opJF
			}
			return fs.emit(insD(op, insB(i), 0, noJump))
		}
	}
	fs.dischargeAny(e)
	fs.freeExpr(e)
	op := opJFSet
	if cond {
		op = opJTSet
	}
	return fs.emit(insD(op, noReg, e.info, noJump))
}

// goIfTrue makes the code fall through when e is true; the jumps for false are in e.f.
func (fs *fnState) goIfTrue(e *expr) {
	fs.discharge(e)
	pc := noJump
	switch e.kind {
	case xNum, xStr, xTrue:
	case xJump:
		fs.invert(e)
		pc = e.info
	default:
		pc = fs.jumpOnCond(e, false)
	}
	fs.concatJumps(&e.f, pc)
	fs.patchToHere(e.t)
	e.t = noJump
}

// goIfFalse makes the code fall through when e is false; the jumps for true are in e.t.
func (fs *fnState) goIfFalse(e *expr) {
	fs.discharge(e)
	pc := noJump
	switch e.kind {
	case xNil, xFalse:
	case xJump:
		pc = e.info
	default:
		pc = fs.jumpOnCond(e, true)
	}
	fs.concatJumps(&e.t, pc)
	fs.patchToHere(e.f)
	e.f = noJump
}

func (fs *fnState) not(e *expr) {
	fs.discharge(e)
	switch e.kind {
	case xNil, xFalse:
		e.kind = xTrue
	case xNum, xStr, xTrue:
		e.kind = xFalse
	case xJump:
		fs.invert(e)
	case xReloc, xNonReloc:
		fs.dischargeAny(e)
		fs.freeExpr(e)
		e.info = fs.emitABC(opNot, 0, e.info, 0)
		e.kind = xReloc
	}
	e.t, e.f = e.f, e.t
	fs.dropValues(e.t)
	fs.dropValues(e.f)
}

// --- operators

type binop int

const (
	bAdd binop = iota
	bSub
	bMul
	bDiv
	bMod
	bPow
	bConcat
	bNE
	bEQ
	bLT
	bGE
	bLE
	bGT
	bAnd
	bOr
	bNone
)

// foldArith computes constant arithmetic; NaN results are left to run time.
func foldArith(op binop, a, b float64) (float64, bool) {
	r := arith(op, a, b)
	return r, r == r
}

func arith(op binop, a, b float64) float64 {
	switch op {
	case bAdd:
		return a + b
	case bSub:
		return a - b
	case bMul:
		return a * b
	case bDiv:
		return a / b
	case bMod:
		return luaMod(a, b)
	}
	return luaPow(a, b)
}

func luaPow(a, b float64) float64 {
	if b == 2 {
		return a * a
	}
	if b == 0.5 && a >= 0 {
		return math.Sqrt(a)
	}
	return math.Pow(a, b)
}

func (fs *fnState) unary(op opcode, e *expr) {
	if op == opUnm && e.isNumeral() && e.num == e.num {
		e.num = -e.num
		return
	}
	fs.toAnyReg(e)
	fs.freeExpr(e)
	e.info = fs.emitABC(op, 0, e.info, 0)
	e.kind = xReloc
}

// infix prepares the left operand before the right one is read.
func (fs *fnState) infix(op binop, e *expr) {
	switch op {
	case bAnd:
		fs.goIfTrue(e)
	case bOr:
		fs.goIfFalse(e)
	case bConcat:
		fs.toNextReg(e)
	case bEQ, bNE:
		if e.hasJumps() || e.kind > xStr {
			fs.toAnyReg(e)
		}
	default:
		if !e.isNumeral() {
			fs.toAnyReg(e)
		}
	}
}

// postfix combines both operands into e1.
func (fs *fnState) postfix(op binop, e1, e2 *expr, line int) {
	switch op {
	case bAnd:
		fs.discharge(e2)
		fs.concatJumps(&e2.f, e1.f)
		*e1 = *e2
	case bOr:
		fs.discharge(e2)
		fs.concatJumps(&e2.t, e1.t)
		*e1 = *e2
	case bConcat:
		fs.toVal(e2)
		if e2.kind == xReloc && insOp(fs.p.code[e2.info]) == opConcat {
			fs.freeExpr(e1)
			setB(&fs.p.code[e2.info], e1.info)
			e1.kind, e1.info = xReloc, e2.info
			return
		}
		fs.toNextReg(e2)
		fs.freeExpr(e2)
		fs.freeExpr(e1)
		e1.info = fs.emitABC(opConcat, 0, e1.info, e2.info)
		e1.kind = xReloc
		fs.fixLine(line)
	case bEQ, bNE:
		fs.equality(op, e1, e2)
	case bLT, bLE, bGT, bGE:
		fs.comparison(op, e1, e2)
	default:
		fs.arithmetic(op, e1, e2, line)
	}
}

func (fs *fnState) arithmetic(op binop, e1, e2 *expr, line int) {
	if e1.isNumeral() && e2.isNumeral() {
		if r, ok := foldArith(op, e1.num, e2.num); ok {
			e1.num = r
			return
		}
	}
	var o opcode
	var b, c int
	switch {
	case e2.isNumeral() && !e1.isNumeral():
		o, b, c = opAddRK, fs.toAnyReg(e1), fs.numK(e2.num)
	case e1.isNumeral() && !e2.isNumeral():
		o, b, c = opAddKR, fs.numK(e1.num), fs.toAnyReg(e2)
	default:
		o = opAddRR
		if e1.isNumeral() {
			fs.toAnyReg(e1) // its register comes before the other's
		}
		c = fs.toAnyReg(e2)
		b = fs.toAnyReg(e1)
	}
	fs.freeTwo(e1, e2)
	e1.info = fs.emitABC(o+opcode(op), 0, b, c)
	fs.fixLine(line)
	e1.kind = xReloc
}

func (fs *fnState) freeTwo(e1, e2 *expr) {
	if e1.kind == xNonReloc && e2.kind == xNonReloc && e1.info > e2.info {
		fs.freeExpr(e1)
		fs.freeExpr(e2)
		return
	}
	fs.freeExpr(e2)
	fs.freeExpr(e1)
}

func (fs *fnState) equality(op binop, e1, e2 *expr) {
	if !e1.hasJumps() && e1.kind <= xStr && (e2.kind > xStr || e2.hasJumps()) {
		*e1, *e2 = *e2, *e1
	}
	o := opEQ
	b := 0
	fs.toAnyReg(e1)
	switch {
	case e2.hasJumps() || e2.kind > xStr:
		b = fs.toAnyReg(e2)
	case e2.kind == xNum:
		o, b = opEQK, fs.numK(e2.num)
	case e2.kind == xStr:
		o, b = opEQK, fs.strK(e2.str)
	default:
		o, b = opEQP, map[expKind]int{xNil: tagNil, xTrue: tagTrue, xFalse: tagFalse}[e2.kind]
	}
	if op == bNE {
		o++
	}
	a := e1.info
	fs.freeTwo(e1, e2)
	e1.info = fs.emit(insD(o, a, b, noJump))
	e1.kind, e1.t, e1.f = xJump, noJump, noJump
}

func (fs *fnState) comparison(op binop, e1, e2 *expr) {
	// a > b is b < a, a >= b is b <= a.
	o := opLT
	if op == bLE || op == bGE {
		o = opLE
	}
	var a, b int
	swap := op == bGT || op == bGE
	switch {
	case e2.isNumeral() && !e1.isNumeral():
		a, b = fs.toAnyReg(e1), fs.numK(e2.num)
		o += opLTK - opLT
		if swap {
			o += opGTK - opLTK
		}
	case e1.isNumeral() && !e2.isNumeral():
		a, b = fs.toAnyReg(e2), fs.numK(e1.num)
		o += opLTK - opLT
		if !swap {
			o += opGTK - opLTK
		}
	default:
		a = fs.toAnyReg(e1)
		b = fs.toAnyReg(e2)
		if swap {
			a, b = b, a
		}
	}
	fs.freeTwo(e1, e2)
	e1.info = fs.emit(insD(o, a, b, noJump))
	e1.kind, e1.t, e1.f = xJump, noJump, noJump
}
