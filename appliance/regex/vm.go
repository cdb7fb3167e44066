package regex

import (
	"bytes"
	"unicode/utf8"
)

// The backtracking machine. It runs a program from one start position with an
// explicit stack; nothing recurses and nothing is allocated once the stack has
// grown to what the patterns in use need.
//
// The stack holds two sorts of frames. Choices (choice, loop, lazy, alt, bound)
// say where to go on after a failure. Undo frames (reg, pair, leave, enter,
// start) put state back that later code changed; they stay when an atomic
// group drops the choices above its beginning. With an empty stack there is
// nothing to go back to, so no undo frame is pushed either: a pattern that
// never has two ways to go runs without touching the stack.

// frameKind is the sort of a stack frame.
type frameKind uint8

const (
	kChoice   frameKind = iota // go to pc at position a
	kLoop                      // greedy loop at pc: positions a (lowest) .. b (current)
	kLazy                      // lazy loop at pc: position a, b more characters allowed (-1: any)
	kAlt                       // opAlt at pc: position a, list b>>16, next b&0xffff
	kBack                      // opBackVar at pc: position a, b steps left
	kBound                     // as kChoice; stops verbs: the start of a negative assertion or condition
	kVerb                      // a verb at pc; a: its position or height
	kMarkPos                   // a (*MARK) at pc, position a, for (*SKIP:name)
	kMarkGone                  // undo: a (*MARK) inside a closed atomic group: current mark := b
	kReg                       // undo: slot pc := a
	kPair                      // undo: slots pc, pc+1 := a, b
	kLeave                     // undo: leave the subroutine call, current call := a
	kEnter                     // undo: return into the call a
	kScan                      // undo: the subject ends at a
	kLimit                     // no frame: an unwinding limit
)

// frame is one entry of the backtracking stack.
type frame struct {
	kind  frameKind
	pc    int32
	a, b  int32
	extra int32
}

// callRecord is one active or resumable subroutine call.
type callRecord struct {
	pc     int32 // the opCall
	group  int32
	parent int32
	pos    int32
	regs   int32 // where the caller's registers are in savedRegs
	stack  int32 // the stack height at its start
}

// results of a run
type runResult int

const (
	rFail runResult = iota
	rMatch
	rCommit // no match, and none at a later start
	rSkip   // no match; go on at m.skipTo
	rLimit  // m.err says why
)

const maxStack = 4 << 20 // frames

// fail continuation marker: see run.

// run matches prog at start. It is one state machine: splitting it would cost
// a call per instruction.
func (m *Matcher) run(prog *program, s []byte, start int) runResult {
	code := prog.code
	regs := m.regs
	stk := m.stack
	sp := 0
	pos := start
	pc := int32(0)
	steps := m.steps
	m.curCall = -1
	m.calls = m.calls[:0]
	m.savedRegs = m.savedRegs[:0]
	regs[0] = int32(start)
	var f *frame
	full := s
	m.end = len(s)

	for {
		in := &code[pc]
		switch in.op {
		case opChar:
			if pos < len(s) && s[pos] == in.b {
				pos++
				pc++
				continue
			}
			goto fail
		case opFold:
			if pos < len(s) && (s[pos] == in.b || s[pos] == in.b2) {
				pos++
				pc++
				continue
			}
			goto fail
		case opStr:
			if len(s)-pos >= len(in.str) && string(s[pos:pos+len(in.str)]) == in.str {
				pos += len(in.str)
				pc++
				continue
			}
			goto fail
		case opStrFold:
			if len(s)-pos >= len(in.str) && equalFold(s[pos:], in.str) {
				pos += len(in.str)
				pc++
				continue
			}
			goto fail
		case opSet:
			if pos < len(s) && in.set[s[pos]] {
				pos++
				pc++
				continue
			}
			goto fail
		case opAny:
			if pos < len(s) {
				pos++
				pc++
				continue
			}
			goto fail
		case opUSet:
			if n := in.ext.match(s, pos); n > 0 {
				pos += n
				pc++
				continue
			}
			goto fail
		case opGrapheme:
			if pos >= len(s) {
				goto fail
			}
			pos += graphemeLen(s[pos:], m.utf)
			pc++
			continue
		case opJmp:
			pc = in.x
			continue
		case opSplit:
			if pos < len(s) {
				c := s[pos]
				if in.set != nil && !in.set[c] {
					pc = in.y
					continue
				}
				if in.next != nil && !in.next[c] {
					pc = in.x
					continue
				}
			} else if in.flag&fEndX == 0 {
				pc = in.y
				continue
			} else if in.flag&fEndY == 0 {
				pc = in.x
				continue
			}
			if sp == len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			stk[sp] = frame{kind: kChoice, pc: in.y, a: int32(pos)}
			sp++
			pc = in.x
			continue
		case opAlt:
			t := in.ext.table
			sym := 256
			if pos < len(s) {
				sym = int(s[pos])
			}
			list := t.lists[t.class[sym]]
			if len(list) == 0 {
				goto fail
			}
			if len(list) > 1 {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kAlt, pc: pc, a: int32(pos), b: int32(t.class[sym]), extra: 1}
				sp++
			}
			pc = list[0]
			continue
		case opLoopPoss, opLoop:
			p := pos
			limit := len(s)
			if in.max >= 0 && limit-p > int(in.max) {
				limit = p + int(in.max)
			}
			switch {
			case in.flag&fAll != 0:
				p = limit
			case in.flag&fNotByte != 0 && limit-p > 16:
				if i := bytes.IndexByte(s[p:limit], in.b2); i >= 0 {
					p += i
				} else {
					p = limit
				}
			default:
				set := in.set
				for p < limit && set[s[p]] {
					p++
				}
			}
			low := pos + int(in.min)
			if p < low {
				goto fail
			}
			steps -= (p - pos) >> 6
			if in.op == opLoopPoss || p == low {
				pos = p
				pc++
				continue
			}
			// Give back until what follows can match.
			if in.next != nil {
				p = giveBack(s, in, low, p)
				if p < 0 {
					goto fail
				}
			}
			if p > low {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kLoop, pc: pc, a: int32(low), b: int32(p)}
				sp++
			}
			pos = p
			pc++
			continue
		case opLoopLazy:
			low := pos + int(in.min)
			if low > len(s) {
				goto fail
			}
			set := in.set
			for p := pos; p < low; p++ {
				if !set[s[p]] {
					goto fail
				}
			}
			limit := int32(-1)
			if in.max >= 0 {
				limit = in.max - in.min
			}
			pos = low
			if limit != 0 {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kLazy, pc: pc, a: int32(pos), b: limit}
				sp++
				if in.next != nil && !in.nextOK(s, pos) {
					goto fail
				}
			}
			pc++
			continue
		case opULoopPoss, opULoop:
			p, n, low := pos, int32(0), pos
			e := in.ext
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
				goto fail
			}
			steps -= (p - pos) >> 6
			if in.op == opULoop && p > low {
				if in.next != nil {
					p = giveBackUTF(s, in, low, p)
					if p < 0 {
						goto fail
					}
				}
				if p > low {
					if sp == len(stk) {
						stk = m.grow(sp)
						if stk == nil {
							return rLimit
						}
					}
					stk[sp] = frame{kind: kLoop, pc: pc, a: int32(low), b: int32(p)}
					sp++
				}
			}
			pos = p
			pc++
			continue
		case opULoopLazy:
			for range in.min {
				k := in.ext.match(s, pos)
				if k == 0 {
					goto fail
				}
				pos += k
			}
			limit := int32(-1)
			if in.max >= 0 {
				limit = in.max - in.min
			}
			if limit != 0 {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kLazy, pc: pc, a: int32(pos), b: limit}
				sp++
			}
			pc++
			continue
		case opSave, opTemp, opMark:
			if sp > 0 {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kReg, pc: in.x, a: regs[in.x]}
				sp++
			}
			regs[in.x] = int32(pos)
			pc++
			continue
		case opCapture:
			i := 2 * in.x
			if sp > 0 {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kPair, pc: i, a: regs[i], b: regs[i+1]}
				sp++
			}
			regs[i], regs[i+1] = regs[in.y], int32(pos)
			pc++
			continue
		case opEmpty:
			if regs[in.x] == int32(pos) {
				pc = in.y
			} else {
				pc++
			}
			continue
		case opBegText:
			if pos == 0 && (in.flag == 0 || m.opt&NotBOL == 0) {
				pc++
				continue
			}
			goto fail
		case opDollar:
			if m.opt&NotEOL == 0 && atEnd(s, pos, newline(in.b)) {
				pc++
				continue
			}
			goto fail
		case opEndText:
			if pos == len(s) && (in.flag == 0 || m.opt&NotEOL == 0) {
				pc++
				continue
			}
			goto fail
		case opEndNL:
			if atEnd(s, pos, newline(in.b)) {
				pc++
				continue
			}
			goto fail
		case opBol:
			if pos == 0 && m.opt&NotBOL == 0 || pos > 0 && pos < len(s) && afterNewline(s, pos, newline(in.b)) {
				pc++
				continue
			}
			goto fail
		case opEol:
			if pos == len(s) && m.opt&NotEOL == 0 || pos < len(s) && newlineHere(s, pos, newline(in.b)) > 0 {
				pc++
				continue
			}
			goto fail
		case opStartPos:
			if pos == m.from {
				pc++
				continue
			}
			goto fail
		case opWordB:
			var before, after bool
			if in.flag&(fUCP|fUTF) == 0 {
				before = pos > 0 && isWordByte(s[pos-1])
				after = pos < len(s) && isWordByte(s[pos])
			} else {
				before, after = wordAround(s, pos, in.flag)
			}
			if (before != after) == (in.flag&fNot == 0) {
				pc++
				continue
			}
			goto fail
		case opMatch:
			if m.opt&(NotEmpty|NotEmptyAtStart|EndAnchoredMatch|longest) != 0 {
				if m.opt&NotEmpty != 0 && pos == int(regs[0]) ||
					m.opt&NotEmptyAtStart != 0 && pos == int(regs[0]) && pos == m.from ||
					m.opt&EndAnchoredMatch != 0 && pos != len(s) {
					goto fail
				}
				if m.opt&longest != 0 {
					if pos > m.best {
						m.best = pos
						m.bestStart = int(regs[0])
					}
					goto fail
				}
			}
			regs[1] = int32(pos)
			m.stack, m.steps = stk, steps
			return rMatch
		case opBegin:
			if sp+2 >= len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			if sp > 0 {
				stk[sp] = frame{kind: kPair, pc: in.x, a: regs[in.x], b: regs[in.x+1]}
				sp++
			}
			regs[in.x], regs[in.x+1] = int32(sp), int32(pos)
			pc++
			continue
		case opNegBegin:
			if sp+2 >= len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			stk[sp] = frame{kind: kPair, pc: in.x, a: regs[in.x], b: regs[in.x+1]}
			sp++
			regs[in.x], regs[in.x+1] = int32(sp), int32(pos)
			stk[sp] = frame{kind: kBound, pc: in.y, a: int32(pos)}
			sp++
			pc++
			continue
		case opCut:
			sp = cut(stk, int(regs[in.x]), sp)
			pc++
			continue
		case opCutCall:
			sp = cut(stk, int(m.calls[m.curCall].stack), sp)
			pc++
			continue
		case opLookEnd:
			pos = int(regs[in.x+1])
			sp = cut(stk, int(regs[in.x]), sp)
			pc++
			continue
		case opLookBack:
			pos = int(regs[in.x+1])
			pc++
			continue
		case opNegEnd:
			h := int(regs[in.x])
			pos = int(regs[in.x+1])
			m.unwind(regs, stk, h, sp)
			s = full[:m.end]
			sp = h
			goto fail
		case opHeight:
			if sp+1 >= len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			stk[sp] = frame{kind: kReg, pc: in.x, a: regs[in.x]}
			sp++
			regs[in.x] = int32(sp)
			pc++
			continue
		case opBack:
			p := stepBack(s, pos, int(in.min), m.utf)
			if p < 0 {
				goto fail
			}
			pos = p
			pc++
			continue
		case opBackVar:
			n := int(in.max)
			p := stepBack(s, pos, n, m.utf)
			for p < 0 && n > int(in.min) {
				n--
				p = stepBack(s, pos, n, m.utf)
			}
			if p < 0 {
				goto fail
			}
			if n > int(in.min) {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kBack, pc: pc, a: int32(p), b: int32(n - int(in.min))}
				sp++
			}
			pos = p
			pc++
			continue
		case opCheckPos:
			if int(regs[in.x]) == pos {
				pc++
				continue
			}
			goto fail
		case opBackref:
			n := m.backref(in, regs, s, pos)
			if n < 0 {
				goto fail
			}
			steps -= n >> 6
			pos += n
			pc++
			continue
		case opCall:
			for k := m.curCall; k >= 0; k = m.calls[k].parent {
				if m.calls[k].group == in.y && int(m.calls[k].pos) == pos {
					m.err = ErrRecurseLoop
					m.stack = stk
					return rLimit
				}
			}
			if sp+1 >= len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			if len(m.savedRegs) > maxStack {
				m.err = ErrHeapLimit
				m.stack = stk
				return rLimit
			}
			stk[sp] = frame{kind: kLeave, a: m.curCall, b: int32(len(m.calls)), pc: int32(len(m.savedRegs))}
			sp++
			m.calls = append(m.calls, callRecord{pc: pc, group: in.y, parent: m.curCall, pos: int32(pos), regs: int32(len(m.savedRegs)), stack: int32(sp)})
			m.savedRegs = append(m.savedRegs, regs...)
			m.curCall = int32(len(m.calls) - 1)
			pc = in.x
			continue
		case opRet:
			rec := &m.calls[m.curCall]
			saved := m.savedRegs[rec.regs : int(rec.regs)+len(regs)]
			keep := code[rec.pc].ext
			if sp+len(regs)+2 >= len(stk) {
				stk = m.grow(sp + len(regs))
				if stk == nil {
					return rLimit
				}
			}
			for i := 2; i < len(regs); i++ {
				if regs[i] != saved[i] && !(keep != nil && keep.holdsSlot(i)) {
					stk[sp] = frame{kind: kReg, pc: int32(i), a: regs[i]}
					sp++
					regs[i] = saved[i]
				}
			}
			stk[sp] = frame{kind: kEnter, a: m.curCall}
			sp++
			m.curCall = rec.parent
			pc = rec.pc + 1
			continue
		case opCondSet:
			set := false
			for _, g := range in.ext.list {
				set = set || regs[2*g+1] >= 0
			}
			if set {
				pc++
			} else {
				pc = in.x
			}
			continue
		case opCondRec:
			if m.inCall(in) {
				pc++
			} else {
				pc = in.x
			}
			continue
		case opKeep:
			if sp > 0 {
				if sp == len(stk) {
					stk = m.grow(sp)
					if stk == nil {
						return rLimit
					}
				}
				stk[sp] = frame{kind: kReg, pc: 0, a: regs[0]}
				sp++
			}
			regs[0] = int32(pos)
			pc++
			continue
		case opVerb:
			if sp+2 >= len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			switch verbKind(in.b) {
			case vMark:
				stk[sp] = frame{kind: kMarkPos, pc: pc, a: int32(pos), b: m.mark}
				m.mark = in.min
				m.lastMark = in.min
			case vThen:
				h := int32(-1)
				if in.x >= 0 {
					h = regs[in.x]
				}
				stk[sp] = frame{kind: kVerb, pc: pc, a: h}
			default:
				stk[sp] = frame{kind: kVerb, pc: pc, a: int32(pos)}
			}
			sp++
			pc++
			continue
		case opScan:
			g := int32(-1)
			for _, k := range in.ext.list {
				if g < 0 && regs[2*k+1] >= 0 {
					g = k
				}
			}
			if g < 0 {
				goto fail
			}
			if sp+3 >= len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			stk[sp] = frame{kind: kPair, pc: in.x, a: regs[in.x], b: regs[in.x+1]}
			stk[sp+1] = frame{kind: kReg, pc: in.y, a: regs[in.y]}
			stk[sp+2] = frame{kind: kScan, a: int32(len(s))}
			sp += 3
			regs[in.x], regs[in.x+1], regs[in.y] = int32(sp), int32(pos), int32(len(s))
			pos = int(regs[2*g])
			m.end = max(int(regs[2*g+1]), pos)
			s = full[:m.end]
			pc++
			continue
		case opScanEnd:
			if sp == len(stk) {
				stk = m.grow(sp)
				if stk == nil {
					return rLimit
				}
			}
			stk[sp] = frame{kind: kScan, a: int32(len(s))}
			sp++
			pos = int(regs[in.x+1])
			m.end = int(regs[in.y])
			s = full[:m.end]
			pc++
			continue
		case opScript:
			if !oneScript(s[regs[in.x]:pos]) {
				goto fail
			}
			pc++
			continue
		default: // opFail
			goto fail
		}

	fail:
		steps--
		if steps < 0 {
			m.err = ErrMatchLimit
			m.stack, m.steps = stk, steps
			return rLimit
		}
	again:
		if sp == 0 {
			m.stack, m.steps = stk, steps
			return rFail
		}
		sp--
		f = &stk[sp]
		switch f.kind {
		case kChoice, kBound:
			pos = int(f.a)
			pc = f.pc
		case kLoop:
			in := &code[f.pc]
			p := int(f.b)
			if in.ext == nil {
				p--
				if in.next != nil {
					p = giveBack(s, in, int(f.a), p)
				}
			} else {
				p = prevChar(s, p)
				if in.next != nil {
					p = giveBackUTF(s, in, int(f.a), p)
				}
			}
			if p < 0 {
				goto again
			}
			if p > int(f.a) {
				f.b = int32(p)
				sp++
			}
			pos = p
			pc = f.pc + 1
		case kLazy:
			in := &code[f.pc]
			p := int(f.a)
			if in.ext != nil {
				k := in.ext.match(s, p)
				if k == 0 {
					goto again
				}
				p += k
				if f.b > 0 {
					f.b--
				}
			} else {
				p = m.lazyNext(s, in, f, p)
				if p < 0 {
					goto again
				}
			}
			if f.b != 0 {
				f.a = int32(p)
				sp++
			}
			pos = p
			pc = f.pc + 1
		case kAlt:
			list := code[f.pc].ext.table.lists[f.b]
			pos = int(f.a)
			pc = list[f.extra]
			if f.extra++; int(f.extra) < len(list) {
				sp++
			}
		case kBack:
			p := int(f.a) + 1
			if m.utf {
				for p < len(s) && !utf8.RuneStart(s[p]) {
					p++
				}
			}
			pos = p
			pc = f.pc + 1
			if f.b--; f.b > 0 {
				f.a = int32(p)
				sp++
			}
		case kVerb:
			r := m.verb(code, prog, regs, stk, sp)
			if r.result != rFail {
				m.stack, m.steps = stk, steps
				return r.result
			}
			sp = r.sp
			s = full[:m.end]
			goto again
		case kReg:
			regs[f.pc] = f.a
			goto again
		default:
			m.undo(regs, f)
			s = full[:m.end]
			goto again
		}
	}
}

// undo puts back what one undo frame remembers; choices are ignored.
func (m *Matcher) undo(regs []int32, f *frame) {
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
		m.end = int(f.a)
	case kMarkPos, kMarkGone:
		m.mark = f.b
	}
}

// unwind undoes the frames from h up, the latest first.
func (m *Matcher) unwind(regs []int32, stk []frame, h, sp int) {
	for sp--; sp >= h; sp-- {
		m.undo(regs, &stk[sp])
	}
}

// cut drops the choices from h up and keeps the undo frames.
func cut(stk []frame, h, sp int) int {
	if h == 0 {
		// Nothing to go back to: the undo frames have no use either, except
		// those of calls, which own memory.
		keep := 0
		for i := 0; i < sp; i++ {
			if k := stk[i].kind; k == kLeave || k == kEnter || k == kScan || k == kMarkPos || k == kMarkGone {
				stk[keep] = stk[i]
				if k == kMarkPos {
					stk[keep].kind = kMarkGone
				}
				keep++
			}
		}
		return keep
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
	return h
}

// grow makes room for more frames above sp. It returns nil at the limit.
func (m *Matcher) grow(sp int) []frame {
	n := max(2*sp, 64) + 16
	if n > maxStack {
		m.err = ErrHeapLimit
		return nil
	}
	s := make([]frame, n)
	copy(s, m.stack[:min(sp, len(m.stack))])
	m.stack = s
	return s
}
