package regex

import "sort"

// span is an inclusive range of code points.
type span struct{ lo, hi rune }

// charset is a set of code points: sorted, disjoint, not adjacent once clean.
type charset struct {
	r []span
}

const maxRune = 0x10ffff

func setOf(spans ...span) *charset {
	c := &charset{r: append([]span(nil), spans...)}
	c.clean()
	return c
}

func (c *charset) add(lo, hi rune) { c.r = append(c.r, span{lo, hi}) }

func (c *charset) addSet(o *charset) { c.r = append(c.r, o.r...) }

// clean sorts and joins the ranges.
func (c *charset) clean() {
	if len(c.r) < 2 {
		return
	}
	sort.Slice(c.r, func(i, j int) bool { return c.r[i].lo < c.r[j].lo })
	out := c.r[:1]
	for _, s := range c.r[1:] {
		last := &out[len(out)-1]
		if s.lo <= last.hi+1 {
			last.hi = max(last.hi, s.hi)
			continue
		}
		out = append(out, s)
	}
	c.r = out
}

// negated returns the complement within 0..limit of a clean set.
func (c *charset) negated(limit rune) *charset {
	out := &charset{}
	next := rune(0)
	for _, s := range c.r {
		if s.lo > limit {
			break
		}
		if s.lo > next {
			out.add(next, s.lo-1)
		}
		next = s.hi + 1
	}
	if next <= limit {
		out.add(next, limit)
	}
	return out
}

// and returns the intersection of two clean sets.
func (c *charset) and(o *charset) *charset {
	out := &charset{}
	for i, j := 0, 0; i < len(c.r) && j < len(o.r); {
		lo, hi := max(c.r[i].lo, o.r[j].lo), min(c.r[i].hi, o.r[j].hi)
		if lo <= hi {
			out.add(lo, hi)
		}
		if c.r[i].hi < o.r[j].hi {
			i++
		} else {
			j++
		}
	}
	return out
}

// has tells whether a clean set holds r.
func (c *charset) has(r rune) bool {
	lo, hi := 0, len(c.r)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if r > c.r[m].hi {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo < len(c.r) && c.r[lo].lo <= r
}

// byteSet is a set of bytes; an array of bool is one load per test.
type byteSet [256]bool

// bytes returns the members below limit as a byte set.
func (c *charset) bytes(limit rune) *byteSet {
	b := new(byteSet)
	for _, s := range c.r {
		for r := s.lo; r <= s.hi && r < limit; r++ {
			b[r] = true
		}
	}
	return b
}

// count returns how many bytes are in the set.
func (b *byteSet) count() int {
	n := 0
	for _, v := range b {
		if v {
			n++
		}
	}
	return n
}

func (b *byteSet) intersects(o *byteSet) bool {
	for i, v := range b {
		if v && o[i] {
			return true
		}
	}
	return false
}

func (b *byteSet) union(o *byteSet) {
	for i, v := range o {
		if v {
			b[i] = true
		}
	}
}

// The classes of the C locale.
var (
	setDigit  = setOf(span{'0', '9'})
	setWord   = setOf(span{'0', '9'}, span{'A', 'Z'}, span{'_', '_'}, span{'a', 'z'})
	setSpace  = setOf(span{9, 13}, span{' ', ' '})
	setHSpace = setOf(span{9, 9}, span{' ', ' '}, span{0xa0, 0xa0}, span{0x1680, 0x1680}, span{0x180e, 0x180e},
		span{0x2000, 0x200a}, span{0x202f, 0x202f}, span{0x205f, 0x205f}, span{0x3000, 0x3000})
	setVSpace = setOf(span{10, 13}, span{0x85, 0x85}, span{0x2028, 0x2029})

	posixSets = map[string]*charset{
		"alpha":  setOf(span{'A', 'Z'}, span{'a', 'z'}),
		"lower":  setOf(span{'a', 'z'}),
		"upper":  setOf(span{'A', 'Z'}),
		"alnum":  setOf(span{'0', '9'}, span{'A', 'Z'}, span{'a', 'z'}),
		"ascii":  setOf(span{0, 127}),
		"blank":  setOf(span{9, 9}, span{' ', ' '}),
		"cntrl":  setOf(span{0, 31}, span{127, 127}),
		"digit":  setDigit,
		"graph":  setOf(span{33, 126}),
		"print":  setOf(span{32, 126}),
		"punct":  setOf(span{33, 47}, span{58, 64}, span{91, 96}, span{123, 126}),
		"space":  setSpace,
		"word":   setWord,
		"xdigit": setOf(span{'0', '9'}, span{'A', 'F'}, span{'a', 'f'}),
	}
)
