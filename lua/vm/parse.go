package vm

// parser is the state of one compilation.
type parser struct {
	*lexer
	fs    *fnState
	level int
}

// Compile compiles a chunk to a prototype. name is the chunk name in Lua's form: "=shown", "@file" or the text of
// the chunk itself. The error is a *SyntaxError.
func Compile(src, name string) (p *Proto, err error) {
	defer func() {
		if r := recover(); r != nil {
			se, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			p, err = nil, se
		}
	}()
	ps := &parser{lexer: newLexer(src, name)}
	ps.openFunc(0)
	ps.fs.p.vararg = true
	ps.next()
	ps.fs.enter(false)
	ps.chunk()
	if ps.tok != tkEOF {
		ps.errToken(tkEOF)
	}
	return ps.closeFunc(), nil
}

func (ps *parser) openFunc(line int) {
	ps.fs = &fnState{p: &Proto{source: ps.source, lineDefined: int32(line), frameSize: 2}, outer: ps.fs, lx: ps.lexer,
		kNum: map[uint64]int{}, kStr: map[string]int{}, jpc: noJump}
}

func (ps *parser) closeFunc() *Proto {
	fs := ps.fs
	fs.leaveFunc()
	fs.finish()
	ps.fs = fs.outer
	return fs.p
}

// leaveFunc ends the function's outermost block without dropping its locals, which finish does.
func (fs *fnState) leaveFunc() {
	fs.closeGotos(fs.bl)
	fs.bl = fs.bl.outer
	for _, g := range fs.gotos {
		if !g.resolved {
			if g.name == "break" {
				fs.lx.fail(g.line, "no loop to break", "")
			}
			fs.lx.fail(g.line, "undefined label '"+g.name+"'", "")
		}
	}
}

func (ps *parser) enterLevel() {
	ps.level++
	if ps.level >= maxLevels {
		ps.fail(ps.line, "chunk has too many syntax levels", "")
	}
}

func (ps *parser) accept(t token) bool {
	if ps.tok == t {
		ps.next()
		return true
	}
	return false
}

func (ps *parser) expect(t token) {
	if ps.tok != t {
		ps.errToken(t)
	}
	ps.next()
}

func (ps *parser) expectMatch(what, who token, line int) {
	if ps.accept(what) {
		return
	}
	if line == ps.line {
		ps.errToken(what)
	}
	ps.errNear("'" + tokenText(what) + "' expected (to close '" + tokenText(who) + "' at line " + formatNumber(float64(line)) + ")")
}

func (ps *parser) name() string {
	if ps.tok != tkName {
		ps.errToken(tkName)
	}
	s := ps.str
	ps.next()
	return s
}

func blockEnd(t token) bool {
	return t == tkElse || t == tkElseif || t == tkEnd || t == tkEOF || t == tkUntil
}

// chunk reads the statements of a block.
func (ps *parser) chunk() {
	ps.enterLevel()
	last := false
	for !last && !blockEnd(ps.tok) {
		last = ps.statement()
		ps.accept(';')
		ps.fs.free = ps.fs.nactRegs()
	}
	ps.level--
}

func (ps *parser) block() {
	ps.fs.enter(false)
	ps.chunk()
	ps.fs.leave(true)
}

// statement reads one statement; true if it must be the last of its block.
func (ps *parser) statement() bool {
	line := ps.line
	switch ps.tok {
	case tkIf:
		ps.ifStat(line)
	case tkWhile:
		ps.whileStat(line)
	case tkDo:
		ps.next()
		ps.block()
		ps.expectMatch(tkEnd, tkDo, line)
	case tkFor:
		ps.forStat(line)
	case tkRepeat:
		ps.repeatStat(line)
	case tkFunction:
		ps.functionStat(line)
	case tkLocal:
		ps.next()
		if ps.accept(tkFunction) {
			ps.localFunction()
		} else {
			ps.localStat()
		}
	case tkReturn:
		ps.returnStat()
		return true
	case tkBreak:
		ps.next()
		ps.fs.gotoStat("break", line)
	case tkGoto:
		ps.next()
		ps.fs.gotoStat(ps.name(), line)
	case tkLabel:
		ps.next()
		name := ps.name()
		ps.expect(tkLabel)
		ps.skipVoid()
		ps.fs.labelStat(name, blockEnd(ps.tok) && ps.tok != tkUntil)
	case ';':
		ps.next()
	default:
		ps.exprStat()
	}
	return false
}

// skipVoid passes empty statements and labels after a label; the labels are declared.
func (ps *parser) skipVoid() {
	for {
		switch {
		case ps.tok == ';':
			ps.next()
		case ps.tok == tkLabel:
			ps.statement()
		default:
			return
		}
	}
}

// cond reads a condition and returns the jumps taken when it is false.
func (ps *parser) cond() int {
	var e expr
	ps.expr(&e)
	if e.kind == xNil {
		e.kind = xFalse
	}
	ps.fs.goIfTrue(&e)
	return e.f
}

func (ps *parser) ifStat(line int) {
	fs := ps.fs
	escape := noJump
	thenBlock := func() int {
		ps.next()
		f := ps.cond()
		ps.expect(tkThen)
		ps.block()
		return f
	}
	f := thenBlock()
	for ps.tok == tkElseif {
		fs.concatJumps(&escape, fs.jump())
		fs.patchToHere(f)
		f = thenBlock()
	}
	if ps.tok == tkElse {
		fs.concatJumps(&escape, fs.jump())
		fs.patchToHere(f)
		ps.next()
		ps.block()
	} else {
		fs.concatJumps(&escape, f)
	}
	fs.patchToHere(escape)
	ps.expectMatch(tkEnd, tkIf, line)
}

func (ps *parser) whileStat(line int) {
	fs := ps.fs
	ps.next()
	start := fs.label()
	exit := ps.cond()
	fs.enter(true)
	ps.expect(tkDo)
	ps.block()
	fs.jumpBack(start)
	ps.expectMatch(tkEnd, tkWhile, line)
	fs.leaveLoop(exit)
}

// leaveLoop ends a loop block: breaks and the exit list meet behind it.
func (fs *fnState) leaveLoop(exit int) {
	fs.leave(false)
	fs.patchToHere(exit)
}

func (ps *parser) repeatStat(line int) {
	fs := ps.fs
	start := fs.label()
	fs.enter(true)
	fs.enter(false)
	inner := fs.bl
	ps.next()
	ps.chunk()
	ps.expectMatch(tkUntil, tkRepeat, line)
	var e expr
	ps.expr(&e)
	if e.kind == xNil {
		e.kind = xFalse
	}
	if fs.cellsAbove(inner.nact) {
		fs.goIfTrue(&e)
		reg := 0
		if inner.nact > 0 {
			reg = fs.act[inner.nact-1].reg + 1
		}
		fs.emitABC(opClose, reg, 0, 0)
		out := fs.jump()
		fs.patchToHere(e.f)
		fs.leave(true)
		fs.jumpBack(start)
		fs.leaveLoop(out)
		return
	}
	fs.goIfFalse(&e)
	fs.leave(false)
	fs.jumpBack(start)
	fs.leaveLoop(e.t)
}

func (ps *parser) forStat(line int) {
	fs := ps.fs
	fs.enter(true)
	ps.next()
	n := ps.name()
	switch ps.tok {
	case '=':
		ps.forNum(n, line)
	case ',', tkIn:
		ps.forIn(n)
	default:
		ps.errNear("'=' or 'in' expected")
	}
	ps.expectMatch(tkEnd, tkFor, line)
	fs.leave(false)
}

// expr1 reads an expression into the next register.
func (ps *parser) expr1() {
	var e expr
	ps.expr(&e)
	ps.fs.toNextReg(&e)
}

func (ps *parser) forNum(name string, line int) {
	fs := ps.fs
	base := fs.free
	ps.next()
	ps.expr1()
	ps.expect(',')
	ps.expr1()
	if ps.accept(',') {
		ps.expr1()
	} else {
		e := mkExpr(xNum, 0)
		e.num = 1
		fs.toNextReg(&e)
	}
	fs.activate([]string{"(for index)", "(for limit)", "(for step)"})
	ps.expect(tkDo)
	prep := fs.emit(insD(opForPrep, base, 0, 0))
	fs.fixLine(line)
	fs.enter(false)
	fs.activate([]string{name})
	fs.reserve(1)
	body := fs.label()
	ps.chunk()
	fs.leave(true)
	fs.label()
	end := fs.emit(insD(opForLoop, base, 0, 0))
	fs.fixLine(line)
	fs.fixJump(end, body)
	fs.label()
	fs.fixJump(prep, fs.pc())
}

func (ps *parser) forIn(name string) {
	fs := ps.fs
	base := fs.free
	names := []string{name}
	for ps.accept(',') {
		names = append(names, ps.name())
	}
	ps.expect(tkIn)
	line := ps.line
	var e expr
	n := ps.exprList(&e)
	ps.adjust(3, n, &e)
	fs.reserve(1) // the position of the traversal
	fs.activate([]string{"(for generator)", "(for state)", "(for control)", "(for position)"})
	ps.expect(tkDo)
	prep := fs.emit(insD(opTForPrep, base, 0, 0))
	fs.enter(false)
	fs.activate(names)
	fs.reserve(len(names))
	fs.checkSlots(3)
	body := fs.label()
	ps.chunk()
	fs.leave(true)
	fs.label()
	fs.fixJump(prep, fs.pc())
	fs.emitABC(opTForCall, base, 0, len(names))
	fs.fixLine(line)
	end := fs.emit(insD(opTForLoop, base, 0, 0))
	fs.fixLine(line)
	fs.fixJump(end, body)
	fs.label()
}

func (ps *parser) localFunction() {
	fs := ps.fs
	n := ps.name()
	fs.activate([]string{n})
	v := fs.act[len(fs.act)-1]
	fs.reserve(1)
	var e expr
	ps.body(&e, false, ps.line)
	fs.toReg(&e, v.reg)
	fs.p.locals[v.info].start = int32(fs.pc())
}

func (ps *parser) localStat() {
	names := []string{ps.name()}
	for ps.accept(',') {
		names = append(names, ps.name())
	}
	var e expr
	n := 0
	if ps.accept('=') {
		n = ps.exprList(&e)
	} else {
		e = mkExpr(xVoid, 0)
	}
	ps.adjust(len(names), n, &e)
	ps.fs.activate(names)
}

func (ps *parser) functionStat(line int) {
	ps.next()
	v := ps.fs.lookup(ps.name())
	method := false
	for ps.tok == '.' {
		ps.field(&v)
	}
	if ps.tok == ':' {
		method = true
		ps.field(&v)
	}
	ps.fs.markAssigned(&v)
	var b expr
	ps.body(&b, method, line)
	ps.fs.store(&v, &b)
	ps.fs.fixLine(line)
}

func (ps *parser) returnStat() {
	fs := ps.fs
	ps.next()
	if blockEnd(ps.tok) || ps.tok == ';' {
		fs.emitABC(opRet0, 0, 0, 0)
		return
	}
	var e expr
	n := ps.exprList(&e)
	switch {
	case e.kind == xCall || e.kind == xVararg:
		if e.kind == xCall {
			setC(&fs.p.code[e.info], 0)
			if n == 1 {
				i := &fs.p.code[e.info]
				setOp(i, opTailCall)
				setC(i, 0)
				fs.emitABC(opRet, insA(*i), 0, 0)
				return
			}
		} else {
			setC(&fs.p.code[e.info], 0)
			setA(&fs.p.code[e.info], fs.free)
			fs.reserve(1)
		}
		fs.emitABC(opRet, fs.nactRegs(), 0, 0)
	case n == 1:
		fs.emitABC(opRet1, fs.toAnyReg(&e), 0, 0)
	default:
		fs.toNextReg(&e)
		fs.emitABC(opRet, fs.nactRegs(), n+1, 0)
	}
}

// adjust matches n expressions, the last one in e, with the variables that want them.
func (ps *parser) adjust(vars, n int, e *expr) {
	fs := ps.fs
	extra := vars - n
	if e.kind == xCall || e.kind == xVararg {
		extra = max(extra+1, 0)
		setC(&fs.p.code[e.info], extra+1)
		if e.kind == xVararg {
			setA(&fs.p.code[e.info], fs.free)
			fs.reserve(1)
		}
		if extra > 1 {
			fs.reserve(extra - 1)
		}
		return
	}
	if e.kind != xVoid {
		fs.toNextReg(e)
	}
	if extra > 0 {
		reg := fs.free
		fs.reserve(extra)
		for i := 0; i < extra; i++ {
			nilE := mkExpr(xNil, 0)
			fs.dischargeTo(&nilE, reg+i)
		}
	}
}

// target is one variable of a multiple assignment.
type target struct {
	prev *target
	v    expr
}

func (ps *parser) exprStat() {
	t := &target{}
	ps.suffixed(&t.v)
	if t.v.kind == xCall {
		setC(&ps.fs.p.code[t.v.info], 1)
		return
	}
	ps.assignment(t, 1)
}

// conflict copies a local that an earlier target of the assignment indexes with, when the local itself is assigned.
func (ps *parser) conflict(t *target, v *expr) {
	fs := ps.fs
	extra := fs.free
	found := false
	for ; t != nil; t = t.prev {
		switch t.v.kind {
		case xIndexed, xField, xIndexInt:
			if t.v.info == v.info {
				found = true
				t.v.info = extra
			}
			if t.v.kind == xIndexed && t.v.aux == v.info {
				found = true
				t.v.aux = extra
			}
		}
	}
	if found {
		fs.emitABC(opMove, fs.free, v.info, 0)
		fs.reserve(1)
	}
}

func (ps *parser) assignment(t *target, nvars int) {
	fs := ps.fs
	if k := t.v.kind; k < xLocal || k > xIndexInt {
		ps.errNear("syntax error")
	}
	fs.markAssigned(&t.v)
	if ps.accept(',') {
		nt := &target{prev: t}
		ps.suffixed(&nt.v)
		if nt.v.kind == xLocal {
			ps.conflict(t, &nt.v)
		}
		ps.enterLevel()
		ps.assignment(nt, nvars+1)
		ps.level--
	} else {
		ps.expect('=')
		var e expr
		n := ps.exprList(&e)
		if n == nvars {
			if e.kind == xCall {
				e.kind, e.info = xNonReloc, insA(fs.p.code[e.info])
			} else if e.kind == xVararg {
				setC(&fs.p.code[e.info], 2)
				e.kind = xReloc
			}
			fs.store(&t.v, &e)
			return
		}
		ps.adjust(nvars, n, &e)
		if n > nvars {
			fs.free -= n - nvars
		}
	}
	e := mkExpr(xNonReloc, fs.free-1)
	fs.store(&t.v, &e)
}

// body reads parameters and body of a function.
func (ps *parser) body(e *expr, method bool, line int) {
	outer := ps.fs
	ps.openFunc(line)
	fs := ps.fs
	fs.enter(false)
	ps.expect('(')
	if method {
		fs.activate([]string{"self"})
	}
	ps.params()
	ps.expect(')')
	fs.p.nparams = uint8(len(fs.act))
	fs.reserve(len(fs.act))
	ps.chunk()
	end := ps.line
	if ps.tok != tkEnd {
		ps.expectMatch(tkEnd, tkFunction, line)
	}
	fs.lx.last = end
	p := ps.closeFunc()
	p.lastLine = int32(end)
	ps.next()
	outer.p.protos = append(outer.p.protos, p)
	e.kind, e.t, e.f = xReloc, noJump, noJump
	e.info = outer.emitABC(opClosure, 0, len(outer.p.protos)-1, 0)
}

func (ps *parser) params() {
	if ps.tok == ')' {
		return
	}
	for {
		switch ps.tok {
		case tkName:
			ps.fs.activate([]string{ps.name()})
		case tkDots:
			ps.next()
			ps.fs.p.vararg = true
			return
		default:
			ps.errNear("<name> or '...' expected")
		}
		if !ps.accept(',') {
			return
		}
	}
}
