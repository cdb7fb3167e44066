package regex

import "strings"

// maxClassNest bounds the parentheses of an extended class.
const maxClassNest = 15

// extState is what the last item of an extended class was.
type extState uint8

const (
	extEmpty extState = iota
	extOperand
	extOperator
)

// extClass evaluates one level of (?[ ... ]) while it reads: & binds closer
// than + | - ^, which are equal and associate to the left.
type extClass struct {
	p     *parser
	state extState
	sum   *charset // the result of what stands left of op
	op    byte     // + - ^ ; 0: none yet
	term  *charset // the operand, or the product of & so far
	and   bool     // an & waits for its right side
	not   bool     // a ! waits for its operand
}

// extendedClass reads (?[...]) from its bracket on.
func (p *parser) extendedClass() *Error {
	p.pos++
	save := p.opt
	p.opt |= ExtendedMore
	set, err := p.extLevel('[', 0)
	p.opt = save
	if err != nil {
		return err
	}
	if p.peek(0) != ')' {
		return p.fail(errClassNoCloseP)
	}
	p.pos++
	p.okQuant = true
	p.push(classNode(set))
	return nil
}

// extLevel reads up to the bracket or parenthesis that ends the level.
func (p *parser) extLevel(start byte, depth int) (*charset, *Error) {
	if depth >= maxClassNest {
		p.pos--
		return nil, p.fail(errClassNest)
	}
	if p.eof() {
		if start == '(' {
			return nil, p.fail(errNoParen)
		}
		return nil, p.fail(errNoClassEnd)
	}
	x := extClass{p: p}
	for !p.eof() {
		c := p.next()
		switch {
		case c == ' ' || c == '\t':
		case c == ']' || c == ')':
			return x.end(c, depth)
		case strings.ContainsRune("+|-&^", c):
			if x.state != extOperand {
				return nil, p.fail(errClassNoOperand)
			}
			x.operator(byte(c))
		case c == '!':
			if x.state == extOperand {
				return nil, p.fail(errClassNoOperator)
			}
			x.not = !x.not
			x.state = extOperator
		default:
			if err := x.item(c, depth); err != nil {
				return nil, err
			}
		}
	}
	return nil, p.fail(errNoClassEnd)
}

// end closes a level.
func (x *extClass) end(c rune, depth int) (*charset, *Error) {
	p := x.p
	switch {
	case c == ']' && depth > 0:
		p.pos--
		return nil, p.fail(errNoParen)
	case c == ')' && depth == 0:
		return nil, p.fail(errUnmatchedParen)
	case x.state == extOperator:
		return nil, p.fail(errClassOperandNext)
	case x.state == extEmpty:
		return nil, p.fail(errClassEmpty)
	}
	x.fold()
	return x.sum, nil
}

// fold joins the finished term to the sum.
func (x *extClass) fold() {
	t := x.term
	limit := x.p.limit()
	switch x.op {
	case 0:
		x.sum = t
	case '+':
		x.sum = both(x.sum, t)
	case '-':
		x.sum = x.sum.and(t.negated(limit))
	case '^':
		x.sum = both(x.sum.and(t.negated(limit)), t.and(x.sum.negated(limit)))
	}
}

func both(a, b *charset) *charset {
	c := &charset{}
	c.addSet(a)
	c.addSet(b)
	c.clean()
	return c
}

func (x *extClass) operator(c byte) {
	x.state = extOperator
	if c == '&' {
		x.and = true
		return
	}
	x.fold()
	if c == '|' {
		c = '+'
	}
	x.op = c
}

// operand takes a set.
func (x *extClass) operand(s *charset) *Error {
	if x.state == extOperand {
		return x.p.fail(errClassNoOperator)
	}
	if x.not {
		s = s.negated(x.p.limit())
	}
	if x.and {
		s = x.term.and(s)
	}
	x.term, x.and, x.not, x.state = s, false, false, extOperand
	return nil
}

// item reads an operand that begins with c.
func (x *extClass) item(c rune, depth int) *Error {
	p := x.p
	switch {
	case c == '[' && len(p.src)-p.pos >= 3 && strings.IndexByte(":.=", p.src[p.pos]) >= 0 && p.posixEnd(p.pos) >= 0:
		end := p.posixEnd(p.pos)
		if x.state == extOperand {
			return p.failAt(errClassNoOperator, end+2)
		}
		var cs classState
		if err := p.classPosix(&cs, end); err != nil {
			return err
		}
		cs.types.clean()
		return x.operand(cs.types.and(setOf(span{0, p.limit()})))
	case c == '[':
		if x.state == extOperand {
			return p.fail(errClassNoOperator)
		}
		if depth >= maxClassNest-1 {
			p.pos--
			return p.fail(errClassNest)
		}
		save := p.opt
		p.opt &^= AllowEmptyClass
		set, err := p.classBody()
		p.opt = save
		if err != nil {
			return err
		}
		return x.operand(set)
	case c == '(':
		if x.state == extOperand {
			return p.fail(errClassNoOperator)
		}
		set, err := p.extLevel('(', depth+1)
		if err != nil {
			return err
		}
		return x.operand(set)
	case c == '\\':
		return x.escape()
	}
	return p.fail(errClassChar)
}

// escape reads an operand that is an escape.
func (x *extClass) escape() *Error {
	p := x.p
	if strings.HasPrefix(p.src[p.pos:], `Q\E`) {
		p.pos += 3
		return nil
	}
	var cs classState
	save := p.opt
	p.opt &^= BadEscapeIsLiteral
	err := p.classEscape(&cs)
	p.opt = save
	if err != nil {
		return err
	}
	if cs.quoting {
		p.skipChar()
		return p.fail(errClassChar)
	}
	if cs.state == rangeNo {
		return nil // \E
	}
	if p.opt&Caseless != 0 {
		cs.set.addFolds(p)
	}
	cs.set.addSet(&cs.types)
	cs.set.clean()
	return x.operand(&cs.set)
}
