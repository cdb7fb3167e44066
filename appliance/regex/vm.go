package regex

import "bytes"

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
)

// frame is one entry of the backtracking stack.
type frame struct {
	kind frameKind
	pc   int32
	a, b int32
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

// scanSteps is how the bytes that one instruction reads count as steps: 256 are
// one.
const scanSteps = 8

// maxStack bounds the frames of a run.
const maxStack = 4 << 20

// What backtrack and step return as the next address when there is none.
const (
	pcFail = -1 // step: this path fails
	pcEnd  = -2 // the run is over with m.result
)

// run matches from pos on, beginning with the instruction at pc. The loop holds
// the instructions that most patterns consist of; the others are in step. It
// keeps few variables alive, so that they stay in registers.
func (m *Matcher) run(code []inst, pos, pc int) runResult {
	s := m.s
	for {
		in := &code[pc]
		switch in.op {
		case opChar:
			if pos < len(s) && s[pos] == in.b {
				pos++
				pc++
				continue
			}
		case opFold:
			if pos < len(s) && (s[pos] == in.b || s[pos] == in.b2) {
				pos++
				pc++
				continue
			}
		case opStr:
			if n := pos + len(in.str); n <= len(s) && string(s[pos:n]) == in.str {
				pos = n
				pc++
				continue
			}
		case opStrFold:
			if len(s)-pos >= len(in.str) && equalFold(s[pos:], in.str) {
				pos += len(in.str)
				pc++
				continue
			}
		case opSet:
			if pos < len(s) && in.set[s[pos]] {
				pos++
				pc++
				continue
			}
		case opAny:
			if pos < len(s) {
				pos++
				pc++
				continue
			}
		case opJmp:
			pc = int(in.x)
			continue
		case opSplit:
			if pos < len(s) {
				c := s[pos]
				if in.set != nil && !in.set[c] {
					pc = int(in.y)
					continue
				}
				if in.next != nil && !in.next[c] {
					pc = int(in.x)
					continue
				}
			} else if in.flag&fEndX == 0 {
				pc = int(in.y)
				continue
			} else if in.flag&fEndY == 0 {
				pc = int(in.x)
				continue
			}
			if in.flag&fMemo != 0 && m.memoOn && m.seen(in.min, pos) {
				break
			}
			m.push(kChoice, in.y, pos, 0)
			pc = int(in.x)
			continue
		case opAlt:
			t := in.ext.table
			class := t.class[256]
			if pos < len(s) {
				class = t.class[s[pos]]
			}
			if class != 0 {
				list := t.lists[class]
				if len(list) > 1 {
					if in.flag&fMemo != 0 && m.memoOn && m.seen(in.min, pos) {
						break
					}
					m.push(kAlt, int32(pc), pos, int(class)<<16|1)
				}
				pc = int(list[0])
				continue
			}
		case opCapLoop:
			// A possessive loop that is a whole group: no way back into it.
			n := scan(in, s, pos)
			if n >= int(in.min) {
				m.steps -= n >> scanSteps
				if m.sp > 0 {
					m.push(kPair, in.x, int(m.regs[in.x]), int(m.regs[in.y]))
				}
				m.regs[in.x], m.regs[in.y] = int32(pos), int32(pos+n)
				pos += n
				pc++
				continue
			}
		case opLoopPoss:
			n := scan(in, s, pos)
			if n >= int(in.min) {
				m.steps -= n >> scanSteps
				pos += n
				pc++
				continue
			}
		case opLoop:
			n := scan(in, s, pos)
			if n < int(in.min) {
				break
			}
			low, p := pos+int(in.min), pos+n
			m.steps -= n >> scanSteps
			if in.next != nil {
				// Give back until what follows can match.
				if p = giveBack(s, in, low, p); p < 0 {
					break
				}
			}
			if p > low {
				m.push(kLoop, int32(pc), low, p)
			}
			if in.flag&fMemo != 0 && m.memoOn && m.seen(in.x, p) {
				break
			}
			pos = p
			pc++
			continue
		case opSave:
			if m.sp > 0 {
				m.push(kReg, in.x, int(m.regs[in.x]), 0)
			}
			m.regs[in.x] = int32(pos)
			pc++
			continue
		case opBegText:
			if pos == 0 && (in.flag == 0 || m.opt&NotBOL == 0) {
				pc++
				continue
			}
		case opDollar:
			if (pos == len(s) || atEnd(s, pos, newline(in.b))) && m.opt&NotEOL == 0 {
				pc++
				continue
			}
		case opMatch:
			if m.opt&endChecks == 0 || m.acceptEnd(pos) {
				m.regs[1] = int32(pos)
				return rMatch
			}
		case opFail:
		default:
			if pos, pc = m.step(in, pos, pc); pc >= 0 {
				s = m.s
				continue
			}
			if pc == pcEnd {
				return m.result
			}
		}
		if pos, pc = m.backtrack(code); pc < 0 {
			return m.result
		}
		s = m.s
	}
}

// endChecks are the options that can refuse a match at its end.
const endChecks = NotEmpty | NotEmptyAtStart | EndAnchoredMatch | longest

// acceptEnd tells whether a match may end at pos under the options.
func (m *Matcher) acceptEnd(pos int) bool {
	start := int(m.regs[0])
	switch {
	case m.opt&NotEmpty != 0 && pos == start,
		m.opt&NotEmptyAtStart != 0 && pos == start && pos == m.from,
		m.opt&EndAnchoredMatch != 0 && pos != len(m.s):
		return false
	case m.opt&longest != 0:
		if pos > m.best {
			m.best, m.bestStart = pos, start
		}
		return false
	}
	return true
}

// scan returns how many bytes from pos on a loop over a byte set takes.
func scan(in *inst, s []byte, pos int) int {
	t := s[pos:]
	if in.max >= 0 && len(t) > int(in.max) {
		t = t[:in.max]
	}
	if in.flag&(fAll|fNotByte) != 0 {
		if in.flag&fAll != 0 {
			return len(t)
		}
		if len(t) > 16 {
			if i := bytes.IndexByte(t, in.b2); i >= 0 {
				return i
			}
			return len(t)
		}
	}
	set := in.set
	for i, c := range t {
		if !set[c] {
			return i
		}
	}
	return len(t)
}

// push stores a frame. At the bound of the stack it stores nothing and lets
// the next failure end the run: what has matched so far stays right.
func (m *Matcher) push(kind frameKind, pc int32, a, b int) {
	if m.sp == len(m.stack) && !m.grow(1) {
		return
	}
	m.stack[m.sp] = frame{kind: kind, pc: pc, a: int32(a), b: int32(b)}
	m.sp++
}

// grow makes room for n more frames; it fails at the bound.
func (m *Matcher) grow(n int) bool {
	if m.sp+n <= len(m.stack) {
		return true
	}
	if m.sp+n > maxStack {
		m.err = ErrHeapLimit
		m.steps = 0
		return false
	}
	s := make([]frame, max(2*len(m.stack), m.sp+n, 64))
	copy(s, m.stack[:m.sp])
	m.stack = s
	return true
}
