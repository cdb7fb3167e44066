package vm

import "strings"

const (
	maxCaptures = 32
	maxMatchRec = 200

	capUnclosed = -1
	capPosition = -2
)

// matchState is a pattern match in progress; one per VM is reused, so that a match allocates nothing.
type matchState struct {
	l     *State
	src   string
	pat   string
	level int // captures, closed or not
	depth int
	steps int
	caps  [maxCaptures]struct{ start, len int }
}

// Character classes as C's isalpha and so on in the C locale.
const (
	ccAlpha = 1 << iota
	ccDigit
	ccLower
	ccSpace
	ccUpper
	ccXdigit
	ccCntrl
	ccPunct
)

var charClass = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z':
			t[c] |= ccAlpha | ccLower
		case c >= 'A' && c <= 'Z':
			t[c] |= ccAlpha | ccUpper
		case c >= '0' && c <= '9':
			t[c] |= ccDigit | ccXdigit
		case c == ' ' || c >= 9 && c <= 13:
			t[c] |= ccSpace
		}
		if c|32 >= 'a' && c|32 <= 'f' && c < 128 {
			t[c] |= ccXdigit
		}
		if c < 32 || c == 127 {
			t[c] |= ccCntrl
		}
		if c > 32 && c < 127 && t[c]&(ccAlpha|ccDigit) == 0 {
			t[c] |= ccPunct
		}
	}
	return
}()

// classMask maps the letter of a class to its bits; 0: not a class letter.
var classMask = func() (t [256]uint8) {
	t['a'], t['d'], t['l'], t['s'], t['u'], t['x'], t['c'], t['p'] = ccAlpha, ccDigit, ccLower, ccSpace, ccUpper, ccXdigit, ccCntrl, ccPunct
	t['w'] = ccAlpha | ccDigit
	t['g'] = ccAlpha | ccDigit | ccPunct
	return
}()

func classMatch(c, cl byte) bool {
	if m := classMask[cl|32]; m != 0 && cl|32 >= 'a' && cl|32 <= 'z' {
		return (charClass[c]&m != 0) == (cl&32 != 0)
	}
	if cl|32 == 'z' {
		return (c == 0) == (cl == 'z')
	}
	return cl == c
}

func (m *matchState) fail(msg string) { m.l.Errorf("%s", msg) }

// begin prepares a match of pat in src.
func (m *matchState) begin(l *State, src, pat string) {
	m.l, m.src, m.pat = l, src, pat
	m.level, m.depth = 0, 0
	m.steps = l.vm.budget.PatternSteps
}

// end drops the references to the strings.
func (m *matchState) end() { m.l, m.src, m.pat = nil, "", "" }

// classEnd returns the position after the single-character class at p.
func (m *matchState) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.fail("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		if p < len(m.pat) && m.pat[p] == '^' {
			p++
		}
		for {
			// LuaJIT ends the set at a zero byte, too.
			if p >= len(m.pat) || m.pat[p] == 0 {
				m.fail("malformed pattern (missing ']')")
			}
			c := m.pat[p]
			p++
			if c == '%' {
				if p >= len(m.pat) {
					m.fail("malformed pattern (missing ']')")
				}
				p++
			}
			if p < len(m.pat) && m.pat[p] == ']' {
				return p + 1
			}
		}
	}
	return p
}

// setMatch tells whether c is in the set at p; ec is the position of its closing bracket.
func setMatch(pat string, c byte, p, ec int) bool {
	sig := true
	if pat[p+1] == '^' {
		sig = false
		p++
	}
	for p++; p < ec; p++ {
		switch {
		case pat[p] == '%':
			p++
			if classMatch(c, pat[p]) {
				return sig
			}
		case pat[p+1] == '-' && p+2 < ec:
			if pat[p] <= c && c <= pat[p+2] {
				return sig
			}
			p += 2
		case pat[p] == c:
			return sig
		}
	}
	return !sig
}

// single tells whether the character at s matches the class at p, which ends at ep.
func (m *matchState) single(s, p, ep int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return classMatch(c, m.pat[p+1])
	case '[':
		return setMatch(m.pat, c, p, ep-1)
	}
	return m.pat[p] == c
}

// run returns how many characters from s on match the class at p.
func (m *matchState) run(s, p, ep int) int {
	i := s
	switch m.pat[p] {
	case '.':
		i = len(m.src)
	case '%':
		cl := m.pat[p+1]
		if mask := classMask[cl|32]; mask != 0 && cl|32 >= 'a' && cl|32 <= 'z' {
			if cl&32 != 0 {
				for i < len(m.src) && charClass[m.src[i]]&mask != 0 {
					i++
				}
			} else {
				for i < len(m.src) && charClass[m.src[i]]&mask == 0 {
					i++
				}
			}
			break
		}
		for i < len(m.src) && classMatch(m.src[i], cl) {
			i++
		}
	case '[':
		if ep-p == 4 && m.pat[p+1] == '^' && m.pat[p+2] != '%' {
			c := m.pat[p+2]
			for i < len(m.src) && m.src[i] != c {
				i++
			}
			break
		}
		for i < len(m.src) && setMatch(m.pat, m.src[i], p, ep-1) {
			i++
		}
	default:
		c := m.pat[p]
		for i < len(m.src) && m.src[i] == c {
			i++
		}
	}
	if m.steps -= i - s; m.steps < 0 {
		m.fail("pattern too complex")
	}
	return i - s
}

// match matches the pattern from p on at s and returns the end of the match, or -1.
func (m *matchState) match(s, p int) int {
	if m.depth++; m.depth > maxMatchRec {
		m.fail("pattern too complex")
	}
	e := m.match1(s, p)
	m.depth--
	return e
}

func (m *matchState) match1(s, p int) int {
	for {
		if m.steps--; m.steps < 0 {
			m.fail("pattern too complex")
		}
		if p == len(m.pat) {
			return s
		}
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.openCapture(s, p+2, capPosition)
			}
			return m.openCapture(s, p+1, capUnclosed)
		case ')':
			return m.closeCapture(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if p+1 < len(m.pat) {
				switch c := m.pat[p+1]; {
				case c == 'b':
					if s = m.balance(s, p+2); s < 0 {
						return -1
					}
					p += 4
					continue
				case c == 'f':
					p += 2
					if p >= len(m.pat) || m.pat[p] != '[' {
						m.fail("missing '[' after '%f' in pattern")
					}
					ep := m.classEnd(p)
					prev, cur := byte(0), byte(0)
					if s > 0 {
						prev = m.src[s-1]
					}
					if s < len(m.src) {
						cur = m.src[s]
					}
					if setMatch(m.pat, prev, p, ep-1) || !setMatch(m.pat, cur, p, ep-1) {
						return -1
					}
					p = ep
					continue
				case isDigit(int(c)):
					if s = m.backref(s, c); s < 0 {
						return -1
					}
					p += 2
					continue
				}
			}
		}
		ep := m.classEnd(p)
		var q byte
		if ep < len(m.pat) {
			q = m.pat[ep]
		}
		switch q {
		case '?':
			if m.single(s, p, ep) {
				if e := m.match(s+1, ep+1); e >= 0 {
					return e
				}
			}
			p = ep + 1
		case '*':
			return m.maxExpand(s, p, ep, 0)
		case '+':
			return m.maxExpand(s, p, ep, 1)
		case '-':
			return m.minExpand(s, p, ep)
		default:
			if !m.single(s, p, ep) {
				return -1
			}
			s++
			p = ep
		}
	}
}

func (m *matchState) maxExpand(s, p, ep, least int) int {
	n := m.run(s, p, ep)
	if ep+1 == len(m.pat) {
		if n < least {
			return -1
		}
		return s + n
	}
	for ; n >= least; n-- {
		if e := m.match(s+n, ep+1); e >= 0 {
			return e
		}
	}
	return -1
}

func (m *matchState) minExpand(s, p, ep int) int {
	for {
		if e := m.match(s, ep+1); e >= 0 {
			return e
		}
		if !m.single(s, p, ep) {
			return -1
		}
		s++
	}
}

func (m *matchState) openCapture(s, p, what int) int {
	if m.level >= maxCaptures {
		m.fail("too many captures")
	}
	m.caps[m.level].start, m.caps[m.level].len = s, what
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matchState) closeCapture(s, p int) int {
	i := m.level - 1
	for ; i >= 0; i-- {
		if m.caps[i].len == capUnclosed {
			break
		}
	}
	if i < 0 {
		m.fail("invalid pattern capture")
	}
	m.caps[i].len = s - m.caps[i].start
	e := m.match(s, p)
	if e < 0 {
		m.caps[i].len = capUnclosed
	}
	return e
}

func (m *matchState) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.fail("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open, cl := m.pat[p], m.pat[p+1]
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		switch m.src[i] {
		case cl:
			if depth--; depth == 0 {
				return i + 1
			}
		case open:
			depth++
		}
	}
	return -1
}

func (m *matchState) backref(s int, c byte) int {
	i := int(c) - '1'
	if i < 0 || i >= m.level || m.caps[i].len == capUnclosed {
		m.fail("invalid capture index")
	}
	if m.caps[i].len < 0 {
		return -1
	}
	sub := m.src[m.caps[i].start : m.caps[i].start+m.caps[i].len]
	if strings.HasPrefix(m.src[s:], sub) {
		return s + len(sub)
	}
	return -1
}

// capture returns the i-th capture; the whole match s..e where the pattern has none.
func (m *matchState) capture(i, s, e int) Value {
	if i >= m.level {
		if i != 0 {
			m.fail("invalid capture index")
		}
		return m.l.substring(m.src, s, e)
	}
	c := m.caps[i]
	switch c.len {
	case capUnclosed:
		m.fail("unfinished capture")
	case capPosition:
		return Int(c.start + 1)
	}
	return m.l.substring(m.src, c.start, c.start+c.len)
}

// pushCaptures pushes all captures, or the whole match if there are none (and whole is set).
func (m *matchState) pushCaptures(l *State, s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := 0; i < n; i++ {
		l.Push(m.capture(i, s, e))
	}
	return n
}

// substring returns s[i:j]. It shares the bytes, except where a small part would keep a large string alive.
func (l *State) substring(s string, i, j int) Value {
	if len(s) > 1024 && (j-i)*8 < len(s) {
		l.vm.account(j - i)
		return String(strings.Clone(s[i:j]))
	}
	return String(s[i:j])
}

// hasSpecials tells whether a pattern is more than plain text.
func hasSpecials(p string) bool {
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '^', '$', '*', '+', '?', '.', '(', '[', '%', '-':
			return true
		}
	}
	return false
}
