package regex

import "unicode/utf8"

// maxCode bounds the program; PCRE2 refuses patterns beyond its own bound with
// the same error.
const maxCode = 1 << 17

// compiler emits the backtracking program of a tree.
type compiler struct {
	p      *parser
	a      analyzer
	code   []inst
	nregs  int
	direct bool // captures may be set when a group opens
	groups map[int]*node
	subs   map[int]int32 // subroutine addresses by group
	queue  []int
	marks  []string
	sets   map[byteSet]*byteSet
	sc     *scope
	full   bool // the program grew past maxCode
	// Failures may be remembered where the rest of the match depends on place
	// and position only: outside of atomic groups, assertions and calls
	// (noMemo), and where no test for an empty turn of an enclosing loop is
	// open (nullable), unless the text has moved on in that turn.
	noMemo, nullable int
	memos            int
	keeps            bool // \K was seen
}

// scope is what (*ACCEPT) and (*THEN) end: the pattern, a subroutine, an
// assertion; and for (*THEN) an alternation.
type scope struct {
	up       *scope
	accept   []int // jumps to patch to the end
	caps     []*node
	temps    []int
	cutSlot  int32 // (*ACCEPT) drops the choices since this slot; 0: it need not
	call     bool  // a subroutine: (*ACCEPT) drops the choices since the call
	thenSlot int   // -1: none
	thenNext bool
}

func newCompiler(p *parser) *compiler {
	c := &compiler{p: p, subs: map[int]int32{}, sets: map[byteSet]*byteSet{}, groups: map[int]*node{}}
	c.a.utf = p.opt&UTF != 0
	c.nregs = 2 * (p.maxCount + 1)
	c.noMemo = b2i(p.hasBackref || p.hasCond || p.hasVerb)
	c.direct = !p.hasBackref && !p.hasCall && !p.hasCond && !p.hasScan
	return c
}

func (c *compiler) collect(n *node) {
	if n.op == nCapture && c.groups[n.n] == nil {
		c.groups[n.n] = n
	}
	n.each(c.collect)
}

// program compiles the whole pattern.
func (c *compiler) program(root *node) (*program, *Error) {
	c.collect(root)
	c.groups[0] = root
	c.sc = &scope{thenSlot: -1}
	c.node(root, accepting())
	c.patch(c.sc.accept)
	c.emit(inst{op: opMatch})
	for len(c.queue) > 0 && !c.full {
		g := c.queue[0]
		c.queue = c.queue[1:]
		c.subroutine(g)
	}
	if c.full {
		return nil, c.p.failAt(errTooLarge, len(c.p.src))
	}
	for i := range c.code {
		if c.code[i].op == opCall {
			c.code[i].x = c.subs[int(c.code[i].y)]
		}
	}
	return &program{
		code: c.code, ncap: c.p.maxCount, nregs: c.nregs, marks: c.marks, memos: c.memos, keeps: c.keeps,
		marksOrCalls: c.p.hasVerb || c.p.hasCall || c.p.hasScan,
	}, nil
}

func (c *compiler) subroutine(g int) {
	c.subs[g] = int32(len(c.code))
	c.sc = &scope{thenSlot: -1, call: true}
	c.noMemo = 1
	n := c.groups[g]
	if n.op == nCapture {
		n = n.subs[0] // the call returns before its group is set
	}
	rest := anything()
	c.node(n, rest)
	c.patch(c.sc.accept)
	c.emit(inst{op: opRet, y: int32(g)})
}

func (c *compiler) emit(in inst) int {
	if len(c.code) >= maxCode {
		c.full = true
		return len(c.code) - 1
	}
	c.code = append(c.code, in)
	return len(c.code) - 1
}

func (c *compiler) pc() int32 { return int32(len(c.code)) }

// patch sets the jump targets of the instructions to here.
func (c *compiler) patch(list []int) {
	for _, i := range list {
		c.code[i].x = c.pc()
	}
}

func (c *compiler) slot() int32 {
	c.nregs++
	return int32(c.nregs - 1)
}

// intern shares equal byte sets.
func (c *compiler) intern(b *byteSet) *byteSet {
	if s := c.sets[*b]; s != nil {
		return s
	}
	c.sets[*b] = b
	return b
}

// filter returns the set of f, or nil where it says nothing.
func (c *compiler) filter(f *first) *byteSet {
	if f.all() {
		return nil
	}
	return c.intern(&f.set)
}

// node emits n; rest is what follows it.
func (c *compiler) node(n *node, rest *first) {
	if c.full {
		return
	}
	switch n.op {
	case nEmpty:
	case nFail:
		c.emit(inst{op: opFail})
	case nChar:
		c.char(n)
	case nString:
		if n.fold {
			c.emit(inst{op: opStrFold, str: n.str})
		} else {
			c.emit(inst{op: opStr, str: n.str})
		}
	case nSet:
		c.set(n.set)
	case nByte:
		c.emit(inst{op: opAny})
	case nGrapheme:
		c.emit(inst{op: opGrapheme})
	case nCat:
		c.sequence(n.subs, rest)
	case nAlt:
		c.alt(n, rest)
	case nGroup:
		c.node(n.subs[0], rest)
	case nCapture:
		c.capture(n, rest)
	case nRepeat:
		c.repeat(n, rest)
	case nAtomic:
		slot := c.begin(opBegin)
		// The group ends whatever follows: nothing outside may guide it.
		c.noMemo++
		c.node(n.subs[0], accepting())
		c.noMemo--
		c.emit(inst{op: opCut, x: slot})
	case nLook:
		c.look(n)
	case nCond:
		c.cond(n, rest)
	case nBackref:
		list := make([]int32, len(n.list))
		for i, g := range n.list {
			list[i] = int32(g)
		}
		f := uint16(0)
		if n.fold {
			f = fFold
		}
		if c.p.opt&UTF != 0 {
			f |= fUTF
		}
		c.emit(inst{op: opBackref, flag: f, ext: &ext{list: list, hasAll: c.p.opt&MatchUnsetBackref != 0}})
	case nCall:
		c.call(n)
	case nAssert:
		c.assert(n)
	case nVerb:
		c.verb(n)
	case nKeep:
		c.keeps = true
		c.emit(inst{op: opKeep})
	case nScript:
		slot := c.slot()
		c.emit(inst{op: opMark, x: slot})
		c.node(n.subs[0], anything())
		c.emit(inst{op: opScript, x: slot})
	case nScan:
		e := &ext{}
		for _, g := range n.cond.subs {
			for _, k := range g.list {
				e.list = append(e.list, int32(k))
			}
		}
		slot := c.begin(opScan)
		end := c.slot()
		c.code[len(c.code)-1].ext, c.code[len(c.code)-1].y = e, end
		c.sc = &scope{up: c.sc, thenSlot: int(slot), cutSlot: slot}
		c.noMemo++
		c.node(n.subs[0], anything())
		c.noMemo--
		c.patch(c.sc.accept)
		c.sc = c.sc.up
		c.emit(inst{op: opScanEnd, x: slot, y: end})
	}
}

// sequence emits nodes in order; each knows what follows.
func (c *compiler) sequence(subs []*node, rest *first) {
	rests := make([]*first, len(subs))
	for i := len(subs) - 1; i >= 0; i-- {
		rests[i] = rest
		if i > 0 {
			rest = c.a.firstOf(subs[i], rest)
		}
	}
	for i, s := range subs {
		c.node(s, rests[i])
	}
}

func (c *compiler) char(n *node) {
	switch {
	case c.a.utf && n.r >= utf8.RuneSelf:
		c.emit(inst{op: opStr, str: string(utf8.AppendRune(nil, n.r))})
	case n.fold:
		c.emit(inst{op: opFold, b: byte(n.r), b2: byte(n.r) ^ 32})
	default:
		c.emit(inst{op: opChar, b: byte(n.r)})
	}
}

// oneByte returns the set of a node that always matches exactly one byte.
func (c *compiler) oneByte(n *node) *byteSet {
	switch n.op {
	case nChar:
		if c.a.utf && n.r >= utf8.RuneSelf {
			return nil
		}
		b := new(byteSet)
		b[byte(n.r)] = true
		if n.fold {
			b[byte(n.r)^32] = true
		}
		return b
	case nByte:
		b := new(byteSet)
		for i := range b {
			b[i] = true
		}
		return b
	case nSet:
		if !c.a.utf || len(n.set.r) > 0 && n.set.r[len(n.set.r)-1].hi < utf8.RuneSelf {
			return n.set.bytes(256)
		}
	}
	return nil
}

// oneChar returns the set of a node that always matches one UTF-8 character.
func (c *compiler) oneChar(n *node) *charset {
	switch {
	case !c.a.utf:
	case n.op == nSet:
		return n.set
	case n.op == nChar && !n.fold:
		return setOf(span{n.r, n.r})
	}
	return nil
}

func (c *compiler) set(s *charset) {
	if b := c.oneByte(&node{op: nSet, set: s}); b != nil {
		if b.count() == 256 {
			c.emit(inst{op: opAny})
			return
		}
		c.emit(inst{op: opSet, set: c.intern(b)})
		return
	}
	c.emit(inst{op: opUSet, ext: c.uext(s)})
}

func (c *compiler) uext(s *charset) *ext {
	e := &ext{ascii: c.intern(s.bytes(128)), low: new([32]uint64), set: s}
	for _, sp := range s.r {
		for r := sp.lo; r <= sp.hi && r < 0x800; r++ {
			e.low[r>>6] |= 1 << (r & 63)
		}
	}
	return e
}

func (c *compiler) capture(n *node, rest *first) {
	if c.direct {
		c.emit(inst{op: opSave, x: int32(2 * n.n)})
		c.sc.caps = append(c.sc.caps, n)
		c.sc.temps = append(c.sc.temps, -1)
		at := len(c.code)
		c.node(n.subs[0], rest)
		if !c.fuse(at, n.n) {
			c.emit(inst{op: opSave, x: int32(2*n.n + 1)})
		}
	} else {
		t := c.slot()
		c.emit(inst{op: opTemp, x: t})
		c.sc.caps = append(c.sc.caps, n)
		c.sc.temps = append(c.sc.temps, int(t))
		c.node(n.subs[0], rest)
		c.emit(inst{op: opCapture, x: int32(n.n), y: t})
	}
	c.sc.caps = c.sc.caps[:len(c.sc.caps)-1]
	c.sc.temps = c.sc.temps[:len(c.sc.temps)-1]
}

// fuse makes one instruction of a group that is nothing but the possessive
// loop at address at.
func (c *compiler) fuse(at, group int) bool {
	if len(c.code) != at+1 || c.code[at].op != opLoopPoss {
		return false
	}
	in := c.code[at]
	in.op, in.x, in.y = opCapLoop, int32(2*group), int32(2*group+1)
	c.code = c.code[:at]
	c.code[at-1] = in
	return true
}

// split emits a choice between x (tried first) and y; targets are patched by
// the caller.
func (c *compiler) split(x, y *first) int {
	f := uint16(0)
	if x.end {
		f |= fEndX
	}
	if y.end {
		f |= fEndY
	}
	return c.emit(inst{op: opSplit, flag: f, set: c.filter(x), next: c.filter(y)})
}

// alt emits alternatives.
func (c *compiler) alt(n *node, rest *first) {
	firsts := make([]*first, len(n.subs))
	for i, s := range n.subs {
		firsts[i] = c.a.firstOf(s, rest)
	}
	oldSlot, oldNext := c.sc.thenSlot, c.sc.thenNext
	if c.p.hasVerb {
		slot := c.slot()
		c.emit(inst{op: opHeight, x: slot})
		c.sc.thenSlot = int(slot)
	}
	var ends []int
	if len(n.subs) > 2 && !c.p.hasVerb {
		ends = c.altByTable(n, firsts, rest)
	} else {
		laters := make([]*first, len(firsts)) // what this branch or a later one begins with
		for i := len(firsts) - 1; i >= 0; i-- {
			laters[i] = firsts[i]
			if i < len(firsts)-1 {
				laters[i] = firsts[i].join(laters[i+1])
			}
		}
		for i, s := range n.subs {
			c.sc.thenNext = i < len(n.subs)-1
			if i == len(n.subs)-1 {
				c.node(s, rest)
				break
			}
			if c.p.hasVerb {
				firsts[i], laters[i+1] = anything(), anything() // (*THEN) counts on the frame
			}
			sp := c.split(firsts[i], laters[i+1])
			c.remember(sp, false)
			c.code[sp].x = c.pc()
			c.node(s, rest)
			ends = append(ends, c.emit(inst{op: opJmp}))
			c.code[sp].y = c.pc()
		}
	}
	c.patch(ends)
	c.sc.thenSlot, c.sc.thenNext = oldSlot, oldNext
}

// altByTable emits alternatives selected by the next byte.
func (c *compiler) altByTable(n *node, firsts []*first, rest *first) []int {
	t := &altTable{}
	c.remember(c.emit(inst{op: opAlt, ext: &ext{table: t}}), false)
	addr := make([]int32, len(n.subs))
	var ends []int
	for i, s := range n.subs {
		addr[i] = c.pc()
		c.node(s, rest)
		ends = append(ends, c.emit(inst{op: opJmp}))
	}
	t.lists = append(t.lists, nil)
	known := map[string]uint16{"": 0}
	key := make([]byte, 0, 2*len(firsts))
	for sym := range t.class {
		key = key[:0]
		var list []int32
		for i, f := range firsts {
			if sym < 256 && f.set[sym] || sym == 256 && f.end {
				key = append(key, byte(i), byte(i>>8))
				list = append(list, addr[i])
			}
		}
		k, ok := known[string(key)]
		if !ok {
			k = uint16(len(t.lists))
			known[string(key)] = k
			t.lists = append(t.lists, list)
		}
		t.class[sym] = k
	}
	return ends
}

// remember gives the choice at an address a place for remembered failures.
func (c *compiler) remember(at int, moved bool) {
	if k, ok := c.memo(moved); ok {
		c.code[at].min = k
		c.code[at].flag |= fMemo
	}
}

// memo returns a new place for remembered failures; ok is false where they may
// not be remembered.
func (c *compiler) memo(moved bool) (place int32, ok bool) {
	if c.noMemo > 0 || c.nullable > 0 && !moved {
		return 0, false
	}
	c.memos++
	return int32(c.memos - 1), true
}

// begin emits the start of an atomic group or assertion and returns its slot;
// the slot after it holds the position.
func (c *compiler) begin(op opcode) int32 {
	slot := c.slot()
	c.slot()
	c.emit(inst{op: op, x: slot, y: -1})
	return slot
}
