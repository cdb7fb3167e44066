package regex

import "strings"

// simpleAssert is the node of \A \B \b \G \K \Z \z.
func (p *parser) simpleAssert(c byte) *node {
	ucp := p.opt&UCP != 0
	switch c {
	case 'A':
		return &node{op: nAssert, kind: uint8(aBeginSubject)}
	case 'z':
		return &node{op: nAssert, kind: uint8(aEndSubject)}
	case 'Z':
		return &node{op: nAssert, kind: uint8(aEndOrNewline)}
	case 'G':
		return &node{op: nAssert, kind: uint8(aStartOffset)}
	case 'b':
		return &node{op: nAssert, kind: uint8(aWordBoundary), ucp: ucp && p.xopt&xASCIIWordBS == 0}
	case 'B':
		return &node{op: nAssert, kind: uint8(aNotWordBoundary), ucp: ucp && p.xopt&xASCIIWordBS == 0}
	}
	return &node{op: nKeep, off: p.pos}
}

// newlineSequence is \R.
func (p *parser) newlineSequence() *node {
	set := setOf(span{10, 13}, span{0x85, 0x85}, span{0x2028, 0x2029})
	if !p.bsrAny {
		set = setOf(span{10, 10}, span{13, 13})
	}
	set = set.and(setOf(span{0, p.limit()}))
	crlf := cat([]*node{{op: nChar, r: '\r'}, {op: nChar, r: '\n'}})
	return &node{op: nAtomic, name: "R", subs: []*node{{op: nAlt, subs: []*node{crlf, {op: nSet, set: set}}}}}
}

// typeSet is the set of \d \s \w \h \v or their negations.
func (p *parser) typeSet(c byte) *charset {
	ucp := p.opt&UCP != 0
	var set *charset
	switch c | 32 {
	case 'd':
		set = setDigit
		if ucp && p.xopt&xASCIIDigitBS == 0 {
			set = digitUCP()
		}
	case 's':
		set = setSpace
		if ucp && p.xopt&xASCIISpaceBS == 0 {
			set = spaceUCP()
		}
	case 'w':
		set = setWord
		if ucp && p.xopt&xASCIIWordBS == 0 {
			set = wordUCP()
		}
	case 'h':
		set = setHSpace
	case 'v':
		set = setVSpace
	}
	if c&32 == 0 {
		return set.negated(p.limit())
	}
	return set.and(setOf(span{0, p.limit()}))
}

// propertySet reads what follows \p or \P.
func (p *parser) propertySet(neg bool) (*charset, *Error) {
	if p.eof() {
		return nil, p.fail(errPropMalformed)
	}
	c := p.next()
	var name []byte
	switch {
	case c == '{':
		first := true
		for {
			if p.eof() {
				return nil, p.fail(errPropMalformed)
			}
			c = p.next()
			if c == '_' || c == '-' || c == ' ' || c >= 9 && c <= 13 {
				continue
			}
			if first && c == '^' {
				neg = !neg
				first = false
				continue
			}
			if c == '}' {
				break
			}
			first = false
			if c < '&' || c > 'z' || len(name) > 48 {
				return nil, p.fail(errPropMalformed)
			}
			name = append(name, byte(c))
		}
	case c < 128 && asciiLetter(byte(c)):
		name = append(name, byte(c))
	default:
		return nil, p.fail(errPropMalformed)
	}
	lower := strings.ToLower(string(name))
	if p.opt&Caseless != 0 && (lower == "lu" || lower == "ll" || lower == "lt") {
		lower = "l&"
	}
	set := property(lower)
	if set == nil {
		return nil, p.fail(errPropUnknown)
	}
	if neg {
		return set.negated(p.limit()), nil
	}
	return set.and(setOf(span{0, p.limit()})), nil
}
