package regex

// repeat emits a quantified node.
func (c *compiler) repeat(n *node, rest *first) {
	body := n.subs[0]
	if n.max == 0 {
		return
	}
	if set := c.oneByte(body); set != nil {
		c.loop(n, inst{set: c.intern(set)}, set, rest)
		return
	}
	if set := c.oneChar(body); set != nil {
		c.loop(n, inst{ext: c.uext(set)}, c.a.leadBytes(set), rest)
		return
	}
	c.groupRepeat(n, body, rest)
}

// loop emits a repeat of one byte or character; lead holds the first bytes of
// its members.
func (c *compiler) loop(n *node, in inst, lead *byteSet, rest *first) {
	mode := n.mode
	if mode == greedy && (rest.accept || !lead.intersects(&rest.set)) {
		mode = possessive
	}
	in.min, in.max = int32(n.min), int32(n.max)
	if n.max == infinite {
		in.max = -1
	}
	if c.a.utf {
		in.flag |= fUTF
	}
	ops := [3]opcode{opLoop, opLoopLazy, opLoopPoss}
	if in.ext != nil {
		ops = [3]opcode{opULoop, opULoopLazy, opULoopPoss}
	} else {
		markWide(&in)
	}
	in.op = ops[mode]
	if mode != possessive && !rest.all() {
		in.next = c.intern(&rest.set)
		if rest.end {
			in.flag |= fEndX
		}
		if rest.set.count() == 1 {
			for b, v := range rest.set {
				if v {
					in.b = byte(b)
				}
			}
			in.flag |= fNextByte
		}
	}
	if mode != possessive {
		if k, ok := c.memo(in.min > 0); ok {
			in.x = k
			in.flag |= fMemo
		}
	}
	c.emit(in)
}

// markWide notes a set that lacks no byte or one only.
func markWide(in *inst) {
	switch in.set.count() {
	case 256:
		in.flag |= fAll
	case 255:
		for b, v := range in.set {
			if !v {
				in.b2 = byte(b)
			}
		}
		in.flag |= fNotByte
	}
}

// groupRepeat emits a repeat of anything else as copies and loops.
func (c *compiler) groupRepeat(n, body *node, rest *first) {
	nullable := minLen(body) == 0
	loopRest := rest.join(c.a.firstOf(body, &first{set: rest.set, end: rest.end}))
	enter := c.a.firstOf(body, &first{set: loopRest.set, end: loopRest.end})
	slot := int32(-1)
	if n.mode == possessive {
		slot = c.begin(opBegin)
		c.noMemo++
		defer func() { c.noMemo-- }()
	}
	if slot >= 0 {
		// Each turn, and the whole, ends whatever follows.
		loopRest, rest = accepting(), accepting()
	}
	lo := n.min
	if n.max == infinite && lo > 0 {
		lo--
	}
	turnRest := loopRest
	if slot >= 0 {
		turnRest = anything() // a turn that is due may still give back for the next
	}
	for range lo {
		c.node(body, turnRest)
		if c.full {
			return
		}
	}
	if n.max == infinite {
		if n.min > 0 {
			loopRest = turnRest
		}
		c.unlimited(n, body, loopRest, enter, rest, nullable, slot)
	} else {
		c.optional(n, body, loopRest, enter, rest, slot)
	}
	if slot >= 0 {
		c.emit(inst{op: opCut, x: slot})
	}
}

// choice emits the decision to go on with the body or to leave; it returns the
// instruction, whose exit exitOf sets.
func (c *compiler) choice(n *node, enter, rest *first) int {
	if n.mode == lazy {
		return c.split(rest, enter)
	}
	return c.split(enter, rest)
}

func (c *compiler) setChoice(n *node, at int, body, exit int32) {
	if n.mode == lazy {
		c.code[at].x, c.code[at].y = exit, body
		return
	}
	c.code[at].x, c.code[at].y = body, exit
}

// unlimited emits body* or, when one turn is due, body+.
func (c *compiler) unlimited(n, body *node, loopRest, enter, rest *first, nullable bool, cut int32) {
	first := -1
	if n.min == 0 {
		first = c.choice(n, enter, rest)
		c.remember(first, false)
	}
	start := c.pc()
	check := -1
	mark := int32(-1)
	if nullable {
		mark = c.slot()
		c.emit(inst{op: opMark, x: mark})
		c.nullable++
	}
	c.node(body, loopRest)
	if nullable {
		check = c.emit(inst{op: opEmpty, x: mark})
		c.nullable--
	}
	if cut >= 0 {
		c.emit(inst{op: opCut, x: cut})
	}
	again := c.choice(n, enter, rest)
	// The turn before was not empty: the text has moved on.
	c.remember(again, true)
	exit := c.pc()
	c.setChoice(n, again, start, exit)
	if first >= 0 {
		c.setChoice(n, first, start, exit)
	}
	if check >= 0 {
		c.code[check].y = exit
	}
}

// optional emits the copies beyond the minimum, each inside the one before.
func (c *compiler) optional(n, body *node, loopRest, enter, rest *first, cut int32) {
	var splits []int
	for range n.max - n.min {
		at := c.choice(n, enter, rest)
		splits = append(splits, at)
		c.remember(at, false)
		c.setChoice(n, at, c.pc(), 0)
		c.node(body, loopRest)
		if cut >= 0 {
			c.emit(inst{op: opCut, x: cut})
		}
		if c.full {
			return
		}
	}
	for _, at := range splits {
		if n.mode == lazy {
			c.code[at].x = c.pc()
		} else {
			c.code[at].y = c.pc()
		}
	}
}
