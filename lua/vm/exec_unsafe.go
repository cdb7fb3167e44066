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
// same way.
//
// Whatever calls a function goes to reload afterwards, with the instruction counter in the frame and results on the
// Lua stack. So none of the loop's variables lives across a call in any instruction, and the compiler keeps them in
// registers: with a single use after a call it would store them to the Go stack in every dispatch.
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

		chain   *Table // to be indexed
		results int    // of the Go function that returned
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
next:
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
			vm.getField(l, mkTable(t), int(uint16(i>>16)), i)
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
				chain = t
				goto index
			}
			fr.pc = int32(pc)
			vm.getField(l, *o, int(uint16(i>>32)), i)
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
				chain = t
				goto index
			} else if o.isStr() && vm.strIndex != nil {
				t := vm.strIndex
				nd := t.node(uint32(i>>48) & t.mask)
				if nd.key.p == c.p && nd.key.n == c.n && nd.val.n != tagNil {
					r[uint8(i>>8)] = nd.val
					continue
				}
			}
			fr.pc = int32(pc)
			vm.getField(l, *o, int(uint16(i>>32)), i)
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
			vm.getAny(l, *o, Int(int(idx)), i)
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
				}
			}
			fr.pc = int32(pc)
			vm.getTable(l, *o, *c, i)
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
			vm.setField(l, *o, int(uint16(i>>32)), *v)
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
			vm.setAny(l, *o, Int(int(idx)), *v)
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
				}
			}
			fr.pc = int32(pc)
			vm.setTable(l, *o, *c, *v)
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
		case opModRK:
			// Integers below 2^31 by a positive one: the remainder of a machine division.
			b, c := &r[uint8(i>>16)], &k[uint16(i>>32)]
			if b.n >= minNumber {
				x, y := b.num(), c.num()
				ix, iy := int32(x), int32(y)
				if float64(ix) == x && float64(iy) == y && iy > 0 && ix >= 0 && b.n != ^uint64(1<<63) {
					r[uint8(i>>8)].n = ^math.Float64bits(float64(ix % iy))
					continue
				}
			}
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
		case opModRR, opPowRR, opPowRK, opAddKR, opMulKR, opDivKR, opModKR, opPowKR:
			fr.pc = int32(pc)
			vm.arithOp(l, i)
			goto reload
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
			if b.n == tagTable {
				// The border found last, if it still is one or the next element has been added.
				if t := b.table(); t.meta == nil && t.hint > 0 && t.hint < t.asize && t.slot(t.hint-1).n != tagNil {
					h := t.hint
					if t.slot(h).n != tagNil && h+1 < t.asize && t.slot(h+1).n == tagNil {
						h++
						t.hint = h
					}
					if t.slot(h).n == tagNil {
						r[uint8(i>>8)].n = ^math.Float64bits(float64(h))
						continue
					}
				}
			} else if b.isStr() {
				r[uint8(i>>8)].n = ^math.Float64bits(float64(b.strLen()))
				continue
			}
			fr.pc = int32(pc)
			vm.lenOp(l, *b, i)
			goto reload
		case opConcat:
			fr.pc = int32(pc)
			vm.concatOp(l, i)
			goto reload

		case opJmp:
			d := int(int32(i >> 32))
			pc += d
			if d < 0 {
				if vm.fuel--; vm.fuel < 0 {
					fr.pc = int32(pc)
					vm.loopEnd(l)
					goto reload
				}
			}
		case opJmpClose:
			fr.pc = int32(pc + int(int32(i>>32)))
			vm.jumpClose(l, int(fr.base)+int(uint8(i>>8)))
			goto reload
		case opClose:
			if l.open != nil {
				fr.pc = int32(pc)
				l.closeUpvals(int(fr.base) + int(uint8(i>>8)))
				goto reload
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
		case opEQ, opNE:
			a, b := &r[uint8(i>>8)], &r[uint8(i>>16)]
			eq := false
			if a.n == b.n {
				if a.n >= minNumber {
					eq = a.num() == a.num()
				} else if a.n > tagTrue && a.p != b.p {
					// Strings of one length, or two objects of a type: contents or metamethods decide.
					fr.pc = int32(pc)
					vm.equalOp(l, *a, *b, i)
					goto reload
				} else {
					eq = true
				}
			} else {
				eq = a.n >= minNumber && b.n >= minNumber && a.num() == b.num()
			}
			if eq == (opcode(uint8(i)) == opEQ) {
				pc += int(int32(i >> 32))
			}
		case opEQK, opNEK:
			a, b := &r[uint8(i>>8)], &k[uint16(i>>16)]
			eq := false
			if a.n == b.n {
				if a.n < minNumber && a.p != b.p {
					fr.pc = int32(pc)
					vm.equalOp(l, *a, *b, i)
					goto reload
				}
				eq = true
			} else {
				eq = a.n >= minNumber && b.n >= minNumber && a.num() == b.num()
			}
			if eq == (opcode(uint8(i)) == opEQK) {
				pc += int(int32(i >> 32))
			}
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
				fr.pc = int32(pc - 1) // again with numbers
				vm.forPrep(l, int(fr.base)+int(a))
				goto reload
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
				vm.loopEnd(l)
				goto reload
			}
		case opTForPrep:
			a := uint8(i >> 8)
			fr.pc = int32(pc + int(int32(i>>32)))
			vm.iterPrep(l, int(fr.base)+int(a))
			goto reload
		case opTForCall:
			a := uint8(i >> 8)
			if f := &r[a]; f.n == tagFunc && f.fn().proto == nil {
				switch f.fn().body.special {
				case spNext:
					// The position in r[a+3], where it is a number, stands for the control variable.
					if t := &r[a+1]; t.n == tagTable && r[a+3].n >= minNumber {
						if vm.fuel--; vm.fuel < 0 {
							fr.pc = int32(pc - 1) // again from here
							vm.loopEnd(l)
							goto reload
						}
						tt := t.table()
						pos := uint32(r[a+3].num())
						for pos < tt.asize && tt.slot(pos).n == tagNil {
							pos++
						}
						if pos < tt.asize {
							n := ^math.Float64bits(float64(pos + 1))
							r[a+3].n, r[a+2].n, r[a+4].n = n, n, n
							if uint8(i>>32) >= 2 {
								r[a+5] = *tt.slot(pos)
							}
						} else {
							at := pos - tt.asize
							for at <= tt.mask && tt.node(at).val.n == tagNil {
								at++
							}
							if at > tt.mask {
								pc++ // past opTForLoop
								continue
							}
							nd := tt.node(at)
							r[a+3].n = ^math.Float64bits(float64(tt.asize + at + 1))
							r[a+2] = nd.key
							r[a+4] = nd.key
							if uint8(i>>32) >= 2 {
								r[a+5] = nd.val
							}
						}
						for c := uint8(2); c < uint8(i>>32); c++ {
							r[a+4+c].n = tagNil
						}
						pc += 1 + int(int32(*(*uint64)(unsafe.Add(code, pc*8))>>32))
						continue
					}
				case spIpairs:
					if t := &r[a+1]; t.n == tagTable && r[a+2].n >= minNumber {
						if vm.fuel--; vm.fuel < 0 {
							fr.pc = int32(pc - 1)
							vm.loopEnd(l)
							goto reload
						}
						nc := uint8(i >> 32)
						idx := int(r[a+2].num()) + 1
						tt := t.table()
						if uint(idx-1) >= uint(tt.asize) {
							if tt.hasHash() || tt.weak != 0 {
								break // the general call looks there
							}
							pc++
							continue
						}
						val := tt.slot(uint32(idx - 1))
						if val.n == tagNil {
							pc++
							continue
						}
						n := ^math.Float64bits(float64(idx))
						r[a+2].n = n
						r[a+4].n = n
						if nc >= 2 {
							r[a+5] = *val
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
					vm.loopEnd(l)
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
					results = b.fn(l)
					l.fi--
					goto returned
				}
			}
			if vm.precall(l, fn, nargs, int(uint16(i>>32))-1, 0, 0) {
				return
			}
			goto reload
		case opTailCall:
			fr.pc = int32(pc)
			if vm.tailCall(l, i) {
				return
			}
			goto reload
		case opRet1:
			if fr.flags == 0 {
				nres := fr.nres
				v := &r[uint8(i>>8)]
				if nres == 1 {
					*(*Value)(unsafe.Add(unsafe.Pointer(r), -int(valueSize))) = *v
					l.fi--
					goto resume
				}
				l.fi--
				l.deliver(int(fr.base)-1, int(fr.base)+int(uint8(i>>8)), 1, int(nres))
				goto reload
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
				l.fi--
				switch fr.nres {
				case 0:
				case 1:
					(*Value)(unsafe.Add(unsafe.Pointer(r), -int(valueSize))).n = tagNil
				default:
					l.deliver(int(fr.base)-1, int(fr.base)-1, 0, int(fr.nres))
					goto reload
				}
				goto resume
			}
			fr.pc = int32(pc)
			if vm.retOp(l, int(fr.base), 0) {
				return
			}
			goto reload
		case opRet:
			fr.pc = int32(pc)
			if vm.retMulti(l, i) {
				return
			}
			goto reload
		case opClosure:
			fr.pc = int32(pc)
			vm.closureOp(l, i)
			goto reload
		case opVararg:
			fr.pc = int32(pc)
			vm.vararg(l, i)
			goto reload
		case opNewTable:
			fr.pc = int32(pc)
			vm.newTableOp(l, i)
			goto reload
		case opSetList:
			fr.pc = int32(pc)
			vm.setList(l, int(fr.base)+int(uint8(i>>8)), int(uint16(i>>16))-1, int(uint32(i>>32)))
			goto reload
		default:
			panic("BUG: unknown instruction")
		}
		continue

	index:
		// R[A] = chain[K[C]], along the chain of tables that __index names, as far as pointers decide.
		for range 8 {
			c := &k[uint16(i>>32)]
			if chain.weak != 0 || chain.mask > math.MaxUint16 {
				goto indexSlow
			}
			nd := chain.node(uint32(i>>48) & chain.mask)
			for nd.key.p != c.p || nd.key.n != c.n {
				if nd.key.n == c.n && uint16(nd.hash) == uint16(i>>48) {
					goto indexSlow // perhaps equal contents
				}
				if nd.next == 0 {
					nd = &emptyNode
					break
				}
				nd = chain.node(nd.next - 1)
			}
			if nd.val.n != tagNil {
				r[uint8(i>>8)] = nd.val
				continue next
			}
			mt := chain.meta
			if mt == nil || mt.flags&1 != 0 {
				r[uint8(i>>8)].n = tagNil
				continue next
			}
			if mt.indexAt > mt.mask {
				goto indexSlow
			}
			nd = mt.node(mt.indexAt)
			if nd.key.p != vm.names.index.key.p || nd.val.n != tagTable {
				goto indexSlow
			}
			chain = nd.val.table()
		}
	indexSlow:
		fr.pc = int32(pc)
		vm.getField(l, r[uint8(i>>16)], int(uint16(i>>32)), i)
		goto reload

	returned:
		// Back from a Go function called by opCall, whose results are on top of the stack.
		fr = &l.frames[l.fi]
		r = (*[256]Value)(unsafe.Pointer(&l.stack[fr.base]))
		pc = int(fr.pc)
		{
			p := r2fn(r).proto
			k = (*[maxConsts]Value)(unsafe.Pointer(unsafe.SliceData(p.k)))
			code = unsafe.Pointer(unsafe.SliceData(p.code))
		}
		switch i := *(*uint64)(unsafe.Add(code, (pc-1)*8)); uint16(i >> 32) {
		case 2:
			if results > 0 {
				r[uint8(i>>8)] = l.stack[l.top-results]
			} else {
				r[uint8(i>>8)].n = tagNil
			}
		case 1:
		default:
			l.deliver(int(fr.base)+int(uint8(i>>8)), l.top-results, results, int(uint16(i>>32))-1)
			goto reload
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
