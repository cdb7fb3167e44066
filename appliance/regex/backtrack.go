package regex

import "unicode/utf8"

// backtrack goes back to the latest choice and returns where to go on, or pcEnd
// with the result set when there is none.
func (m *Matcher) backtrack(code []inst) (pos, pc int) {
	m.steps--
	if m.steps < 0 && !m.escalate() {
		if m.hopeless {
			return 0, pcEnd
		}
		if m.err == nil {
			m.err = ErrMatchLimit
		}
		m.result = rLimit
		return 0, pcEnd
	}
	for m.sp > 0 {
		m.sp--
		f := &m.stack[m.sp]
		switch f.kind {
		case kChoice, kBound:
			return int(f.a), int(f.pc)
		case kLoop:
			if p := m.shrink(&code[f.pc], f); p >= 0 {
				return p, int(f.pc) + 1
			}
		case kLazy:
			if p := m.extend(&code[f.pc], f); p >= 0 {
				return p, int(f.pc) + 1
			}
		case kAlt:
			list := code[f.pc].ext.table.lists[f.b>>16]
			k := f.b & 0xffff
			if int(k)+1 < len(list) {
				f.b++
				m.sp++
			}
			return int(f.a), int(list[k])
		case kBack:
			p := int(f.a) + 1
			if m.utf {
				for p < len(m.s) && !utf8.RuneStart(m.s[p]) {
					p++
				}
			}
			if f.b--; f.b > 0 {
				f.a = int32(p)
				m.sp++
			}
			return p, int(f.pc) + 1
		case kVerb:
			if m.verb(code) {
				return 0, pcEnd
			}
		case kReg:
			m.regs[f.pc] = f.a
		default:
			m.undo(f)
		}
	}
	m.result = rFail
	return 0, pcEnd
}

// shrink lets a greedy loop give one more character back. It returns the
// position or -1; the frame stays while there is more to give.
func (m *Matcher) shrink(in *inst, f *frame) int {
	p := int(f.b)
	if in.ext == nil {
		p--
		if in.next != nil {
			p = giveBack(m.s, in, int(f.a), p)
		}
	} else {
		p = prevChar(m.s, p)
		if in.next != nil {
			p = giveBackUTF(m.s, in, int(f.a), p)
		}
	}
	if p < 0 {
		m.steps -= int(f.b-f.a) >> scanSteps
		return -1
	}
	m.steps -= (int(f.b) - p) >> scanSteps
	if p > int(f.a) {
		f.b = int32(p)
		m.sp++
	}
	if m.memoOn && in.flag&fMemo != 0 && m.seen(in.x, p) {
		m.steps--
		return -1
	}
	return p
}

// extend lets a lazy loop take one more character. It returns the position or
// -1; the frame stays while it may take more.
func (m *Matcher) extend(in *inst, f *frame) int {
	p := int(f.a)
	if in.ext != nil {
		k := in.ext.match(m.s, p)
		if k == 0 {
			return -1
		}
		p += k
		if f.b > 0 {
			f.b--
		}
	} else if p = lazyNext(m.s, in, f, p); p < 0 {
		m.steps -= (len(m.s) - int(f.a)) >> scanSteps
		return -1
	}
	m.steps -= (p - int(f.a)) >> scanSteps
	if f.b != 0 {
		f.a = int32(p)
		m.sp++
	}
	if m.memoOn && in.flag&fMemo != 0 && m.seen(in.x, p) {
		m.steps--
		return -1
	}
	return p
}

// undo puts back what one undo frame remembers; choices are ignored.
func (m *Matcher) undo(f *frame) {
	regs := m.regs
	switch f.kind {
	case kReg:
		regs[f.pc] = f.a
	case kPair:
		regs[f.pc], regs[f.pc+1] = f.a, f.b
	case kLeave:
		m.curCall = f.a
		m.calls = m.calls[:f.b]
		m.savedRegs = m.savedRegs[:f.pc]
	case kEnter:
		m.curCall = f.a
	case kScan:
		m.s = m.full[:f.a]
	case kMarkPos, kMarkGone:
		m.mark = f.b
	}
}

// unwind undoes the frames from h up, the latest first.
func (m *Matcher) unwind(h int) {
	for m.sp > h {
		m.sp--
		m.undo(&m.stack[m.sp])
	}
}

// cut drops the choices from h up and keeps the undo frames.
func (m *Matcher) cut(h int) {
	stk, sp := m.stack, m.sp
	if h == 0 {
		// Nothing to go back to: the undo frames have no use either, except
		// those of calls, which own memory.
		keep := 0
		for i := range sp {
			if k := stk[i].kind; k == kLeave || k == kEnter || k == kScan || k == kMarkPos || k == kMarkGone {
				stk[keep] = stk[i]
				if k == kMarkPos {
					stk[keep].kind = kMarkGone
				}
				keep++
			}
		}
		m.sp = keep
		return
	}
	for i := h; i < sp; i++ {
		if stk[i].kind >= kMarkPos {
			stk[h] = stk[i]
			if stk[h].kind == kMarkPos {
				stk[h].kind = kMarkGone
			}
			h++
		}
	}
	m.sp = h
}
