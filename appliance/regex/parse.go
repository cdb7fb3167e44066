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

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

func isWordByte(b byte) bool { return asciiLetter(b) || isDigit(b) || b == '_' }

func isLower(b byte) bool { return b >= 'a' && b <= 'z' }

// isSpaceByte is isspace() of the C locale.
func isSpaceByte(r rune) bool { return r == ' ' || r >= 9 && r <= 13 }

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

// char is the node of one literal character under the options in force.
func (p *parser) char(r rune) *node {
	if p.opt&Caseless == 0 {
		return &node{op: nChar, r: r}
	}
	if p.opt&(UTF|UCP) == 0 {
		return &node{op: nChar, r: r, fold: r < 128 && asciiLetter(byte(r))}
	}
	var buf [8]rune
	vs := folds(buf[:0], r, p.xopt&xCaselessRestrict != 0)
	ascii := r < 128
	n := 0
	for _, v := range vs {
		if v <= p.limit() {
			vs[n] = v
			n++
			ascii = ascii && v < 128
		}
	}
	vs = vs[:n]
	switch {
	case len(vs) == 0:
		return &node{op: nChar, r: r}
	case ascii:
		return &node{op: nChar, r: r, fold: true}
	}
	set := setOf(span{r, r})
	for _, v := range vs {
		set.add(v, v)
	}
	set.clean()
	return &node{op: nSet, set: set}
}

// literal pushes a character and allows a quantifier after it.
func (p *parser) literal(r rune) {
	p.push(p.char(r))
	p.okQuant = true
	p.hasCRLF = p.hasCRLF || r == '\r' || r == '\n'
}

// item reads one item of the pattern.
func (p *parser) item() *Error {
	start := p.pos
	if p.inQuote {
		if p.peek(0) == '\\' && p.peek(1) == 'E' {
			p.inQuote = false
			p.pos += 2
			return nil
		}
		p.literal(p.next())
		return nil
	}
	c := p.next()
	if c == '\\' && (p.peek(0) == 'Q' || p.peek(0) == 'E') {
		if p.condAssert > 0 && p.peek(0) == 'Q' && !strings.HasPrefix(p.src[p.pos+1:], "\\E") {
			p.pos--
			return p.fail(errCondAssert)
		}
		p.inQuote = p.peek(0) == 'Q'
		p.pos++
		return nil
	}
	if p.opt&(Extended|ExtendedMore) != 0 {
		if isSpaceByte(c) || c == 0x85 && p.opt&UTF != 0 || c|1 == 0x200f || c|1 == 0x2029 || c == 0x85 {
			return nil
		}
		if c == '#' {
			p.comment()
			return nil
		}
	}
	if c == '(' && p.peek(0) == '?' && p.peek(1) == '#' {
		for p.pos++; p.pos+1 < len(p.src); {
			p.pos++
			if p.src[p.pos] == ')' {
				p.pos++
				return nil
			}
		}
		p.pos = len(p.src)
		return p.fail(errNoCommentEnd)
	}
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
	case '^':
		if p.opt&Multiline != 0 {
			p.push(&node{op: nAssert, kind: uint8(aBeginLine)})
		} else {
			p.push(&node{op: nAssert, kind: uint8(aBeginSubject), neg: true})
		}
	case '$':
		switch {
		case p.opt&Multiline != 0:
			p.push(&node{op: nAssert, kind: uint8(aEndLine)})
		case p.opt&DollarEndOnly != 0:
			p.push(&node{op: nAssert, kind: uint8(aEndSubject), neg: true})
		default:
			p.push(&node{op: nAssert, kind: uint8(aDollar)})
		}
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

// comment skips a # comment up to the newline.
func (p *parser) comment() {
	for !p.eof() {
		if n := newlineAt(p.nl, p.src, p.pos); n > 0 {
			p.pos += n
			return
		}
		p.next()
	}
}

// newlineAt returns the length of the newline at i, or 0.
func newlineAt(nl newline, s string, i int) int {
	c := s[i]
	crlf := c == '\r' && i+1 < len(s) && s[i+1] == '\n'
	switch nl {
	case nlLF:
		return b2i(c == '\n')
	case nlCR:
		return b2i(c == '\r')
	case nlNUL:
		return b2i(c == 0)
	case nlCRLF:
		return 2 * b2i(crlf)
	}
	switch {
	case crlf:
		return 2
	case c == '\n' || c == '\r':
		return 1
	case nl == nlAny && (c == '\v' || c == '\f' || c == 0x85):
		return 1
	}
	return 0
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
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

// dot is the node of a full stop.
func (p *parser) dot() *node {
	if p.opt&DotAll != 0 {
		return &node{op: nSet, set: setOf(span{0, p.limit()})}
	}
	return p.notNewline()
}

// notNewline is \N: any character but a newline.
func (p *parser) notNewline() *node {
	not := &charset{}
	switch p.nl {
	case nlLF:
		not.add('\n', '\n')
	case nlCR:
		not.add('\r', '\r')
	case nlNUL:
		not.add(0, 0)
	case nlAnyCRLF:
		not.add('\n', '\n')
		not.add('\r', '\r')
	case nlAny:
		not.add(10, 13)
		not.add(0x85, 0x85)
		not.add(0x2028, 0x2029)
	case nlCRLF:
		crlf := cat([]*node{{op: nChar, r: '\r'}, {op: nChar, r: '\n'}})
		return cat([]*node{{op: nLook, neg: true, subs: []*node{crlf}}, {op: nSet, set: setOf(span{0, p.limit()})}})
	}
	not.clean()
	return &node{op: nSet, set: not.negated(p.limit())}
}

// quantify applies a quantifier to the last item; a following ? or + sets its mode.
func (p *parser) quantify(lo, hi int, ok bool) *Error {
	if !ok || len(p.top.items) == 0 {
		return p.fail(errNothingToRepeat)
	}
	mode := greedy
	if p.opt&Ungreedy != 0 {
		mode = lazy
	}
	save := *p
	p.skipIgnored()
	switch p.peek(0) {
	case '?':
		p.pos++
		mode = lazy - mode
	case '+':
		p.pos++
		mode = possessive
	default:
		p.pos, p.inQuote = save.pos, save.inQuote
	}
	last := &p.top.items[len(p.top.items)-1]
	*last = repeat(*last, lo, hi, mode)
	return nil
}

// skipIgnored moves over what may stand between a quantifier and its mode.
func (p *parser) skipIgnored() {
	for !p.eof() {
		c := rune(p.src[p.pos])
		switch {
		case c == '\\' && p.peek(1) == 'E':
			p.pos += 2
		case c == '\\' && strings.HasPrefix(p.src[p.pos:], `\Q\E`):
			p.pos += 4
		case p.opt&(Extended|ExtendedMore) != 0 && isSpaceByte(c):
			p.pos++
		case p.opt&(Extended|ExtendedMore) != 0 && c == '#':
			p.pos++
			p.comment()
		case strings.HasPrefix(p.src[p.pos:], "(?#"):
			i := strings.IndexByte(p.src[p.pos:], ')')
			if i < 0 {
				return
			}
			p.pos += i + 1
		default:
			return
		}
	}
}

// repeat makes the node of a quantified item.
func repeat(n *node, lo, hi int, mode repMode) *node {
	if n.op == nLook || n.op == nScan {
		// An assertion gains nothing from turns without end.
		if hi == infinite {
			hi = lo + 1
		}
	}
	if n.op == nCond && condKind(n.kind) == cDefine {
		return n
	}
	if mode == possessive {
		r := &node{op: nRepeat, subs: []*node{n}, min: lo, max: hi, mode: possessive}
		return r
	}
	if lo == 1 && hi == 1 {
		return n
	}
	return &node{op: nRepeat, subs: []*node{n}, min: lo, max: hi, mode: mode}
}

// repeatCounts reads what follows a { ; ok is false when it is no quantifier.
func (p *parser) repeatCounts() (lo, hi int, ok bool, err *Error) {
	i := p.skipBlanks(p.pos)
	j := i
	for j < len(p.src) && isDigit(p.src[j]) {
		j++
	}
	hadMin := j > i
	minEnd := j
	j = p.skipBlanks(j)
	if j >= len(p.src) {
		return
	}
	maxStart, maxEnd := -1, -1
	if p.src[j] == '}' {
		if !hadMin {
			return
		}
	} else {
		if p.src[j] != ',' {
			return
		}
		j = p.skipBlanks(j + 1)
		maxStart = j
		for j < len(p.src) && isDigit(p.src[j]) {
			j++
		}
		maxEnd = j
		if maxEnd == maxStart && !hadMin {
			return
		}
		j = p.skipBlanks(j)
		if j >= len(p.src) || p.src[j] != '}' {
			return
		}
	}
	lo, hi = 0, infinite
	if hadMin {
		if lo, err = p.count(i, minEnd); err != nil {
			return
		}
		if maxStart < 0 {
			hi = lo
		}
	}
	if maxEnd > maxStart {
		if hi, err = p.count(maxStart, maxEnd); err != nil {
			return
		}
		if hi < lo {
			return 0, 0, false, p.failAt(errQuantOrder, maxEnd)
		}
	}
	p.pos = j + 1
	return lo, hi, true, nil
}

func (p *parser) count(from, to int) (int, *Error) {
	n := 0
	for _, c := range p.src[from:to] {
		n = n*10 + int(c-'0')
		if n > maxRepeat {
			return 0, p.failAt(errQuantBig, to)
		}
	}
	return n, nil
}

// startVerbs reads the option items that may open a pattern, as (*UTF).
func (p *parser) startVerbs() *Error {
	if p.opt&Literal != 0 {
		return nil
	}
	for strings.HasPrefix(p.src[p.pos:], "(*") {
		end := strings.IndexByte(p.src[p.pos:], ')')
		if end < 0 {
			return nil
		}
		name, arg, hasArg := strings.Cut(p.src[p.pos+2:p.pos+end], "=")
		if hasArg {
			n, ok := 0, arg != ""
			for i := 0; i < len(arg) && ok; i++ {
				ok = isDigit(arg[i]) && n < 1<<31
				n = n*10 + int(arg[i]-'0')
			}
			switch name {
			case "LIMIT_MATCH", "LIMIT_DEPTH", "LIMIT_HEAP", "LIMIT_RECURSION":
			default:
				return nil
			}
			if !ok {
				return p.failAt(errVerb, p.pos+end)
			}
			if name == "LIMIT_MATCH" {
				p.limitMatch = n
			}
		} else if !p.startVerb(name) {
			return nil
		}
		p.pos += end + 1
	}
	return nil
}

func (p *parser) startVerb(name string) bool {
	newlines := map[string]newline{"CR": nlCR, "LF": nlLF, "CRLF": nlCRLF, "ANY": nlAny, "ANYCRLF": nlAnyCRLF, "NUL": nlNUL}
	if nl, ok := newlines[name]; ok {
		p.nl = nl
		return true
	}
	switch name {
	case "UTF", "UTF8":
		p.opt |= UTF
	case "UCP":
		p.opt |= UCP
	case "BSR_ANYCRLF":
		p.bsrAny = false
	case "BSR_UNICODE":
		p.bsrAny = true
	case "NO_START_OPT":
		p.opt |= NoStartOptimize
	case "NOTEMPTY":
		p.notEmpty = true
	case "NOTEMPTY_ATSTART":
		p.notEmptyAt = true
	case "CASELESS_RESTRICT":
		p.xopt |= xCaselessRestrict
	case "NO_AUTO_POSSESS", "NO_DOTSTAR_ANCHOR", "NO_JIT", "TURKISH_CASING":
	default:
		return false
	}
	return true
}
