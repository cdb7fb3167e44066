package regex

import (
	"strings"
	"sync"
	"unicode"
)

// The property tables are the standard library's. Scripts match by Script, not
// by Script_Extensions, which \p{Greek} means in PCRE2 since 10.40: for the
// few shared characters weir departs.

// fromTable converts a range table of the standard library.
func fromTable(t *unicode.RangeTable) *charset {
	c := &charset{}
	for _, r := range t.R16 {
		addStride(c, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		addStride(c, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	c.clean()
	return c
}

func addStride(c *charset, lo, hi, stride rune) {
	if stride == 1 {
		c.add(lo, hi)
		return
	}
	for r := lo; r <= hi; r += stride {
		c.add(r, r)
	}
}

func union(tables ...*unicode.RangeTable) *charset {
	c := &charset{}
	for _, t := range tables {
		c.addSet(fromTable(t))
	}
	c.clean()
	return c
}

// looseTables maps the loose spelling (lower case, no separators) of the
// general categories, scripts and binary properties to their tables.
var looseTables = sync.OnceValue(func() map[string]*unicode.RangeTable {
	m := map[string]*unicode.RangeTable{}
	for name, t := range unicode.Properties {
		m[loose(name)] = t
	}
	for name, t := range unicode.Scripts {
		m[loose(name)] = t
	}
	for alias, name := range scriptAbbrevs {
		m[alias] = unicode.Scripts[name]
	}
	for alias, name := range propertyAbbrevs {
		m[alias] = unicode.Properties[name]
	}
	for name, t := range unicode.Categories {
		if len(name) <= 2 {
			m[loose(name)] = t
		}
	}
	return m
})

// scriptAbbrevs are the four-letter names of the scripts in common use.
var scriptAbbrevs = map[string]string{
	"arab": "Arabic", "armn": "Armenian", "beng": "Bengali", "cyrl": "Cyrillic", "deva": "Devanagari",
	"grek": "Greek", "hang": "Hangul", "hani": "Han", "hebr": "Hebrew", "hira": "Hiragana",
	"kana": "Katakana", "latn": "Latin", "thai": "Thai", "zyyy": "Common", "zinh": "Inherited",
	"geor": "Georgian", "goth": "Gothic", "khmr": "Khmer", "laoo": "Lao", "mong": "Mongolian", "taml": "Tamil",
	"telu": "Telugu", "tibt": "Tibetan", "copt": "Coptic", "ethi": "Ethiopic", "mymr": "Myanmar",
}

// propertyAbbrevs are the short names of the binary properties.
var propertyAbbrevs = map[string]string{
	"ahex": "ASCII_Hex_Digit", "bidic": "Bidi_Control", "dep": "Deprecated", "dia": "Diacritic", "ext": "Extender",
	"hex": "Hex_Digit", "idsb": "IDS_Binary_Operator", "idst": "IDS_Trinary_Operator", "idsu": "IDS_Unary_Operator",
	"ideo": "Ideographic", "joinc": "Join_Control", "loe": "Logical_Order_Exception", "nchar": "Noncharacter_Code_Point",
	"patsyn": "Pattern_Syntax", "patws": "Pattern_White_Space", "pcm": "Prepended_Concatenation_Mark", "qmark": "Quotation_Mark",
	"radical": "Radical", "ri": "Regional_Indicator", "sterm": "Sentence_Terminal", "sd": "Soft_Dotted", "term": "Terminal_Punctuation",
	"uideo": "Unified_Ideograph", "vs": "Variation_Selector",
}

func loose(s string) string {
	s = strings.ToLower(s)
	return strings.NewReplacer("_", "", "-", "", " ", "").Replace(s)
}

// property returns the set of a \p name in loose spelling, or nil.
func property(name string) *charset {
	if i := strings.IndexAny(name, "=:"); i >= 0 {
		key, val := name[:i], name[i+1:]
		switch key {
		case "script", "sc", "scriptextensions", "scx":
			name = val
		case "gc", "generalcategory":
			name = val
		default:
			return nil
		}
	}
	switch name {
	case "any":
		return setOf(span{0, maxRune})
	case "l&", "lc":
		return union(unicode.Lu, unicode.Ll, unicode.Lt)
	case "xan":
		return union(unicode.L, unicode.N)
	case "xwd":
		return wordUCP()
	case "xps", "xsp":
		return spaceUCP()
	case "xuc":
		return setOf(span{'$', '$'}, span{'@', '@'}, span{'`', '`'}, span{0xa0, 0xd7ff}, span{0xe000, maxRune})
	case "cn":
		c := &charset{}
		for n, t := range unicode.Categories {
			if len(n) == 2 && n != "Cn" && n != "LC" {
				c.addSet(fromTable(t))
			}
		}
		c.clean()
		return c.negated(maxRune)
	case "c":
		c := property("cn")
		c.addSet(union(unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs))
		c.clean()
		return c
	case "unknown", "zzzz":
		return property("cn")
	case "lowercase", "lower":
		return union(unicode.Ll, unicode.Other_Lowercase)
	case "uppercase", "upper":
		return union(unicode.Lu, unicode.Other_Uppercase)
	case "alphabetic", "alpha":
		return union(unicode.L, unicode.Nl, unicode.Other_Alphabetic)
	case "ascii":
		return setOf(span{0, 127})
	case "whitespace", "wspace", "space":
		return union(unicode.White_Space)
	}
	if t := looseTables()[name]; t != nil {
		return fromTable(t)
	}
	return derivedProperty(name)
}

// derivedProperty returns the properties that Unicode derives from others.
func derivedProperty(name string) *charset {
	all := setOf(span{0, maxRune})
	without := func(a, b *charset) *charset { return a.and(b.negated(maxRune)) }
	switch name {
	case "math":
		return union(unicode.Sm, unicode.Other_Math)
	case "idstart", "ids", "xidstart", "xids":
		return without(union(unicode.L, unicode.Nl, unicode.Other_ID_Start), union(unicode.Pattern_Syntax, unicode.Pattern_White_Space))
	case "idcontinue", "idc", "xidcontinue", "xidc":
		return both(derivedProperty("ids"), without(union(unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue),
			union(unicode.Pattern_Syntax, unicode.Pattern_White_Space)))
	case "graphemeextend", "grext":
		return union(unicode.Me, unicode.Mn, unicode.Other_Grapheme_Extend)
	case "graphemebase", "grbase":
		return without(without(all, derivedProperty("grext")), both(property("c"), union(unicode.Zl, unicode.Zp)))
	case "cased":
		return union(unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
	case "defaultignorablecodepoint", "di":
		return without(union(unicode.Other_Default_Ignorable_Code_Point, unicode.Cf, unicode.Variation_Selector),
			union(unicode.White_Space, unicode.Prepended_Concatenation_Mark))
	}
	return nil
}

var digitUCP = sync.OnceValue(func() *charset { return fromTable(unicode.Nd) })

var spaceUCP = sync.OnceValue(func() *charset {
	c := union(unicode.Z)
	c.addSet(setHSpace)
	c.addSet(setVSpace)
	c.clean()
	return c
})

// wordUCP is \w under UCP: letters, numbers of every kind, marks and connectors.
var wordUCP = sync.OnceValue(func() *charset { return union(unicode.L, unicode.N, unicode.Mn, unicode.Pc) })

// posixUCP returns the Unicode meaning of a POSIX class, or nil where it stays
// as it is.
func posixUCP(name string) *charset {
	switch name {
	case "alpha":
		return union(unicode.L)
	case "lower":
		return union(unicode.Ll)
	case "upper":
		return union(unicode.Lu)
	case "alnum":
		return property("xan")
	case "space":
		return spaceUCP()
	case "word":
		return wordUCP()
	case "digit":
		return digitUCP()
	case "blank":
		return setHSpace
	case "cntrl":
		return union(unicode.Cc)
	case "graph":
		c := setOf(span{0, maxRune})
		c = c.and(union(unicode.Z, unicode.Cc, unicode.Cs).negated(maxRune))
		// These format characters print nothing.
		c = c.and(setOf(span{0x61c, 0x61c}, span{0x180e, 0x180e}, span{0x2066, 0x2069}).negated(maxRune))
		return c.and(property("cn").negated(maxRune))
	case "print":
		c := posixUCP("graph")
		c.addSet(union(unicode.Zs))
		c.add(0x180e, 0x180e)
		c.clean()
		return c
	case "punct":
		c := union(unicode.P)
		c.addSet(fromTable(unicode.S).and(setOf(span{0, 127})))
		c.clean()
		return c
	case "xdigit":
		return setOf(span{'0', '9'}, span{'A', 'F'}, span{'a', 'f'}, span{0xff10, 0xff19}, span{0xff21, 0xff26}, span{0xff41, 0xff46})
	}
	return nil
}

// foldable lists every code point that folds with another one.
var foldable = sync.OnceValue(func() []rune {
	var out []rune
	for r := rune(0); r <= 0x1ffff; r++ {
		if unicode.SimpleFold(r) != r {
			out = append(out, r)
		}
	}
	return out
})

// folds appends the code points that r folds with, r itself excluded.
// restrict keeps ASCII and other code points apart.
func folds(dst []rune, r rune, restrict bool) []rune {
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if restrict && (f < 128) != (r < 128) {
			continue
		}
		dst = append(dst, f)
	}
	return dst
}

// addFolds adds the case variants of all members to the set.
func (c *charset) addFolds(p *parser) {
	c.clean()
	if p.opt&(UTF|UCP) == 0 {
		for _, s := range append([]span(nil), c.r...) {
			for r := max(s.lo, 'A'); r <= min(s.hi, 'Z'); r++ {
				c.add(r|32, r|32)
			}
			for r := max(s.lo, 'a'); r <= min(s.hi, 'z'); r++ {
				c.add(r&^32, r&^32)
			}
		}
		c.clean()
		return
	}
	old := &charset{r: append([]span(nil), c.r...)}
	var buf [8]rune
	for _, r := range foldable() {
		if !old.has(r) {
			continue
		}
		for _, f := range folds(buf[:0], r, p.xopt&xCaselessRestrict != 0) {
			if f <= p.limit() {
				c.add(f, f)
			}
		}
	}
	c.clean()
}

// asciiLetter tells whether b is an ASCII letter.
func asciiLetter(b byte) bool { return b|32 >= 'a' && b|32 <= 'z' }
