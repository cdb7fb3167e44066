package vm

// exprList reads expressions separated by commas: all but the last go to registers; returns their number.
func (ps *parser) exprList(e *expr) int {
	n := 1
	ps.expr(e)
	for ps.accept(',') {
		ps.fs.toNextReg(e)
		ps.expr(e)
		n++
	}
	return n
}

// field reads ".name" or ":name".
func (ps *parser) field(e *expr) {
	ps.fs.toAnyReg(e)
	ps.next()
	k := mkExpr(xStr, 0)
	k.str = ps.name()
	ps.fs.index(e, &k)
}

// bracket reads "[expr]".
func (ps *parser) bracket(k *expr) {
	ps.next()
	ps.expr(k)
	ps.fs.toVal(k)
	ps.expect(']')
}

func (ps *parser) primary(e *expr) {
	switch ps.tok {
	case '(':
		line := ps.line
		ps.next()
		ps.expr(e)
		ps.expectMatch(')', '(', line)
		ps.fs.discharge(e)
	case tkName:
		*e = ps.fs.lookup(ps.str)
		ps.next()
	default:
		ps.errNear("unexpected symbol")
	}
}

// suffixed reads a primary expression with its fields, indices, method calls and calls.
func (ps *parser) suffixed(e *expr) {
	fs := ps.fs
	ps.primary(e)
	for {
		switch ps.tok {
		case '.':
			ps.field(e)
		case '[':
			fs.toAnyReg(e)
			var k expr
			ps.bracket(&k)
			fs.index(e, &k)
		case ':':
			ps.next()
			fs.self(e, ps.name())
			ps.args(e)
		case '(', tkString, '{':
			fs.toNextReg(e)
			ps.args(e)
		default:
			return
		}
	}
}

// args reads the arguments of a call whose function is in register e.info.
func (ps *parser) args(e *expr) {
	fs := ps.fs
	line := ps.line
	arg := mkExpr(xVoid, 0)
	switch ps.tok {
	case '(':
		if line != ps.last {
			ps.errNear("ambiguous syntax (function call x new statement)")
		}
		ps.next()
		if ps.tok != ')' {
			ps.exprList(&arg)
			if arg.kind == xCall || arg.kind == xVararg {
				setC(&fs.p.code[arg.info], 0)
				if arg.kind == xVararg {
					setA(&fs.p.code[arg.info], fs.free)
					fs.checkSlots(1)
				}
			}
		}
		ps.expectMatch(')', '(', line)
	case '{':
		ps.constructor(&arg)
	case tkString:
		arg = mkExpr(xStr, 0)
		arg.str = ps.str
		ps.next()
	default:
		ps.errNear("function arguments expected")
	}
	base := e.info
	n := 0 // to the top
	if arg.kind != xCall && arg.kind != xVararg {
		if arg.kind != xVoid {
			fs.toNextReg(&arg)
		}
		n = fs.free - base
	}
	e.kind, e.t, e.f = xCall, noJump, noJump
	e.info = fs.emitABC(opCall, base, n, 2)
	fs.fixLine(line)
	fs.free = base + 1
}

func (ps *parser) constructor(e *expr) {
	fs := ps.fs
	line := ps.line
	pc := fs.emitABC(opNewTable, 0, 0, 0)
	*e = mkExpr(xReloc, pc)
	fs.toNextReg(e)
	tab := e.info
	item := mkExpr(xVoid, 0)
	narr, nhash, pending := 0, 0, 0
	flush := func() {
		if item.kind == xVoid {
			return
		}
		fs.toNextReg(&item)
		item.kind = xVoid
		if pending == 50 {
			fs.emit(ins(opSetList, tab, pending+1, 0) | uint64(uint32(narr-pending))<<32)
			fs.free = tab + 1
			pending = 0
		}
	}
	ps.expect('{')
	for ps.tok != '}' {
		flush()
		switch {
		case ps.tok == tkName && ps.peek() == '=', ps.tok == '[':
			ps.recordField(tab)
			nhash++
		default:
			ps.expr(&item)
			narr++
			pending++
		}
		if !ps.accept(',') && !ps.accept(';') {
			break
		}
	}
	ps.expectMatch('}', '{', line)
	if pending > 0 {
		if item.kind == xCall || item.kind == xVararg {
			setC(&fs.p.code[item.info], 0)
			if item.kind == xVararg {
				setA(&fs.p.code[item.info], fs.free)
				fs.checkSlots(1)
			}
			fs.emit(ins(opSetList, tab, 0, 0) | uint64(uint32(narr-pending))<<32)
			narr--
		} else {
			if item.kind != xVoid {
				fs.toNextReg(&item)
			}
			fs.emit(ins(opSetList, tab, pending+1, 0) | uint64(uint32(narr-pending))<<32)
		}
		fs.free = tab + 1
	}
	setB(&fs.p.code[pc], min(narr, 1<<16-1))
	setC(&fs.p.code[pc], min(nhash, 1<<16-1))
}

// recordField reads "name = expr" or "[expr] = expr" in a constructor.
func (ps *parser) recordField(tab int) {
	fs := ps.fs
	reg := fs.free
	var k, v expr
	if ps.tok == tkName {
		k = mkExpr(xStr, 0)
		k.str = ps.name()
	} else {
		ps.bracket(&k)
	}
	t := mkExpr(xNonReloc, tab)
	fs.index(&t, &k)
	ps.expect('=')
	ps.expr(&v)
	fs.store(&t, &v)
	fs.free = reg
}

func (ps *parser) simple(e *expr) {
	switch ps.tok {
	case tkNumber:
		*e = mkExpr(xNum, 0)
		e.num = ps.num
	case tkString:
		*e = mkExpr(xStr, 0)
		e.str = ps.str
	case tkNil:
		*e = mkExpr(xNil, 0)
	case tkTrue:
		*e = mkExpr(xTrue, 0)
	case tkFalse:
		*e = mkExpr(xFalse, 0)
	case tkDots:
		if !ps.fs.p.vararg {
			ps.errNear("cannot use '...' outside a vararg function")
		}
		*e = mkExpr(xVararg, ps.fs.emitABC(opVararg, 0, 0, 2))
	case '{':
		ps.constructor(e)
		return
	case tkFunction:
		line := ps.line
		ps.next()
		ps.body(e, false, line)
		return
	default:
		ps.suffixed(e)
		return
	}
	ps.next()
}

// Binding powers to the left and right, by binop.
var priority = [...]struct{ left, right int }{
	{6, 6}, {6, 6}, {7, 7}, {7, 7}, {7, 7}, {10, 9}, {5, 4},
	{3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {3, 3}, {2, 2}, {1, 1},
}

const unaryPriority = 8

func binopOf(t token) binop {
	switch t {
	case '+':
		return bAdd
	case '-':
		return bSub
	case '*':
		return bMul
	case '/':
		return bDiv
	case '%':
		return bMod
	case '^':
		return bPow
	case tkConcat:
		return bConcat
	case tkNe:
		return bNE
	case tkEq:
		return bEQ
	case '<':
		return bLT
	case tkLe:
		return bLE
	case '>':
		return bGT
	case tkGe:
		return bGE
	case tkAnd:
		return bAnd
	case tkOr:
		return bOr
	}
	return bNone
}

func (ps *parser) expr(e *expr) { ps.subexpr(e, 0) }

// subexpr reads an expression of operators that bind tighter than limit; returns the operator after it.
func (ps *parser) subexpr(e *expr, limit int) binop {
	ps.enterLevel()
	switch ps.tok {
	case tkNot:
		ps.next()
		ps.subexpr(e, unaryPriority)
		ps.fs.not(e)
	case '-':
		ps.next()
		ps.subexpr(e, unaryPriority)
		ps.fs.unary(opUnm, e)
	case '#':
		ps.next()
		ps.subexpr(e, unaryPriority)
		ps.fs.unary(opLen, e)
	default:
		ps.simple(e)
	}
	op := binopOf(ps.tok)
	for op != bNone && priority[op].left > limit {
		line := ps.line
		ps.next()
		ps.fs.infix(op, e)
		var e2 expr
		next := ps.subexpr(&e2, priority[op].right)
		ps.fs.postfix(op, e, &e2, line)
		op = next
	}
	ps.level--
	return op
}
