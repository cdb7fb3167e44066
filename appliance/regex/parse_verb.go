package regex

import "strings"

// verbKinds are the verbs by name; FAIL is a node of its own.
var verbKinds = map[string]verbKind{
	"": vMark, "MARK": vMark, "ACCEPT": vAccept, "COMMIT": vCommit, "PRUNE": vPrune, "SKIP": vSkip, "THEN": vThen,
	"F": 255, "FAIL": 255,
}

// verb reads (*VERB) and (*VERB:NAME).
func (p *parser) verb() *Error {
	start := p.pos + 1
	i := start
	for i < len(p.src) && isWordByte(p.src[i]) {
		i++
	}
	p.pos = i
	if i >= len(p.src) || p.src[i] != ':' && p.src[i] != ')' {
		return p.fail(errVerb)
	}
	kind, ok := verbKinds[p.src[start:i]]
	if !ok {
		return p.fail(errVerb)
	}
	if p.src[i] == ':' && p.peek(1) == ')' {
		p.pos++
	}
	hasArg := p.src[p.pos] == ':'
	if kind == vMark && !hasArg {
		return p.fail(errMarkArg)
	}
	p.pos++
	name := ""
	if hasArg {
		var err *Error
		if name, err = p.verbName(); err != nil {
			return err
		}
	}
	p.hasVerb = true
	p.pushVerb(kind, name, hasArg)
	return nil
}

func (p *parser) pushVerb(kind verbKind, name string, hasArg bool) {
	v := &node{op: nVerb, kind: uint8(kind), str: name}
	mark := &node{op: nVerb, kind: uint8(vMark), str: name}
	switch {
	case kind == 255:
		v = &node{op: nFail}
		if hasArg {
			v = cat([]*node{mark, v})
		}
	case kind == vAccept:
		if hasArg {
			v = cat([]*node{mark, v})
		}
		p.okQuant = true
	case kind == vSkip && hasArg:
		v.kind = uint8(vSkipName)
	case kind != vMark && hasArg:
		// The name of COMMIT, PRUNE and THEN is a mark as well, but one that
		// (*SKIP:name) does not find.
		mark.n = 1
		v = cat([]*node{mark, v})
	}
	p.push(v)
}

// verbName reads up to the closing parenthesis.
func (p *parser) verbName() (string, *Error) {
	start := p.pos
	if p.opt&AltVerbNames == 0 {
		i := strings.IndexByte(p.src[p.pos:], ')')
		if i < 0 {
			p.pos = len(p.src)
			return "", p.fail(errVerb)
		}
		p.pos += i + 1
		if i > maxVerbName {
			p.pos--
			return "", p.fail(errVerbNameLong)
		}
		return p.src[start : start+i], nil
	}
	var name []byte
	quoting := false
	for !p.eof() {
		c := p.next()
		switch {
		case quoting:
			if c == '\\' && p.peek(0) == 'E' {
				quoting = false
				p.pos++
				continue
			}
		case c == ')':
			if p.pos-start-1 > maxVerbName {
				p.pos--
				return "", p.fail(errVerbNameLong)
			}
			return string(name), nil
		case p.opt&Extended != 0 && isSpaceByte(c):
			continue
		case p.opt&Extended != 0 && c == '#':
			p.comment()
			continue
		case c == '\\':
			e, err := p.escape(false)
			switch {
			case err != nil:
				return "", err
			case e.kind == escType && e.r == 'Q':
				quoting = true
				continue
			case e.kind == escType && e.r == 'E':
				continue
			case e.kind != escChar:
				return "", p.fail(errVerbEscape)
			}
			c = e.r
		}
		name = p.appendChar(name, c)
	}
	return "", p.fail(errVerb)
}
