package regex

import "strings"

// quantify applies a quantifier to the last item; a following ? or + sets its mode.
func (p *parser) quantify(lo, hi int, ok bool) *Error {
	if !ok || len(p.top.items) == 0 {
		return p.fail(errNothingToRepeat)
	}
	mode := greedy
	if p.opt&Ungreedy != 0 {
		mode = lazy
	}
	after := p.pos
	p.skipIgnored()
	switch c := p.peek(0); {
	case c == '?' && !p.inQuote:
		p.pos++
		mode = lazy - mode
	case c == '+' && !p.inQuote:
		p.pos++
		mode = possessive
	default:
		p.pos, p.inQuote = after, false
	}
	last := &p.top.items[len(p.top.items)-1]
	*last = repeat(*last, lo, hi, mode)
	return nil
}

// skipIgnored moves over what may stand between a quantifier and its mode. A
// \Q with text after it ends that.
func (p *parser) skipIgnored() {
	for !p.eof() && !p.inQuote {
		if done, err := p.passive(); !done || err != nil {
			return
		}
		if p.inQuote && strings.HasPrefix(p.src[p.pos:], `\E`) {
			p.inQuote = false
			p.pos += 2
		}
	}
}

// repeat makes the node of a quantified item.
func repeat(n *node, lo, hi int, mode repMode) *node {
	if n.op == nLook || n.op == nScan {
		// An assertion gains nothing from turns without end.
		if hi == infinite {
			hi = lo + 1
		}
	}
	if n.op == nCond && condKind(n.kind) == cDefine {
		return n
	}
	if mode == possessive {
		r := &node{op: nRepeat, subs: []*node{n}, min: lo, max: hi, mode: possessive}
		return r
	}
	if lo == 1 && hi == 1 {
		return n
	}
	return &node{op: nRepeat, subs: []*node{n}, min: lo, max: hi, mode: mode}
}

// repeatCounts reads what follows a { ; ok is false when it is no quantifier.
func (p *parser) repeatCounts() (lo, hi int, ok bool, err *Error) {
	i := p.skipBlanks(p.pos)
	j := i
	for j < len(p.src) && isDigit(p.src[j]) {
		j++
	}
	hadMin := j > i
	minEnd := j
	j = p.skipBlanks(j)
	if j >= len(p.src) {
		return
	}
	maxStart, maxEnd := -1, -1
	if p.src[j] == '}' {
		if !hadMin {
			return
		}
	} else {
		if p.src[j] != ',' {
			return
		}
		j = p.skipBlanks(j + 1)
		maxStart = j
		for j < len(p.src) && isDigit(p.src[j]) {
			j++
		}
		maxEnd = j
		if maxEnd == maxStart && !hadMin {
			return
		}
		j = p.skipBlanks(j)
		if j >= len(p.src) || p.src[j] != '}' {
			return
		}
	}
	lo, hi = 0, infinite
	if hadMin {
		if lo, err = p.count(i, minEnd); err != nil {
			return
		}
		if maxStart < 0 {
			hi = lo
		}
	}
	if maxEnd > maxStart {
		if hi, err = p.count(maxStart, maxEnd); err != nil {
			return
		}
		if hi < lo {
			return 0, 0, false, p.failAt(errQuantOrder, maxEnd)
		}
	}
	p.pos = j + 1
	return lo, hi, true, nil
}

func (p *parser) count(from, to int) (int, *Error) {
	n := 0
	for _, c := range p.src[from:to] {
		n = n*10 + int(c-'0')
		if n > maxRepeat {
			return 0, p.failAt(errQuantBig, to)
		}
	}
	return n, nil
}
