package regex

import (
	"strings"
	"unicode/utf8"
)

const (
	maxNest     = 250   // parentheses inside parentheses
	maxGroups   = 65535 // capturing groups
	maxRepeat   = 65535 // a number in {}
	maxNameLen  = 128
	maxNames    = 10000
	maxVerbName = 255
	maxBehind   = 255 // the longest branch of a variable look-behind
)

// parser turns a pattern into a tree. It reads once from left to right with an
// explicit stack of open groups; whatever needs the whole pattern (numbers of
// later groups, look-behind lengths) is left to check.go.
type parser struct {
	src    string
	pos    int
	start  Flags // in force at the start, once the pattern is read
	opt    Flags // in force at pos
	xopt   extraFlags
	nl     newline
	bsrAny bool

	bracount int // capturing groups so far
	maxCount int
	names    []namedGroup
	stack    []openGroup
	top      openGroup

	okQuant    bool // the previous item may be quantified
	condAssert int  // an assertion must follow: 2 after (?( , 1 after a callout
	inQuote    bool // inside \Q..\E

	hasBehind, hasDup, hasBackref, hasCall, hasVerb, hasCond, hasScan bool
	hasCRLF                                                           bool // the pattern names CR or LF

	limitMatch int
	notEmpty   bool
	notEmptyAt bool
}

// namedGroup is one (name, number) pair in order of appearance.
type namedGroup struct {
	name string
	n    int
}

// openGroup is a group whose closing parenthesis has not been seen.
type openGroup struct {
	node       *node // the node the group becomes; subs filled at its end
	alts       []*node
	items      []*node
	opt        Flags
	xopt       extraFlags
	reset      bool // (?| : every branch numbers its groups from resetTo
	resetTo    int
	resetMax   int
	condAssert bool // the assertion of a conditional: no quantifier after it
	atomic     bool // (*asr: needs an atomic group around its content
}

func (p *parser) fail(code int) *Error { return compileError(code, p.pos) }

func (p *parser) failAt(code, off int) *Error { return compileError(code, off) }

// limit is the largest code point of the mode.
func (p *parser) limit() rune {
	if p.opt&UTF != 0 {
		return maxRune
	}
	return 255
}

func (p *parser) eof() bool { return p.pos >= len(p.src) }

// peek returns the byte at pos+n, or 0 past the end.
func (p *parser) peek(n int) byte {
	if p.pos+n < len(p.src) {
		return p.src[p.pos+n]
	}
	return 0
}

// next reads one character of the mode.
func (p *parser) next() rune {
	if p.opt&UTF != 0 && p.src[p.pos] >= utf8.RuneSelf {
		r, n := utf8.DecodeRuneInString(p.src[p.pos:])
		p.pos += n
		return r
	}
	p.pos++
	return rune(p.src[p.pos-1])
}

// skipChar moves over one character, if there is one.
func (p *parser) skipChar() {
	if !p.eof() {
		p.next()
	}
}

func (p *parser) skipBlanks(i int) int {
	for i < len(p.src) && (p.src[i] == ' ' || p.src[i] == '\t') {
		i++
	}
	return i
}

func (p *parser) push(n *node) { p.top.items = append(p.top.items, n) }

// open starts a group.
func (p *parser) open(n *node) *Error {
	if len(p.stack) >= maxNest {
		return p.fail(errTooDeep)
	}
	p.stack = append(p.stack, p.top)
	p.top = openGroup{node: n, opt: p.opt, xopt: p.xopt}
	return nil
}

// tree reads the pattern and resolves what it refers to.
func (p *parser) tree() (*node, *Error) {
	root, err := p.parse()
	if err != nil {
		return nil, err
	}
	p.opt = p.start
	switch {
	case p.opt&MatchLine != 0:
		end := &node{op: nAssert, kind: uint8(aEndLine)}
		root = cat([]*node{{op: nAssert, kind: uint8(aBeginLine)}, {op: nGroup, subs: []*node{root}}, end})
	case p.opt&MatchWord != 0:
		root = cat([]*node{p.simpleAssert('b'), {op: nGroup, subs: []*node{root}}, p.simpleAssert('b')})
	}
	if err := p.check(root); err != nil {
		return nil, err
	}
	return root, nil
}

// parse reads the whole pattern.
func (p *parser) parse() (*node, *Error) {
	if err := p.startVerbs(); err != nil {
		return nil, err
	}
	p.start = p.opt
	if p.opt&(UTF|NoUTFCheck) == UTF {
		if e, off := utfError([]byte(p.src)); e != nil {
			return nil, &Error{Code: e.Code, Msg: e.Msg, Offset: off}
		}
	}
	if p.nl == nlAny && p.opt&UTF != 0 {
		p.nl = nlAnyUTF
	}
	p.top = openGroup{node: empty()}
	if p.opt&Literal != 0 {
		for !p.eof() {
			p.push(p.char(p.next()))
		}
	} else {
		for !p.eof() {
			if err := p.item(); err != nil {
				return nil, err
			}
		}
	}
	if len(p.stack) > 0 {
		return nil, p.fail(errNoParen)
	}
	return p.branches(), nil
}

// branches closes the branch list of the top group and returns its content.
func (p *parser) branches() *node {
	g := &p.top
	last := cat(g.items)
	if g.alts == nil {
		return last
	}
	return &node{op: nAlt, subs: append(g.alts, last)}
}

// literal pushes a character and allows a quantifier after it.
func (p *parser) literal(r rune) {
	p.push(p.char(r))
	p.okQuant = true
	p.hasCRLF = p.hasCRLF || r == '\r' || r == '\n'
}

// passive reads what stands between an item and its quantifier without parting
// them: \Q and \E, white space and comments. done means that it read some.
func (p *parser) passive() (done bool, err *Error) {
	rest := p.src[p.pos:]
	quote := strings.HasPrefix(rest, `\Q`)
	switch {
	case quote || strings.HasPrefix(rest, `\E`):
		if quote && p.condAssert > 0 && !strings.HasPrefix(rest, `\Q\E`) {
			return true, p.fail(errCondAssert)
		}
		p.inQuote = quote
		p.pos += 2
		return true, nil
	case strings.HasPrefix(rest, "(?#"):
		i := strings.IndexByte(rest, ')')
		if i < 0 {
			return true, p.failAt(errNoCommentEnd, len(p.src))
		}
		p.pos += i + 1
		return true, nil
	case p.opt&(Extended|ExtendedMore) == 0:
		return false, nil
	}
	switch c := p.peekRune(); {
	case isSpaceByte(c) || c == 0x85 || c|1 == 0x200f || c|1 == 0x2029:
		p.next()
		return true, nil
	case c == '#':
		p.pos++
		p.comment()
		return true, nil
	}
	return false, nil
}

// item reads one item of the pattern.
func (p *parser) item() *Error {
	if p.inQuote {
		if strings.HasPrefix(p.src[p.pos:], `\E`) {
			p.inQuote = false
			p.pos += 2
			return nil
		}
		p.literal(p.next())
		return nil
	}
	if done, err := p.passive(); done {
		return err
	}
	start := p.pos
	c := p.next()
	if p.condAssert > 0 {
		if err := p.checkCondAssert(c, start); err != nil {
			return err
		}
	}
	wasCond := p.condAssert
	p.condAssert = 0
	okQuant := p.okQuant
	p.okQuant = false
	switch c {
	case '\\':
		return p.escapeItem()
	case '^', '$':
		p.push(p.anchor(c))
	case '.':
		p.push(p.dot())
		p.okQuant = true
	case '*':
		return p.quantify(0, infinite, okQuant)
	case '+':
		return p.quantify(1, infinite, okQuant)
	case '?':
		return p.quantify(0, 1, okQuant)
	case '{':
		lo, hi, ok, err := p.repeatCounts()
		if err != nil {
			return err
		}
		if !ok {
			p.literal('{')
			return nil
		}
		return p.quantify(lo, hi, okQuant)
	case '[':
		return p.class()
	case '(':
		return p.paren(wasCond)
	case '|':
		g := &p.top
		g.alts = append(g.alts, cat(g.items))
		g.items = nil
		if g.reset {
			g.resetMax = max(g.resetMax, p.bracount)
			p.bracount = g.resetTo
		}
	case ')':
		return p.close()
	default:
		p.literal(c)
	}
	return nil
}

// anchor is the node of ^ or $. Those that obey the not-a-line options have neg
// set, unlike \A and \z.
func (p *parser) anchor(c rune) *node {
	switch {
	case c == '^' && p.opt&Multiline != 0:
		return &node{op: nAssert, kind: uint8(aBeginLine)}
	case c == '^':
		return &node{op: nAssert, kind: uint8(aBeginSubject), neg: true}
	case p.opt&Multiline != 0:
		return &node{op: nAssert, kind: uint8(aEndLine)}
	case p.opt&DollarEndOnly != 0:
		return &node{op: nAssert, kind: uint8(aEndSubject), neg: true}
	}
	return &node{op: nAssert, kind: uint8(aDollar)}
}

// close ends the top group.
func (p *parser) close() *Error {
	if len(p.stack) == 0 {
		return p.fail(errUnmatchedParen)
	}
	g := p.top
	body := p.branches()
	p.opt, p.xopt = g.opt, g.xopt
	if g.reset {
		p.bracount = max(p.bracount, g.resetMax)
	}
	if g.atomic {
		body = &node{op: nAtomic, subs: []*node{body}}
	}
	n := g.node
	switch n.op {
	case nCond:
		n.subs = p.condBranches(body, n)
		if n.subs == nil {
			code := errCondBranches
			if condKind(n.kind) == cDefine {
				code = errDefineBranches
			}
			n.max = code // reported by check, in pattern order
			if len(n.list) == 1 {
				n.off -= 2
			}
		}
	default:
		n.subs = []*node{body}
	}
	p.top = p.stack[len(p.stack)-1]
	p.stack = p.stack[:len(p.stack)-1]
	p.okQuant = !g.condAssert
	if g.condAssert {
		p.top.node.cond = n
		return nil
	}
	p.push(n)
	return nil
}
