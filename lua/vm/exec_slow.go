package vm

// The parts of instructions that call functions. They store results into the Lua stack; the interpreter loop reads
// everything anew afterwards. Where a metamethod must run its frame has been entered, and finishOp completes the
// instruction.

// result stores the result of the current instruction i into its register A.
func (l *State) result(i uint64, v Value) {
	l.stack[int(l.frames[l.fi].base)+insA(i)] = v
}

func (vm *VM) getField(l *State, o Value, idx int, i uint64) {
	p := l.stack[l.frames[l.fi].base-1].fn().proto
	v, mm, recv := vm.indexStr(l, o, p.k[idx], p.kh[idx])
	if mm.n == tagNil {
		l.result(i, v)
		return
	}
	vm.callMeta(l, mm, recv, p.k[idx], Nil, 2, 0)
}

// getTable is R[A] = o[k] for any key that is no array index.
func (vm *VM) getTable(l *State, o, k Value, i uint64) {
	if o.n == tagTable && uint8(k.n) == tagStr && k.n < minNumber {
		t := o.table()
		if v := t.getStr(k, hashString(k.str())); v.n != tagNil || t.meta == nil {
			l.result(i, v)
			return
		}
	}
	vm.getAny(l, o, k, i)
}

func (vm *VM) getAny(l *State, o, k Value, i uint64) {
	v, mm, recv := vm.indexWalk(l, o, k)
	if mm.n == tagNil {
		l.result(i, v)
		return
	}
	vm.callMeta(l, mm, recv, k, Nil, 2, 0)
}

// setTable is o[k] = v for any key that is no index of the array part.
func (vm *VM) setTable(l *State, o, k, v Value) {
	if o.n == tagTable {
		t := o.table()
		if uint8(k.n) == tagStr && k.n < minNumber {
			h := hashString(k.str())
			if nd := t.findStr(k, h); nd != nil && nd.val.n != tagNil {
				nd.val = v.clean()
				return
			} else if nd == nil && t.meta == nil {
				if v.n != tagNil {
					vm.newKey(t, k, h, v)
				}
				return
			}
		} else if t.meta == nil {
			vm.rawSet(l, t, k, v)
			return
		}
	}
	vm.setAny(l, o, k, v)
}

func (vm *VM) setAny(l *State, o, k, v Value) {
	if mm, recv := vm.setWalk(l, o, k, v); mm.n != tagNil {
		vm.callMeta(l, mm, recv, k, v, 3, 0)
	}
}

func (vm *VM) setField(l *State, o Value, idx int, v Value) {
	p := l.stack[l.frames[l.fi].base-1].fn().proto
	if o.n == tagTable {
		if t := o.table(); t.meta == nil {
			c, h := &p.k[idx], p.kh[idx]
			if nd := t.findConst(c, h); nd != nil {
				if nd.val.n == tagNil {
					t.flags = 0
				}
				nd.val = v.clean()
			} else if v.n != tagNil {
				vm.newKey(t, *c, h, v)
			}
			return
		}
	}
	vm.setAny(l, o, p.k[idx], v)
}

// newKey adds a string key that t does not have.
func (vm *VM) newKey(t *Table, k Value, h uint32, v Value) {
	mask := t.mask
	*t.insertHashed(k, h) = v.clean()
	if t.mask != mask {
		vm.account(int(t.mask-mask) * int(nodeSize))
	}
}

func (vm *VM) setGlobal(l *State, t *Table, k, v Value) {
	if vm.OnGlobalWrite != nil && t == vm.globals && t.Get(k).n == tagNil {
		vm.OnGlobalWrite(l, k.str())
	}
	vm.setAny(l, mkTable(t), k, v)
}

// arithOp carries out any arithmetic instruction on any operands.
func (vm *VM) arithOp(l *State, i uint64) {
	f := &l.frames[l.fi]
	base := int(f.base)
	op := insOp(i) - opAddRR
	p := l.stack[base-1].fn().proto
	var b, c Value
	switch op / 6 {
	case 0:
		b, c = l.stack[base+insB(i)], l.stack[base+insC(i)]
	case 1:
		b, c = l.stack[base+insB(i)], p.k[insC(i)]
	default:
		b, c = p.k[insB(i)], l.stack[base+insC(i)]
	}
	if b.isNum() && c.isNum() {
		l.stack[base+insA(i)].setNum(arith(binop(op%6), b.num(), c.num()))
		return
	}
	r, mm, ok := vm.arithWalk(binop(op%6), b, c)
	if ok {
		l.stack[base+insA(i)].setNum(r)
		return
	}
	if mm.n == tagNil {
		vm.arithError(l, i, int(op/6), b)
	}
	vm.callMeta(l, mm, b, c, Nil, 2, 0)
}

// arithError names the operand that is no number.
func (vm *VM) arithError(l *State, i uint64, form int, b Value) {
	reg := insB(i)
	if _, ok := toNumber(b); ok && form != 1 || form == 2 {
		reg = insC(i)
	}
	vm.operandError(l, "perform arithmetic on", reg)
}

func (vm *VM) unmOp(l *State, i uint64) {
	base := int(l.frames[l.fi].base)
	b := l.stack[base+insB(i)]
	if x, ok := toNumber(b); ok {
		l.stack[base+insA(i)].setNum(-x)
		return
	}
	mm := vm.metaOf(b, vm.names.unm)
	if mm.n == tagNil {
		vm.operandError(l, "perform arithmetic on", insB(i))
	}
	vm.callMeta(l, mm, b, b, Nil, 2, 0)
}

func (vm *VM) lenOp(l *State, b Value, i uint64) {
	if b.n == tagTable && b.table().meta == nil {
		l.result(i, Int(b.table().length()))
		return
	}
	mm := vm.metaOf(b, vm.names.len)
	if mm.n == tagNil {
		if b.n != tagTable {
			vm.operandError(l, "get length of", insB(i))
		}
		l.result(i, Int(b.table().Len()))
		return
	}
	vm.callMeta(l, mm, b, b, Nil, 2, 0)
}

func (vm *VM) concatOp(l *State, i uint64) {
	if vm.concat(l, insB(i), insC(i)) {
		l.result(i, l.stack[int(l.frames[l.fi].base)+insB(i)])
	}
}

// jumpClose closes upvalues before a jump, which the frame's counter has taken already.
func (vm *VM) jumpClose(l *State, from int) {
	l.closeUpvals(from)
	if vm.fuel--; vm.fuel < 0 {
		vm.loopEnd(l)
	}
}

func (vm *VM) closureOp(l *State, i uint64) {
	f := vm.closure(l, int(l.frames[l.fi].base), insA(i), insB(i))
	l.result(i, mkFunction(f))
}

func (vm *VM) newTableOp(l *State, i uint64) {
	t := NewTable(insB(i), insC(i))
	if vm.used.Bytes += int64(t.bytes()); vm.used.Bytes > vm.byteLimit {
		vm.outOfMemory()
	}
	l.result(i, mkTable(t))
}

// takeJump applies the outcome of a comparison to the current frame.
func (l *State) takeJump(i uint64, cond bool) {
	if (insOp(i)-opLT)&1 != 0 {
		cond = !cond
	}
	if cond {
		l.frames[l.fi].pc += int32(insDist(i))
	}
}

func (vm *VM) lessOp(l *State, a, b Value, i uint64, le bool) {
	r, mm, swapped := vm.lessWalk(l, a, b, le)
	if mm.n == tagNil {
		l.takeJump(i, r)
		return
	}
	if swapped {
		vm.callMeta(l, mm, b, a, Nil, 2, 1)
		return
	}
	vm.callMeta(l, mm, a, b, Nil, 2, 0)
}

// equalOp compares two values of one type (and length) that are not the same pointer.
func (vm *VM) equalOp(l *State, a, b Value, i uint64) {
	if a.n != tagTable && a.n != tagUser {
		l.takeJump(i, rawEqual(a, b))
		return
	}
	mm := vm.equalMeta(a, b)
	if mm.n == tagNil {
		l.takeJump(i, false)
		return
	}
	vm.callMeta(l, mm, a, b, Nil, 2, 0)
}

// forPrep converts the three numbers of a numeric loop, which may be numeric strings.
func (vm *VM) forPrep(l *State, at int) {
	for j, name := range [...]string{"initial value", "limit", "step"} {
		f, ok := toNumber(l.stack[at+j])
		if !ok {
			l.runtimeError("'for' " + name + " must be a number")
		}
		l.stack[at+j].setNum(f)
	}
}

// iterPrep sets the hidden position of a generic loop: the next position of the table where the iterator is next and
// the control variable a key of the table, else an invalid one.
func (vm *VM) iterPrep(l *State, at int) {
	s := l.stack[at : at+4]
	s[3] = Nil
	if s[0].n == tagFunc && s[1].n == tagTable && s[1].table().weak == 0 && s[0].fn().proto == nil && s[0].fn().body.special == spNext {
		if pos, ok := s[1].table().position(s[2]); ok {
			s[3] = Int(int(pos))
		}
	}
}

// tailCall replaces the current frame by a call.
func (vm *VM) tailCall(l *State, i uint64) bool {
	fr := l.frames[l.fi]
	fn := int(fr.base) + insA(i)
	nargs := insB(i) - 1
	if nargs < 0 {
		nargs = l.top - fn - 1
	}
	if insC(i) != 0 {
		l.closeUpvals(int(fr.base))
	}
	v := l.stack[fn]
	if v.n != tagFunc && vm.metaOf(v, vm.names.call).n == tagNil {
		vm.callError(l, fn)
	}
	slot := l.funcSlot(&fr)
	copy(l.stack[slot:slot+nargs+1], l.stack[fn:fn+nargs+1])
	l.fi--
	flags := fr.flags &^ fVararg
	if flags&fFromGo != 0 {
		l.ngo-- // taken again by the new frame
	}
	return vm.precall(l, slot, nargs, int(fr.nres), flags, fr.aux)
}

// retMulti returns several values, or those up to the top.
func (vm *VM) retMulti(l *State, i uint64) bool {
	fr := &l.frames[l.fi]
	base := int(fr.base)
	from, n := base+insA(i), insB(i)-1
	if n < 0 {
		n = l.top - from
	}
	if insC(i) != 0 && l.open != nil {
		l.closeUpvals(base)
	}
	if fr.flags != 0 {
		return vm.retOp(l, from, n)
	}
	l.fi--
	l.deliver(base-1, from, n, int(fr.nres))
	if poisonFreed {
		l.poison(base-1, int(fr.nres))
	}
	return false
}

// retOp returns n values at stack[from] from a frame that something other than a plain call waits for.
func (vm *VM) retOp(l *State, from, n int) bool {
	fr := l.frames[l.fi]
	slot := l.funcSlot(&fr)
	l.fi--
	return vm.finish(l, slot, from, n, int(fr.nres), fr.flags&^fVararg, fr.aux)
}

// closure creates a closure of the current function's inner prototype idx for register a.
func (vm *VM) closure(l *State, base, a, idx int) *Function {
	outer := l.stack[base-1].fn()
	p := outer.proto.protos[idx]
	f := newClosure(p, outer.env)
	vm.account(int(functionSize) + len(p.upvals)*int(valueSize))
	for i := range p.upvals {
		d := &p.upvals[i]
		u := f.upval(i)
		switch {
		case !d.inStack:
			*u = *outer.upval(int(d.index))
		case !d.byValue:
			c := l.findUpval(base + int(d.index))
			*u = cellValue(c)
		case int(d.index) == a:
			*u = mkFunction(f)
		default:
			*u = l.stack[base+int(d.index)].clean()
		}
	}
	return f
}

// vararg copies extra arguments (C-1 of them, or all) to registers from A on.
func (vm *VM) vararg(l *State, i uint64) {
	fr := &l.frames[l.fi]
	a, n := insA(i), insC(i)-1
	have := int(fr.nvar)
	base := int(fr.base)
	src := base - 1 - have
	if n < 0 {
		n = have
		l.ensure(base + a + n + goSlack)
		l.top = base + a + n
	}
	dst := l.stack[base+a : base+a+n]
	c := copy(dst, l.stack[src:src+min(n, have)])
	for ; c < n; c++ {
		dst[c] = Nil
	}
}

// setList stores n values above the table (-1: up to the top) from element start+1 on.
func (vm *VM) setList(l *State, at, n, start int) {
	t := l.stack[at].AsTable()
	if t == nil {
		l.runtimeError("malformed bytecode")
	}
	if n < 0 {
		n = l.top - at - 1
	}
	if uint32(start+n) > t.asize && n > 0 {
		vm.account((start + n - int(t.asize)) * int(valueSize)) // before the memory is taken
		t.growArray(uint32(start + n))
	}
	for j := 0; j < n; j++ {
		*t.slot(uint32(start + j)) = l.stack[at+1+j].clean()
	}
}
