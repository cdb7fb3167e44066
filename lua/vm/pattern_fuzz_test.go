package vm

import (
	"errors"
	"strings"
	"testing"
)

// slowMatcher is the pattern matching of the reference manual written for clarity: sets are tables of 256 booleans,
// captures are copied at each step, nothing is skipped. It is what FuzzPattern compares the engine's matcher with.
type slowMatcher struct {
	src, pat string
	steps    int
}

type slowCap struct {
	start, end int // end: open or position
}

const (
	slowOpen     = -1
	slowPosition = -2
)

var (
	errPattern = errors.New("malformed pattern")
	errHard    = errors.New("too many steps")
)

// classSet returns the characters that %c stands for.
func classSet(c byte) (set [256]bool) {
	const lower, upper, digit = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	const punct = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	in := ""
	switch c | 32 {
	case 'a':
		in = lower + upper
	case 'd':
		in = digit
	case 'l':
		in = lower
	case 's':
		in = " \t\n\v\f\r"
	case 'u':
		in = upper
	case 'w':
		in = lower + upper + digit
	case 'x':
		in = digit + "abcdefABCDEF"
	case 'p':
		in = punct
	case 'g':
		in = lower + upper + digit + punct
	case 'z':
		in = "\x00"
	case 'c':
		for i := range 32 {
			in += string(rune(i))
		}
		in += "\x7f"
	}
	letter := c|32 >= 'a' && c|32 <= 'z'
	if in == "" || !letter {
		set[c] = true
		return set
	}
	for i := range set {
		set[i] = strings.IndexByte(in, byte(i)) >= 0 != (c >= 'A' && c <= 'Z')
	}
	return set
}

// single returns the set of the item at p and the position after it.
func (m *slowMatcher) single(p int) (set [256]bool, next int) {
	c := m.pat[p]
	switch c {
	case '.':
		for i := range set {
			set[i] = true
		}
		return set, p + 1
	case '%':
		if p+1 == len(m.pat) {
			panic(errPattern)
		}
		return classSet(m.pat[p+1]), p + 2
	case '[':
		return m.set(p + 1)
	}
	set[c] = true
	return set, p + 1
}

// set reads what stands between brackets. Its first character is never the closing bracket.
func (m *slowMatcher) set(p int) (set [256]bool, next int) {
	negate := p < len(m.pat) && m.pat[p] == '^'
	if negate {
		p++
	}
	end := p
	for first := true; first || end < len(m.pat) && m.pat[end] != ']'; first = false {
		if end >= len(m.pat) || m.pat[end] == 0 || m.pat[end] == '%' && end+1 >= len(m.pat) {
			panic(errPattern)
		}
		if m.pat[end] == '%' {
			end++
		}
		end++
	}
	if end >= len(m.pat) {
		panic(errPattern)
	}
	for p < end {
		switch {
		case m.pat[p] == '%':
			for c, in := range classSet(m.pat[p+1]) {
				set[c] = set[c] || in
			}
			p += 2
		case p+2 < end && m.pat[p+1] == '-':
			for c := int(m.pat[p]); c <= int(m.pat[p+2]); c++ {
				set[c] = true
			}
			p += 3
		default:
			set[m.pat[p]] = true
			p++
		}
	}
	if negate {
		for i := range set {
			set[i] = !set[i]
		}
	}
	return set, end + 1
}

// rest matches the pattern from p on at s.
func (m *slowMatcher) rest(s, p int, caps []slowCap) (end int, all []slowCap, ok bool) {
	if m.steps--; m.steps < 0 {
		panic(errHard)
	}
	if p == len(m.pat) {
		return s, caps, true
	}
	two := m.pat[p:min(p+2, len(m.pat))]
	switch {
	case two == "()":
		return m.open(s, p+2, caps, slowPosition)
	case m.pat[p] == '(':
		return m.open(s, p+1, caps, slowOpen)
	case m.pat[p] == ')':
		for i := len(caps) - 1; i >= 0; i-- {
			if caps[i].end == slowOpen {
				closed := append([]slowCap(nil), caps...)
				closed[i].end = s
				return m.rest(s, p+1, closed)
			}
		}
		panic(errPattern)
	case two == "$" && p+1 == len(m.pat):
		return s, caps, s == len(m.src)
	case two == "%b":
		return m.balanced(s, p+2, caps)
	case two == "%f":
		return m.frontier(s, p+2, caps)
	case len(two) == 2 && two[0] == '%' && two[1] >= '0' && two[1] <= '9':
		i := int(two[1]) - '1'
		if i < 0 || i >= len(caps) || caps[i].end == slowOpen {
			panic(errPattern)
		}
		if caps[i].end == slowPosition || !strings.HasPrefix(m.src[s:], m.src[caps[i].start:caps[i].end]) {
			return 0, nil, false
		}
		return m.rest(s+caps[i].end-caps[i].start, p+2, caps)
	}
	return m.repeated(s, p, caps)
}

func (m *slowMatcher) open(s, p int, caps []slowCap, end int) (int, []slowCap, bool) {
	if len(caps) == maxCaptures {
		panic(errPattern)
	}
	return m.rest(s, p, append(append([]slowCap(nil), caps...), slowCap{s, end}))
}

func (m *slowMatcher) balanced(s, p int, caps []slowCap) (int, []slowCap, bool) {
	if p+2 > len(m.pat) {
		panic(errPattern)
	}
	if s == len(m.src) || m.src[s] != m.pat[p] {
		return 0, nil, false
	}
	depth := 1
	for i := s + 1; i < len(m.src); i++ {
		if m.src[i] == m.pat[p+1] {
			depth--
		} else if m.src[i] == m.pat[p] {
			depth++
		}
		if depth == 0 {
			return m.rest(i+1, p+2, caps)
		}
	}
	return 0, nil, false
}

func (m *slowMatcher) frontier(s, p int, caps []slowCap) (int, []slowCap, bool) {
	if p >= len(m.pat) || m.pat[p] != '[' {
		panic(errPattern)
	}
	set, next := m.set(p + 1)
	text := "\x00" + m.src + "\x00"
	if set[text[s]] || !set[text[s+1]] {
		return 0, nil, false
	}
	return m.rest(s, next, caps)
}

// repeated matches a single item with what may follow it: ? * + or -.
func (m *slowMatcher) repeated(s, p int, caps []slowCap) (int, []slowCap, bool) {
	set, next := m.single(p)
	q := byte(0)
	if next < len(m.pat) {
		q = m.pat[next]
	}
	most := 0
	for s+most < len(m.src) && set[m.src[s+most]] {
		most++
	}
	m.steps -= most
	switch q {
	case '?', '*', '+':
		least := 0
		if q == '?' {
			most = min(most, 1)
		} else if q == '+' {
			least = 1
		}
		for n := most; n >= least; n-- {
			if end, all, ok := m.rest(s+n, next+1, caps); ok {
				return end, all, true
			}
		}
		return 0, nil, false
	case '-':
		for n := 0; n <= most; n++ {
			if end, all, ok := m.rest(s+n, next+1, caps); ok {
				return end, all, true
			}
		}
		return 0, nil, false
	}
	if most == 0 {
		return 0, nil, false
	}
	return m.rest(s+1, next, caps)
}

// find is string.find: the values it returns.
func (m *slowMatcher) find() (vs []Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			vs, err = nil, r.(error)
		}
	}()
	p := 0
	if strings.HasPrefix(m.pat, "^") {
		p = 1
	}
	for s := 0; s <= len(m.src); s++ {
		end, caps, ok := m.rest(s, p, nil)
		if ok {
			vs = append(vs, Int(s+1), Int(end))
			for _, c := range caps {
				switch c.end {
				case slowOpen:
					return nil, errPattern
				case slowPosition:
					vs = append(vs, Int(c.start+1))
				default:
					vs = append(vs, String(m.src[c.start:c.end]))
				}
			}
			return vs, nil
		}
		if p == 1 {
			break
		}
	}
	return []Value{Nil}, nil
}

// FuzzPattern compares string.find with the slow matcher, and what match, gmatch and gsub do with find.
func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{
		{"text/html; charset=utf-8", "charset=([%w%-]+)"}, {"key = val", "^(%w+)%s*=%s*(.-)$"}, {"THE (quick) fox", "%f[%a]%a+"}, {"a(b(c)d)e", "%b()"},
		{"abcabc", "(a)(b)%1%2"}, {"x]y", "[]]"}, {"x^y", "[^^]"}, {"a-b", "[a-]"}, {"hello", "()ll()"}, {"aaa", "a-b"}, {"aaab", "a-b"}, {"a\x00b", "%z"},
		{"abc", "[%a-z]"}, {"x", "[a"}, {"x", "%"}, {"x", "(x"}, {"x", "x)"}, {"0x1F", "^0[xX](%x+)$"}, {"", "$"}, {"$", "%$"}, {"a.b.c", "(.-)%."},
	} {
		f.Add(s[0], s[1])
	}
	vm, _ := newTestVM(f)
	vm.FullGC = false
	p, err := Compile(`local find, match, gmatch, gsub = string.find, string.match, string.gmatch, string.gsub
		local function same(a, b) return a == b or error("find and its kin differ: " .. tostring(a) .. " " .. tostring(b)) end
		local function rest(ok, ...) if not ok then return end return ... end
		return function(s, p)
			if not find(p, "[%^%$%*%+%?%.%(%[%%%-]") then return find(s, p) end
			local r = {find(s, p)}
			if p:find("^", 1, true) ~= 1 then
				local first = gmatch(s, p)()
				if r[1] then same(first, r[3] or s:sub(r[1], r[2])) else same(first, nil) end
			end
			if r[1] then same(match(s, p), r[3] or s:sub(r[1], r[2])) else same(match(s, p), nil) end
			local t, n = gsub(s, p, "%0") same(t, s)
			same(n > 0, r[1] ~= nil)
			local calls = 0
			same(gsub(s, p, function() calls = calls + 1 end), s) same(calls, n)
			return find(s, p)
		end`, "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	l := vm.Main()
	l.Push(vm.Load(p).Value())
	if _, e := l.PCall(0, 1); e != nil {
		f.Fatal(e.Traceback)
	}
	fn := l.Pop1()
	f.Fuzz(func(t *testing.T, src, pat string) {
		if len(src) > 200 || len(pat) > 100 {
			return
		}
		vm.SetBudget(Budget{PatternSteps: 50000, Instructions: 1e6})
		l.Push(fn)
		l.PushString(src)
		l.PushString(pat)
		n, e := l.PCall(2, -1)
		var got []Value
		if e == nil {
			got = append(got, l.stack[l.top-n:l.top]...)
			l.Pop(n)
		} else if strings.Contains(e.Text, "too complex") {
			return
		} else if strings.Contains(e.Text, "differ") {
			t.Fatalf("%q with %q: %s", src, pat, e.Text)
		}
		m := &slowMatcher{src: src, pat: pat, steps: 100000}
		var want []Value
		err := error(nil)
		if hasSpecials(pat) {
			want, err = m.find()
		} else if i := strings.Index(src, pat); i >= 0 {
			want = []Value{Int(i + 1), Int(i + len(pat))}
		} else {
			want = []Value{Nil}
		}
		if err == errHard {
			return
		}
		if (e == nil) != (err == nil) {
			t.Fatalf("%q with %q: got error %v, want %v", src, pat, e, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%q with %q: got %d results, want %d", src, pat, len(got), len(want))
		}
		for i := range got {
			if !rawEqual(got[i], want[i]) {
				t.Fatalf("%q with %q: result %d is %s, want %s", src, pat, i+1, got[i].Text(), want[i].Text())
			}
		}
	})
}
