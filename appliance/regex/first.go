package regex

import "unicode/utf8"

// first describes what a rest of the pattern can begin with.
type first struct {
	set byteSet // the bytes that may come next
	end bool    // it may succeed at the end of the subject
	// accept means that it succeeds always, as the end of the pattern does.
	accept bool
}

func anything() *first {
	f := &first{end: true}
	for i := range f.set {
		f.set[i] = true
	}
	return f
}

func accepting() *first {
	f := anything()
	f.accept = true
	return f
}

// all tells whether the set holds every byte.
func (f *first) all() bool { return f.set.count() == 256 }

func (f *first) join(o *first) *first {
	out := &first{set: f.set, end: f.end || o.end}
	out.set.union(&o.set)
	return out
}

// analyzer computes first sets.
type analyzer struct {
	utf bool
	// skipVerbs treats verbs as empty, which only the start of the search may.
	skipVerbs bool
}

// firstOf returns what n followed by rest can begin with.
func (a *analyzer) firstOf(n *node, rest *first) *first {
	switch n.op {
	case nEmpty, nKeep:
		return rest
	case nLook, nScript:
		if n.op == nScript {
			return a.firstOf(n.subs[0], anything())
		}
		if !a.skipVerbs && hasVerb(n) {
			return anything()
		}
		return &first{set: rest.set, end: rest.end}
	case nFail:
		return &first{}
	case nChar:
		f := &first{}
		a.charFirst(n, f)
		return f
	case nString:
		f := &first{}
		f.set[n.str[0]] = true
		if n.fold && asciiLetter(n.str[0]) {
			f.set[n.str[0]^32] = true
		}
		return f
	case nSet:
		return &first{set: *a.leadBytes(n.set)}
	case nByte, nGrapheme:
		f := anything()
		f.end = false
		return f
	case nCat:
		for i := len(n.subs) - 1; i >= 0; i-- {
			rest = a.firstOf(n.subs[i], rest)
		}
		return rest
	case nAlt:
		f := &first{}
		for _, s := range n.subs {
			f = f.join(a.firstOf(s, rest))
		}
		return f
	case nCond:
		if n.cond == nil && condKind(n.kind) == cDefine {
			return rest
		}
		f := a.firstOf(n.subs[0], rest)
		if len(n.subs) == 1 {
			return f.join(rest)
		}
		return f.join(a.firstOf(n.subs[1], rest))
	case nGroup, nCapture:
		return a.firstOf(n.subs[0], rest)
	case nAtomic:
		return a.firstOf(n.subs[0], rest)
	case nRepeat:
		if n.max == 0 {
			return rest
		}
		// A further turn begins as the first one does.
		turn := a.firstOf(n.subs[0], &first{set: rest.set, end: rest.end})
		if n.min == 0 {
			return rest.join(turn)
		}
		return turn
	case nAssert:
		switch assertKind(n.kind) {
		case aEndSubject:
			return &first{end: rest.end}
		case aEndOrNewline, aDollar, aEndLine:
			f := &first{end: rest.end}
			for _, b := range [...]byte{'\n', '\r', 0, 11, 12, 0x85, 0xe2, 0xc2} {
				f.set[b] = rest.set[b]
			}
			return f
		}
		return &first{set: rest.set, end: rest.end}
	case nVerb:
		if a.skipVerbs && verbKind(n.kind) != vAccept {
			return &first{set: rest.set, end: rest.end}
		}
	}
	f := anything()
	return f
}

func (a *analyzer) charFirst(n *node, f *first) {
	if a.utf && n.r >= utf8.RuneSelf {
		var buf [4]byte
		utf8.EncodeRune(buf[:], n.r)
		f.set[buf[0]] = true
		return
	}
	f.set[byte(n.r)] = true
	if n.fold {
		f.set[byte(n.r)^32] = true
	}
}

// leadBytes returns the first bytes of the members of a set.
func (a *analyzer) leadBytes(c *charset) *byteSet {
	if !a.utf {
		return c.bytes(256)
	}
	b := c.bytes(128)
	var buf [4]byte
	for _, s := range c.r {
		if s.hi < 128 {
			continue
		}
		utf8.EncodeRune(buf[:], max(s.lo, 128))
		lo := buf[0]
		utf8.EncodeRune(buf[:], s.hi)
		for x := int(lo); x <= int(buf[0]); x++ {
			b[x] = true
		}
		if s.lo <= 0xfffd && s.hi >= 0xfffd || s.lo <= 0xdfff && s.hi >= 0xd800 {
			for x := 0x80; x < 0x100; x++ {
				b[x] = true // an invalid byte counts as U+FFFD
			}
		}
	}
	return b
}

// minLen returns the fewest bytes n can match.
func minLen(n *node) int {
	switch n.op {
	case nChar, nSet, nByte, nGrapheme:
		return 1
	case nString:
		return len(n.str)
	case nCat:
		t := 0
		for _, s := range n.subs {
			if s.op == nVerb && verbKind(s.kind) == vAccept {
				return 0
			}
			t = min(t+minLen(s), infinite)
		}
		return t
	case nAlt:
		t := minLen(n.subs[0])
		for _, s := range n.subs[1:] {
			t = min(t, minLen(s))
		}
		return t
	case nCond:
		if len(n.subs) < 2 {
			return 0
		}
		return min(minLen(n.subs[0]), minLen(n.subs[1]))
	case nGroup, nCapture, nAtomic, nScript:
		return minLen(n.subs[0])
	case nRepeat:
		if n.min == 0 {
			return 0
		}
		return min(minLen(n.subs[0])*n.min, infinite)
	}
	return 0
}

// hasVerb tells whether n holds a backtracking verb.
func hasVerb(n *node) bool {
	found := n.op == nVerb
	n.each(func(s *node) { found = found || hasVerb(s) })
	return found
}

// hasAccept tells whether n holds an (*ACCEPT), which ends a match anywhere.
func hasAccept(n *node) bool {
	found := n.op == nVerb && verbKind(n.kind) == vAccept
	n.each(func(s *node) { found = found || hasAccept(s) })
	return found
}
