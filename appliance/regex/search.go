package regex

import (
	"bytes"
	"unicode/utf8"
)

// search is how candidates for the start of a match are found.
type search struct {
	anchored  bool // only at the start offset
	textStart bool // only at offset 0
	lineStart bool // only at offset 0 and after a newline
	minLen    int
	prefix    string   // every match begins with it
	required  string   // every match holds it; "": unknown, or not worth a look
	first     *byteSet // every match begins with one of these bytes; nil: unknown
	skip      int      // instructions that the search has done: the prefix, or the test for offset 0
	firstByte int      // the byte, when there is one only; else -1
	crlf      bool     // the pattern names CR or LF: step by bytes over CR LF
}

// planSearch derives the search from the tree.
func planSearch(p *parser, root *node, code []inst) search {
	s := search{firstByte: -1, crlf: p.hasCRLF}
	s.anchored = p.start&Anchored != 0 || beginsWith(root, aStartOffset)
	if p.start&NoStartOptimize != 0 {
		return s
	}
	s.textStart = beginsWith(root, aBeginSubject)
	s.lineStart = beginsWith(root, aBeginLine)
	accepts := hasAccept(root)
	if !accepts {
		s.minLen = minLen(root)
	}
	s.planFirst(p, root)
	if !s.textStart && !s.lineStart {
		s.prefix = prefixOf(root)
	}
	switch in := &code[0]; in.op {
	case opStr:
		s.skip = b2i(in.str == s.prefix)
	case opChar:
		s.skip = b2i(s.prefix == string([]byte{in.b}))
	case opBegText:
		s.skip = b2i(s.textStart)
	}
	if len(s.prefix) < 2 && !s.textStart && !s.anchored && !accepts {
		s.required = requiredOf(root)
	}
	return s
}

// planFirst sets the bytes that a match can begin with.
func (s *search) planFirst(p *parser, root *node) {
	a := analyzer{utf: p.start&UTF != 0}
	f := a.firstOf(root, accepting())
	if p.hasVerb && f.all() {
		// A verb may see every start. PCRE2 looks through verbs for one first
		// character only, and its users see that.
		a.skipVerbs = true
		if g := a.firstOf(root, accepting()); g.set.count() == 1 && !g.end {
			f = g
		}
	}
	if f.end || f.all() || s.minLen == 0 {
		return
	}
	s.first = &f.set
	if f.set.count() == 1 {
		for b, v := range f.set {
			if v {
				s.firstByte = b
			}
		}
	}
}

// beginsWith tells whether every match begins with the assertion.
func beginsWith(n *node, kind assertKind) bool {
	switch n.op {
	case nAssert:
		return assertKind(n.kind) == kind
	case nCat:
		for _, s := range n.subs {
			if beginsWith(s, kind) {
				return true
			}
			if s.op != nKeep && s.op != nEmpty && s.op != nLook {
				return false
			}
		}
		return false
	case nCapture, nAtomic:
		return beginsWith(n.subs[0], kind)
	case nRepeat:
		return n.min > 0 && beginsWith(n.subs[0], kind)
	case nAlt:
		for _, s := range n.subs {
			if !beginsWith(s, kind) {
				return false
			}
		}
		return true
	}
	return false
}

// prefixOf returns the literal that every match begins with.
func prefixOf(n *node) string {
	switch n.op {
	case nChar:
		if !n.fold && n.r < utf8.RuneSelf {
			return string([]byte{byte(n.r)})
		}
	case nString:
		if !n.fold {
			return n.str
		}
	case nCat:
		return prefixOf(n.subs[0])
	case nCapture, nAtomic:
		return prefixOf(n.subs[0])
	case nRepeat:
		if n.min > 0 {
			return prefixOf(n.subs[0])
		}
	}
	return ""
}

// requiredOf returns the longest literal that every match holds.
func requiredOf(n *node) string {
	switch n.op {
	case nChar, nString:
		return prefixOf(n)
	case nCat:
		best := ""
		for _, s := range n.subs {
			// Of two equally long ones the later says more: the search
			// itself looks at the beginning.
			if r := requiredOf(s); len(r) >= len(best) && r != "" {
				best = r
			}
		}
		return best
	case nCapture, nAtomic:
		return requiredOf(n.subs[0])
	case nRepeat:
		if n.min > 0 {
			return requiredOf(n.subs[0])
		}
	}
	return ""
}

// find searches from an offset. The result is in m.
func (re *Regex) find(m *Matcher, s []byte, from int) bool {
	p := &re.search
	switch {
	case p.anchored || m.opt&AnchoredMatch != 0 || p.textStart && from == 0 && m.opt&NotBOL != 0:
		return m.attempt(re, from, from, 0) == rMatch
	case p.textStart:
		return from == 0 && m.attempt(re, 0, 0, p.skip) == rMatch
	}
	skipped := 0
	if p.skip > 0 {
		skipped = len(p.prefix)
	}
	if p.required != "" && !bytes.Contains(s[from:], stringBytes(p.required)) {
		return false
	}
	for at := from; at <= len(s); {
		at = re.candidate(s, at)
		if at < 0 {
			return false
		}
		if re.flags&FirstLine != 0 && at > from && hasNewline(s, from, at, re.nl) {
			return false
		}
		switch m.attempt(re, at, at+skipped, p.skip) {
		case rMatch:
			return true
		case rCommit, rLimit:
			return false
		case rSkip:
			if m.skipTo > at {
				at = m.skipTo
				continue
			}
		}
		at = re.advance(s, at)
	}
	return false
}

// advance returns the next start after at.
func (re *Regex) advance(s []byte, at int) int {
	if at < len(s) && s[at] == '\r' && at+1 < len(s) && s[at+1] == '\n' && re.nl >= nlCRLF && !re.search.crlf {
		return at + 2
	}
	at++
	if re.flags&UTF != 0 {
		for at < len(s) && !utf8.RuneStart(s[at]) {
			at++
		}
	}
	return at
}

// hasNewline tells whether a newline ends in s[from:at].
func hasNewline(s []byte, from, at int, nl newline) bool {
	for i := from; i < at; i++ {
		if newlineHere(s, i, nl) > 0 {
			return true
		}
	}
	return false
}

// candidate returns the first position from at where a match may begin, or -1.
func (re *Regex) candidate(s []byte, at int) int {
	p := &re.search
	if len(s)-at < p.minLen {
		return -1
	}
	if p.lineStart {
		for at > 0 && at < len(s) && (!afterNewline(s, at, re.nl) || re.nl > nlCRLF && s[at-1] == '\r' && s[at] == '\n') {
			at++
		}
		if at > 0 && at == len(s) && len(s) > 0 {
			return -1
		}
		return at
	}
	switch {
	case len(p.prefix) > 1:
		i := bytes.Index(s[at:], stringBytes(p.prefix))
		if i < 0 {
			return -1
		}
		return at + i
	case len(p.prefix) == 1:
		i := bytes.IndexByte(s[at:], p.prefix[0])
		if i < 0 {
			return -1
		}
		return at + i
	case p.firstByte >= 0:
		i := bytes.IndexByte(s[at:], byte(p.firstByte))
		if i < 0 {
			return -1
		}
		return at + i
	case p.first != nil:
		first := p.first
		for ; at < len(s); at++ {
			if first[s[at]] {
				return at
			}
		}
		return -1
	}
	return at
}
