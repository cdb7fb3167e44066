package regex

// A match that backtracks more than its subject's length warrants is looked at
// again: first the automaton may prove that there is no match, then failures
// are remembered, so that no choice is tried twice at one place.

// firstSteps returns the backtracking steps allowed before that.
func firstSteps(n int) int { return 1000 + n }

// maxMemo bounds the remembered failures, in bits.
const maxMemo = 1 << 26

// maxDFAs is how many patterns a matcher keeps an automaton of.
const maxDFAs = 8

// Effort returns the steps that the last match took beyond those its subject's length warrants: 0 for most.
func (m *Matcher) Effort() int {
	if !m.escalated {
		return 0
	}
	return m.later - max(m.steps, 0)
}

// escalate is called when the steps allowed are used up. It tells whether the
// run may go on.
func (m *Matcher) escalate() bool {
	if m.err != nil || m.escalated {
		return false
	}
	m.escalated = true
	m.steps = m.later
	if m.steps <= 0 {
		return false
	}
	re := m.re
	if re.nfa() != nil && m.opt&AnchoredMatch == 0 && !m.dfaOf(re).possible(m.full, m.from) {
		m.result = rCommit
		m.hopeless = true
		return false
	}
	// Whether a match is empty depends on its start, which is the same for all
	// ways to a place that is not behind it, unless \K moved it.
	anyStart := m.opt&(NotEmpty|NotEmptyAtStart) == 0 || !re.prog.keeps
	if re.prog.memos > 0 && anyStart && re.prog.memos*(len(m.full)+1) <= maxMemo {
		m.startMemo()
	}
	return true
}

// startMemo clears the memory of failures and switches it on.
func (m *Matcher) startMemo() {
	words := (m.re.prog.memos*(len(m.full)+1) + 63) / 64
	if cap(m.memo) < words {
		m.memo = make([]uint64, words)
	}
	m.memo = m.memo[:words]
	clear(m.memo)
	m.memoOn = true
}

// seen tells whether the place was tried at pos before, and notes it.
func (m *Matcher) seen(place int32, pos int) bool {
	i := int(place)*(len(m.full)+1) + pos
	w, bit := &m.memo[i>>6], uint64(1)<<(i&63)
	if *w&bit != 0 {
		return true
	}
	*w |= bit
	return false
}

// dfaOf returns the automaton of a pattern, a new one if need be.
func (m *Matcher) dfaOf(re *Regex) *dfa {
	for _, d := range m.dfas {
		if d.re == re {
			if !d.full() {
				return d
			}
			*d = *newDFA(re)
			return d
		}
	}
	d := newDFA(re)
	if len(m.dfas) < maxDFAs {
		m.dfas = append(m.dfas, d)
		return d
	}
	m.dfas[m.nextDFA] = d
	m.nextDFA = (m.nextDFA + 1) % maxDFAs
	return d
}
