package regex

import "strings"

// rangeState is where a class stands with a possible a-b range.
type rangeState uint8

const (
	rangeNo            rangeState = iota // a hyphen is a literal
	rangeStarted                         // lo- read
	rangeForbid                          // after \d or [:x:]: a hyphen must be last
	rangeForbidStarted                   // \d- read
	rangeOK                              // a character read: a hyphen starts a range
)

// class reads a character class after its [.
func (p *parser) class() *Error {
	rest := p.src[p.pos:]
	if strings.HasPrefix(rest, "[:<:]]") || strings.HasPrefix(rest, "[:>:]]") {
		behind := rest[2] == '>'
		w := &node{op: nSet, set: p.typeSet('w')}
		p.push(cat([]*node{p.simpleAssert('b'), {op: nLook, behind: behind, off: p.pos, subs: []*node{w}}}))
		p.hasBehind = p.hasBehind || behind
		p.pos += 6
		p.okQuant = true
		return nil
	}
	if c := p.peek(0); c == ':' || c == '.' || c == '=' {
		if end := p.posixEnd(p.pos); end >= 0 {
			p.pos = end + 2
			if c == ':' {
				return p.fail(errPosixOutside)
			}
			return p.fail(errCollating)
		}
	}
	p.okQuant = true
	set, err := p.classBody()
	if err != nil {
		return err
	}
	p.push(classNode(set))
	return nil
}

func classNode(set *charset) *node {
	if len(set.r) == 0 {
		return &node{op: nFail}
	}
	return &node{op: nSet, set: set}
}

// posixEnd returns the index of the terminator of a [:name:] whose : is at i,
// or -1 if the syntax does not hold.
func (p *parser) posixEnd(i int) int {
	term := p.src[i]
	for i++; i+1 < len(p.src); i++ {
		c := p.src[i]
		if c == '\\' && (p.src[i+1] == ']' || p.src[i+1] == '\\') {
			i++
		} else if c == '[' && p.src[i+1] == term || c == ']' {
			return -1
		} else if c == term && p.src[i+1] == ']' {
			return i
		}
	}
	return -1
}

// classState builds one class.
type classState struct {
	set     charset // characters and ranges, which fold
	types   charset // \d, [:x:] and the like, which do not
	state   rangeState
	lo      rune // the last character, while state is rangeOK or rangeStarted
	hyphen  int  // position after a forbidden hyphen
	quoting bool
}

// classBody reads up to the closing bracket and returns the clean set.
func (p *parser) classBody() (*charset, *Error) {
	negate, err := p.classStart()
	if err != nil {
		return nil, err
	}
	var cs classState
	if p.peek(0) == ']' {
		p.pos++
		if p.opt&AllowEmptyClass != 0 {
			if negate {
				return setOf(span{0, p.limit()}), nil
			}
			return &charset{}, nil
		}
		cs.char(']')
	}
	for {
		if p.eof() {
			return nil, p.fail(errNoClassEnd)
		}
		done, err := p.classItem(&cs)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
	}
	if cs.state == rangeStarted {
		cs.set.add('-', '-')
	}
	set := &cs.set
	if p.opt&Caseless != 0 {
		set.addFolds(p)
	}
	set.addSet(&cs.types)
	set.clean()
	if negate {
		return set.negated(p.limit()), nil
	}
	return set.and(setOf(span{0, p.limit()})), nil
}

// classStart reads the ^ and what may be ignored around it.
func (p *parser) classStart() (bool, *Error) {
	negate := false
	for {
		switch {
		case p.eof():
			return false, p.fail(errNoClassEnd)
		case strings.HasPrefix(p.src[p.pos:], `\E`):
			p.pos += 2
		case strings.HasPrefix(p.src[p.pos:], `\Q\E`):
			p.pos += 4
		case p.opt&ExtendedMore != 0 && (p.peek(0) == ' ' || p.peek(0) == '\t'):
			p.pos++
		case !negate && p.peek(0) == '^':
			negate = true
			p.pos++
		default:
			return negate, nil
		}
	}
}

// char takes a plain character as the end of a range or as a member.
func (cs *classState) char(r rune) {
	cs.set.add(r, r)
	cs.lo, cs.state = r, rangeOK
}

// classItem reads one member; done is set at the closing bracket.
func (p *parser) classItem(cs *classState) (done bool, err *Error) {
	c := p.next()
	if cs.quoting {
		if c == '\\' && p.peek(0) == 'E' {
			cs.quoting = false
			p.pos++
			return false, nil
		}
		return false, p.classChar(cs, c)
	}
	if p.opt&ExtendedMore != 0 && (c == ' ' || c == '\t') {
		return false, nil
	}
	switch {
	case c == ']':
		return true, nil
	case c == '[' && len(p.src)-p.pos >= 3 && strings.IndexByte(":.=", p.src[p.pos]) >= 0:
		if end := p.posixEnd(p.pos); end >= 0 {
			return false, p.classPosix(cs, end)
		}
		return false, p.classChar(cs, c)
	case c == '\\':
		return false, p.classEscape(cs)
	case c == '-' && cs.state == rangeOK:
		cs.state = rangeStarted
		return false, nil
	case c == '-' && cs.state == rangeForbid:
		cs.set.add('-', '-')
		cs.state, cs.hyphen = rangeForbidStarted, p.pos
		return false, nil
	}
	return false, p.classChar(cs, c)
}

// classChar takes a literal character.
func (p *parser) classChar(cs *classState, r rune) *Error {
	p.hasCRLF = p.hasCRLF || r == '\r' || r == '\n'
	switch cs.state {
	case rangeStarted:
		if cs.lo > r {
			return p.fail(errRangeOrder)
		}
		cs.set.add(cs.lo, r)
		cs.state = rangeNo
		return nil
	case rangeForbidStarted:
		return p.failAt(errInvalidRange, cs.hyphen)
	}
	cs.char(r)
	return nil
}

// classPosix takes a [:name:] whose terminator is at end.
func (p *parser) classPosix(cs *classState, end int) *Error {
	after := end + 2
	switch {
	case cs.state == rangeStarted:
		return p.failAt(errInvalidRange, after)
	case cs.state == rangeForbidStarted:
		return p.failAt(errInvalidRange, cs.hyphen)
	case p.src[p.pos] != ':':
		return p.failAt(errCollating, after)
	}
	name := p.src[p.pos+1 : end]
	p.pos = after
	name, neg := strings.CutPrefix(name, "^")
	set, ok := posixSets[name]
	if !ok {
		return p.fail(errPosixName)
	}
	if p.opt&Caseless != 0 && (name == "upper" || name == "lower") {
		set = posixSets["alpha"]
	}
	digits := name == "digit" || name == "xdigit"
	if p.opt&UCP != 0 && p.xopt&xASCIIPosix == 0 && !(digits && p.xopt&xASCIIDigit != 0) {
		if u := posixUCP(name); u != nil {
			set = u // which stays as it is without regard to case
		}
	}
	if neg {
		set = set.negated(p.limit())
	}
	cs.types.addSet(set)
	cs.state = rangeForbid
	return nil
}

// classEscape takes an escape inside a class.
func (p *parser) classEscape(cs *classState) *Error {
	start := p.pos
	e, err := p.escape(true)
	if err != nil {
		if p.opt&BadEscapeIsLiteral == 0 {
			return err
		}
		p.pos = start
		if p.eof() {
			return p.classChar(cs, '\\')
		}
		return p.classChar(cs, p.next())
	}
	if e.kind == escChar {
		return p.classChar(cs, e.r)
	}
	var set *charset
	switch e.r {
	case 'b':
		return p.classChar(cs, 8)
	case 'k':
		return p.classChar(cs, 'k')
	case 'Q':
		cs.quoting = true
		return nil
	case 'E':
		return nil
	case 'N':
		return p.fail(errNInClass)
	case 'd', 'D', 's', 'S', 'w', 'W', 'h', 'H', 'v', 'V':
		set = p.typeSet(byte(e.r))
	case 'p', 'P':
		if set, err = p.propertySet(e.r == 'P'); err != nil {
			return err
		}
	default:
		return p.fail(errClassEscape)
	}
	if cs.state == rangeStarted {
		return p.fail(errInvalidRange)
	}
	if cs.state == rangeForbidStarted {
		return p.failAt(errInvalidRange, cs.hyphen)
	}
	cs.types.addSet(set)
	cs.state = rangeForbid
	return nil
}
