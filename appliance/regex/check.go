package regex

import "slices"

// check resolves what needs the whole pattern: group names and numbers,
// look-behind lengths, \K inside look-around. PCRE2 looks at the look-behinds
// first, then at the rest in pattern order; so does check.
type checker struct {
	p      *parser
	groups map[int]*node
	depth  int // enclosing look-arounds
	steps  int
}

func (p *parser) check(root *node) *Error {
	c := &checker{p: p, groups: map[int]*node{}}
	c.collect(root)
	if p.hasBehind {
		if err := c.lookbehinds(root, nil); err != nil {
			return err
		}
	}
	return c.resolve(root)
}

// each calls f on the children of n in pattern order.
func (n *node) each(f func(*node)) {
	if n.cond != nil {
		f(n.cond)
	}
	for _, s := range n.subs {
		f(s)
	}
}

func (c *checker) collect(n *node) {
	if n.op == nCapture && c.groups[n.n] == nil {
		c.groups[n.n] = n
	}
	n.each(c.collect)
}

// numbers returns the groups of a name in order of appearance.
func (p *parser) numbers(name string) []int {
	var out []int
	for _, g := range p.names {
		if g.name == name {
			out = append(out, g.n)
		}
	}
	return out
}

// target resolves the group of a reference.
func (c *checker) target(n *node) ([]int, *Error) {
	if n.name != "" {
		list := c.p.numbers(n.name)
		if list == nil {
			return nil, c.p.failAt(errNoSuchGroup, n.off)
		}
		return list, nil
	}
	list := n.list
	if n.op == nCall {
		list = []int{n.n}
	}
	if list[0] > c.p.maxCount {
		return nil, c.p.failAt(errNoSuchGroup, n.off)
	}
	return list, nil
}

func (c *checker) resolve(n *node) (err *Error) {
	switch n.op {
	case nBackref:
		if n.list, err = c.target(n); err != nil {
			return err
		}
		n.name = ""
	case nCall:
		list, err := c.target(n)
		if err != nil {
			return err
		}
		n.n, n.name = list[0], ""
	case nCond:
		if err := c.condition(n); err != nil {
			return err
		}
	case nKeep:
		if c.depth > 0 && c.p.opt&AllowLookaroundBSK == 0 {
			return c.p.failAt(errKInLook, len(c.p.src))
		}
	case nLook:
		c.depth++
		defer func() { c.depth-- }()
	}
	n.each(func(s *node) {
		if err == nil {
			err = c.resolve(s)
		}
	})
	if err == nil && n.op == nCond && n.subs == nil {
		err = c.p.failAt(n.max, n.off)
	}
	return err
}

// condition resolves the test of a conditional group.
func (c *checker) condition(n *node) *Error {
	p := c.p
	switch condKind(n.kind) {
	case cGroup:
		if n.name == "" {
			if n.list[0] > p.maxCount {
				return p.failAt(errNoSuchGroup, n.off)
			}
			return nil
		}
		if n.list = p.numbers(n.name); n.list != nil {
			return nil
		}
		if n.max != -1 {
			return p.failAt(errNoSuchGroup, n.off)
		}
		num := 0
		for i := 1; i < len(n.name); i++ {
			num = num*10 + int(n.name[i]-'0')
			if num > maxGroups {
				return p.failAt(errGroupNumBig, n.off+i)
			}
		}
		if num > p.maxCount {
			return p.failAt(errNoSuchGroup, n.off)
		}
		n.kind, n.n = uint8(cRecursion), num
		if num == 0 {
			n.n = -1
		}
		n.max = 0
	case cRecursion:
		list := p.numbers(n.name)
		if list == nil {
			return p.failAt(errNoSuchGroup, n.off)
		}
		n.n, n.list = list[0], list
	}
	return nil
}

// lookbehinds sets the branch lengths of every look-behind.
func (c *checker) lookbehinds(n *node, calls []int) *Error {
	if n.op == nLook && n.behind {
		return c.lookbehind(n, calls)
	}
	var err *Error
	n.each(func(s *node) {
		if err == nil {
			err = c.lookbehinds(s, calls)
		}
	})
	return err
}

func (c *checker) lookbehind(n *node, calls []int) *Error {
	branches := []*node{n.subs[0]}
	if n.subs[0].op == nAlt {
		branches = n.subs[0].subs
	}
	n.list = n.list[:0]
	for _, b := range branches {
		lo, hi, err := c.width(b, calls)
		switch {
		case err != nil:
			if err.Offset < 0 {
				err.Offset = n.off
			}
			return err
		case hi > 65535:
			return c.p.failAt(errLookbehindLong, n.off)
		case lo != hi && hi > maxBehind:
			return c.p.failAt(errVarLookbehind, n.off)
		}
		n.list = append(n.list, lo, hi)
	}
	return nil
}

// notLimited is the error of an item without a bounded length; the caller sets
// the offset of its look-behind.
func (c *checker) notLimited() *Error { return c.p.failAt(errLookbehindLen, -1) }

// width returns the shortest and longest match of n in characters. calls
// holds the groups being measured, against recursion.
func (c *checker) width(n *node, calls []int) (lo, hi int, err *Error) {
	if c.steps++; c.steps > 20000 {
		return 0, 0, c.p.failAt(errLookbehindHard, -1)
	}
	switch n.op {
	case nChar, nSet, nString:
		return 1, 1, nil
	case nByte:
		if c.p.opt&UTF != 0 {
			return 0, 0, c.p.failAt(errLookbehindC, -1)
		}
		return 1, 1, nil
	case nGrapheme:
		return 0, 0, c.notLimited()
	case nLook:
		if n.behind {
			return 0, 0, c.lookbehind(n, calls)
		}
		return 0, 0, c.lookbehinds(n.subs[0], calls)
	case nCat:
		for _, s := range n.subs {
			l, h, err := c.width(s, calls)
			if err != nil {
				return 0, 0, err
			}
			lo, hi = lo+l, hi+h
			if s.op == nFail || s.op == nVerb && verbKind(s.kind) == vAccept {
				return lo, hi, nil
			}
		}
		return lo, hi, nil
	case nAlt:
		return c.widest(n.subs, calls)
	case nCond:
		if n.cond != nil {
			if _, _, err := c.width(n.cond, calls); err != nil {
				return 0, 0, err
			}
		}
		if condKind(n.kind) == cDefine {
			return 0, 0, nil
		}
		lo, hi, err = c.widest(n.subs, calls)
		if len(n.subs) == 1 {
			lo = 0
		}
		return lo, hi, err
	case nRepeat:
		lo, hi, err = c.width(n.subs[0], calls)
		if err != nil {
			return 0, 0, err
		}
		if n.max == infinite {
			return 0, 0, c.notLimited()
		}
		return lo * n.min, hi * n.max, nil
	case nCapture, nGroup, nAtomic, nScript:
		if n.name == "R" && n.op == nAtomic {
			return 1, 2, nil
		}
		return c.width(n.subs[0], calls)
	case nBackref:
		if c.p.opt&MatchUnsetBackref != 0 || c.p.hasDup {
			return 0, 0, c.notLimited()
		}
		return c.widthOfGroup(n, calls)
	case nCall:
		return c.widthOfGroup(n, calls)
	}
	return 0, 0, nil
}

func (c *checker) widest(branches []*node, calls []int) (lo, hi int, err *Error) {
	for i, b := range branches {
		l, h, err := c.width(b, calls)
		if err != nil {
			return 0, 0, err
		}
		if i == 0 || l < lo {
			lo = l
		}
		hi = max(hi, h)
	}
	return lo, hi, nil
}

// widthOfGroup measures the group that a reference or call names.
func (c *checker) widthOfGroup(n *node, calls []int) (int, int, *Error) {
	list, err := c.target(n)
	if err != nil {
		return 0, 0, err
	}
	if n.op == nBackref && len(list) > 1 {
		return 0, 0, c.notLimited()
	}
	g := c.groups[list[0]]
	if list[0] == 0 || g == nil || g.holds(n) {
		return 0, 0, c.notLimited()
	}
	if slices.Contains(calls, list[0]) {
		return 0, 0, c.notLimited()
	}
	return c.width(g.subs[0], append(calls, list[0]))
}

// holds tells whether m is inside n.
func (n *node) holds(m *node) bool {
	found := n == m
	n.each(func(s *node) { found = found || s.holds(m) })
	return found
}
