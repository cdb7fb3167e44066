package vm

import (
	"strconv"
	"strings"
)

func (vm *VM) openString() {
	t := vm.library("string", []fn{
		{"len", strLen}, {"byte", strByte}, {"char", strChar}, {"sub", strSub}, {"rep", strRep},
		{"reverse", strReverse}, {"lower", strLower}, {"upper", strUpper}, {"dump", strDump}, {"find", strFind},
		{"match", strMatch}, {"gmatch", strGmatch}, {"gsub", strGsub}, {"format", strFormat},
	})
	t.SetString("gfind", t.GetString("gmatch"))
	mt := NewTable(0, 1)
	mt.SetString("__index", t.Value())
	vm.strMeta = mt
	vm.strIndex = t
}

func strLen(l *State) int { return l.ret(Int(len(l.CheckString(1)))) }

// position turns a relative string position into one from the front: negative ones count from the end.
func position(i, n int) int {
	if i < 0 {
		i += n + 1
		if i < 0 {
			return 0
		}
	}
	return i
}

func strByte(l *State) int {
	s := l.CheckString(1)
	i := position(l.OptInt(2, 1), len(s))
	j := i
	if l.Arg(3).n != tagNil {
		j = position(l.CheckInt(3), len(s))
	}
	i, j = max(i, 1), min(j, len(s))
	if i > j {
		return 0
	}
	if i == j {
		return l.ret(Number(float64(s[i-1])))
	}
	n := j - i + 1
	if n >= maxStack/2 {
		l.Errorf("string slice too long")
	}
	l.ensure(l.top + n + goSlack)
	for ; i <= j; i++ {
		l.Push(Int(int(s[i-1])))
	}
	return n
}

// byteStrings are the strings of one byte.
var byteStrings = func() (t [256]Value) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	s := string(all)
	for i := range t {
		t[i] = String(s[i : i+1])
	}
	return
}()

func strChar(l *State) int {
	n := l.Top()
	b := l.vm.buf[:0]
	for i := 1; i <= n; i++ {
		c := l.CheckInt(i)
		if c < 0 || c > 255 {
			l.ArgError(i, "invalid value")
		}
		b = append(b, byte(c))
	}
	l.vm.keepBuf(b)
	if n == 1 {
		return l.ret(byteStrings[b[0]])
	}
	l.PushBytes(b)
	return 1
}

func strSub(l *State) int {
	s := l.CheckString(1)
	i := position(l.CheckInt(2), len(s))
	j := position(l.OptInt(3, -1), len(s))
	i, j = max(i, 1), min(j, len(s))
	if i > j {
		return l.ret(String(""))
	}
	return l.ret(l.substring(s, i-1, j))
}

func strRep(l *State) int {
	s := l.CheckString(1)
	n := l.CheckInt(2)
	sep := l.OptString(3, "")
	if n <= 0 {
		return l.ret(String(""))
	}
	unit := len(s) + len(sep)
	if unit == 0 {
		return l.ret(String(""))
	}
	if n > l.vm.budget.StringBytes/unit+1 || unit*n-len(sep) > l.vm.budget.StringBytes {
		l.Errorf("string length overflow")
	}
	total := unit*n - len(sep)
	l.vm.account(total)
	if sep == "" {
		return l.ret(String(strings.Repeat(s, n)))
	}
	var b strings.Builder
	b.Grow(total)
	for i := range n {
		if i > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
	}
	return l.ret(String(b.String()))
}

func strReverse(l *State) int {
	s := l.CheckString(1)
	b := make([]byte, len(s))
	for i := 0; i < len(s); i++ {
		b[len(s)-1-i] = s[i]
	}
	l.vm.account(len(b))
	return l.ret(bytesValue(b))
}

func strLower(l *State) int {
	s := l.CheckString(1)
	i := 0
	for i < len(s) && (s[i] < 'A' || s[i] > 'Z') {
		i++
	}
	if i == len(s) {
		return l.ret(String(s))
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if c := b[i]; c >= 'A' && c <= 'Z' {
			b[i] = c | 32
		}
	}
	l.vm.account(len(b))
	return l.ret(bytesValue(b))
}

func strUpper(l *State) int {
	s := l.CheckString(1)
	i := 0
	for i < len(s) && (s[i] < 'a' || s[i] > 'z') {
		i++
	}
	if i == len(s) {
		return l.ret(String(s))
	}
	b := []byte(s)
	for ; i < len(b); i++ {
		if c := b[i]; c >= 'a' && c <= 'z' {
			b[i] = c &^ 32
		}
	}
	l.vm.account(len(b))
	return l.ret(bytesValue(b))
}

// strDump returns a ticket: a string that load, in the same VM, turns into the function again. Bytecode is never
// loaded from strings.
func strDump(l *State) int {
	f := l.CheckFunction(1).fn()
	if f.proto == nil {
		l.Errorf("unable to dump given function")
	}
	vm := l.vm
	for s, p := range vm.dumps {
		if p == f.proto {
			return l.ret(String(s))
		}
	}
	if vm.dumps == nil || len(vm.dumps) >= 1000 {
		vm.dumps = map[string]*Proto{}
	}
	vm.dumpSeq++
	s := "\x1bweir" + strconv.Itoa(vm.dumpSeq)
	vm.dumps[s] = f.proto
	return l.ret(String(s))
}

// takeMatch returns the VM's match state for one match; giveMatch returns it. A match inside a match gets another.
func (vm *VM) takeMatch() *matchState {
	if m := vm.patFree; m != nil {
		vm.patFree = nil
		return m
	}
	return &matchState{}
}

func (vm *VM) giveMatch(m *matchState) {
	l, n := m.l, vm.budget.PatternSteps-m.steps
	m.end()
	vm.patFree = m
	if n > cheapMatch {
		l.Work(n / 4)
	}
}

// cheapMatch is how many steps a match may take without being counted towards the budget of its run.
const cheapMatch = 1000

func strFind(l *State) int  { return strSearch(l, true) }
func strMatch(l *State) int { return strSearch(l, false) }

func strSearch(l *State, find bool) int {
	s, p := l.CheckString(1), l.CheckString(2)
	init := position(l.OptInt(3, 1), len(s)) - 1
	if init < 0 {
		init = 0
	} else if init > len(s) {
		return l.ret(Nil)
	}
	if find && (l.Arg(4).Truthy() || !hasSpecials(p)) {
		i := strings.Index(s[init:], p)
		if i < 0 {
			return l.ret(Nil)
		}
		l.ret(Int(init + i + 1))
		l.ret(Int(init + i + len(p)))
		return 2
	}
	m := l.vm.takeMatch()
	m.begin(l, s, p)
	start, e := m.search(init)
	if e < 0 {
		l.vm.giveMatch(m)
		return l.ret(Nil)
	}
	n := 0
	if find {
		l.ret(Int(start + 1))
		l.ret(Int(e))
		n = 2
	}
	n += m.pushCaptures(l, start, e, !find)
	l.vm.giveMatch(m)
	return n
}

// search finds the first match at or after init; e is -1 if there is none.
func (m *matchState) search(init int) (start, e int) {
	p := 0
	anchor := len(m.pat) > 0 && m.pat[0] == '^'
	if anchor {
		p = 1
	}
	// A pattern that begins with a plain character can only match where it stands.
	first := -1
	if !anchor && len(m.pat) > 0 && m.pat[0] != ')' && !hasSpecials(m.pat[:1]) && (len(m.pat) == 1 || !isQuantifier(m.pat[1])) {
		first = int(m.pat[0])
	}
	for s := init; ; s++ {
		if first >= 0 {
			i := strings.IndexByte(m.src[s:], byte(first))
			if i < 0 {
				return 0, -1
			}
			s += i
		}
		m.level = 0
		if e := m.match(s, p); e >= 0 {
			return s, e
		}
		m.depth = 0
		if anchor || s >= len(m.src) {
			return 0, -1
		}
	}
}

func isQuantifier(c byte) bool { return c == '*' || c == '+' || c == '-' || c == '?' }

var gmatchAuxID = builtinIDs["string.gmatch_aux"]

// gmatcher is the iterator that gmatch returns, in one allocation with its function.
type gmatcher struct {
	fn   Function
	body goBody
	s, p string
	pos  int
}

func strGmatch(l *State) int {
	g := &gmatcher{s: l.CheckString(1), p: l.CheckString(2)}
	g.body = goBody{name: "gmatch_aux", id: gmatchAuxID, fn: gmatchNext, data: g}
	g.fn = Function{env: l.vm.globals, body: &g.body}
	l.vm.account(200)
	return l.ret(mkFunction(&g.fn))
}

func gmatchNext(l *State) int {
	g := l.stack[l.base-1].fn().body.data.(*gmatcher)
	if g.pos > len(g.s) {
		return 0
	}
	m := l.vm.takeMatch()
	m.begin(l, g.s, g.p)
	start, e := m.searchLiteralAnchor(g.pos)
	if e < 0 {
		g.pos = len(g.s) + 1
		l.vm.giveMatch(m)
		return 0
	}
	g.pos = e
	if e == start {
		g.pos++
	}
	n := m.pushCaptures(l, start, e, true)
	l.vm.giveMatch(m)
	return n
}

// searchLiteralAnchor is search for gmatch, where "^" matches itself.
func (m *matchState) searchLiteralAnchor(init int) (start, e int) {
	if len(m.pat) == 0 || m.pat[0] != '^' {
		return m.search(init)
	}
	for s := init; s <= len(m.src); s++ {
		m.level = 0
		if e := m.match(s, 0); e >= 0 {
			return s, e
		}
		m.depth = 0
	}
	return 0, -1
}

func strGsub(l *State) int {
	s, p := l.CheckString(1), l.CheckString(2)
	repl := l.Arg(3)
	switch {
	case repl.isNum():
		repl = String(l.CheckString(3))
	case repl.isStr(), repl.n == tagTable, repl.n == tagFunc:
	default:
		l.ArgError(3, "string/function/table expected")
	}
	maxN := l.OptInt(4, len(s)+1)
	anchor := p != "" && p[0] == '^'
	p0 := 0
	if anchor {
		p0 = 1
	}
	vm := l.vm
	m := vm.takeMatch()
	m.begin(l, s, p)
	first := -1
	if !anchor && p != "" && p[0] != ')' && !hasSpecials(p[:1]) && (len(p) == 1 || !isQuantifier(p[1])) {
		first = int(p[0])
	}
	buf := vm.buf[:0]
	vm.buf = nil // a nested call must not use it
	n, pos, copied := 0, 0, 0
	for n < maxN {
		if first >= 0 {
			i := strings.IndexByte(s[pos:], byte(first))
			if i < 0 {
				break
			}
			pos += i
		}
		m.level, m.depth = 0, 0
		e := m.match(pos, p0)
		if e >= 0 {
			n++
			buf = append(buf, s[copied:pos]...)
			buf = m.appendRepl(l, buf, repl, pos, e)
			copied = e
		}
		if e >= 0 && e > pos {
			pos = e
		} else if pos < len(s) {
			pos++
		} else {
			break
		}
		if anchor {
			break
		}
		l.CheckLength(len(buf))
	}
	vm.giveMatch(m)
	if n == 0 {
		vm.keepBuf(buf)
		l.ret(String(s))
	} else {
		buf = append(buf, s[copied:]...)
		vm.keepBuf(buf)
		l.PushBytes(buf)
	}
	l.ret(Int(n))
	return 2
}

// appendRepl appends what replaces the match s..e.
func (m *matchState) appendRepl(l *State, buf []byte, repl Value, s, e int) []byte {
	var v Value
	switch repl.n {
	case tagTable:
		k := m.capture(0, s, e)
		if t := repl.table(); t.meta == nil {
			v = t.Get(k)
		} else {
			v = l.GetTable(repl, k)
		}
	case tagFunc:
		top := l.top
		l.Push(repl)
		n := m.pushCaptures(l, s, e, true)
		l.Call(n, 1)
		v = l.stack[l.top-1]
		l.top = top
	default:
		return m.appendTemplate(l, buf, repl.str(), s, e)
	}
	switch {
	case !v.Truthy():
		return append(buf, m.src[s:e]...)
	case v.isStr():
		return append(buf, v.str()...)
	case v.isNum():
		return appendNumber(buf, v.num())
	}
	l.Errorf("invalid replacement value (a %s)", v.typeName())
	return nil
}

func (m *matchState) appendTemplate(l *State, buf []byte, t string, s, e int) []byte {
	for i := 0; i < len(t); i++ {
		c := t[i]
		if c != '%' {
			buf = append(buf, c)
			continue
		}
		i++
		if i >= len(t) {
			// LuaJIT copies the terminator.
			return append(buf, 0)
		}
		if c = t[i]; !isDigit(int(c)) {
			buf = append(buf, c)
			continue
		}
		if c == '0' {
			buf = append(buf, m.src[s:e]...)
			continue
		}
		v := m.capture(int(c-'1'), s, e)
		if v.isStr() {
			buf = append(buf, v.str()...)
		} else {
			buf = appendNumber(buf, v.num())
		}
	}
	return buf
}
