package re

import (
	"weir/appliance/regex"
	"weir/lua/vm"
)

var posKey = vm.String("pos")

// startPos returns where a match begins: at ctx.pos, counted from 1, or at the start.
func startPos(l *vm.State, ctx vm.Value) int {
	if !ctx.Truthy() {
		return 0
	}
	pos, _ := l.GetTable(ctx, posKey).AsNumber()
	if pos <= 0 {
		return 0
	}
	return int(pos) - 1
}

// first finds the first match of the arguments subject, pattern, options and ctx, and says in ctx where it ended.
// Neither captures nor a message: there is no match.
func (g *engine) first(l *vm.State) (p *pattern, subject string, caps []int, msg string) {
	s := l.ToString(l.Arg(1))
	subject, _ = s.AsString()
	p, msg = g.pattern(l, 3)
	if p == nil {
		return nil, "", nil, msg
	}
	ctx := l.Arg(4)
	caps, err := g.m.MatchString(p.re, subject, startPos(l, ctx), p.opt, g.caps)
	g.charge(l)
	if err != nil {
		return nil, "", nil, matchError(err)
	}
	if caps == nil {
		return nil, "", nil, ""
	}
	if ctx.Truthy() {
		g.caps = nil // a metamethod of ctx may match as well
		l.SetTable(ctx, posKey, vm.Int(caps[1]+1))
	}
	g.caps = caps
	return p, subject, caps, ""
}

// charge counts a match that took long towards the budget of the run, four steps as one instruction.
func (g *engine) charge(l *vm.State) {
	if n := g.m.Effort(); n > 0 {
		l.Work(n / 4)
	}
}

// fail returns n nils, and an error behind them if there is one.
func fail(l *vm.State, n int, msg string) int {
	for range n {
		l.Push(vm.Nil)
	}
	if msg == "" {
		return n
	}
	l.PushString(msg)
	return n + 1
}

func match(l *vm.State) int {
	g := engines.Of(l)
	p, subject, caps, msg := g.first(l)
	if p == nil {
		return fail(l, 1, msg)
	}
	res := l.Arg(5).AsTable()
	if res == nil {
		if l.Arg(5).Truthy() {
			l.CheckTable(5)
		}
		res = p.table(l)
	}
	p.collect(l, res, subject, caps)
	return l.Ret(res.Value())
}

func find(l *vm.State) int {
	g := engines.Of(l)
	p, _, caps, msg := g.first(l)
	if p == nil {
		return fail(l, 2, msg)
	}
	nth := max(optional(l, 5), 0)
	if nth > p.ncap {
		return fail(l, 2, "nth out of bound")
	}
	if caps[2*nth] < 0 {
		return fail(l, 2, "")
	}
	l.PushInt(caps[2*nth] + 1)
	l.PushInt(caps[2*nth+1])
	return 2
}

// optional returns the n-th argument as an integer, 0 where it is nil or false.
func optional(l *vm.State, n int) int {
	if !l.Arg(n).Truthy() {
		return 0
	}
	return l.CheckInt(n)
}

// table returns a table for the captures.
func (p *pattern) table(l *vm.State) *vm.Table {
	return l.VM().NewTable(p.ncap, 1+len(p.names))
}

// collect puts a match and its captures into a table: by number, and by name where groups have names. A group that
// is not set is false.
func (p *pattern) collect(l *vm.State, res *vm.Table, subject string, caps []int) {
	for i := range p.ncap + 1 {
		res.SetInt(i, p.capture(l, subject, caps, i))
	}
	if p.opt.Flags&regex.Longest != 0 {
		return
	}
	for i, n := range p.re.Names() {
		c := p.capture(l, subject, caps, n.Index)
		if !p.dup {
			res.Set(p.names[i], c)
			continue
		}
		if !c.Truthy() {
			continue
		}
		if old := res.Get(p.names[i]).AsTable(); old != nil {
			old.SetInt(old.Len()+1, c)
			continue
		}
		one := l.VM().NewTable(1, 0)
		one.SetInt(1, c)
		res.Set(p.names[i], one.Value())
	}
}

func (p *pattern) capture(l *vm.State, subject string, caps []int, i int) vm.Value {
	from, to := caps[2*i], caps[2*i+1]
	if from < 0 {
		return vm.False
	}
	return l.Substring(subject, from, max(from, to))
}

func gmatch(l *vm.State) int {
	g := engines.Of(l)
	s := l.ToString(l.Arg(1))
	subject, _ := s.AsString()
	p, msg := g.pattern(l, 3)
	if p == nil {
		return fail(l, 1, msg)
	}
	it := new(regex.Iter)
	it.StartString(g.m, p.re, subject, 0, p.opt, regex.EmptyStep)
	return l.Ret(l.VM().NewFunction("gmatch_iterator", func(l *vm.State) int {
		caps, err := it.Next()
		g.charge(l)
		switch {
		case err != nil:
			return fail(l, 1, matchError(err))
		case caps == nil:
			return fail(l, 1, "")
		}
		res := p.table(l)
		p.collect(l, res, subject, caps)
		return l.Ret(res.Value())
	}).Value())
}
