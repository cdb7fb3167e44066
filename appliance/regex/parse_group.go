package regex

// paren reads what follows an opening parenthesis.
func (p *parser) paren(wasCond int) *Error {
	if p.eof() {
		return p.fail(errNoParen)
	}
	switch p.src[p.pos] {
	case '?':
		p.pos++
		if p.eof() {
			return p.fail(errNoParen)
		}
		return p.special(wasCond)
	case '*':
		if len(p.src)-p.pos <= 1 || p.src[p.pos+1] == ')' {
			return nil // the * will find nothing to repeat
		}
		if isLower(p.src[p.pos+1]) {
			return p.alphaAssert(wasCond)
		}
		return p.verb()
	}
	if p.opt&NoAutoCapture != 0 {
		return p.open(&node{op: nGroup})
	}
	return p.openCapture()
}

// openCapture starts the next numbered group.
func (p *parser) openCapture() *Error {
	if p.bracount >= maxGroups {
		return p.fail(errManyGroups)
	}
	p.bracount++
	p.maxCount = max(p.maxCount, p.bracount)
	return p.open(&node{op: nCapture, n: p.bracount})
}

// special reads a group that starts with (? .
func (p *parser) special(wasCond int) *Error {
	switch c := p.src[p.pos]; c {
	case '=', '!', '*':
		p.pos++
		return p.look(&node{op: nLook, neg: c == '!', nonAtomic: c == '*'}, wasCond)
	case '>':
		p.pos++
		return p.open(&node{op: nAtomic})
	case '<':
		n := p.peek(1)
		if n != '=' && n != '!' && n != '*' {
			return p.defineName('>')
		}
		p.hasBehind = true
		nd := &node{op: nLook, behind: true, neg: n == '!', nonAtomic: n == '*', off: p.pos - 2}
		p.pos += 2
		return p.look(nd, wasCond)
	case '\'':
		return p.defineName('\'')
	case 'P':
		return p.pythonGroup()
	case 'R':
		p.pos++
		if p.eof() || p.src[p.pos] != ')' && p.src[p.pos] != '(' {
			return p.fail(errRecursionParen)
		}
		return p.callNumber(0, p.pos)
	case '&':
		return p.callName()
	case '+':
		if p.pos+1 >= len(p.src) {
			p.pos++
			return p.fail(errNoParen)
		}
		if !isDigit(p.src[p.pos+1]) {
			p.pos++
			p.skipChar()
			return p.fail(errDigitExpected)
		}
		return p.callRelative()
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.callRelative()
	case 'C':
		return p.callout(wasCond)
	case '(':
		return p.conditional()
	case '[':
		return p.extendedClass()
	case '-':
		if isDigit(p.peek(1)) {
			return p.callRelative()
		}
	case '|':
		p.pos++
		p.hasDup = true
		if err := p.open(&node{op: nGroup}); err != nil {
			return err
		}
		p.top.reset, p.top.resetTo, p.top.resetMax = true, p.bracount, p.bracount
		return nil
	}
	return p.options()
}

// look opens an assertion, which may be the test of a conditional.
func (p *parser) look(n *node, wasCond int) *Error {
	if err := p.open(n); err != nil {
		return err
	}
	p.top.condAssert = wasCond > 0
	return nil
}

// alphaAsserts are the assertions by name. The node is copied.
var alphaAsserts = map[string]node{
	"pla": {op: nLook}, "positive_lookahead": {op: nLook},
	"nla": {op: nLook, neg: true}, "negative_lookahead": {op: nLook, neg: true},
	"plb": {op: nLook, behind: true}, "positive_lookbehind": {op: nLook, behind: true},
	"nlb": {op: nLook, behind: true, neg: true}, "negative_lookbehind": {op: nLook, behind: true, neg: true},
	"napla": {op: nLook, nonAtomic: true}, "non_atomic_positive_lookahead": {op: nLook, nonAtomic: true},
	"naplb": {op: nLook, behind: true, nonAtomic: true}, "non_atomic_positive_lookbehind": {op: nLook, behind: true, nonAtomic: true},
	"atomic": {op: nAtomic},
	"sr":     {op: nScript}, "script_run": {op: nScript},
	"asr": {op: nScript, nonAtomic: true}, "atomic_script_run": {op: nScript, nonAtomic: true},
	"scs": {op: nScan}, "scan_substring": {op: nScan},
}

// alphaAssert reads (*name: with a lower-case name.
func (p *parser) alphaAssert(wasCond int) *Error {
	start := p.pos + 1
	i := start
	for i < len(p.src) && isWordByte(p.src[i]) {
		i++
	}
	p.pos = i
	if i >= len(p.src) {
		return p.fail(errNoParen)
	}
	if p.src[i] != ':' {
		p.skipChar()
		return p.fail(errAlphaAssert)
	}
	proto, ok := alphaAsserts[p.src[start:i]]
	if !ok {
		return p.fail(errAlphaAssert)
	}
	if wasCond > 0 && (proto.op != nLook || proto.nonAtomic) {
		return p.fail(errCondAssert)
	}
	n := new(node)
	*n = proto
	p.pos++
	switch n.op {
	case nLook:
		if n.behind {
			p.hasBehind = true
			n.off = p.pos - 3
		}
		return p.look(n, wasCond)
	case nScan:
		p.hasScan = true
		list, err := p.captureList()
		if err != nil {
			return err
		}
		n.cond = list
		return p.look(n, wasCond)
	}
	if err := p.open(n); err != nil {
		return err
	}
	p.top.atomic = n.op == nScript && n.nonAtomic
	n.nonAtomic = false
	return nil
}

// options reads (?imsx-imsx) and (?imsx-imsx: .
func (p *parser) options() *Error {
	saveOpt, saveX := p.opt, p.xopt
	var set, unset Flags
	var xset, xunset extraFlags
	os, xs := &set, &xset
	hyphenOK := true
	if p.peek(0) == '^' {
		p.opt &^= Caseless | Multiline | NoAutoCapture | DotAll | Extended | ExtendedMore
		p.xopt &^= xCaselessRestrict
		hyphenOK = false
		p.pos++
	}
	for !p.eof() && p.src[p.pos] != ')' && p.src[p.pos] != ':' {
		c := p.src[p.pos]
		p.pos++
		switch c {
		case '-':
			if !hyphenOK {
				return p.fail(errOptionHyphen)
			}
			os, xs, hyphenOK = &unset, &xunset, false
		case 'a':
			*xs |= p.asciiOption()
		case 'J':
			*os |= DupNames
		case 'i':
			*os |= Caseless
		case 'm':
			*os |= Multiline
		case 'n':
			*os |= NoAutoCapture
		case 'r':
			*xs |= xCaselessRestrict
		case 's':
			*os |= DotAll
		case 'U':
			*os |= Ungreedy
		case 'x':
			*os |= Extended
			if p.peek(0) == 'x' {
				*os |= ExtendedMore
				p.pos++
			}
		default:
			p.pos--
			p.skipChar()
			return p.fail(errAfterParenQ)
		}
	}
	if set&(Extended|ExtendedMore) == Extended || unset&Extended != 0 {
		unset |= ExtendedMore
	}
	if p.eof() {
		return p.fail(errNoParen)
	}
	opt, xopt := (p.opt|set)&^unset, (p.xopt|xset)&^xunset
	p.pos++
	if p.src[p.pos-1] == ')' {
		p.opt, p.xopt = opt, xopt
		return nil
	}
	p.opt, p.xopt = saveOpt, saveX
	if err := p.open(&node{op: nGroup}); err != nil {
		return err
	}
	p.opt, p.xopt = opt, xopt
	return nil
}

// asciiOption reads the letter after (?a .
func (p *parser) asciiOption() extraFlags {
	x := extraFlags(0)
	switch p.peek(0) {
	case 'D':
		x = xASCIIDigitBS
	case 'P':
		x = xASCIIPosix | xASCIIDigit
	case 'S':
		x = xASCIISpaceBS
	case 'T':
		x = xASCIIDigit
	case 'W':
		x = xASCIIWordBS
	default:
		return xASCIIAll
	}
	p.pos++
	return x
}
