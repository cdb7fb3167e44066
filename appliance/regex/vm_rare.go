package regex

import "slices"

// step runs one of the rarer instructions. It returns where to go on, or
// pcFail, or pcEnd with m.result set.
func (m *Matcher) step(in *inst, pos, pc int) (int, int) {
	s, regs := m.s, m.regs
	switch in.op {
	case opUSet:
		n := in.ext.match(s, pos)
		if n == 0 {
			return pos, pcFail
		}
		pos += n
	case opGrapheme:
		if pos >= len(s) {
			return pos, pcFail
		}
		pos += graphemeLen(s[pos:], m.utf)
	case opLoopLazy, opULoopLazy:
		if pos = m.lazyLoop(in, pos, pc); pos < 0 {
			return pos, pcFail
		}
	case opULoop, opULoopPoss:
		if pos = m.charLoop(in, pos, pc); pos < 0 {
			return pos, pcFail
		}
	case opTemp, opMark:
		if m.sp > 0 {
			m.push(kReg, in.x, int(regs[in.x]), 0)
		}
		regs[in.x] = int32(pos)
	case opCapture:
		i := 2 * in.x
		if m.sp > 0 {
			m.push(kPair, i, int(regs[i]), int(regs[i+1]))
		}
		regs[i], regs[i+1] = regs[in.y], int32(pos)
	case opEmpty:
		if regs[in.x] == int32(pos) {
			return pos, int(in.y)
		}
	case opEndText, opEndNL, opBol, opEol, opStartPos, opWordB:
		if !m.assert(in, pos) {
			return pos, pcFail
		}
	case opBegin:
		if m.sp > 0 {
			m.push(kPair, in.x, int(regs[in.x]), int(regs[in.x+1]))
		}
		regs[in.x], regs[in.x+1] = int32(m.sp), int32(pos)
	case opNegBegin:
		m.push(kPair, in.x, int(regs[in.x]), int(regs[in.x+1]))
		regs[in.x], regs[in.x+1] = int32(m.sp), int32(pos)
		m.push(kBound, in.y, pos, 0)
	case opCut:
		m.cut(int(regs[in.x]))
	case opCutCall:
		m.cut(int(m.calls[m.curCall].stack))
	case opLookEnd:
		pos = int(regs[in.x+1])
		m.cut(int(regs[in.x]))
	case opLookBack:
		pos = int(regs[in.x+1])
	case opNegEnd:
		m.unwind(int(regs[in.x]))
		return pos, pcFail
	case opHeight:
		m.push(kReg, in.x, int(regs[in.x]), 0)
		regs[in.x] = int32(m.sp)
	case opBack:
		if pos = stepBack(s, pos, int(in.min), m.utf); pos < 0 {
			return pos, pcFail
		}
	case opBackVar:
		if pos = m.backVar(in, pos, pc); pos < 0 {
			return pos, pcFail
		}
	case opCheckPos:
		if int(regs[in.x]) != pos {
			return pos, pcFail
		}
	case opBackref:
		n := m.backref(in, regs, s, pos)
		if n < 0 {
			return pos, pcFail
		}
		m.steps -= n >> scanSteps
		pos += n
	case opCall:
		return m.call(in, pos, pc)
	case opRet:
		return pos, m.ret()
	case opCondSet:
		for _, g := range in.ext.list {
			if regs[2*g+1] >= 0 {
				return pos, pc + 1
			}
		}
		return pos, int(in.x)
	case opCondRec:
		if !m.inCall(in) {
			return pos, int(in.x)
		}
	case opKeep:
		if m.sp > 0 {
			m.push(kReg, 0, int(regs[0]), 0)
		}
		regs[0] = int32(pos)
	case opVerb:
		m.passVerb(in, pos, pc)
	case opScan:
		if pos = m.scanBegin(in, pos); pos < 0 {
			return pos, pcFail
		}
	case opScanEnd:
		m.push(kScan, 0, len(s), 0)
		pos = int(regs[in.x+1])
		m.s = m.full[:regs[in.y]]
	case opScript:
		if !oneScript(s[regs[in.x]:pos]) {
			return pos, pcFail
		}
	default:
		panic("BUG: regex: unknown instruction")
	}
	return pos, pc + 1
}

// assert tells whether a zero-width test holds at pos.
func (m *Matcher) assert(in *inst, pos int) bool {
	s := m.s
	switch in.op {
	case opEndText:
		return pos == len(s) && (in.flag == 0 || m.opt&NotEOL == 0)
	case opEndNL:
		return atEnd(s, pos, newline(in.b))
	case opBol:
		if pos == 0 {
			return m.opt&NotBOL == 0
		}
		return pos < len(s) && afterNewline(s, pos, newline(in.b))
	case opEol:
		if pos == len(s) {
			return m.opt&NotEOL == 0
		}
		return newlineHere(s, pos, newline(in.b)) > 0
	case opStartPos:
		return pos == m.from
	}
	var before, after bool
	if in.flag&(fUCP|fUTF) == 0 {
		before = pos > 0 && wordTable[s[pos-1]]
		after = pos < len(s) && wordTable[s[pos]]
	} else {
		before, after = wordAround(s, pos, in.flag)
	}
	return (before != after) == (in.flag&fNot == 0)
}

// lazyLoop runs the obligatory turns of a lazy loop and stores the others.
func (m *Matcher) lazyLoop(in *inst, pos, pc int) int {
	s := m.s
	for range in.min {
		k := 0
		if in.ext != nil {
			k = in.ext.match(s, pos)
		} else if pos < len(s) {
			k = b2i(in.set[s[pos]])
		}
		if k == 0 {
			return -1
		}
		pos += k
	}
	left := int32(-1)
	if in.max >= 0 {
		left = in.max - in.min
	}
	if left == 0 {
		return pos
	}
	f := frame{kind: kLazy, pc: int32(pc), a: int32(pos), b: left}
	if in.next != nil && in.ext == nil && !in.nextOK(s, pos) {
		if pos = lazyNext(s, in, &f, pos); pos < 0 {
			return -1
		}
		m.steps -= (pos - int(f.a)) >> scanSteps
		f.a = int32(pos)
		if f.b == 0 {
			return pos
		}
	}
	m.push(kLazy, f.pc, int(f.a), int(f.b))
	return pos
}

// charLoop runs a loop over UTF-8 characters.
func (m *Matcher) charLoop(in *inst, pos, pc int) int {
	s, e := m.s, in.ext
	p, n, low := pos, int32(0), pos
	for in.max < 0 || n < in.max {
		k := e.match(s, p)
		if k == 0 {
			break
		}
		p += k
		n++
		if n == in.min {
			low = p
		}
	}
	if n < in.min {
		return -1
	}
	m.steps -= (p - pos) >> scanSteps
	if in.op == opULoopPoss || p == low {
		return p
	}
	if in.next != nil {
		if p = giveBackUTF(s, in, low, p); p < 0 {
			return -1
		}
	}
	if p > low {
		m.push(kLoop, int32(pc), low, p)
	}
	return p
}

// backVar moves back as far as the longest branch of a look-behind goes; the
// shorter ones are stored.
func (m *Matcher) backVar(in *inst, pos, pc int) int {
	n := int(in.max)
	p := stepBack(m.s, pos, n, m.utf)
	for p < 0 && n > int(in.min) {
		n--
		p = stepBack(m.s, pos, n, m.utf)
	}
	if p >= 0 && n > int(in.min) {
		m.push(kBack, int32(pc), p, n-int(in.min))
	}
	return p
}

// call enters a subroutine.
func (m *Matcher) call(in *inst, pos, pc int) (int, int) {
	for k := m.curCall; k >= 0; k = m.calls[k].parent {
		if m.calls[k].group == in.y && int(m.calls[k].pos) == pos {
			m.err, m.result = ErrRecurseLoop, rLimit
			return pos, pcEnd
		}
	}
	if len(m.savedRegs) > 4*maxStack {
		m.err, m.result = ErrHeapLimit, rLimit
		return pos, pcEnd
	}
	m.push(kLeave, int32(len(m.savedRegs)), int(m.curCall), len(m.calls))
	m.calls = append(m.calls, callRecord{
		pc: int32(pc), group: in.y, parent: m.curCall, pos: int32(pos), regs: int32(len(m.savedRegs)), stack: int32(m.sp),
	})
	m.savedRegs = append(m.savedRegs, m.regs...)
	m.curCall = int32(len(m.calls) - 1)
	return pos, int(in.x)
}

// ret leaves a subroutine: the caller's registers come back, except the groups
// that the call hands out. It returns the address after the call.
func (m *Matcher) ret() int {
	rec := m.calls[m.curCall]
	regs := m.regs
	saved := m.savedRegs[rec.regs : int(rec.regs)+len(regs)]
	keep := m.code[rec.pc].ext
	for i := 2; i < len(regs); i++ {
		if regs[i] != saved[i] && !(keep != nil && keep.holdsSlot(i)) {
			m.push(kReg, int32(i), int(regs[i]), 0)
			regs[i] = saved[i]
		}
	}
	m.push(kEnter, 0, int(m.curCall), 0)
	m.curCall = rec.parent
	return int(rec.pc) + 1
}

// scanBegin makes the first set group of the list the subject.
func (m *Matcher) scanBegin(in *inst, pos int) int {
	regs := m.regs
	for _, g := range in.ext.list {
		if regs[2*g+1] < 0 {
			continue
		}
		m.push(kPair, in.x, int(regs[in.x]), int(regs[in.x+1]))
		m.push(kReg, in.y, int(regs[in.y]), 0)
		m.push(kScan, 0, len(m.s), 0)
		regs[in.x], regs[in.x+1], regs[in.y] = int32(m.sp), int32(pos), int32(len(m.s))
		pos = int(regs[2*g])
		m.s = m.full[:max(int(regs[2*g+1]), pos)]
		return pos
	}
	return -1
}

// inCall tells whether the current call is the one a condition names.
func (m *Matcher) inCall(in *inst) bool {
	if m.curCall < 0 {
		return false
	}
	if in.y < 0 {
		return true
	}
	g := m.calls[m.curCall].group
	if slices.Contains(in.ext.list, g) {
		return true
	}
	return g == in.y
}
