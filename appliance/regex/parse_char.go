package regex

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isWordByte(b byte) bool { return asciiLetter(b) || isDigit(b) || b == '_' }

func isLower(b byte) bool { return b >= 'a' && b <= 'z' }

// isSpaceByte is isspace() of the C locale.
func isSpaceByte(r rune) bool { return r == ' ' || r >= 9 && r <= 13 }

// char is the node of one literal character under the options in force.
func (p *parser) char(r rune) *node {
	if p.opt&Caseless == 0 {
		return &node{op: nChar, r: r}
	}
	if p.opt&(UTF|UCP) == 0 {
		return &node{op: nChar, r: r, fold: r < 128 && asciiLetter(byte(r))}
	}
	var buf [8]rune
	vs := folds(buf[:0], r, p.xopt&xCaselessRestrict != 0)
	ascii := r < 128
	n := 0
	for _, v := range vs {
		if v <= p.limit() {
			vs[n] = v
			n++
			ascii = ascii && v < 128
		}
	}
	vs = vs[:n]
	switch {
	case len(vs) == 0:
		return &node{op: nChar, r: r}
	case ascii:
		return &node{op: nChar, r: r, fold: true}
	}
	set := setOf(span{r, r})
	for _, v := range vs {
		set.add(v, v)
	}
	set.clean()
	return &node{op: nSet, set: set}
}

// comment skips a # comment up to the newline.
func (p *parser) comment() {
	for !p.eof() {
		if n := newlineHere(p.src, p.pos, p.nl); n > 0 {
			p.pos += n
			return
		}
		p.next()
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// dot is the node of a full stop.
func (p *parser) dot() *node {
	if p.opt&DotAll != 0 {
		return &node{op: nSet, set: setOf(span{0, p.limit()})}
	}
	return p.notNewline()
}

// notNewline is \N: any character but a newline.
func (p *parser) notNewline() *node {
	not := &charset{}
	switch p.nl {
	case nlLF:
		not.add('\n', '\n')
	case nlCR:
		not.add('\r', '\r')
	case nlNUL:
		not.add(0, 0)
	case nlAnyCRLF:
		not.add('\n', '\n')
		not.add('\r', '\r')
	case nlAny, nlAnyUTF:
		not.add(10, 13)
		not.add(0x85, 0x85)
		not.add(0x2028, 0x2029)
	case nlCRLF:
		crlf := cat([]*node{{op: nChar, r: '\r'}, {op: nChar, r: '\n'}})
		return cat([]*node{{op: nLook, neg: true, subs: []*node{crlf}}, {op: nSet, set: setOf(span{0, p.limit()})}})
	}
	not.clean()
	return &node{op: nSet, set: not.negated(p.limit())}
}
