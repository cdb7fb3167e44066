package regex

import "strings"

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

// escapeN reads \N, \N{U+hhh} and refuses \N{name}.
func (p *parser) escapeN(class bool) (escaped, *Error) {
	n := escaped{kind: escType, r: 'N'}
	if p.peek(0) != '{' {
		return n, nil
	}
	i := p.skipBlanks(p.pos + 1)
	if strings.HasPrefix(p.src[i:], "U+") {
		i += 2
		if p.opt&UTF != 0 {
			p.pos = i
			return p.hexBraced()
		}
		for i < len(p.src) && hexValue(p.src[i]) >= 0 {
			i++
		}
		i = p.skipBlanks(i)
		if i < len(p.src) && p.src[i] == '}' {
			i++
		}
		p.pos = i
		return n, p.fail(errNUTF)
	}
	if !class {
		save := p.pos
		p.pos++
		_, _, ok, err := p.repeatCounts()
		p.pos = save
		if err != nil {
			return n, err
		}
		if ok {
			return n, nil
		}
	}
	p.pos++
	return n, p.fail(errPerlEscape)
}

func hexValue(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case b|32 >= 'a' && b|32 <= 'f':
		return int(b|32) - 'a' + 10
	}
	return -1
}

func (p *parser) checkCodePoint(r rune) *Error {
	if p.opt&UTF != 0 && r >= 0xd800 && r <= 0xdfff {
		return p.fail(errSurrogate)
	}
	return nil
}

// escapeU reads ECMAScript's \u where it is enabled.
func (p *parser) escapeU(class bool) (escaped, *Error) {
	if p.opt&(AltBSUX|ExtraAltBSUX) == 0 {
		return escaped{}, p.fail(errPerlEscape)
	}
	r := rune(0)
	if p.peek(0) == '{' && p.opt&ExtraAltBSUX != 0 {
		i := p.pos + 1
		for ; i < len(p.src) && hexValue(p.src[i]) >= 0; i++ {
			if r > 0xfffffff>>4 {
				p.pos = i
				return escaped{}, p.fail(errUCodeBig)
			}
			r = r<<4 | rune(hexValue(p.src[i]))
		}
		if i == p.pos+1 || i >= len(p.src) || p.src[i] != '}' {
			if class {
				return escaped{r: 'u'}, nil
			}
			p.pos++
			return escaped{kind: escBraceU}, nil
		}
		p.pos = i + 1
	} else {
		if len(p.src)-p.pos < 4 {
			return escaped{r: 'u'}, nil
		}
		for i := range 4 {
			h := hexValue(p.src[p.pos+i])
			if h < 0 {
				return escaped{r: 'u'}, nil
			}
			r = r<<4 | rune(h)
		}
		p.pos += 4
	}
	if r > p.limit() {
		return escaped{}, p.fail(errUCodeBig)
	}
	return escaped{r: r}, p.checkCodePoint(r)
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
			p.pos = p.pos + 0
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

// escapeDigit reads a back-reference or an octal code.
func (p *parser) escapeDigit(c rune, class bool) (escaped, *Error) {
	if !class && c != '0' {
		i, n, ok, _ := p.number(p.pos-1, -1, maxGroups, 0)
		if !ok {
			n = 1 << 30
		}
		if n < 10 || c >= '8' || n <= p.bracount {
			p.pos = i
			if n > maxGroups {
				return escaped{}, p.fail(errGroupNumBig)
			}
			return escaped{kind: escBackref, n: n}, nil
		}
	}
	if c >= '8' {
		return escaped{r: c}, nil
	}
	r := c - '0'
	for n := 0; n < 2 && !p.eof() && p.src[p.pos] >= '0' && p.src[p.pos] <= '7'; n++ {
		r = r*8 + rune(p.src[p.pos]-'0')
		p.pos++
	}
	if r > 0xff && p.opt&UTF == 0 {
		return escaped{}, p.fail(errOctalBig)
	}
	return escaped{r: r}, nil
}

// escapeO reads \o{ddd}.
func (p *parser) escapeO() (escaped, *Error) {
	if p.peek(0) != '{' {
		return escaped{}, p.fail(errOctalBrace)
	}
	p.pos = p.skipBlanks(p.pos + 1)
	if p.eof() || p.src[p.pos] == '}' {
		return escaped{}, p.fail(errDigitsMissing)
	}
	return p.braced(errOctalDigits, 3, func(b byte) int {
		if b >= '0' && b <= '7' {
			return int(b - '0')
		}
		return -1
	})
}

// escapeX reads \xhh and \x{hhh}.
func (p *parser) escapeX() (escaped, *Error) {
	if p.opt&(AltBSUX|ExtraAltBSUX) != 0 {
		if len(p.src)-p.pos < 2 || hexValue(p.src[p.pos]) < 0 || hexValue(p.src[p.pos+1]) < 0 {
			return escaped{r: 'x'}, nil
		}
		r := rune(hexValue(p.src[p.pos])<<4 | hexValue(p.src[p.pos+1]))
		p.pos += 2
		return escaped{r: r}, nil
	}
	if p.peek(0) == '{' {
		p.pos = p.skipBlanks(p.pos + 1)
		return p.hexBraced()
	}
	if p.eof() || hexValue(p.src[p.pos]) < 0 {
		return escaped{}, p.fail(errDigitsMissing)
	}
	r := rune(hexValue(p.src[p.pos]))
	p.pos++
	if !p.eof() && hexValue(p.src[p.pos]) >= 0 {
		r = r<<4 | rune(hexValue(p.src[p.pos]))
		p.pos++
	}
	return escaped{r: r}, nil
}

func (p *parser) hexBraced() (escaped, *Error) {
	if p.eof() || p.src[p.pos] == '}' {
		return escaped{}, p.fail(errDigitsMissing)
	}
	return p.braced(errHexDigits, 4, hexValue)
}

// braced reads digits of the given width up to a closing brace.
func (p *parser) braced(bad, shift int, value func(byte) int) (escaped, *Error) {
	r, over := rune(0), false
	for !p.eof() && value(p.src[p.pos]) >= 0 {
		if !over {
			r = r<<shift | rune(value(p.src[p.pos]))
			over = r > p.limit()
		}
		p.pos++
	}
	p.pos = p.skipBlanks(p.pos)
	if over {
		for !p.eof() && value(p.src[p.pos]) >= 0 {
			p.pos++
		}
		return escaped{}, p.fail(errCodePointBig)
	}
	if err := p.checkCodePoint(r); err != nil {
		return escaped{}, err
	}
	if p.eof() || p.src[p.pos] != '}' {
		p.skipChar()
		return escaped{}, p.fail(bad)
	}
	p.pos++
	return escaped{r: r}, nil
}

// number reads an unsigned number at i, or a signed one relative to sign when
// that is not negative. It returns the position after it.
func (p *parser) number(i, sign, limit, tooBig int) (int, int, bool, *Error) {
	s := byte(0)
	if sign >= 0 && i < len(p.src) && (p.src[i] == '+' || p.src[i] == '-') {
		s = p.src[i]
		if s == '+' {
			limit -= sign
		}
		i++
	}
	if i >= len(p.src) || !isDigit(p.src[i]) {
		return i, 0, false, nil
	}
	n := 0
	for i < len(p.src) && isDigit(p.src[i]) {
		n = n*10 + int(p.src[i]-'0')
		i++
		if n > limit {
			for i < len(p.src) && isDigit(p.src[i]) {
				i++
			}
			return i, n, false, p.failAt(tooBig, i)
		}
	}
	if s == 0 {
		return i, n, true, nil
	}
	if n == 0 {
		return i, 0, false, p.failAt(errRelativeZero, i)
	}
	if s == '+' {
		return i, n + sign, true, nil
	}
	if n > sign {
		return i, 0, false, p.failAt(errNoSuchGroup, i)
	}
	return i, sign + 1 - n, true, nil
}
