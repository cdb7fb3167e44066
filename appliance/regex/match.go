package regex

import (
	"math"
	"unicode/utf8"
)

// MatchOption changes one match.
type MatchOption uint32

// The match options. The names follow PCRE2's option names.
const (
	// NotBOL says that the subject does not begin a line.
	NotBOL MatchOption = 1 << iota
	// NotEOL says that the subject does not end a line.
	NotEOL
	// NotEmpty refuses an empty match.
	NotEmpty
	// NotEmptyAtStart refuses an empty match at the start offset.
	NotEmptyAtStart
	// AnchoredMatch allows a match at the start offset only.
	AnchoredMatch
	// EndAnchoredMatch allows a match only up to the end of the subject.
	EndAnchoredMatch
	// NoCheckUTF trusts the subject to be valid UTF-8.
	NoCheckUTF
	// Longest finds the longest match at the leftmost position instead of the
	// first in Perl's order, and sets no captures: PCRE2's DFA mode.
	Longest
)

const longest = Longest

// keepStack is how many frames a matcher keeps from match to match, and a
// quarter of the registers saved by calls.
const keepStack = 1 << 18

// DefaultMatchLimit is the step budget where MatchOptions has none: PCRE2's.
const DefaultMatchLimit = 10_000_000

// MatchOptions are the options of one match. The zero value is the usual match.
type MatchOptions struct {
	// Flags are the options.
	Flags MatchOption
	// Limit bounds the backtracking steps; 0 means DefaultMatchLimit.
	Limit int
}

// Matcher holds the state of a running match: the backtracking stack and the
// caches. A worker has one and reuses it. It is not safe for concurrent use.
type Matcher struct {
	regs      []int32
	stack     []frame
	calls     []callRecord
	savedRegs []int32

	// state of the match that runs
	opt       MatchOption
	from      int
	s         []byte // the subject; shorter inside a scan_substring
	full      []byte
	code      []inst
	sp        int // frames on the stack
	result    runResult
	utf       bool
	steps     int
	skipTo    int
	curCall   int32
	mark      int32
	lastMark  int32
	best      int
	bestStart int
	err       *MatchError
	marks     []string

	// what escalate uses
	re        *Regex
	patience  int // added to firstSteps; below zero in tests
	later     int // steps that escalate may hand out
	escalated bool
	hopeless  bool // the automaton found that there is no match
	memoOn    bool
	memo      []uint64
	dfas      []*dfa
	nextDFA   int
}

// NewMatcher returns a matcher with a small stack.
func NewMatcher() *Matcher {
	return &Matcher{stack: make([]frame, 64), regs: make([]int32, 32)}
}

// Match finds the leftmost match that starts at from or later. It returns the
// offsets in caps, grown where it is too small: two for the match and two for
// each group, -1 for a group that is not set. No match is nil, nil. Offsets
// stay valid as long as caps; nothing refers to s afterwards. With caps large
// enough nothing is allocated.
func (m *Matcher) Match(re *Regex, s []byte, from int, opt MatchOptions, caps []int) ([]int, error) {
	if err := m.start(re, s, from, opt); err != nil {
		return nil, err
	}
	found := re.find(m, s, from)
	m.s, m.full = nil, nil
	if len(m.stack) > keepStack || cap(m.savedRegs) > 4*keepStack {
		m.stack, m.calls, m.savedRegs = make([]frame, 64), nil, nil
	}
	if !found {
		if m.err != nil && !m.hopeless {
			return nil, m.err
		}
		return nil, nil
	}
	n := 2 * (re.prog.ncap + 1)
	if opt.Flags&Longest != 0 {
		n = 2
		m.regs[0], m.regs[1] = int32(m.bestStart), int32(m.best)
	}
	if cap(caps) < n {
		caps = make([]int, n)
	}
	caps = caps[:n]
	for i := range caps {
		caps[i] = int(m.regs[i])
	}
	return caps, nil
}

// start checks the arguments of a match and sets the state up for it.
func (m *Matcher) start(re *Regex, s []byte, from int, opt MatchOptions) error {
	if from < 0 || from > len(s) {
		return ErrBadOffset
	}
	if len(s) > math.MaxInt32-1 {
		return ErrTooLong
	}
	if opt.Flags&Longest != 0 && re.dfaErr != nil {
		return re.dfaErr
	}
	m.utf = re.flags&UTF != 0
	m.opt = opt.Flags | re.opt
	if m.utf && re.flags&NoUTFCheck == 0 && opt.Flags&NoCheckUTF == 0 {
		if !utf8.Valid(s) {
			err, _ := utfError(s)
			return err
		}
		if from < len(s) && !utf8.RuneStart(s[from]) {
			return ErrBadUTFOffset
		}
	}
	prog := re.prog
	if cap(m.regs) < prog.nregs {
		m.regs = make([]int32, prog.nregs, 2*prog.nregs)
	}
	m.regs = m.regs[:prog.nregs]
	m.s, m.full, m.code, m.marks = s, s, prog.code, prog.marks
	m.from, m.best, m.err = from, -1, nil
	m.mark, m.lastMark = -1, -1
	limit := DefaultMatchLimit
	if opt.Limit > 0 {
		limit = opt.Limit
	}
	if re.limit > 0 {
		limit = min(limit, re.limit)
	}
	m.re, m.escalated, m.hopeless, m.memoOn = re, false, false, false
	m.steps = min(limit, m.patience+firstSteps(len(s)))
	m.later = limit - m.steps
	return nil
}

// Mark returns the name of the last (*MARK) on the path of the last match, or
// after no match the last one passed.
func (m *Matcher) Mark() (string, bool) {
	k := m.mark
	if k < 0 {
		k = m.lastMark
	}
	if k < 0 || int(k) >= len(m.marks) {
		return "", false
	}
	return m.marks[k], true
}

// attempt runs the program at one position, beginning with the instruction at
// pc and the text at pos.
func (m *Matcher) attempt(re *Regex, at, pos, pc int) runResult {
	regs := m.regs
	regs[0] = int32(at)
	for i := 2; i < 2*re.prog.ncap+2; i++ {
		regs[i] = -1
	}
	m.sp = 0
	if re.prog.marksOrCalls {
		m.mark, m.curCall = -1, -1
		m.calls, m.savedRegs = m.calls[:0], m.savedRegs[:0]
		m.s = m.full
	}
	r := m.run(m.code, pos, pc)
	if m.best >= 0 && r == rFail {
		return rMatch
	}
	return r
}
