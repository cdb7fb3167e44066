package regex

// The automaton proves that a subject has no match. It accepts at least what
// the pattern accepts: what a finite automaton cannot say (look-around,
// back-references, word boundaries, atomic groups) it takes as met. So its no
// is final and its yes is not; the machine finds the match and the captures.

// maxNFA bounds the states; a pattern that needs more has no automaton.
const maxNFA = 4000

// nfaOp is the kind of a state.
type nfaOp uint8

const (
	nfaByte  nfaOp = iota // consume a byte of set, go to x
	nfaSplit              // go to x and y
	nfaBegin              // at offset 0 only: go to x
	nfaEnd                // at the end, or before a last newline: go to x
	nfaMatch
)

type nfaState struct {
	op   nfaOp
	x, y int32
	set  *byteSet
}

// nfa is the automaton of a pattern.
type nfa struct {
	states  []nfaState
	start   int32
	class   [256]uint8 // bytes that no set tells apart share a class
	classes int
	repr    []byte // a member of each class
}

// nfaBuilder builds backwards: each node gets the state that follows it.
type nfaBuilder struct {
	states []nfaState
	a      analyzer
	full   bool
}

// newNFA returns the automaton of a tree, or nil where it would be too large.
func newNFA(root *node, utf bool) *nfa {
	b := nfaBuilder{a: analyzer{utf: utf}}
	start := b.node(root, b.add(nfaState{op: nfaMatch}))
	if b.full {
		return nil
	}
	n := &nfa{states: b.states, start: start}
	n.classify()
	return n
}

// classify divides the bytes into classes.
func (n *nfa) classify() {
	ids := map[[2]int]uint8{}
	seen := map[*byteSet]bool{}
	count := 1
	for _, s := range n.states {
		if s.op != nfaByte || seen[s.set] {
			continue
		}
		seen[s.set] = true
		clear(ids)
		next := 0
		var class [256]uint8
		for c := range 256 {
			key := [2]int{int(n.class[c]), b2i(s.set[c])}
			id, ok := ids[key]
			if !ok {
				id = uint8(next)
				ids[key] = id
				next++
			}
			class[c] = id
		}
		n.class, count = class, next
	}
	n.classes = count
	n.repr = make([]byte, count)
	for c := range 256 {
		n.repr[n.class[c]] = byte(c)
	}
}

func (b *nfaBuilder) add(s nfaState) int32 {
	if len(b.states) >= maxNFA {
		b.full = true
		return 0
	}
	b.states = append(b.states, s)
	return int32(len(b.states) - 1)
}

// onlyMatch tells whether nothing but the end of the match follows. Where text
// may follow, as in $\n, an assertion is taken as met.
func (b *nfaBuilder) onlyMatch(state int32) bool {
	for b.states[state].op == nfaEnd {
		state = b.states[state].x
	}
	return b.states[state].op == nfaMatch
}

func (b *nfaBuilder) bytes(set *byteSet, next int32) int32 {
	return b.add(nfaState{op: nfaByte, set: set, x: next})
}

// anyBytes is .* over bytes.
func (b *nfaBuilder) anyBytes(next int32) int32 {
	loop := b.add(nfaState{op: nfaSplit, y: next})
	all := anything().set
	b.states[loop].x = b.bytes(&all, loop)
	return loop
}

// node adds the states of n before next.
func (b *nfaBuilder) node(n *node, next int32) int32 {
	if b.full {
		return next
	}
	switch n.op {
	case nFail:
		return b.bytes(&byteSet{}, next)
	case nChar, nString:
		return b.literal(n, next)
	case nSet:
		return b.set(n.set, next)
	case nByte:
		all := anything().set
		return b.bytes(&all, next)
	case nCat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			next = b.node(n.subs[i], next)
		}
		return next
	case nAlt:
		return b.alt(n.subs, next)
	case nCond:
		if condKind(n.kind) == cDefine {
			return next
		}
		if len(n.subs) == 1 {
			return b.alt([]*node{n.subs[0], empty()}, next)
		}
		return b.alt(n.subs, next)
	case nGroup, nCapture, nAtomic, nScript:
		return b.node(n.subs[0], next)
	case nRepeat:
		return b.repeat(n, next)
	case nAssert:
		switch assertKind(n.kind) {
		case aBeginSubject:
			return b.add(nfaState{op: nfaBegin, x: next})
		case aEndSubject, aEndOrNewline, aDollar:
			if b.onlyMatch(next) {
				return b.add(nfaState{op: nfaEnd, x: next})
			}
		}
		return next
	case nEmpty, nKeep, nLook:
		return next
	}
	return b.anyBytes(next) // a call, a back-reference, \X: anything
}

func (b *nfaBuilder) alt(subs []*node, next int32) int32 {
	at := b.node(subs[len(subs)-1], next)
	for i := len(subs) - 2; i >= 0; i-- {
		at = b.add(nfaState{op: nfaSplit, x: b.node(subs[i], next), y: at})
	}
	return at
}

func (b *nfaBuilder) literal(n *node, next int32) int32 {
	s := simplifier{utf: b.a.utf}
	l := s.stringNode(n)
	for i := len(l.str) - 1; i >= 0; i-- {
		set := new(byteSet)
		set[l.str[i]] = true
		if n.fold && asciiLetter(l.str[i]) {
			set[l.str[i]^32] = true
		}
		next = b.bytes(set, next)
	}
	return next
}

// set adds one character. Of a UTF-8 character beyond ASCII the automaton
// looks at the first byte only.
func (b *nfaBuilder) set(c *charset, next int32) int32 {
	lead := b.a.leadBytes(c)
	if !b.a.utf {
		return b.bytes(lead, next)
	}
	var ascii, wide, rest byteSet
	hasWide := false
	for i, v := range lead {
		if i < 0x80 {
			ascii[i] = v
		} else {
			wide[i] = v
			hasWide = hasWide || v
			rest[i] = i < 0xc0
		}
	}
	if !hasWide {
		return b.bytes(lead, next)
	}
	loop := b.add(nfaState{op: nfaSplit, y: next})
	b.states[loop].x = b.bytes(&rest, loop)
	return b.add(nfaState{op: nfaSplit, x: b.bytes(&ascii, next), y: b.bytes(&wide, loop)})
}

func (b *nfaBuilder) repeat(n *node, next int32) int32 {
	body := n.subs[0]
	if n.max == 0 {
		return next
	}
	if n.max == infinite {
		loop := b.add(nfaState{op: nfaSplit, y: next})
		b.states[loop].x = b.node(body, loop)
		next = loop
	} else {
		for range n.max - n.min {
			if b.full {
				return next
			}
			next = b.add(nfaState{op: nfaSplit, x: b.node(body, next), y: next})
		}
	}
	for range n.min {
		if b.full {
			return next
		}
		next = b.node(body, next)
	}
	return next
}
