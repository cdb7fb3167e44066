package vm

import "fmt"

// newLocal reserves the n-th pending local; activate makes the pending ones visible.
func (fs *fnState) activate(names []string) {
	for _, n := range names {
		if len(fs.act) >= maxLocals {
			fs.limit(maxLocals, "local variables")
		}
		reg := fs.nactRegs()
		fs.p.locals = append(fs.p.locals, localInfo{name: n, start: int32(fs.pc()), reg: uint8(reg)})
		fs.act = append(fs.act, &localVar{name: n, reg: reg, info: len(fs.p.locals) - 1})
	}
}

// dropLocals ends the scope of all locals above the first n and reports whether one of them lives in a cell.
func (fs *fnState) dropLocals(n int) (cells bool) {
	for len(fs.act) > n {
		v := fs.act[len(fs.act)-1]
		fs.p.locals[v.info].end = int32(fs.pc())
		if v.captured && v.assigned {
			v.mutable, cells = true, true
			fs.p.needsClose = true
		}
		fs.act = fs.act[:len(fs.act)-1]
	}
	return cells
}

func (fs *fnState) enter(loop bool) *block {
	fs.bl = &block{outer: fs.bl, nact: len(fs.act), firstGoto: len(fs.gotos), firstLbl: len(fs.labels), loop: loop}
	return fs.bl
}

// leave ends the current block: its locals go out of scope, breaks and gotos that leave it learn whether upvalues
// must be closed, gotos to labels of the enclosing block are resolved when that block ends. emitClose asks for
// an instruction that closes the block's upvalues on the way out.
func (fs *fnState) leave(emitClose bool) {
	bl := fs.bl
	reg := 0
	if bl.nact > 0 {
		reg = fs.act[bl.nact-1].reg + 1
	}
	if fs.cellsAbove(bl.nact) && emitClose {
		fs.emitABC(opClose, reg, 0, 0)
	}
	fs.closeGotos(bl)
	fs.dropLocals(bl.nact)
	fs.free = fs.nactRegs()
	fs.labels = fs.labels[:bl.firstLbl]
	fs.bl = bl.outer
	if bl.loop {
		fs.resolveGotos(bl.firstGoto, "break", fs.label(), bl.nact)
	}
	if fs.bl != nil {
		// What the block left open may mean a label that its parent has seen already.
		for _, l := range fs.labels[fs.bl.firstLbl:] {
			fs.resolveGotos(bl.firstGoto, l.name, l.pc, l.nact)
		}
	}
}

// cellsAbove reports whether a local above the first n is captured and assigned.
func (fs *fnState) cellsAbove(n int) bool {
	for _, v := range fs.act[n:] {
		if v.captured && v.assigned {
			return true
		}
	}
	return false
}

// closeGotos tells the jumps out of block bl about its cells. A jump already resolved leaves the locals above its
// recorded level; an unresolved one leaves the whole block.
func (fs *fnState) closeGotos(bl *block) {
	for i := bl.firstGoto; i < len(fs.gotos); i++ {
		g := &fs.gotos[i]
		level := bl.nact
		if g.resolved {
			level = max(g.nact, bl.nact)
		}
		if level < len(fs.act) && fs.cellsAbove(level) {
			g.close = true
			if g.resolved {
				fs.markClose(g, g.nact)
			}
		}
		if !g.resolved {
			g.nact = min(g.nact, bl.nact)
		}
	}
}

// markClose makes a resolved jump close the upvalues of the locals above the first n.
func (fs *fnState) markClose(g *gotoRef, n int) {
	reg := 0
	if n > 0 {
		reg = fs.act[n-1].reg + 1
	}
	setOp(&fs.p.code[g.pc], opJmpClose)
	setA(&fs.p.code[g.pc], reg)
}

// resolveGotos sends the open jumps to name, from index first on, to pc, where n locals are active.
func (fs *fnState) resolveGotos(first int, name string, pc, n int) {
	for i := first; i < len(fs.gotos); i++ {
		g := &fs.gotos[i]
		if g.resolved || g.name != name {
			continue
		}
		if g.nact < n {
			fs.lx.fail(g.line, fmt.Sprintf("<goto %s> jumps into the scope of local '%s'", g.name, fs.act[g.nact].name), "")
		}
		fs.patchGoto(g, pc, n)
	}
}

func (fs *fnState) patchGoto(g *gotoRef, pc, n int) {
	g.resolved = true
	g.nact = n
	if pc == fs.pc() {
		j := g.pc
		fs.concatJumps(&fs.jpc, j)
		fs.label()
	} else {
		fs.fixJump(g.pc, pc)
	}
	if g.close {
		fs.markClose(g, n)
	}
}

// gotoStat emits a jump to a label: one of the current block, or one that shows up later.
func (fs *fnState) gotoStat(name string, line int) {
	g := gotoRef{name: name, line: line, nact: len(fs.act)}
	g.pc = fs.plainJump()
	if name != "break" {
		for i := len(fs.labels) - 1; i >= fs.bl.firstLbl; i-- {
			if l := fs.labels[i]; l.name == name {
				fs.fixJump(g.pc, l.pc)
				g.resolved, g.nact = true, l.nact
				break
			}
		}
	}
	fs.gotos = append(fs.gotos, g)
}

// labelStat declares a label; last tells that only void statements follow it in its block, so that a jump to it
// may pass declarations.
func (fs *fnState) labelStat(name string, last bool) {
	for _, l := range fs.labels[fs.bl.firstLbl:] {
		if l.name == name {
			fs.lx.errNear("duplicate label '" + name + "'")
		}
	}
	pc := fs.label()
	n := len(fs.act)
	if last {
		n = fs.bl.nact
	}
	fs.labels = append(fs.labels, label{name, pc, n})
	fs.resolveGotos(fs.bl.firstGoto, name, pc, n)
}

// lookup finds a name: a local of fs, an upvalue, or a global.
func (fs *fnState) lookup(name string) expr {
	if v := fs.findLocal(name); v != nil {
		e := mkExpr(xLocal, v.reg)
		return e
	}
	if i := fs.findUpval(name); i >= 0 {
		return mkExpr(xUpval, i)
	}
	e := mkExpr(xGlobal, 0)
	e.str = name
	return e
}

func (fs *fnState) findLocal(name string) *localVar {
	for i := len(fs.act) - 1; i >= 0; i-- {
		if fs.act[i].name == name {
			return fs.act[i]
		}
	}
	return nil
}

func (fs *fnState) localAt(reg int) *localVar {
	for i := len(fs.act) - 1; i >= 0; i-- {
		if fs.act[i].reg == reg {
			return fs.act[i]
		}
	}
	return nil
}

// findUpval returns the index of the upvalue of that name, adding it through the enclosing functions; -1 if no
// enclosing function has such a local.
func (fs *fnState) findUpval(name string) int {
	if fs.outer == nil {
		return -1
	}
	var d upvalDesc
	var v *localVar
	if v = fs.outer.findLocal(name); v != nil {
		v.captured = true
		d = upvalDesc{name: name, index: uint8(v.reg), inStack: true}
	} else {
		i := fs.outer.findUpval(name)
		if i < 0 {
			return -1
		}
		v = fs.outer.upvals[i].local
		d = upvalDesc{name: name, index: uint8(i)}
	}
	for i, u := range fs.upvals {
		if u.local == v {
			return i
		}
	}
	if len(fs.upvals) >= maxUpvals {
		fs.limit(maxUpvals, "upvalues")
	}
	fs.upvals = append(fs.upvals, upvalRef{d, v})
	return len(fs.upvals) - 1
}

// noteUpval remembers an access to rewrite when the whole chunk is known.
func (fs *fnState) noteUpval(pc int, v *localVar) {
	fs.fixups = append(fs.fixups, upvalFixup{fs.p, pc, v})
}

// markAssigned records that the variable e stands for changes after its declaration.
func (fs *fnState) markAssigned(e *expr) {
	switch e.kind {
	case xLocal:
		if v := fs.localAt(e.info); v != nil {
			v.assigned = true
		}
	case xUpval:
		fs.upvals[e.info].local.assigned = true
	}
}

// finish completes the prototype: the returns of a function with cells close them.
func (fs *fnState) finish() {
	p := fs.p
	fs.emitABC(opRet0, 0, 0, 0)
	fs.dropLocals(0)
	if p.needsClose {
		for i := range p.code {
			in := p.code[i]
			switch insOp(in) {
			case opRet0:
				p.code[i] = ins(opRet, 0, 1, 1)
			case opRet1:
				p.code[i] = ins(opRet, insA(in), 2, 1)
			case opRet, opTailCall:
				setC(&p.code[i], 1)
			}
		}
	}
	p.lastLine = int32(fs.lx.line)
	if len(p.k) == 0 {
		p.k, p.kh = make([]Value, 1), make([]uint32, 1)
	}
	for _, u := range fs.upvals {
		p.upvals = append(p.upvals, u.desc)
	}
	if fs.outer != nil {
		fs.outer.fixups = append(fs.outer.fixups, fs.fixups...)
		for i := range fs.upvals {
			fs.outer.fixups = append(fs.outer.fixups, upvalFixup{p, -1 - i, fs.upvals[i].local})
		}
		return
	}
	for _, f := range fs.fixups {
		if f.v.assigned {
			continue
		}
		if f.pc < 0 {
			f.p.upvals[-1-f.pc].byValue = true
		} else {
			setOp(&f.p.code[f.pc], opGetUpvalV)
		}
	}
}
