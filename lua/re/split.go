package re

import "weir/lua/vm"

// splitter is one call of split.
type splitter struct {
	l       *vm.State
	g       *engine
	p       *pattern
	subject string
	ctx     *vm.Table // of the caller; nil for none
	pos     int       // where the next match begins, from 0
	begin   int       // of the part under way, from 0
	empty   int       // where the last empty match was, -1 for nowhere
	res     *vm.Table
	n       int
}

// split returns the parts of the subject between matches. Parts that are empty at the end are dropped where their
// number is not bounded.
func split(l *vm.State) int {
	s := &splitter{l: l, g: engines.Of(l), empty: -1}
	s.subject, _ = l.ToString(l.Arg(1)).AsString()
	if v := l.Arg(4); v.Truthy() {
		s.ctx = l.CheckTable(4)
		if p := s.ctx.Get(posKey); p.Truthy() {
			n, _ := p.AsNumber()
			s.begin = int(n) - 1
		}
	}
	most := optional(l, 5)
	if v := l.Arg(6); v.Truthy() {
		if s.res = v.AsTable(); s.res == nil {
			l.Errorf("res is not a table")
		}
	} else {
		s.res = l.VM().NewTable(4, 0)
	}
	if s.begin >= len(s.subject) {
		s.res.SetInt(1, vm.Nil)
		return l.Ret(s.res.Value())
	}
	var msg string
	if s.p, msg = s.g.pattern(l, 3); s.p == nil {
		return fail(l, 1, msg)
	}
	s.pos = s.begin
	if msg = s.parts(most); msg != "" {
		return fail(l, 1, msg)
	}
	s.rest(most)
	if s.ctx != nil {
		s.ctx.Set(posKey, vm.Int(s.pos))
	}
	return l.Ret(s.res.Value())
}

// parts adds the parts that end with a match, fewer than most where that is above zero.
func (s *splitter) parts(most int) (msg string) {
	begin := s.begin
	for count := 1; (most <= 0 || count < most) && s.pos <= len(s.subject); {
		caps, err := s.g.m.MatchString(s.p.re, s.subject, max(s.pos, 0), s.p.opt, s.g.caps)
		if err != nil {
			return matchError(err)
		}
		if caps == nil {
			break
		}
		s.g.caps = caps
		from, to := caps[0], caps[1]
		s.pos = to
		if from == to {
			s.pos++ // an empty match: the next one is behind the next byte
		}
		if s.empty >= 0 {
			begin = s.empty
		}
		if from == to {
			s.empty = from
		}
		if from <= begin && s.empty >= 0 {
			continue
		}
		count++
		s.add(s.l.Substring(s.subject, min(begin, from), from))
		if s.p.ncap > 0 && caps[2] >= 0 {
			s.add(s.p.capture(s.l, s.subject, caps, 1))
		}
		begin = to
		if begin >= len(s.subject) {
			break
		}
	}
	s.begin = begin
	return ""
}

func (s *splitter) add(v vm.Value) {
	s.n++
	s.res.SetInt(s.n, v)
}

// rest adds what is behind the last match and ends the list.
func (s *splitter) rest(most int) {
	if most > 0 || s.begin < len(s.subject) {
		s.add(s.l.Substring(s.subject, min(s.begin, len(s.subject)), len(s.subject)))
	} else {
		for ; s.n > 0; s.n-- {
			if t, _ := s.res.GetInt(s.n).AsString(); t != "" {
				break
			}
			s.res.SetInt(s.n, vm.Nil)
		}
	}
	s.res.SetInt(s.n+1, vm.Nil)
}

func opt(l *vm.State) int {
	if name, _ := l.Arg(1).AsString(); name != "jit_stack_size" {
		l.Errorf("unrecognized option name")
	}
	if !CacheEmpty(l) {
		l.Errorf("changing jit stack size is not allowed when some regexs have already been compiled and cached")
	}
	return 0
}
