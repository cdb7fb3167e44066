package vm

// currentLine returns the line a Lua frame is at.
func (l *State) currentLine(i int) int {
	f := &l.frames[i]
	p := l.stack[f.base-1].fn().proto
	pc := max(int(f.pc)-1, 0)
	return int(p.lines[min(pc, len(p.lines)-1)])
}

// Position returns the chunk name, as messages show it, and the line of the innermost Lua function of the thread; ""
// and 0 where none runs. It allocates nothing when the chunk name begins with = or @ and is not long.
func (l *State) Position() (chunk string, line int) {
	for i := l.fi; i > 0; i-- {
		if f := &l.frames[i]; f.kind == kLua {
			return chunkID(l.stack[f.base-1].fn().proto.source), l.currentLine(i)
		}
	}
	return "", 0
}

// localName returns the name of the n-th (from 1) local active at pc.
func (p *Proto) localName(n, pc int) (string, int, bool) {
	for i := range p.locals {
		v := &p.locals[i]
		if int(v.start) > pc {
			break
		}
		if pc < int(v.end) {
			if n--; n == 0 {
				return v.name, int(v.reg), true
			}
		}
	}
	return "", 0, false
}

func (p *Proto) regName(reg, pc int) string {
	for i := len(p.locals) - 1; i >= 0; i-- {
		v := &p.locals[i]
		if int(v.reg) == reg && int(v.start) <= pc && pc < int(v.end) {
			return v.name
		}
	}
	return ""
}

// writesA tells which instructions replace exactly register A.
func writesA(op opcode) bool {
	return op <= opGetUpvalV && op != opLoadNil || op == opGetGlobal || op >= opGetTable && op <= opGetIndex ||
		op >= opAddRR && op <= opLen || op == opConcat || op == opClosure || op == opNewTable || op == opJTSet || op == opJFSet
}

// slotName explains where the value in a register came from: the name and kind of a variable, or nothing. It looks
// back from instruction pc for the last one that wrote the register.
func (p *Proto) slotName(reg, pc int) (name, kind string) {
again:
	if n := p.regName(reg, pc); n != "" {
		return n, "local"
	}
	for ip := pc - 1; ip >= 0; ip-- {
		i := p.code[ip]
		op, a := insOp(i), insA(i)
		switch {
		case op == opCall || op == opVararg:
			if reg >= a {
				return "", ""
			}
		case op == opTForCall:
			if reg >= a+4 {
				return "", ""
			}
		case op == opLoadNil:
			if reg >= a && reg <= insB(i) {
				return "", ""
			}
		case op == opSelf:
			if reg == a {
				return p.k[insC(i)].str(), "method"
			}
			if reg == a+1 {
				return "", ""
			}
		case writesA(op) && a == reg:
			switch op {
			case opMove:
				reg, pc = insB(i), ip
				goto again
			case opGetGlobal:
				return p.k[insB(i)].str(), "global"
			case opGetField:
				return p.k[insC(i)].str(), "field"
			case opGetUpval, opGetUpvalV:
				return p.upvals[insB(i)].name, "upvalue"
			}
			return "", ""
		}
	}
	return "", ""
}

// funcName names the function of frame i by the call that entered it.
func (l *State) funcName(i int) (name, what string) {
	if i <= 1 {
		return "", ""
	}
	f, c := &l.frames[i], &l.frames[i-1]
	if c.kind != kLua || f.flags&(fFromGo|fPcall|fCo) != 0 {
		return "", ""
	}
	p := l.stack[c.base-1].fn().proto
	pc := int(c.pc) - 1
	if pc < 0 {
		return "", ""
	}
	ins := p.code[pc]
	switch op := insOp(ins); {
	case op == opCall || op == opTailCall:
		return p.slotName(insA(ins), pc)
	case op == opTForCall:
		return "for iterator", "for iterator"
	case f.flags&fMeta != 0 || f.kind == kGo: // frames of Go carry no flags
		return metaEvent(op), "metamethod"
	}
	return "", ""
}

// metaEvent names the metamethod that an instruction calls.
func metaEvent(op opcode) string {
	switch {
	case op >= opAddRR && op <= opPowKR:
		return [...]string{"__add", "__sub", "__mul", "__div", "__mod", "__pow"}[(op-opAddRR)%6]
	case op >= opSetTable && op <= opSetIndex, op == opSetGlobal:
		return "__newindex"
	case op == opConcat:
		return "__concat"
	case op == opLen:
		return "__len"
	case op == opUnm:
		return "__unm"
	case op >= opEQ && op <= opNEP:
		return "__eq"
	case op == opLT, op == opNLT, op == opLTK, op == opNLTK, op == opGTK, op == opNGTK:
		return "__lt"
	case op >= opLT && op < opEQ:
		return "__le"
	}
	return "__index"
}

// operandError raises "attempt to <what> <variable> (a <type> value)" for a register of the current Lua frame.
func (vm *VM) operandError(l *State, what string, reg int) {
	f := &l.frames[l.fi]
	p := l.stack[f.base-1].fn().proto
	name, kind := p.slotName(reg, int(f.pc)-1)
	vm.namedError(l, what, kind, name, l.stack[int(f.base)+reg])
}

func (vm *VM) namedError(l *State, what, kind, name string, v Value) {
	if name == "" {
		l.runtimeError("attempt to " + what + " a " + v.typeName() + " value")
	}
	l.runtimeError("attempt to " + what + " " + kind + " '" + name + "' (a " + v.typeName() + " value)")
}

// indexError raises the error of indexing o, which has no metamethod for it.
func (vm *VM) indexError(l *State, o, k Value) {
	f := &l.frames[l.fi]
	if f.kind != kLua {
		l.Errorf("attempt to index a %s value", o.typeName())
	}
	p := l.stack[f.base-1].fn().proto
	pc := int(f.pc) - 1
	i := p.code[pc]
	reg := -1
	switch insOp(i) {
	case opGetTable, opGetField, opGetIndex, opSelf:
		reg = insB(i)
	case opSetTable, opSetField, opSetIndex:
		reg = insA(i)
	}
	if reg >= 0 && rawEqual(l.stack[int(f.base)+reg], o) {
		name, kind := p.slotName(reg, pc)
		vm.namedError(l, "index", kind, name, o)
	}
	vm.namedError(l, "index", "", "", o)
}

// callError raises the error of calling stack[fn], which is not callable.
func (vm *VM) callError(l *State, fn int) {
	f := &l.frames[l.fi]
	v := l.stack[fn]
	if f.kind == kLua {
		p := l.stack[f.base-1].fn().proto
		pc := int(f.pc) - 1
		if i := p.code[pc]; (insOp(i) == opCall || insOp(i) == opTailCall) && insA(i)+int(f.base) == fn {
			name, kind := p.slotName(insA(i), pc)
			vm.namedError(l, "call", kind, name, v)
		}
	}
	l.runtimeError("attempt to call a " + v.typeName() + " value")
}
