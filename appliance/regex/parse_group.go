package regex

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// paren reads what follows an opening parenthesis.
func (p *parser) paren(wasCond int) *Error {
	if p.eof() {
		return p.fail(errNoParen)
	}
	switch p.src[p.pos] {
	case '?':
		p.pos++
		if p.eof() {
			return p.fail(errNoParen)
		}
		return p.special(wasCond)
	case '*':
		if len(p.src)-p.pos <= 1 || p.src[p.pos+1] == ')' {
			return nil // the * will find nothing to repeat
		}
		if isLower(p.src[p.pos+1]) {
			return p.alphaAssert(wasCond)
		}
		return p.verb()
	}
	if p.opt&NoAutoCapture != 0 {
		return p.open(&node{op: nGroup})
	}
	return p.openCapture()
}

// openCapture starts the next numbered group.
func (p *parser) openCapture() *Error {
	if p.bracount >= maxGroups {
		return p.fail(errManyGroups)
	}
	p.bracount++
	p.maxCount = max(p.maxCount, p.bracount)
	return p.open(&node{op: nCapture, n: p.bracount})
}

// special reads a group that starts with (? .
func (p *parser) special(wasCond int) *Error {
	switch c := p.src[p.pos]; c {
	case '=', '!', '*':
		p.pos++
		return p.look(&node{op: nLook, neg: c == '!', nonAtomic: c == '*'}, wasCond)
	case '>':
		p.pos++
		return p.open(&node{op: nAtomic})
	case '<':
		n := p.peek(1)
		if n != '=' && n != '!' && n != '*' {
			return p.defineName('>')
		}
		p.hasBehind = true
		nd := &node{op: nLook, behind: true, neg: n == '!', nonAtomic: n == '*', off: p.pos - 2}
		p.pos += 2
		return p.look(nd, wasCond)
	case '\'':
		return p.defineName('\'')
	case 'P':
		return p.pythonGroup()
	case 'R':
		p.pos++
		if p.eof() || p.src[p.pos] != ')' && p.src[p.pos] != '(' {
			return p.fail(errRecursionParen)
		}
		return p.callNumber(0, p.pos)
	case '&':
		return p.callName()
	case '+':
		if p.pos+1 >= len(p.src) {
			p.pos++
			return p.fail(errNoParen)
		}
		if !isDigit(p.src[p.pos+1]) {
			p.pos++
			p.skipChar()
			return p.fail(errDigitExpected)
		}
		return p.callRelative()
	case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return p.callRelative()
	case 'C':
		return p.callout(wasCond)
	case '(':
		return p.conditional()
	case '[':
		return p.extendedClass()
	case '-':
		if isDigit(p.peek(1)) {
			return p.callRelative()
		}
	case '|':
		p.pos++
		p.hasDup = true
		if err := p.open(&node{op: nGroup}); err != nil {
			return err
		}
		p.top.reset, p.top.resetTo, p.top.resetMax = true, p.bracount, p.bracount
		return nil
	}
	return p.options()
}

// look opens an assertion, which may be the test of a conditional.
func (p *parser) look(n *node, wasCond int) *Error {
	if err := p.open(n); err != nil {
		return err
	}
	p.top.condAssert = wasCond > 0
	return nil
}

// alphaAsserts are the assertions by name. The node is copied.
var alphaAsserts = map[string]node{
	"pla": {op: nLook}, "positive_lookahead": {op: nLook},
	"nla": {op: nLook, neg: true}, "negative_lookahead": {op: nLook, neg: true},
	"plb": {op: nLook, behind: true}, "positive_lookbehind": {op: nLook, behind: true},
	"nlb": {op: nLook, behind: true, neg: true}, "negative_lookbehind": {op: nLook, behind: true, neg: true},
	"napla": {op: nLook, nonAtomic: true}, "non_atomic_positive_lookahead": {op: nLook, nonAtomic: true},
	"naplb": {op: nLook, behind: true, nonAtomic: true}, "non_atomic_positive_lookbehind": {op: nLook, behind: true, nonAtomic: true},
	"atomic": {op: nAtomic},
	"sr":     {op: nScript}, "script_run": {op: nScript},
	"asr": {op: nScript, nonAtomic: true}, "atomic_script_run": {op: nScript, nonAtomic: true},
	"scs": {op: nScan}, "scan_substring": {op: nScan},
}

// alphaAssert reads (*name: with a lower-case name.
func (p *parser) alphaAssert(wasCond int) *Error {
	start := p.pos + 1
	i := start
	for i < len(p.src) && isWordByte(p.src[i]) {
		i++
	}
	p.pos = i
	if i >= len(p.src) {
		return p.fail(errNoParen)
	}
	if p.src[i] != ':' {
		p.skipChar()
		return p.fail(errAlphaAssert)
	}
	proto, ok := alphaAsserts[p.src[start:i]]
	if !ok {
		return p.fail(errAlphaAssert)
	}
	if wasCond > 0 && (proto.op != nLook || proto.nonAtomic) {
		return p.fail(errCondAssert)
	}
	n := new(node)
	*n = proto
	p.pos++
	switch n.op {
	case nLook:
		if n.behind {
			p.hasBehind = true
			n.off = p.pos - 3
		}
		return p.look(n, wasCond)
	case nScan:
		p.hasScan = true
		list, err := p.captureList()
		if err != nil {
			return err
		}
		n.cond = list
		return p.look(n, wasCond)
	}
	if err := p.open(n); err != nil {
		return err
	}
	p.top.atomic = n.op == nScript && n.nonAtomic
	n.nonAtomic = false
	return nil
}

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

// options reads (?imsx-imsx) and (?imsx-imsx: .
func (p *parser) options() *Error {
	saveOpt, saveX := p.opt, p.xopt
	var set, unset Flags
	var xset, xunset extraFlags
	os, xs := &set, &xset
	hyphenOK := true
	if p.peek(0) == '^' {
		p.opt &^= Caseless | Multiline | NoAutoCapture | DotAll | Extended | ExtendedMore
		p.xopt &^= xCaselessRestrict
		hyphenOK = false
		p.pos++
	}
	for !p.eof() && p.src[p.pos] != ')' && p.src[p.pos] != ':' {
		c := p.src[p.pos]
		p.pos++
		switch c {
		case '-':
			if !hyphenOK {
				return p.fail(errOptionHyphen)
			}
			os, xs, hyphenOK = &unset, &xunset, false
		case 'a':
			*xs |= p.asciiOption()
		case 'J':
			*os |= DupNames
		case 'i':
			*os |= Caseless
		case 'm':
			*os |= Multiline
		case 'n':
			*os |= NoAutoCapture
		case 'r':
			*xs |= xCaselessRestrict
		case 's':
			*os |= DotAll
		case 'U':
			*os |= Ungreedy
		case 'x':
			*os |= Extended
			if p.peek(0) == 'x' {
				*os |= ExtendedMore
				p.pos++
			}
		default:
			p.pos--
			p.skipChar()
			return p.fail(errAfterParenQ)
		}
	}
	if set&(Extended|ExtendedMore) == Extended || unset&Extended != 0 {
		unset |= ExtendedMore
	}
	if p.eof() {
		return p.fail(errNoParen)
	}
	opt, xopt := (p.opt|set)&^unset, (p.xopt|xset)&^xunset
	p.pos++
	if p.src[p.pos-1] == ')' {
		p.opt, p.xopt = opt, xopt
		return nil
	}
	p.opt, p.xopt = saveOpt, saveX
	if err := p.open(&node{op: nGroup}); err != nil {
		return err
	}
	p.opt, p.xopt = opt, xopt
	return nil
}

// asciiOption reads the letter after (?a .
func (p *parser) asciiOption() extraFlags {
	x := extraFlags(0)
	switch p.peek(0) {
	case 'D':
		x = xASCIIDigitBS
	case 'P':
		x = xASCIIPosix | xASCIIDigit
	case 'S':
		x = xASCIISpaceBS
	case 'T':
		x = xASCIIDigit
	case 'W':
		x = xASCIIWordBS
	default:
		return xASCIIAll
	}
	p.pos++
	return x
}

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

// appendChar appends a character as the mode writes it: a byte, or UTF-8.
func (p *parser) appendChar(dst []byte, r rune) []byte {
	if p.opt&UTF != 0 {
		return utf8.AppendRune(dst, r)
	}
	return append(dst, byte(r))
}
