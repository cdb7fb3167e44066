package regex

import "strings"

// generator makes patterns and subjects out of bytes, so that a fuzzer or a
// seeded source can drive it. Running out of bytes ends every choice early.
type generator struct {
	data   []byte
	groups int
	depth  int
	wide   bool // subjects with letters beyond ASCII
	perl   bool // also what Go's regexp lacks
	b      strings.Builder
}

func (g *generator) byte() byte {
	if len(g.data) == 0 {
		return 0
	}
	c := g.data[0]
	g.data = g.data[1:]
	return c
}

func (g *generator) pick(n int) int { return int(g.byte()) % n }

// pattern writes a whole pattern.
func (g *generator) pattern() string {
	g.alternation()
	return g.b.String()
}

// alternation writes alternatives; it tells whether they can match nothing.
func (g *generator) alternation() bool {
	n := 1
	if g.pick(3) == 0 {
		n += 1 + g.pick(3)
	}
	nullable := false
	for i := range n {
		if i > 0 {
			g.b.WriteByte('|')
		}
		if g.sequence() {
			nullable = true
		}
	}
	return nullable
}

func (g *generator) sequence() bool {
	nullable := true
	for range 1 + g.pick(4) {
		if !g.piece() {
			nullable = false
		}
	}
	return nullable
}

// piece writes an item with its quantifier.
func (g *generator) piece() bool {
	start := g.b.Len()
	nullable, quantifiable := g.item()
	if !quantifiable || len(g.data) == 0 {
		return nullable
	}
	if nullable && !g.perl {
		return nullable // Go and Perl differ on repeats of nothing
	}
	q := [...]string{"", "", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}", "{0,3}"}[g.pick(12)]
	if q == "" {
		return nullable
	}
	if g.b.Len()-start > 40 && strings.HasPrefix(q, "{") {
		q = "?"
	}
	g.b.WriteString(q)
	switch g.pick(5) {
	case 0:
		g.b.WriteByte('?')
	case 1:
		if g.perl {
			g.b.WriteByte('+')
		}
	}
	return nullable || strings.HasPrefix(q, "*") || strings.HasPrefix(q, "?") || strings.HasPrefix(q, "{0")
}

var plainItems = []string{"a", "b", "c", "ab", "abc", "B", "x", "1", "_", " ", "é", "s", "K"}
var classItems = []string{".", "[ab]", "[^a]", "[a-c]", `\d`, `\w`, `\D`, `\W`, "[[:alpha:]]", "[b-x1]", `[^\w]`, `\x62`, "[aB_]", "[^b]"}
var assertItems = []string{"^", "$", `\b`, `\B`, `\A`, `\z`}
var perlAsserts = []string{`\Z`, `\G`, `\K`, "(?=a)", "(?!b)", "(?<=a)", "(?<!ab)", "(?i)", "(?s)", "(?m)", "(?<=a|b)", "(?<=^|b)"}
var perlItems = []string{`\h`, `\R`, `\N`, `\s`, `\S`, `\V`, `(?:a|ab|b)`, "(?>a|ab)", "(?>a*b?)", "(?:)", `\X`, "[é-ü]", "[^é]", "[k-s]", `\r`, `\n`, `\v`, "[[:^alpha:]]", "[[:upper:]x]", `\p{L}`, `[\H\n]`, `\Qa.b\E`, "(?i:ab)", "(?-i)B", "(?s:.)", "(?(?=a)a|b)", "(?(?!a)b|ab)", "(?+1)?(c)"}
var verbItems = []string{"(*COMMIT)", "(*PRUNE)", "(*SKIP)", "(*THEN)", "(*FAIL)", "(*ACCEPT)", "(*MARK:m)", "(*SKIP:m)"}

func (g *generator) one(list []string) { g.b.WriteString(list[g.pick(len(list))]) }

// item writes one item; it tells whether it can match nothing and whether a
// quantifier may follow.
func (g *generator) item() (nullable, quantifiable bool) {
	kinds := 10
	if g.perl {
		kinds = 17
	}
	switch k := g.pick(kinds); {
	case k < 3 || g.depth > 3 && k > 6 && k < 10:
		n := 10
		if g.perl {
			n = 13
		}
		s := plainItems[g.pick(n)]
		g.b.WriteString(s)
		return false, len(s) == 1
	case k < 5:
		g.one(classItems)
		return false, true
	case k == 5:
		g.one(assertItems)
		return true, false
	case k < 9:
		return g.group(), true
	case k == 9:
		g.one(plainItems[:4])
		return false, false
	case k == 10:
		g.one(perlItems)
		return true, true
	case k == 11:
		s := perlAsserts[g.pick(len(perlAsserts))]
		g.b.WriteString(s)
		return true, false
	case k == 12:
		if g.groups == 0 {
			g.b.WriteByte('a')
			return false, true
		}
		g.b.WriteByte('\\')
		g.b.WriteByte(byte('1' + g.pick(min(g.groups, 9))))
		return true, true
	case k == 13:
		g.b.WriteString([]string{"(?=", "(?!", "(?>", "(?=", "(?|"}[g.pick(5)])
		g.depth++
		g.alternation()
		g.depth--
		g.b.WriteByte(')')
		return true, false
	case k == 14 && g.groups > 0:
		g.b.WriteString("(?(1)")
		g.depth++
		g.sequence()
		if g.pick(2) == 0 {
			g.b.WriteByte('|')
			g.sequence()
		}
		g.depth--
		g.b.WriteByte(')')
		return true, true
	case k == 15 && g.groups > 0 && g.pick(3) == 0:
		g.b.WriteString("(?")
		g.b.WriteByte(byte('1' + g.pick(min(g.groups, 9))))
		g.b.WriteByte(')')
		return true, true
	case k == 16 && g.pick(2) == 0:
		g.one(verbItems)
		return true, false
	}
	g.b.WriteByte('b')
	return false, true
}

func (g *generator) group() bool {
	if g.depth > 4 || len(g.data) == 0 {
		g.b.WriteByte('c')
		return false
	}
	if g.pick(2) == 0 {
		g.b.WriteByte('(')
		g.groups++
	} else {
		g.b.WriteString("(?:")
	}
	g.depth++
	nullable := g.alternation()
	g.depth--
	g.b.WriteByte(')')
	return nullable
}

// wideLetters fold with each other, or with ASCII, in UTF mode.
var wideLetters = []string{"é", "É", "\u017f", "\u212a", "\r\n", "\u0085"}

// subject writes a subject over the letters of the patterns.
func (g *generator) subject(n int) string {
	const letters = "aaabbbccabcABx1_ \n\r-"
	var out strings.Builder
	for range n {
		k := g.pick(len(letters) + len(wideLetters))
		if k >= len(letters) {
			if g.wide {
				out.WriteString(wideLetters[k-len(letters)])
			}
			continue
		}
		out.WriteByte(letters[k])
	}
	return out.String()
}
