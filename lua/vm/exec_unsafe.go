package vm

import (
	"math"
	"unsafe"
)

// exec is the interpreter loop. It runs the current Lua frame of vm.cur, and the frames it enters, until a frame
// that was called from Go returns.
//
// The registers are seen through a pointer to an array of 256 Values, so that an 8-bit operand needs no bounds
// check. The window may reach past the allocation of the stack; what makes this safe is that enterLua reserves
// frameSize slots and the compiler uses no register at or above frameSize. Constants and code are addressed the
// same way. Whatever may move the stack or the frames (a call, a metamethod) is followed by a reload.
//
//go:nocheckptr
func (vm *VM) exec() {
	var (
		l    *State
		fr   *frame
		r    *[256]Value
		k    *[maxConsts]Value
		code unsafe.Pointer
		pc   int
	)
reload:
	l = vm.cur
	fr = &l.frames[l.fi]
	r = (*[256]Value)(unsafe.Pointer(&l.stack[fr.base]))
	{
		p := l.stack[fr.base-1].fn().proto
		k = (*[maxConsts]Value)(unsafe.Pointer(unsafe.SliceData(p.k)))
		code = unsafe.Pointer(unsafe.SliceData(p.code))
	}
	pc = int(fr.pc)
	for {
		i := *(*uint64)(unsafe.Add(code, pc*8))
		pc++
		switch opcode(uint8(i)) {
		case opMove:
			r[uint8(i>>8)] = r[uint8(i>>16)]
		case opLoadK:
			r[uint8(i>>8)] = k[uint16(i>>16)]
		case opLoadPri:
			r[uint8(i>>8)].n = uint64(uint16(i >> 16))
		case opLoadNil:
			for a, b := uint8(i>>8), uint8(i>>16); ; a++ {
				r[a] = Value{}
				if a == b {
					break
				}
			}
		case opGetUpval:
			r[uint8(i>>8)] = *r2fn(r).cell(int(uint8(i >> 16))).v
		case opGetUpvalV:
			r[uint8(i>>8)] = *r2fn(r).upval(int(uint8(i >> 16)))
		case opSetUpval:
			*r2fn(r).cell(int(uint8(i >> 8))).v = r[uint8(i>>16)].clean()
		case opGetGlobal:
			t := r2fn(r).env
			c := &k[uint16(i>>16)]
			nd := t.node(uint32(i>>48) & t.mask)
			if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
				r[uint8(i>>8)] = nd.val
				continue
			}
			fr.pc = int32(pc)
			if v, ok := vm.getField(l, mkTable(t), c, int(uint16(i>>16))); ok {
				r[uint8(i>>8)] = v
				continue
			}
			goto reload
		case opGetField:
			o := &r[uint8(i>>16)]
			c := &k[uint16(i>>32)]
			if o.n == tagTable {
				t := o.table()
				nd := t.node(uint32(i>>48) & t.mask)
				if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
					r[uint8(i>>8)] = nd.val
					continue
				}
				if nd.next != 0 {
					// One step along the chain catches most of what is not at its main position.
					nd = t.node(nd.next - 1)
					if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
						r[uint8(i>>8)] = nd.val
						continue
					}
				}
			}
			fr.pc = int32(pc)
			if v, ok := vm.getField(l, *o, c, int(uint16(i>>32))); ok {
				r[uint8(i>>8)] = v
				continue
			}
			goto reload
		case opSelf:
			o := &r[uint8(i>>16)]
			c := &k[uint16(i>>32)]
			r[uint8(i>>8)+1] = *o
			if o.n == tagTable {
				t := o.table()
				nd := t.node(uint32(i>>48) & t.mask)
				if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
					r[uint8(i>>8)] = nd.val
					continue
				}
			} else if o.isStr() && vm.strIndex != nil {
				t := vm.strIndex
				nd := t.node(uint32(i>>48) & t.mask)
				if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
					r[uint8(i>>8)] = nd.val
					continue
				}
			}
			fr.pc = int32(pc)
			if v, ok := vm.getField(l, *o, c, int(uint16(i>>32))); ok {
				r[uint8(i>>8)] = v
				continue
			}
			goto reload
		case opGetIndex:
			o := &r[uint8(i>>16)]
			idx := uint32(uint16(i >> 32))
			if o.n == tagTable {
				if t := o.table(); idx-1 < t.asize {
					if v := t.slot(idx - 1); v.n != tagNil || t.meta == nil {
						r[uint8(i>>8)] = *v
						continue
					}
				}
			}
			fr.pc = int32(pc)
			if v, ok := vm.getAny(l, *o, Int(int(idx))); ok {
				r[uint8(i>>8)] = v
				continue
			}
			goto reload
		case opGetTable:
			o := &r[uint8(i>>16)]
			c := &r[uint8(i>>32)]
			if o.n == tagTable {
				t := o.table()
				if c.n >= minNumber {
					f := c.num()
					idx := int(f)
					if uint(idx-1) < uint(t.asize) && float64(idx) == f {
						if v := t.slot(uint32(idx - 1)); v.n != tagNil || t.meta == nil {
							r[uint8(i>>8)] = *v
							continue
						}
					}
				} else if uint8(c.n) == tagStr {
					if v := t.getStr(*c, hashString(c.str())); v.n != tagNil || t.meta == nil {
						r[uint8(i>>8)] = v
						continue
					}
				}
			}
			fr.pc = int32(pc)
			if v, ok := vm.getAny(l, *o, *c); ok {
				r[uint8(i>>8)] = v
				continue
			}
			goto reload
		case opSetGlobal:
			t := r2fn(r).env
			c := &k[uint16(i>>16)]
			nd := t.node(uint32(i>>48) & t.mask)
			v := &r[uint8(i>>8)]
			if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
				nd.val = v.clean()
				continue
			}
			fr.pc = int32(pc)
			vm.setGlobal(l, t, *c, *v)
			goto reload
		case opSetField:
			o := &r[uint8(i>>8)]
			c := &k[uint16(i>>32)]
			v := &r[uint8(i>>16)]
			if o.n == tagTable {
				t := o.table()
				nd := t.node(uint32(i>>48) & t.mask)
				if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
					p := v.p
					if v.n >= minNumber || v.n <= tagTrue {
						p = nil
					}
					nd.val.n = v.n
					nd.val.p = p
					continue
				}
				if nd.next != 0 {
					nd = t.node(nd.next - 1)
					if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
						nd.val = v.clean()
						continue
					}
				}
			}
			fr.pc = int32(pc)
			if vm.setField(l, *o, c, int(uint16(i>>32)), *v) {
				continue
			}
			goto reload
		case opSetIndex:
			o := &r[uint8(i>>8)]
			v := &r[uint8(i>>16)]
			idx := uint32(uint16(i >> 32))
			if o.n == tagTable {
				if t := o.table(); idx-1 < t.asize {
					if s := t.slot(idx - 1); s.n != tagNil || t.meta == nil {
						*s = v.clean()
						continue
					}
				}
			}
			fr.pc = int32(pc)
			if vm.setAny(l, *o, Int(int(idx)), *v) {
				continue
			}
			goto reload
		case opSetTable:
			o := &r[uint8(i>>8)]
			c := &r[uint8(i>>16)]
			v := &r[uint8(i>>32)]
			if o.n == tagTable {
				t := o.table()
				if c.n >= minNumber {
					f := c.num()
					idx := int(f)
					if uint(idx-1) < uint(t.asize) && float64(idx) == f {
						if s := t.slot(uint32(idx - 1)); s.n != tagNil || t.meta == nil {
							p := v.p
							if v.n >= minNumber || v.n <= tagTrue {
								p = nil
							}
							s.n = v.n
							s.p = p
							continue
						}
					}
				} else if uint8(c.n) == tagStr {
					h := hashString(c.str())
					if nd := t.findStr(*c, h); nd != nil && nd.val.n != tagNil {
						nd.val = v.clean()
						continue
					} else if nd == nil && t.meta == nil {
						if v.n != tagNil {
							vm.newKey(t, *c, h, *v)
						}
						continue
					}
				}
			}
			fr.pc = int32(pc)
			if vm.setAny(l, *o, *c, *v) {
				continue
			}
			goto reload

		case opAddRR:
			b, c := &r[uint8(i>>16)], &r[uint8(i>>32)]
			if b.n >= minNumber && c.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() + c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opSubRR:
			b, c := &r[uint8(i>>16)], &r[uint8(i>>32)]
			if b.n >= minNumber && c.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() - c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opMulRR:
			b, c := &r[uint8(i>>16)], &r[uint8(i>>32)]
			if b.n >= minNumber && c.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() * c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opDivRR:
			b, c := &r[uint8(i>>16)], &r[uint8(i>>32)]
			if b.n >= minNumber && c.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() / c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opAddRK:
			b, c := &r[uint8(i>>16)], &k[uint16(i>>32)]
			if b.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() + c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opSubRK:
			b, c := &r[uint8(i>>16)], &k[uint16(i>>32)]
			if b.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() - c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opMulRK:
			b, c := &r[uint8(i>>16)], &k[uint16(i>>32)]
			if b.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() * c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opDivRK:
			b, c := &r[uint8(i>>16)], &k[uint16(i>>32)]
			if b.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() / c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opSubKR:
			b, c := &k[uint16(i>>16)], &r[uint8(i>>32)]
			if c.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(b.num() - c.num())
				continue
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opModRR, opPowRR, opModRK, opPowRK, opAddKR, opMulKR, opDivKR, opModKR, opPowKR:
			fr.pc = int32(pc)
			if !vm.arithOp(l, i) {
				goto reload
			}
		case opUnm:
			b := &r[uint8(i>>16)]
			if b.n >= minNumber {
				r[uint8(i>>8)].n = ^math.Float64bits(-b.num())
				continue
			}
			fr.pc = int32(pc)
			vm.unmOp(l, i)
			goto reload
		case opNot:
			n := uint64(tagTrue)
			if r[uint8(i>>16)].n > tagFalse {
				n = tagFalse
			}
			r[uint8(i>>8)].n = n
		case opLen:
			b := &r[uint8(i>>16)]
			if b.n == tagTable && b.table().meta == nil {
				r[uint8(i>>8)].n = ^math.Float64bits(float64(b.table().length()))
				continue
			}
			if b.isStr() {
				r[uint8(i>>8)].n = ^math.Float64bits(float64(b.strLen()))
				continue
			}
			fr.pc = int32(pc)
			if v, ok := vm.lenOp(l, *b, int(uint8(i>>16))); ok {
				r[uint8(i>>8)] = v
				continue
			}
			goto reload
		case opConcat:
			fr.pc = int32(pc)
			if vm.concat(l, int(uint8(i>>16)), int(uint8(i>>32))) {
				r[uint8(i>>8)] = r[uint8(i>>16)]
				continue
			}
			goto reload

		case opJmp:
			d := int(int32(i >> 32))
			pc += d
			if d < 0 {
				if vm.fuel--; vm.fuel < 0 {
					fr.pc = int32(pc)
					vm.outOfFuel(l)
					goto reload
				}
			}
		case opJmpClose:
			l.closeUpvals(int(fr.base) + int(uint8(i>>8)))
			pc += int(int32(i >> 32))
			if vm.fuel--; vm.fuel < 0 {
				fr.pc = int32(pc)
				vm.outOfFuel(l)
				goto reload
			}
		case opClose:
			if l.open != nil {
				l.closeUpvals(int(fr.base) + int(uint8(i>>8)))
			}

		case opLT:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			if a.n >= minNumber && b.n >= minNumber {
				if a.num() < b.num() {
					pc += int(int32(i >> 32))
				}
				continue
			}
			fr.pc = int32(pc)
			vm.lessOp(l, *a, *b, i, false)
			goto reload
		case opNLT:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			if a.n >= minNumber && b.n >= minNumber {
				if !(a.num() < b.num()) {
					pc += int(int32(i >> 32))
				}
				continue
			}
			fr.pc = int32(pc)
			vm.lessOp(l, *a, *b, i, false)
			goto reload
		case opLE:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			if a.n >= minNumber && b.n >= minNumber {
				if a.num() <= b.num() {
					pc += int(int32(i >> 32))
				}
				continue
			}
			fr.pc = int32(pc)
			vm.lessOp(l, *a, *b, i, true)
			goto reload
		case opNLE:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			if a.n >= minNumber && b.n >= minNumber {
				if !(a.num() <= b.num()) {
					pc += int(int32(i >> 32))
				}
				continue
			}
			fr.pc = int32(pc)
			vm.lessOp(l, *a, *b, i, true)
			goto reload
		case opLTK, opNLTK, opLEK, opNLEK, opGTK, opNGTK, opGEK, opNGEK:
			a, b := &r[uint8(i>>8)], &k[uint16(i>>16)]
			op := opcode(uint8(i))
			if a.n >= minNumber {
				x, y := a.num(), b.num()
				if op >= opGTK {
					x, y = y, x
				}
				c := x < y
				if (op-opLTK)&2 != 0 {
					c = x <= y
				}
				if c == ((op-opLTK)&1 == 0) {
					pc += int(int32(i >> 32))
				}
				continue
			}
			fr.pc = int32(pc)
			if op >= opGTK {
				vm.lessOp(l, *b, *a, i, op >= opGEK)
			} else {
				vm.lessOp(l, *a, *b, i, op >= opLEK)
			}
			goto reload
		case opEQ:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			if a.n == b.n && a.n < minNumber && (a.n <= tagTrue || a.p == b.p) || a.n != tagTable && a.n != tagUser && rawEqual(*a, *b) {
				pc += int(int32(i >> 32))
				continue
			}
			if a.n == b.n && (a.n == tagTable || a.n == tagUser) {
				fr.pc = int32(pc)
				vm.equalOp(l, *a, *b, i)
				goto reload
			}
		case opNE:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			if a.n == b.n && a.n < minNumber && (a.n <= tagTrue || a.p == b.p) || a.n != tagTable && a.n != tagUser && rawEqual(*a, *b) {
				continue
			}
			if a.n == b.n && (a.n == tagTable || a.n == tagUser) {
				fr.pc = int32(pc)
				vm.equalOp(l, *a, *b, i)
				goto reload
			}
			pc += int(int32(i >> 32))
		case opEQK:
			a, b := &r[uint8(i>>8)], &k[uint16(i>>16)]
			if a.n == b.n && (a.p == b.p || a.n >= minNumber || a.str() == b.str()) || a.n >= minNumber && rawEqual(*a, *b) {
				pc += int(int32(i >> 32))
			}
		case opNEK:
			a, b := &r[uint8(i>>8)], &k[uint16(i>>16)]
			if a.n == b.n && (a.p == b.p || a.n >= minNumber || a.str() == b.str()) || a.n >= minNumber && rawEqual(*a, *b) {
				continue
			}
			pc += int(int32(i >> 32))
		case opEQP:
			if r[uint8(i>>8)].n == uint64(uint16(i>>16)) {
				pc += int(int32(i >> 32))
			}
		case opNEP:
			if r[uint8(i>>8)].n != uint64(uint16(i>>16)) {
				pc += int(int32(i >> 32))
			}
		case opJT:
			if r[uint8(i>>8)].n > tagFalse {
				pc += int(int32(i >> 32))
			}
		case opJF:
			if r[uint8(i>>8)].n <= tagFalse {
				pc += int(int32(i >> 32))
			}
		case opJTSet:
			if b := &r[uint8(i>>16)]; b.n > tagFalse {
				r[uint8(i>>8)] = *b
				pc += int(int32(i >> 32))
			}
		case opJFSet:
			if b := &r[uint8(i>>16)]; b.n <= tagFalse {
				r[uint8(i>>8)] = *b
				pc += int(int32(i >> 32))
			}

		case opForPrep:
			a := uint8(i >> 8)
			if r[a].n < minNumber || r[a+1].n < minNumber || r[a+2].n < minNumber {
				fr.pc = int32(pc)
				vm.forPrep(l, int(fr.base)+int(a))
			}
			x, lim, step := r[a].num(), r[a+1].num(), r[a+2].num()
			if step >= 0 && x <= lim || step < 0 && x >= lim {
				r[a+3].n = r[a].n
			} else {
				pc += int(int32(i >> 32))
			}
		case opForLoop:
			a := uint8(i >> 8)
			step := r[a+2].num()
			x := r[a].num() + step
			lim := r[a+1].num()
			if step >= 0 {
				if !(x <= lim) {
					continue
				}
			} else if !(x >= lim) {
				continue
			}
			n := ^math.Float64bits(x)
			r[a].n = n
			r[a+3].n = n
			pc += int(int32(i >> 32))
			if vm.fuel--; vm.fuel < 0 {
				fr.pc = int32(pc)
				vm.outOfFuel(l)
				goto reload
			}
		case opTForPrep:
			a := uint8(i >> 8)
			fr.pc = int32(pc)
			pc += int(int32(i >> 32))
			vm.iterPrep(l, int(fr.base)+int(a))
		case opTForCall:
			a := uint8(i >> 8)
			if f := &r[a]; f.n == tagFunc && f.fn().proto == nil {
				switch f.fn().body.special {
				case spNext:
					// The position in r[a+3], where it is a number, stands for the control variable.
					if t := &r[a+1]; t.n == tagTable && r[a+3].n >= minNumber {
						if vm.fuel--; vm.fuel < 0 {
							fr.pc = int32(pc - 1) // again from here
							vm.outOfFuel(l)
							goto reload
						}
						nc := uint8(i >> 32)
						key, val, pos, ok := t.table().iterate(uint32(r[a+3].num()))
						if !ok {
							pc++ // past opTForLoop
							continue
						}
						r[a+3].n = ^math.Float64bits(float64(pos))
						r[a+2] = key
						r[a+4] = key
						if nc >= 2 {
							r[a+5] = val
							for c := uint8(2); c < nc; c++ {
								r[a+4+c].n = tagNil
							}
						}
						pc += 1 + int(int32(*(*uint64)(unsafe.Add(code, pc*8))>>32))
						continue
					}
				case spIpairs:
					if t := &r[a+1]; t.n == tagTable && r[a+2].n >= minNumber {
						if vm.fuel--; vm.fuel < 0 {
							fr.pc = int32(pc - 1)
							vm.outOfFuel(l)
							goto reload
						}
						nc := uint8(i >> 32)
						idx := int(r[a+2].num()) + 1
						tt := t.table()
						var val Value
						if uint(idx-1) < uint(tt.asize) {
							val = *tt.slot(uint32(idx - 1))
						} else {
							val = tt.GetInt(idx)
						}
						if val.n == tagNil {
							pc++
							continue
						}
						n := ^math.Float64bits(float64(idx))
						r[a+2].n = n
						r[a+4].n = n
						if nc >= 2 {
							r[a+5] = val
							for c := uint8(2); c < nc; c++ {
								r[a+4+c].n = tagNil
							}
						}
						pc += 1 + int(int32(*(*uint64)(unsafe.Add(code, pc*8))>>32))
						continue
					}
				}
			}
			r[a+4], r[a+5], r[a+6] = r[a], r[a+1], r[a+2]
			fr.pc = int32(pc)
			if vm.precall(l, int(fr.base)+int(a)+4, 2, int(uint16(i>>32)), 0, 0) {
				return
			}
			goto reload
		case opTForLoop:
			a := uint8(i >> 8)
			if r[a+4].n != tagNil {
				r[a+2] = r[a+4]
				pc += int(int32(i >> 32))
				if vm.fuel--; vm.fuel < 0 {
					fr.pc = int32(pc)
					vm.outOfFuel(l)
					goto reload
				}
			}

		case opCall:
			a := uint8(i >> 8)
			fn := int(fr.base) + int(a)
			nargs := int(uint16(i>>16)) - 1
			if nargs < 0 {
				nargs = l.top - fn - 1
			}
			fr.pc = int32(pc)
			if f := &r[a]; f.n == tagFunc {
				c := f.fn()
				if p := c.proto; p != nil {
					if !p.vararg && fn+int(p.frameSize)+3 <= len(l.stack) && l.fi+1 < len(l.frames) && vm.fuel > 0 {
						vm.fuel--
						l.fi++
						nf := (*frame)(unsafe.Add(unsafe.Pointer(fr), unsafe.Sizeof(frame{})))
						nf.base = int32(fn + 1)
						nf.nres = int16(uint16(i>>32)) - 1
						nf.kind, nf.flags = kLua, 0
						fr = nf
						r = (*[256]Value)(unsafe.Pointer(&r[a+1]))
						for np := int(p.nparams); nargs < np; nargs++ {
							r[uint8(nargs)].n = tagNil
						}
						k = (*[maxConsts]Value)(unsafe.Pointer(unsafe.SliceData(p.k)))
						code = unsafe.Pointer(unsafe.SliceData(p.code))
						pc = 0
						continue
					}
				} else if b := c.body; b.special != plainGo && b.special < spNext {
					if vm.callSpecial(l, b, fn, nargs, int(uint16(i>>32))-1, 0, 0) {
						return
					}
					goto reload
				} else if fn+1+nargs+goSlack <= len(l.stack) && l.fi+1 < len(l.frames) {
					l.fi++
					nf := (*frame)(unsafe.Add(unsafe.Pointer(fr), unsafe.Sizeof(frame{})))
					nf.base = int32(fn + 1)
					nf.kind, nf.flags = kGo, 0
					l.base = fn + 1
					l.top = fn + 1 + nargs
					n := b.fn(l)
					l.fi--
					fr = &l.frames[l.fi]
					r = (*[256]Value)(unsafe.Pointer(&l.stack[fr.base]))
					switch uint16(i >> 32) {
					case 2:
						if n > 0 {
							r[a] = l.stack[l.top-n]
						} else {
							r[a].n = tagNil
						}
					case 1:
					default:
						l.deliver(fn, l.top-n, n, int(uint16(i>>32))-1)
					}
					continue
				}
			}
			if vm.precall(l, fn, nargs, int(uint16(i>>32))-1, 0, 0) {
				return
			}
			goto reload
		case opTailCall:
			a := uint8(i >> 8)
			fn := int(fr.base) + int(a)
			nargs := int(uint16(i>>16)) - 1
			if nargs < 0 {
				nargs = l.top - fn - 1
			}
			fr.pc = int32(pc)
			if uint16(i>>32) != 0 {
				l.closeUpvals(int(fr.base))
			}
			if vm.tailCall(l, fn, nargs) {
				return
			}
			goto reload
		case opRet1:
			if fr.flags == 0 {
				nres := fr.nres
				v := &r[uint8(i>>8)]
				if nres == 1 {
					*(*Value)(unsafe.Add(unsafe.Pointer(r), -int(valueSize))) = *v
				} else {
					fr.pc = int32(pc)
					base := int(fr.base)
					l.deliver(base-1, base+int(uint8(i>>8)), 1, int(nres))
				}
				l.fi--
				goto resume
			}
			if fr.flags == fFromGo && fr.nres == 1 {
				*(*Value)(unsafe.Add(unsafe.Pointer(r), -int(valueSize))) = r[uint8(i>>8)]
				l.fi--
				l.ngo--
				return
			}
			fr.pc = int32(pc)
			if vm.retOp(l, int(fr.base)+int(uint8(i>>8)), 1) {
				return
			}
			goto reload
		case opRet0:
			if fr.flags == 0 {
				switch fr.nres {
				case 0:
				case 1:
					(*Value)(unsafe.Add(unsafe.Pointer(r), -int(valueSize))).n = tagNil
				default:
					l.deliver(int(fr.base)-1, int(fr.base)-1, 0, int(fr.nres))
				}
				l.fi--
				goto resume
			}
			fr.pc = int32(pc)
			if vm.retOp(l, int(fr.base), 0) {
				return
			}
			goto reload
		case opRet:
			base := int(fr.base)
			from := base + int(uint8(i>>8))
			n := int(uint16(i>>16)) - 1
			if n < 0 {
				n = l.top - from
			}
			fr.pc = int32(pc)
			if uint16(i>>32) != 0 && l.open != nil {
				l.closeUpvals(base)
			}
			if fr.flags == 0 {
				l.deliver(base-1, from, n, int(fr.nres))
				l.fi--
				goto resume
			}
			if vm.retOp(l, from, n) {
				return
			}
			goto reload
		case opClosure:
			fr.pc = int32(pc)
			f := vm.closure(l, int(fr.base), int(uint8(i>>8)), int(uint16(i>>16)))
			r[uint8(i>>8)] = mkFunction(f)
		case opVararg:
			fr.pc = int32(pc)
			if vm.vararg(l, fr, int(uint8(i>>8)), int(uint16(i>>32))-1) {
				goto reload
			}
		case opNewTable:
			t := &Table{nodes: unsafe.Pointer(&emptyNode)}
			if i>>16 != 0 {
				if n := uint32(uint16(i >> 16)); n > 0 {
					t.growArray(n)
				}
				if n := uint32(uint16(i >> 32)); n > 0 {
					t.setHash(hashBits(n))
				}
			}
			if vm.used.Bytes += int64(t.bytes()); vm.used.Bytes > vm.byteLimit {
				fr.pc = int32(pc)
				vm.outOfMemory()
			}
			r[uint8(i>>8)] = mkTable(t)
		case opSetList:
			fr.pc = int32(pc)
			vm.setList(l, int(fr.base)+int(uint8(i>>8)), int(uint16(i>>16))-1, int(uint32(i>>32)))
		default:
			panic("BUG: unknown instruction")
		}
		continue

	resume:
		// Back in the calling Lua frame of the same thread.
		if poisonFreed {
			l.poison(int(fr.base)-1, int(fr.nres))
		}
		fr = (*frame)(unsafe.Add(unsafe.Pointer(fr), -int(unsafe.Sizeof(frame{}))))
		r = (*[256]Value)(unsafe.Pointer(&l.stack[fr.base]))
		p := r2fn(r).proto
		k = (*[maxConsts]Value)(unsafe.Pointer(unsafe.SliceData(p.k)))
		code = unsafe.Pointer(unsafe.SliceData(p.code))
		pc = int(fr.pc)
	}
}

// r2fn returns the function whose registers r are: it stands in the slot below them.
func r2fn(r *[256]Value) *Function {
	return (*Function)((*Value)(unsafe.Add(unsafe.Pointer(r), -int(valueSize))).p)
}
