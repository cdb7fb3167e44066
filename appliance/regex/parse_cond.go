package regex

import "strings"

// conditional reads the condition after (?( .
func (p *parser) conditional() *Error {
	p.pos++
	if p.eof() {
		return p.fail(errNoParen)
	}
	p.hasCond = true
	n := &node{op: nCond}
	if err := p.open(n); err != nil {
		return err
	}
	if c := p.src[p.pos]; c == '?' || c == '*' {
		n.kind = uint8(cAssert)
		p.pos--
		p.condAssert = 2
		return nil
	}
	i, num, ok, err := p.number(p.pos, p.bracount, maxGroups, errGroupNumBig)
	switch {
	case err != nil:
		return err
	case ok:
		p.pos = i
		if num <= 0 {
			return p.fail(errNoSuchGroup)
		}
		n.list, n.off = []int{num}, p.pos-2
	case strings.HasPrefix(p.src[p.pos:], "VERSION") && len(p.src)-p.pos >= 10 && p.src[p.pos+7] != ')':
		if err := p.version(n); err != nil {
			return err
		}
	default:
		if err := p.condName(n); err != nil {
			return err
		}
	}
	if p.eof() || p.src[p.pos] != ')' {
		return p.fail(errNoCondParen)
	}
	p.pos++
	return nil
}

// The PCRE2 version whose behaviour the package follows, for (?(VERSION.
const versionMajor, versionMinor = 10, 47

// version reads (?(VERSION>=n.m).
func (p *parser) version(n *node) *Error {
	p.pos += 7
	ge := p.peek(0) == '>'
	if ge {
		p.pos++
	}
	if p.peek(0) != '=' {
		if !ge {
			p.skipChar()
		}
		return p.fail(errVersion)
	}
	p.pos++
	if !isDigit(p.peek(0)) {
		if !ge {
			p.skipChar()
		}
		return p.fail(errVersion)
	}
	i, major, ok, err := p.number(p.pos, -1, 1000, errVersion)
	if !ok {
		return err
	}
	p.pos = i
	minor := 0
	if p.peek(0) == '.' {
		p.pos++
		if !isDigit(p.peek(0)) {
			p.skipChar()
			return p.fail(errVersion)
		}
		if i, minor, ok, err = p.number(p.pos, -1, 1000, errVersion); !ok {
			return err
		}
		p.pos = i
	}
	if p.peek(0) != ')' {
		p.skipChar()
		return p.fail(errVersion)
	}
	yes := major == versionMajor && minor == versionMinor
	if ge {
		yes = versionMajor > major || versionMajor == major && versionMinor >= minor
	}
	n.kind = uint8(cTrue)
	n.neg = !yes
	return nil
}

// condName reads a condition that is a name, R, R1, R&name or DEFINE.
func (p *parser) condName(n *node) *Error {
	end := byte(')')
	recursion := false
	switch {
	case p.src[p.pos] == 'R' && p.peek(1) == '&':
		recursion = true
		p.pos++
	case p.src[p.pos] == '<':
		end = '>'
	case p.src[p.pos] == '\'':
		end = '\''
	default:
		p.pos--
	}
	name, off, err := p.readName(end)
	if err != nil {
		return err
	}
	n.off, n.name = off, name
	n.kind = uint8(cGroup)
	if recursion {
		n.kind = uint8(cRecursion)
	}
	if end == ')' {
		p.pos--
		switch {
		case recursion:
		case name == "DEFINE":
			n.kind, n.name = uint8(cDefine), ""
		case name[0] == 'R' && strings.Trim(name[1:], "0123456789") == "":
			n.max = -1 // may be R<digits>: decided once all names are known
		}
	}
	return nil
}

// checkCondAssert demands an assertion after (?( .
func (p *parser) checkCondAssert(c rune, start int) *Error {
	ok := c == '(' && len(p.src)-p.pos >= 3
	if ok {
		switch {
		case p.src[p.pos] == '*':
			ok = isLower(p.src[p.pos+1])
		case p.src[p.pos] == '?':
			switch p.src[p.pos+1] {
			case 'C':
				ok = p.condAssert == 2
			case '=', '!':
			case '<':
				ok = p.src[p.pos+2] == '=' || p.src[p.pos+2] == '!'
			default:
				ok = false
			}
		default:
			ok = false
		}
	}
	if ok {
		return nil
	}
	if p.condAssert == 1 {
		p.pos = start
	}
	return p.fail(errCondAssert)
}

// condBranches splits the body of a conditional; nil means too many branches.
func (p *parser) condBranches(body, n *node) []*node {
	if body.op != nAlt || len(p.top.alts) == 0 {
		return []*node{body}
	}
	if condKind(n.kind) == cDefine || len(body.subs) > 2 {
		return nil
	}
	return body.subs
}
