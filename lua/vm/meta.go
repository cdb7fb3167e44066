package vm

// metaName is the name of a metamethod with its hash and, for those looked up often, the bit that remembers its
// absence in Table.flags.
type metaName struct {
	key  Value
	hash uint32
	bit  uint8
}

type metaNames struct {
	index, newindex, call, eq, len                     metaName
	lt, le, concat, unm                                metaName
	arith                                              [6]metaName
	tostring, metatable, mode, gc, pairs, ipairs, name metaName
}

func newMetaNames(keep *Proto) metaNames {
	mk := func(s string, bit uint8) metaName {
		k := keep.internConst(s)
		return metaName{k, hashString(s), bit}
	}
	n := metaNames{
		index: mk("__index", 1), newindex: mk("__newindex", 2), call: mk("__call", 4), eq: mk("__eq", 8), len: mk("__len", 16),
		lt: mk("__lt", 0), le: mk("__le", 0), concat: mk("__concat", 0), unm: mk("__unm", 0),
		tostring: mk("__tostring", 0), metatable: mk("__metatable", 0), mode: mk("__mode", 0), gc: mk("__gc", 0),
		pairs: mk("__pairs", 32), ipairs: mk("__ipairs", 64), name: mk("__name", 0),
	}
	for i, s := range [...]string{"__add", "__sub", "__mul", "__div", "__mod", "__pow"} {
		n.arith[i] = mk(s, 0)
	}
	return n
}

// metamethod returns the field of a metatable, or nil.
func (mt *Table) metamethod(m *metaName) Value {
	if mt == nil || mt.flags&m.bit != 0 {
		return Nil
	}
	v := mt.getStr(m.key, m.hash)
	if v.n == tagNil {
		mt.flags |= m.bit
	}
	return v
}

// metatableOf returns the metatable of any value, or nil.
func (vm *VM) metatableOf(v Value) *Table {
	switch {
	case v.n == tagTable:
		return v.table().meta
	case v.n == tagUser:
		return v.user().meta
	case v.isStr():
		return vm.strMeta
	}
	return vm.typeMeta[v.Type()]
}

func (vm *VM) metaOf(v Value, m metaName) Value { return vm.metatableOf(v).metamethod(&m) }

const maxMetaLoop = 100

// indexWalk evaluates o[k] as far as no function must be called: either v is the result (mm is nil), or mm must be
// called with recv and k.
func (vm *VM) indexWalk(l *State, o, k Value) (v, mm, recv Value) {
	for range maxMetaLoop {
		if o.n == tagTable {
			t := o.table()
			v = t.Get(k)
			if v.n != tagNil || t.meta == nil {
				return v, Nil, Nil
			}
			if mm = t.meta.metamethod(&vm.names.index); mm.n == tagNil {
				return Nil, Nil, Nil
			}
		} else if mm = vm.metaOf(o, vm.names.index); mm.n == tagNil {
			vm.indexError(l, o, k)
		}
		if mm.n == tagFunc {
			return Nil, mm, o
		}
		o = mm
	}
	l.runtimeError("loop in gettable")
	return
}

// setWalk evaluates o[k] = v as far as no function must be called: mm, if set, must be called with recv, k and v.
func (vm *VM) setWalk(l *State, o, k, v Value) (mm, recv Value) {
	for range maxMetaLoop {
		if o.n == tagTable {
			t := o.table()
			if t.meta == nil {
				vm.rawSet(l, t, k, v)
				return Nil, Nil
			}
			if t.weak == 0 {
				if p := t.ref(k); p != nil && p.n != tagNil {
					*p = v.clean()
					return Nil, Nil
				}
			}
			if t.weak != 0 && t.weakGet(k).n != tagNil {
				vm.rawSet(l, t, k, v)
				return Nil, Nil
			}
			if mm = t.meta.metamethod(&vm.names.newindex); mm.n == tagNil {
				vm.rawSet(l, t, k, v)
				return Nil, Nil
			}
		} else if mm = vm.metaOf(o, vm.names.newindex); mm.n == tagNil {
			vm.indexError(l, o, k)
		}
		if mm.n == tagFunc {
			return mm, o
		}
		o = mm
	}
	l.runtimeError("loop in settable")
	return
}

// rawSet stores without metamethods after checking the key.
func (vm *VM) rawSet(l *State, t *Table, k, v Value) {
	if t.weak != 0 {
		if k.n == tagNil {
			l.runtimeError("table index is nil")
		}
		if v.n != tagNil && t.weakGet(k).n == tagNil {
			vm.account(weakEntryBytes)
		}
		t.Set(k, v)
		return
	}
	if p := t.ref(k); p != nil {
		if p.n == tagNil {
			t.flags = 0
		}
		*p = v.clean()
		return
	}
	if k.n == tagNil {
		l.runtimeError("table index is nil")
	}
	if k.n >= minNumber && k.num() != k.num() {
		l.runtimeError("table index is NaN")
	}
	if v.n == tagNil {
		return
	}
	before := t.bytes()
	*t.insert(normKey(k)) = v.clean()
	if after := t.bytes(); after > before {
		vm.account(after - before)
	}
}

// callMeta calls a metamethod for the instruction of the current Lua frame, which finishOp completes.
func (vm *VM) callMeta(l *State, mm, a, b, c Value, nargs int, aux int32) {
	at := l.frameTop()
	l.ensure(at + 5)
	s := l.stack[at : at+4]
	s[0], s[1], s[2], s[3] = mm, a, b, c
	vm.precall(l, at, nargs, 1, fMeta, aux)
}

// metaValue calls a metamethod from Go and returns its first result.
func (vm *VM) metaValue(l *State, mm, a, b, c Value, nargs int) Value {
	at := l.frameTop()
	l.ensure(at + 5 + goSlack)
	s := l.stack[at : at+4]
	s[0], s[1], s[2], s[3] = mm, a, b, c
	top := l.top
	l.top = at + nargs + 1
	l.callAt(at, nargs, 1)
	l.top = top
	return l.stack[at]
}

// finishOp completes the instruction that waited for a metamethod; v is the metamethod's result.
func (vm *VM) finishOp(l *State, v Value, aux int32) bool {
	fr := &l.frames[l.fi]
	p := l.stack[fr.base-1].fn().proto
	i := p.code[fr.pc-1]
	base := int(fr.base)
	switch op := insOp(i); {
	case op == opSetTable || op == opSetField || op == opSetIndex || op == opSetGlobal:
	case op >= opLT && op <= opNEP:
		cond := v.Truthy()
		if aux != 0 {
			cond = !cond
		}
		if (op-opLT)&1 != 0 {
			cond = !cond
		}
		if cond {
			fr.pc += int32(insDist(i))
		}
	case op == opConcat:
		l.stack[base+int(aux)] = v
		if vm.concat(l, insB(i), int(aux)) {
			l.stack[base+insA(i)] = l.stack[base+insB(i)]
		}
	default:
		l.stack[base+insA(i)] = v
	}
	return false
}

// concat joins the registers b..c of the current frame into register b; false: a metamethod was entered.
func (vm *VM) concat(l *State, b, c int) bool {
	base := int(l.frames[l.fi].base)
	for last := c; last > b; {
		r := l.stack[base : base+last+1]
		if !concatable(r[last]) || !concatable(r[last-1]) {
			mm := vm.metaOf(r[last-1], vm.names.concat)
			if mm.n == tagNil {
				mm = vm.metaOf(r[last], vm.names.concat)
			}
			if mm.n == tagNil {
				if concatable(r[last-1]) {
					vm.operandError(l, "concatenate", last)
				}
				vm.operandError(l, "concatenate", last-1)
			}
			vm.callMeta(l, mm, r[last-1], r[last], Nil, 2, int32(last-1))
			return false
		}
		first := last - 1
		for first > b && concatable(r[first-1]) {
			first--
		}
		r[first] = vm.joinValues(l, r[first:last+1])
		last = first
	}
	return true
}

func concatable(v Value) bool { return v.isStr() || v.isNum() }

// joinValues returns the concatenation of strings and numbers.
func (vm *VM) joinValues(l *State, vs []Value) Value {
	total, numbers := 0, false
	for _, v := range vs {
		if v.isStr() {
			total += v.strLen()
		} else {
			numbers = true
		}
	}
	if total > vm.budget.StringBytes {
		l.runtimeError("string length overflow")
	}
	if !numbers {
		// Joining with the empty string needs no copy.
		for _, v := range vs {
			if v.strLen() == total {
				return v
			}
		}
		vm.account(total)
		return joinStrings(vs, total)
	}
	buf := vm.buf[:0]
	for _, v := range vs {
		if v.isStr() {
			buf = append(buf, v.str()...)
		} else {
			buf = appendNumber(buf, v.num())
		}
	}
	vm.keepBuf(buf)
	vm.account(len(buf))
	return String(string(buf))
}

// keepBuf keeps the scratch buffer for the next user unless it grew large.
func (vm *VM) keepBuf(b []byte) {
	if cap(b) <= 1<<16 {
		vm.buf = b[:0]
	}
}

// toNumber converts a value as arithmetic does: numbers and numeric strings.
func toNumber(v Value) (float64, bool) {
	if v.isNum() {
		return v.num(), true
	}
	if v.isStr() {
		return parseNumber(v.str())
	}
	return 0, false
}

// arithValue computes op on any operands for Go callers; metamethods are called.
func (vm *VM) arithWalk(op binop, a, b Value) (r float64, mm Value, ok bool) {
	if x, okx := toNumber(a); okx {
		if y, oky := toNumber(b); oky {
			return arith(op, x, y), Nil, true
		}
	}
	mm = vm.metaOf(a, vm.names.arith[op])
	if mm.n == tagNil {
		mm = vm.metaOf(b, vm.names.arith[op])
	}
	return 0, mm, false
}

// equalMeta returns the __eq metamethod that decides whether two different tables or userdata are equal.
func (vm *VM) equalMeta(a, b Value) Value {
	if a.n != b.n || a.n != tagTable && a.n != tagUser {
		return Nil
	}
	ma := vm.metaOf(a, vm.names.eq)
	if ma.n == tagNil {
		return Nil
	}
	if mb := vm.metaOf(b, vm.names.eq); !rawEqual(ma, mb) {
		return Nil
	}
	return ma
}

// lessWalk compares a < b (or a <= b with le) as far as no metamethod is needed; swapped tells that mm is __lt to be
// called with b and a, its result negated.
func (vm *VM) lessWalk(l *State, a, b Value, le bool) (r bool, mm Value, swapped bool) {
	if a.isNum() && b.isNum() {
		if le {
			return a.num() <= b.num(), Nil, false
		}
		return a.num() < b.num(), Nil, false
	}
	if a.isStr() && b.isStr() {
		if le {
			return a.str() <= b.str(), Nil, false
		}
		return a.str() < b.str(), Nil, false
	}
	same := func(m metaName) Value {
		ma, mb := vm.metaOf(a, m), vm.metaOf(b, m)
		if ma.n == tagNil {
			return mb
		}
		return ma
	}
	if !le {
		mm = same(vm.names.lt)
	} else if mm = same(vm.names.le); mm.n == tagNil {
		mm, swapped = same(vm.names.lt), true
	}
	if mm.n == tagNil {
		t1, t2 := a.typeName(), b.typeName()
		if t1 == t2 {
			l.runtimeError("attempt to compare two " + t1 + " values")
		}
		l.runtimeError("attempt to compare " + t1 + " with " + t2)
	}
	return false, mm, swapped
}
