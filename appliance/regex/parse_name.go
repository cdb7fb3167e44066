package regex

import (
	"unicode"
	"unicode/utf8"
)

// captureList reads (1,+1,<name>); the entries become nBackref nodes, resolved later.
func (p *parser) captureList() (*node, *Error) {
	if p.eof() || p.src[p.pos] != '(' {
		return nil, p.fail(errOpenParen)
	}
	list := &node{op: nCat}
	for {
		p.pos++
		if p.eof() {
			return nil, p.fail(errGroupExpected)
		}
		off := p.pos
		i, n, ok, err := p.number(p.pos, p.bracount, maxGroups, errGroupNumBig)
		switch {
		case err != nil:
			return nil, err
		case ok:
			p.pos = i
			if n <= 0 {
				return nil, p.fail(errNoSuchGroup)
			}
			list.subs = append(list.subs, &node{op: nBackref, list: []int{n}, off: off})
		default:
			end := byte('>')
			switch p.src[p.pos] {
			case '<':
			case '\'':
				end = '\''
			default:
				return nil, p.fail(errGroupExpected)
			}
			name, off, err := p.readName(end)
			if err != nil {
				return nil, err
			}
			list.subs = append(list.subs, &node{op: nBackref, name: name, off: off})
		}
		if p.eof() {
			return nil, p.fail(errNoParen)
		}
		if p.src[p.pos] == ')' {
			p.pos++
			return list, nil
		}
		if p.src[p.pos] != ',' {
			return nil, p.fail(errNoCondParen)
		}
	}
}

// readName reads a group name; the position is at the character before it.
// A terminator of 0 means that the caller looks at what follows.
func (p *parser) readName(end byte) (string, int, *Error) {
	p.pos++
	if end == '}' {
		p.pos = p.skipBlanks(p.pos)
	}
	if p.eof() {
		return "", p.pos, p.fail(errNameExpected)
	}
	start := p.pos
	if p.opt&UTF != 0 {
		if set := digitUCP(); set.has(p.peekRune()) {
			p.skipChar()
			return "", start, p.fail(errNameDigit)
		}
		for !p.eof() {
			r := p.peekRune()
			if r != '_' && !digitUCP().has(r) && !unicode.IsLetter(r) {
				break
			}
			p.next()
		}
	} else {
		if isDigit(p.src[p.pos]) {
			p.pos++
			return "", start, p.fail(errNameDigit)
		}
		for !p.eof() && isWordByte(p.src[p.pos]) {
			p.pos++
		}
	}
	name := p.src[start:p.pos]
	if len(name) > maxNameLen {
		return "", start, p.fail(errNameLong)
	}
	if name == "" {
		return "", start, p.fail(errNameExpected)
	}
	if end == '}' {
		p.pos = p.skipBlanks(p.pos)
	}
	if end != 0 {
		if p.eof() || p.src[p.pos] != end {
			return "", start, p.fail(errNameEnd)
		}
		p.pos++
	}
	return name, start, nil
}

// peekRune returns the character at the position without moving.
func (p *parser) peekRune() rune {
	save := p.pos
	r := p.next()
	p.pos = save
	return r
}

// defineName opens a named group.
func (p *parser) defineName(end byte) *Error {
	name, _, err := p.readName(end)
	if err != nil {
		return err
	}
	if p.bracount >= maxGroups {
		return p.fail(errManyGroups)
	}
	p.bracount++
	p.maxCount = max(p.maxCount, p.bracount)
	if len(p.names) >= maxNames {
		return p.fail(errNamesMany)
	}
	known := false
	for _, g := range p.names {
		switch {
		case g.name == name && g.n == p.bracount:
			known = true
		case g.name == name:
			if p.opt&DupNames == 0 {
				return p.fail(errDupName)
			}
		case g.n == p.bracount:
			return p.fail(errNumberNames)
		}
	}
	if !known {
		p.names = append(p.names, namedGroup{name, p.bracount})
	}
	return p.open(&node{op: nCapture, n: p.bracount, name: name})
}

// appendChar appends a character as the mode writes it: a byte, or UTF-8.
func (p *parser) appendChar(dst []byte, r rune) []byte {
	if p.opt&UTF != 0 {
		return utf8.AppendRune(dst, r)
	}
	return append(dst, byte(r))
}
