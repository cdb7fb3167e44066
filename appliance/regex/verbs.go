package regex

// passVerb stores a verb for the time when backtracking reaches it.
func (m *Matcher) passVerb(in *inst, pos, pc int) {
	switch verbKind(in.b) {
	case vMark:
		m.push(kMarkPos, int32(pc), pos, int(m.mark))
		m.mark, m.lastMark = in.min, in.min
	case vThen:
		h := -1
		if in.x >= 0 {
			h = int(m.regs[in.x])
		}
		m.push(kVerb, int32(pc), h, 0)
	default:
		m.push(kVerb, int32(pc), pos, 0)
	}
}

// verb handles a failure that reaches the verb frame just taken off the stack.
// It tells whether the run is over, with m.result set.
func (m *Matcher) verb(code []inst) bool {
	f := m.stack[m.sp]
	in := &code[f.pc]
	kind := verbKind(in.b)
	if kind == vThen && f.a >= 0 {
		h := int(f.a)
		if in.y == 1 && h < m.sp {
			h++ // keep the choice of the next alternative
		}
		m.unwind(h)
		return false
	}
	m.skipTo = int(f.a)
	if kind == vSkipName {
		i, found := m.findMark(code, in)
		if i < 0 {
			return false // no such mark: the verb is ignored
		}
		if found {
			m.skipTo = int(m.stack[i].a)
		}
		// Up to its mark, or to the call it is in, nothing stops it.
		m.unwind(i)
		if !found {
			return false
		}
	}
	// A verb ends the nearest call, negative assertion or condition.
	done := 0 // calls that had returned before the verb
	for m.sp > 0 {
		m.sp--
		g := &m.stack[m.sp]
		m.undo(g)
		switch g.kind {
		case kEnter:
			done++
		case kBound:
			m.sp++
			return false
		case kLeave:
			if done == 0 {
				return false
			}
			done--
		}
	}
	switch kind {
	case vCommit:
		m.result = rCommit
	case vSkip, vSkipName:
		m.result = rSkip
	default:
		m.result = rFail
	}
	return true
}

// findMark returns the frame of the latest mark that a (*SKIP:name) names, or,
// with found false, the frame of the call that it is in and does not look
// beyond; -1 if there is neither.
func (m *Matcher) findMark(code []inst, in *inst) (i int, found bool) {
	done := 0 // calls that had returned before the verb
	for i := m.sp - 1; i >= 0; i-- {
		f := &m.stack[i]
		switch f.kind {
		case kMarkPos:
			if mark := &code[f.pc]; mark.max == 0 && m.marks[mark.min] == m.marks[in.min] {
				return i, true
			}
		case kEnter:
			done++
		case kLeave:
			if done == 0 {
				return i, false
			}
			done--
		}
	}
	return -1, false
}
