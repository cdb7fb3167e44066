package regex

// escapeItem reads the escape after a backslash outside a class.
func (p *parser) escapeItem() *Error {
	start := p.pos
	err := p.escapeOutside()
	if err != nil && p.opt&BadEscapeIsLiteral != 0 {
		p.pos = start
		if p.eof() {
			p.literal('\\')
		} else {
			p.literal(p.next())
		}
		return nil
	}
	return err
}

func (p *parser) escapeOutside() *Error {
	e, err := p.escape(false)
	if err != nil {
		return err
	}
	switch e.kind {
	case escChar:
		p.literal(e.r)
		return nil
	case escBackref:
		p.hasBackref = true
		p.push(&node{op: nBackref, list: []int{e.n}, off: p.pos, fold: p.opt&Caseless != 0})
		p.okQuant = true
		return nil
	case escBraceU:
		p.push(p.char('u'))
		p.literal('{')
		return nil
	}
	p.okQuant = true
	switch e.r {
	case 'd', 'D', 's', 'S', 'w', 'W', 'h', 'H', 'v', 'V':
		p.push(&node{op: nSet, set: p.typeSet(byte(e.r))})
	case 'p', 'P':
		set, err := p.propertySet(e.r == 'P')
		if err != nil {
			return err
		}
		p.push(&node{op: nSet, set: set})
	case 'N':
		p.push(p.notNewline())
	case 'R':
		p.push(p.newlineSequence())
	case 'X':
		p.push(&node{op: nGrapheme})
	case 'C':
		p.push(&node{op: nByte, off: p.pos})
	case 'g', 'k':
		return p.namedRef(byte(e.r))
	default:
		p.okQuant = false
		p.push(p.simpleAssert(byte(e.r)))
	}
	return nil
}

// namedRef reads the name after \k, or \g with brackets.
func (p *parser) namedRef(c byte) *Error {
	var end byte
	switch p.peek(0) {
	case '{':
		end = '}'
	case '<':
		end = '>'
	case '\'':
		end = '\''
	}
	if p.eof() || end == 0 {
		if c == 'g' {
			return p.fail(errGForm)
		}
		return p.fail(errKForm)
	}
	if c == 'g' && end != '}' {
		i, n, ok, err := p.number(p.pos+1, p.bracount, maxGroups, errGroupNumBig)
		if err != nil {
			return err
		}
		if ok {
			if i >= len(p.src) || p.src[i] != end {
				p.pos = i
				return p.fail(errNumberEnd)
			}
			p.pos = i + 1
			return p.call(n, p.pos)
		}
	}
	name, off, err := p.readName(end)
	if err != nil {
		return err
	}
	p.okQuant = true
	if c == 'k' || end == '}' {
		p.backrefByName(name, off)
		return nil
	}
	p.callByName(name, off)
	return nil
}

func (p *parser) backrefByName(name string, off int) {
	p.hasBackref = true
	p.push(&node{op: nBackref, name: name, off: off, fold: p.opt&Caseless != 0})
}

func (p *parser) callByName(name string, off int) {
	p.hasCall = true
	p.push(&node{op: nCall, name: name, off: off})
}

func (p *parser) call(n, off int) *Error {
	p.hasCall = true
	p.okQuant = true
	p.push(&node{op: nCall, n: n, off: off})
	return nil
}

// escKind tells what an escape turned out to be.
type escKind uint8

const (
	escChar    escKind = iota // the character r
	escType                   // an escape with a meaning of its own: letter r
	escBackref                // a reference to group n
	escBraceU                 // ECMAScript's \u{ without digits
)

type escaped struct {
	kind escKind
	r    rune
	n    int
}

// simpleEscapes are the letters that stand for one control character.
var simpleEscapes = map[rune]rune{'a': 7, 'e': 27, 'f': 12, 'n': 10, 'r': 13, 't': 9}

// escape reads one escape after its backslash. In a class, digits are octal
// and \g is the letter. On an error the position is where PCRE2 reports it.
func (p *parser) escape(class bool) (escaped, *Error) {
	if p.eof() {
		return escaped{}, p.fail(errEndBackslash)
	}
	c := p.next()
	if c < '0' || c > 'z' || c > '9' && c < 'A' || c > 'Z' && c < 'a' {
		return escaped{r: c}, nil
	}
	if r, ok := simpleEscapes[c]; ok {
		return escaped{r: r}, nil
	}
	switch c {
	case 'N':
		return p.escapeN(class)
	case 'A', 'B', 'b', 'C', 'D', 'd', 'E', 'G', 'H', 'h', 'K', 'k', 'P', 'p', 'Q', 'R', 'S', 's', 'V', 'v', 'W', 'w', 'X', 'Z', 'z':
		return escaped{kind: escType, r: c}, nil
	case 'F', 'l', 'L':
		return escaped{}, p.fail(errPerlEscape)
	case 'U':
		if p.opt&(AltBSUX|ExtraAltBSUX) == 0 {
			return escaped{}, p.fail(errPerlEscape)
		}
		return escaped{r: 'U'}, nil
	case 'u':
		return p.escapeU(class)
	case 'g':
		if class {
			return escaped{r: 'g'}, nil
		}
		return p.escapeG()
	case '1', '2', '3', '4', '5', '6', '7', '8', '9', '0':
		return p.escapeDigit(c, class)
	case 'o':
		return p.escapeO()
	case 'x':
		return p.escapeX()
	case 'c':
		if p.eof() {
			return escaped{}, p.fail(errEndC)
		}
		b := p.src[p.pos]
		if b < 32 || b > 126 {
			p.skipChar()
			return escaped{}, p.fail(errCPrintable)
		}
		p.pos++
		if isLower(b) {
			b -= 32
		}
		return escaped{r: rune(b ^ 0x40)}, nil
	}
	return escaped{}, p.fail(errUnknownEscape)
}

// escapeG reads \g outside a class.
func (p *parser) escapeG() (escaped, *Error) {
	if p.eof() {
		return escaped{}, p.fail(errGForm)
	}
	n := 0
	switch p.peek(0) {
	case '<', '\'':
		return escaped{kind: escType, r: 'g'}, nil
	case '{':
		i, v, ok, err := p.number(p.skipBlanks(p.pos+1), p.bracount, maxGroups, errGroupNumBig)
		if err != nil {
			return escaped{}, err
		}
		if !ok {
			return escaped{kind: escType, r: 'k'}, nil
		}
		i = p.skipBlanks(i)
		if i >= len(p.src) || p.src[i] != '}' {
			p.pos = i
			return escaped{}, p.fail(errNumberEnd)
		}
		p.pos, n = i+1, v
	default:
		i, v, ok, err := p.number(p.pos, p.bracount, maxGroups, errGroupNumBig)
		if err != nil {
			return escaped{}, err
		}
		if !ok {
			return escaped{}, p.fail(errGForm)
		}
		p.pos, n = i, v
	}
	if n <= 0 {
		return escaped{}, p.fail(errNoSuchGroup)
	}
	return escaped{kind: escBackref, n: n}, nil
}
