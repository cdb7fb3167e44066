package regex

import "unicode/utf8"

// simplify rewrites the tree into fewer, larger nodes with the same matches in
// the same order: groups without a meaning go, characters join to strings,
// alternatives of characters become sets, common prefixes are factored out.
type simplifier struct {
	utf   bool
	verbs bool // leave alternations alone: (*THEN) sees them
}

func (s *simplifier) node(n *node) *node {
	if n.cond != nil && n.op == nCond {
		n.cond = s.node(n.cond)
	}
	if n.op == nLook && n.behind && n.subs[0].op == nAlt {
		// The branches keep their places: their lengths are listed by place.
		for i, b := range n.subs[0].subs {
			n.subs[0].subs[i] = s.node(b)
		}
		return n
	}
	for i, c := range n.subs {
		n.subs[i] = s.node(c)
	}
	switch n.op {
	case nGroup:
		return n.subs[0]
	case nCat:
		return s.cat(n)
	case nAlt:
		return s.alt(n)
	case nSet:
		return s.set(n)
	}
	return n
}

// set turns a set of one letter, or of both cases of one, into a character.
func (s *simplifier) set(n *node) *node {
	r := n.set.r
	switch {
	case len(r) == 0:
		return &node{op: nFail}
	case len(r) == 1 && r[0].lo == r[0].hi:
		return &node{op: nChar, r: r[0].lo}
	case len(r) == 2 && r[0].lo == r[0].hi && r[1].lo == r[1].hi && r[1].lo == r[0].lo+32 && r[0].lo >= 'A' && r[0].lo <= 'Z':
		return &node{op: nChar, r: r[1].lo, fold: true}
	}
	return n
}

// cat flattens a sequence and joins characters to strings.
func (s *simplifier) cat(n *node) *node {
	var flat []*node
	for _, c := range n.subs {
		switch c.op {
		case nEmpty:
		case nCat:
			flat = append(flat, c.subs...)
		default:
			flat = append(flat, c)
		}
	}
	out := flat[:0:0]
	for _, c := range flat {
		if c.op == nChar || c.op == nString {
			if len(out) > 0 && s.join(out[len(out)-1], c) {
				continue
			}
			c = s.stringNode(c)
		}
		out = append(out, c)
	}
	for i, c := range out {
		if c.op == nString && len(c.str) == 1 {
			out[i] = &node{op: nChar, r: rune(c.str[0]), fold: c.fold && asciiLetter(c.str[0])}
		}
	}
	return cat(out)
}

// stringNode makes a string of a character.
func (s *simplifier) stringNode(c *node) *node {
	if c.op == nString {
		return c
	}
	r := c.r
	if c.fold {
		r |= 32
	}
	if s.utf {
		return &node{op: nString, str: string(utf8.AppendRune(nil, r)), fold: c.fold}
	}
	return &node{op: nString, str: string([]byte{byte(r)}), fold: c.fold}
}

// hasLetter tells whether case matters in a string.
func hasLetter(str string) bool {
	for i := range len(str) {
		if asciiLetter(str[i]) {
			return true
		}
	}
	return false
}

// join appends the character or string c to the string a where the two agree
// on case.
func (s *simplifier) join(a, c *node) bool {
	if a.op != nString {
		return false
	}
	c = s.stringNode(c)
	la, lc := hasLetter(a.str), hasLetter(c.str)
	if la && lc && a.fold != c.fold {
		return false
	}
	fold := la && a.fold || lc && c.fold
	*a = node{op: nString, str: a.str + c.str, fold: fold}
	return true
}

// alt flattens nested alternatives, makes sets and factors prefixes.
func (s *simplifier) alt(n *node) *node {
	if s.verbs {
		return n
	}
	var flat []*node
	for _, b := range n.subs {
		if b.op == nAlt {
			flat = append(flat, b.subs...)
		} else {
			flat = append(flat, b)
		}
	}
	if set := unionOfChars(flat); set != nil {
		return s.set(&node{op: nSet, set: set})
	}
	n.subs = s.factor(flat)
	if len(n.subs) == 1 {
		return n.subs[0]
	}
	return n
}

// unionOfChars returns the set of alternatives that are one character each.
func unionOfChars(branches []*node) *charset {
	set := &charset{}
	for _, b := range branches {
		switch b.op {
		case nChar:
			set.add(b.r, b.r)
			if b.fold {
				set.add(b.r^32, b.r^32)
			}
		case nSet:
			set.addSet(b.set)
		default:
			return nil
		}
	}
	set.clean()
	return set
}

// lead returns the literal a branch begins with.
func (s *simplifier) lead(b *node) (*node, bool) {
	if b.op == nCat && len(b.subs) > 0 {
		b = b.subs[0]
	}
	if b.op != nChar && b.op != nString {
		return nil, false
	}
	return s.stringNode(b), true
}

// factor groups branches that begin with the same byte and takes their common
// prefix out. Branches that begin differently exclude each other, so their
// order does not matter; it is kept inside a group.
func (s *simplifier) factor(branches []*node) []*node {
	if len(branches) < 2 {
		return branches
	}
	var order []int
	groups := map[int][]*node{}
	for _, b := range branches {
		l, ok := s.lead(b)
		if !ok {
			return branches
		}
		key := int(l.str[0])
		if asciiLetter(l.str[0]) {
			key |= 32
			if l.fold {
				key |= 256
			}
		}
		if l.fold != (key&256 != 0) {
			return branches
		}
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], b)
	}
	for k := range groups {
		// One letter with and without case does not exclude itself.
		if k&256 != 0 && groups[k&^256] != nil {
			return branches
		}
	}
	out := make([]*node, 0, len(order))
	for _, k := range order {
		out = append(out, s.prefixed(groups[k])...)
	}
	return out
}

// prefixed takes the common prefix of the branches out.
func (s *simplifier) prefixed(branches []*node) []*node {
	if len(branches) == 1 {
		return branches
	}
	first, _ := s.lead(branches[0])
	n := len(first.str)
	for _, b := range branches[1:] {
		l, _ := s.lead(b)
		if l.fold != first.fold {
			return branches
		}
		i := 0
		for i < n && i < len(l.str) && l.str[i] == first.str[i] {
			i++
		}
		n = i
	}
	if s.utf {
		for n > 0 && n < len(first.str) && !utf8.RuneStart(first.str[n]) {
			n--
		}
	}
	if n == 0 {
		return branches
	}
	rests := make([]*node, len(branches))
	for i, b := range branches {
		rests[i] = s.without(b, n)
	}
	prefix := &node{op: nString, str: first.str[:n], fold: first.fold}
	rest := s.alt(&node{op: nAlt, subs: rests})
	return []*node{s.cat(&node{op: nCat, subs: []*node{prefix, rest}})}
}

// without removes the first n bytes of the literal a branch begins with.
func (s *simplifier) without(b *node, n int) *node {
	l, _ := s.lead(b)
	rest := &node{op: nString, str: l.str[n:], fold: l.fold}
	if b.op != nCat {
		if rest.str == "" {
			return empty()
		}
		return s.cat(&node{op: nCat, subs: []*node{rest}})
	}
	subs := append([]*node(nil), b.subs...)
	if rest.str == "" {
		return cat(subs[1:])
	}
	subs[0] = rest
	return s.cat(&node{op: nCat, subs: subs})
}
