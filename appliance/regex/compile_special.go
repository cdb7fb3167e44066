package regex

// look emits a look-around on its own (not as a condition).
func (c *compiler) look(n *node) {
	if n.neg {
		slot := c.begin(opNegBegin)
		at := len(c.code) - 1
		c.assertion(n, slot, true)
		c.emit(inst{op: opNegEnd, x: slot, y: -1})
		c.code[at].y = c.pc()
		return
	}
	slot := c.begin(opBegin)
	c.assertion(n, slot, !n.nonAtomic)
	if n.nonAtomic {
		c.emit(inst{op: opLookBack, x: slot})
	} else {
		c.emit(inst{op: opLookEnd, x: slot})
	}
}

// assertion emits the body of a look-around whose begin has slot.
func (c *compiler) assertion(n *node, slot int32, final bool) {
	// What (*THEN) leaves on the stack is the way out of a negative assertion.
	c.sc = &scope{up: c.sc, thenSlot: int(slot), cutSlot: slot, thenNext: c.code[len(c.code)-1].op == opNegBegin}
	rest := anything()
	rest.accept = final
	c.noMemo++
	defer func() { c.noMemo-- }()
	if n.behind {
		c.behind(n, slot, rest)
	} else {
		c.node(n.subs[0], rest)
	}
	c.patch(c.sc.accept)
	c.sc = c.sc.up
}

// behind emits the branches of a look-behind, each after its step back.
func (c *compiler) behind(n *node, slot int32, rest *first) {
	branches := []*node{n.subs[0]}
	if len(n.list) > 2 {
		branches = n.subs[0].subs
	}
	oldSlot, oldNext := c.sc.thenSlot, c.sc.thenNext
	if len(branches) > 1 && c.p.hasVerb {
		h := c.slot()
		c.emit(inst{op: opHeight, x: h})
		c.sc.thenSlot = int(h)
	}
	var ends []int
	for i, b := range branches {
		lo, hi := n.list[2*i], n.list[2*i+1]
		sp := -1
		if i < len(branches)-1 {
			sp = c.split(anything(), anything())
			c.code[sp].x = c.pc()
		}
		c.sc.thenNext = sp >= 0
		if lo == hi {
			if lo > 0 {
				c.emit(inst{op: opBack, min: int32(lo)})
			}
			c.node(b, rest)
		} else {
			c.emit(inst{op: opBackVar, min: int32(lo), max: int32(hi)})
			c.node(b, anything())
			c.emit(inst{op: opCheckPos, x: slot + 1})
		}
		if sp >= 0 {
			ends = append(ends, c.emit(inst{op: opJmp}))
			c.code[sp].y = c.pc()
		}
	}
	c.patch(ends)
	c.sc.thenSlot, c.sc.thenNext = oldSlot, oldNext
}

// cond emits a conditional group.
func (c *compiler) cond(n *node, rest *first) {
	var toNo []int // instructions whose x is the no branch
	switch condKind(n.kind) {
	case cDefine:
		return
	case cTrue:
		if n.neg {
			if len(n.subs) > 1 {
				c.node(n.subs[1], rest)
			}
			return
		}
		c.node(n.subs[0], rest)
		return
	case cGroup:
		e := &ext{}
		for _, g := range n.list {
			e.list = append(e.list, int32(g))
		}
		toNo = append(toNo, c.emit(inst{op: opCondSet, ext: e}))
	case cRecursion:
		e := &ext{}
		for _, g := range n.list {
			e.list = append(e.list, int32(g))
		}
		toNo = append(toNo, c.emit(inst{op: opCondRec, y: int32(n.n), ext: e}))
	case cAssert:
		c.condAssert(n, rest)
		return
	}
	c.node(n.subs[0], rest)
	end := c.emit(inst{op: opJmp})
	c.patch(toNo)
	if len(n.subs) > 1 {
		c.node(n.subs[1], rest)
	}
	c.code[end].x = c.pc()
}

// condAssert emits a conditional whose condition is a look-around.
func (c *compiler) condAssert(n *node, rest *first) {
	look := n.cond
	slot := c.begin(opNegBegin)
	at := len(c.code) - 1
	c.assertion(look, slot, true)
	no := -1
	c.emit(inst{op: opLookEnd, x: slot})
	if look.neg {
		// The body matched: the condition does not hold, but its captures stay.
		no = c.emit(inst{op: opJmp})
		c.code[at].y = c.pc()
	}
	c.node(n.subs[0], rest)
	end := c.emit(inst{op: opJmp})
	if look.neg {
		c.code[no].x = c.pc()
	} else {
		c.code[at].y = c.pc()
	}
	if len(n.subs) > 1 {
		c.node(n.subs[1], rest)
	}
	c.code[end].x = c.pc()
}

// call emits a subroutine call and queues the subroutine.
func (c *compiler) call(n *node) {
	if _, ok := c.subs[n.n]; !ok {
		c.subs[n.n] = -1
		c.queue = append(c.queue, n.n)
	}
	var e *ext
	if n.cond != nil {
		e = &ext{}
		for _, g := range n.cond.subs {
			for _, k := range g.list {
				e.list = append(e.list, int32(k))
			}
		}
	}
	c.emit(inst{op: opCall, y: int32(n.n), ext: e})
}

// assert emits a zero-width test.
func (c *compiler) assert(n *node) {
	in := inst{b: byte(c.p.nl)}
	switch assertKind(n.kind) {
	case aBeginSubject:
		in.op = opBegText
		if n.neg {
			in.flag = fNot // ^ obeys the not-beginning-of-line option
		}
	case aBeginLine:
		in.op = opBol
	case aEndSubject:
		in.op = opEndText
		if n.neg {
			in.flag = fNot
		}
	case aEndOrNewline:
		in.op = opEndNL
	case aEndLine:
		in.op = opEol
	case aDollar:
		in.op = opDollar
	case aStartOffset:
		in.op = opStartPos
	case aWordBoundary, aNotWordBoundary:
		in.op = opWordB
		if assertKind(n.kind) == aNotWordBoundary {
			in.flag = fNot
		}
		if n.ucp {
			in.flag |= fUCP
		}
		if c.a.utf {
			in.flag |= fUTF
		}
	}
	c.emit(in)
}

// verb emits a backtracking verb.
func (c *compiler) verb(n *node) {
	kind := verbKind(n.kind)
	in := inst{op: opVerb, b: byte(kind), x: -1}
	switch kind {
	case vAccept:
		for i := len(c.sc.caps) - 1; i >= 0; i-- {
			g := c.sc.caps[i]
			if t := c.sc.temps[i]; t >= 0 {
				c.emit(inst{op: opCapture, x: int32(g.n), y: int32(t)})
			} else {
				c.emit(inst{op: opSave, x: int32(2*g.n + 1)})
			}
		}
		switch {
		case c.sc.call:
			c.emit(inst{op: opCutCall})
		case c.sc.cutSlot > 0:
			c.emit(inst{op: opCut, x: c.sc.cutSlot})
		}
		c.sc.accept = append(c.sc.accept, c.emit(inst{op: opJmp}))
		return
	case vMark, vSkipName:
		in.min = int32(len(c.marks))
		c.marks = append(c.marks, n.str)
		in.max = int32(n.n) // 1: not to be found by (*SKIP:name)
	case vThen:
		in.x = int32(c.sc.thenSlot)
		if c.sc.thenNext {
			in.y = 1
		}
	}
	c.emit(in)
}
