package regex

import "slices"

// maxDFA bounds the states that a matcher builds for a pattern and maxDFASize
// the memory they take, in numbers; beyond the automaton gives no answer.
const (
	maxDFA     = 2000
	maxDFASize = 1 << 20
)

// dfa is the lazily built deterministic automaton of one pattern, owned by one
// matcher. State 0 is dead: from it on only a later start could match, which
// the unanchored automaton has included already.
type dfa struct {
	re     *Regex
	n      *nfa
	anchor bool // matches begin at the start offset only
	ids    map[string]int32
	sets   [][]int32 // the automaton states of each state, sorted
	trans  []int32   // state*classes+class; -1: not known yet
	match  []bool    // a match has ended
	end    []bool    // a match ends if the subject ends here

	stack   []int32
	mark    []bool // by automaton state, while a closure is built
	restart []int32
	key     []byte
	build   []int32
	size    int // of sets and trans
}

// full tells whether a bound is reached.
func (d *dfa) full() bool { return len(d.sets) > maxDFA || d.size > maxDFASize }

func newDFA(re *Regex) *dfa {
	d := &dfa{re: re, n: re.nfa(), ids: map[string]int32{}, mark: make([]bool, len(re.nfa().states))}
	d.anchor = re.search.anchored || re.search.textStart
	if !d.anchor {
		d.restart = d.closure(nil, d.n.start, false, false)
		d.restart = slices.Clone(d.restart)
		d.clearMarks(d.restart)
	}
	d.intern(nil)
	return d
}

// closure adds what is reachable from state without a byte.
func (d *dfa) closure(set []int32, state int32, atStart, atEnd bool) []int32 {
	d.stack = append(d.stack[:0], state)
	for len(d.stack) > 0 {
		k := d.stack[len(d.stack)-1]
		d.stack = d.stack[:len(d.stack)-1]
		if d.mark[k] {
			continue
		}
		d.mark[k] = true
		set = append(set, k)
		s := &d.n.states[k]
		switch s.op {
		case nfaSplit:
			d.stack = append(d.stack, s.x, s.y)
		case nfaBegin:
			if atStart {
				d.stack = append(d.stack, s.x)
			}
		case nfaEnd:
			if atEnd {
				d.stack = append(d.stack, s.x)
			}
		}
	}
	return set
}

func (d *dfa) clearMarks(set []int32) {
	for _, k := range set {
		d.mark[k] = false
	}
}

// intern returns the state of a set of automaton states.
func (d *dfa) intern(set []int32) int32 {
	slices.Sort(set)
	d.key = d.key[:0]
	for _, k := range set {
		d.key = append(d.key, byte(k), byte(k>>8))
	}
	if id, ok := d.ids[string(d.key)]; ok {
		return id
	}
	id := int32(len(d.sets))
	d.ids[string(d.key)] = id
	set = slices.Clone(set)
	d.sets = append(d.sets, set)
	d.size += len(set) + d.n.classes
	for range d.n.classes {
		d.trans = append(d.trans, -1)
	}
	match, end := false, false
	var all []int32
	for _, k := range set {
		match = match || d.n.states[k].op == nfaMatch
		if d.n.states[k].op == nfaEnd {
			all = d.closure(all, k, false, true)
		}
	}
	for _, k := range all {
		end = end || d.n.states[k].op == nfaMatch
	}
	d.clearMarks(all)
	d.match = append(d.match, match)
	d.end = append(d.end, end || match)
	return id
}

// next computes a transition.
func (d *dfa) next(state int32, class uint8) int32 {
	c := d.n.repr[class]
	d.build = d.build[:0]
	for _, k := range d.sets[state] {
		if s := &d.n.states[k]; s.op == nfaByte && s.set[c] {
			d.build = d.closure(d.build, s.x, false, false)
		}
	}
	for _, k := range d.restart {
		if !d.mark[k] {
			d.mark[k] = true
			d.build = append(d.build, k)
		}
	}
	d.clearMarks(d.build)
	id := d.intern(d.build)
	d.trans[int(state)*d.n.classes+int(class)] = id
	return id
}

// possible tells whether a match may exist from an offset on. False is certain.
func (d *dfa) possible(s []byte, from int) bool {
	d.build = d.closure(d.build[:0], d.n.start, from == 0, false)
	d.clearMarks(d.build)
	state := d.intern(d.build)
	classes := d.n.classes
	for i := from; i < len(s); i++ {
		if d.match[state] {
			return true
		}
		if i == len(s)-1 && d.end[state] && d.re.nl.has(s[i]) || i == len(s)-2 && d.end[state] && d.re.nl.has(s[i]) {
			return true
		}
		if state == 0 && d.anchor {
			return false
		}
		class := d.n.class[s[i]]
		to := d.trans[int(state)*classes+int(class)]
		if to < 0 {
			if d.full() {
				return true
			}
			to = d.next(state, class)
		}
		state = to
	}
	return d.end[state]
}

// has tells whether c is part of a newline.
func (nl newline) has(c byte) bool {
	switch nl {
	case nlLF:
		return c == '\n'
	case nlNUL:
		return c == 0
	case nlAny, nlAnyUTF:
		return c >= 10 && c <= 13 || c >= 0x80
	}
	return c == '\n' || c == '\r'
}
