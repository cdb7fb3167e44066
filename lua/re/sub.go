package re

import (
	"weir/appliance/http"
	"weir/appliance/regex"
	"weir/lua/api"
	"weir/lua/vm"
)

func sub(l *vm.State) int  { return replace(l, false) }
func gsub(l *vm.State) int { return replace(l, true) }

// replace is sub and gsub: it returns the text with matches replaced, and their number, or two nils and an error.
func replace(l *vm.State, global bool) int {
	g := engines.Of(l)
	s := l.ToString(l.Arg(1))
	subject, _ := s.AsString()
	p, msg := g.pattern(l, 4)
	if p == nil {
		return fail(l, 2, msg)
	}
	by, msg := g.replacement(l)
	if msg != "" {
		return fail(l, 2, msg)
	}
	// A function may use ngx.re itself, or wait: nothing of the engine is held while it runs.
	buf := l.VM().TakeBuf()
	var it regex.Iter
	it.StartString(g.m, p.re, subject, 0, p.opt, regex.EmptyStep)
	n, end := 0, 0
	for {
		caps, err := it.Next()
		g.charge(l)
		if err != nil {
			l.VM().KeepBuf(buf)
			return fail(l, 2, matchError(err))
		}
		if caps == nil {
			break
		}
		n++
		buf = append(buf, subject[min(end, caps[0]):caps[0]]...)
		buf = by.append(l, buf, p, subject, caps)
		end = caps[1]
		if !global {
			break
		}
	}
	if n == 0 {
		l.VM().KeepBuf(buf)
		l.Push(s)
		l.PushInt(0)
		return 2
	}
	buf = append(buf, subject[end:]...)
	l.PushBytes(buf)
	l.VM().KeepBuf(buf)
	l.PushInt(n)
	return 2
}

// replacement is what stands in place of a match.
type replacement struct {
	fn   vm.Value // a function, or
	text *regex.Template
}

// replacement returns what argument 3 says, or the message of why it is nothing.
func (g *engine) replacement(l *vm.State) (by replacement, msg string) {
	v := l.Arg(3)
	if v.IsFunction() {
		return replacement{fn: v}, ""
	}
	text, _ := l.ToString(v).AsString()
	t, err := g.texts.get(text)
	if err != nil {
		api.Of(l).Log(http.LogErr, err.Error())
		return by, "failed to compile the replacement template"
	}
	return replacement{text: t}, ""
}

// append adds what replaces a match.
func (by replacement) append(l *vm.State, buf []byte, p *pattern, subject string, caps []int) []byte {
	if by.text != nil {
		return by.text.AppendString(buf, subject, caps)
	}
	res := p.table(l)
	p.collect(l, res, subject, caps)
	l.Push(by.fn)
	l.Push(res.Value())
	l.Call(1, 1)
	s, _ := l.ToString(l.Pop1()).AsString()
	return append(buf, s...)
}
