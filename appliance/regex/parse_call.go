package regex

import "strings"

// pythonGroup reads (?P<name> (?P=name) (?P>name).
func (p *parser) pythonGroup() *Error {
	p.pos++
	if p.eof() {
		return p.fail(errNoParen)
	}
	switch p.src[p.pos] {
	case '<':
		return p.defineName('>')
	case '>':
		return p.callName()
	case '=':
		name, off, err := p.readName(')')
		if err != nil {
			return err
		}
		p.backrefByName(name, off)
		p.okQuant = true
		return nil
	}
	p.skipChar()
	return p.fail(errAfterP)
}

// callName reads (?&name) and (?P>name).
func (p *parser) callName() *Error {
	name, off, err := p.readName(0)
	if err != nil {
		return err
	}
	p.callByName(name, off)
	return p.callEnd()
}

// callRelative reads (?1) (?+1) (?-1).
func (p *parser) callRelative() *Error {
	sign := p.bracount
	if isDigit(p.src[p.pos]) {
		sign = -1
	}
	i, n, ok, err := p.number(p.pos, sign, maxGroups, errGroupNumBig)
	if !ok {
		return err
	}
	p.pos = i
	return p.callNumber(n, p.pos)
}

func (p *parser) callNumber(n, off int) *Error {
	if err := p.call(n, off); err != nil {
		return err
	}
	return p.callEnd()
}

// callEnd reads the optional list of groups to return and the parenthesis.
func (p *parser) callEnd() *Error {
	p.okQuant = true
	if !p.eof() && p.src[p.pos] == '(' {
		list, err := p.captureList()
		if err != nil {
			return err
		}
		p.top.items[len(p.top.items)-1].cond = list
	}
	if p.eof() || p.src[p.pos] != ')' {
		return p.fail(errNoParen)
	}
	p.pos++
	return nil
}

// callout reads (?C...) and ignores it: weir has no callouts.
func (p *parser) callout(wasCond int) *Error {
	p.pos++
	if p.eof() {
		return p.fail(errNoParen)
	}
	p.condAssert = max(wasCond-1, 0)
	if c := p.src[p.pos]; c != ')' && !isDigit(c) {
		i := strings.IndexByte("`'\"^%#${", c)
		if i < 0 {
			p.skipChar()
			return p.fail(errCalloutStart)
		}
		end, start := "`'\"^%#$}"[i], p.pos
		for {
			p.pos++
			if p.eof() {
				return p.failAt(errCalloutDelim, start)
			}
			if p.src[p.pos] == end {
				p.pos++
				if p.eof() || p.src[p.pos] != end {
					break
				}
			}
		}
	} else {
		n := 0
		for !p.eof() && isDigit(p.src[p.pos]) {
			n = n*10 + int(p.src[p.pos]-'0')
			p.pos++
			if n > 255 {
				return p.fail(errCalloutNum)
			}
		}
	}
	if p.eof() || p.src[p.pos] != ')' {
		return p.fail(errCalloutParen)
	}
	p.pos++
	return nil
}
