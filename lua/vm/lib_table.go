package vm

import "math"

func (vm *VM) openTable() {
	t := vm.library("table", []fn{
		{"foreachi", tabForeachi}, {"foreach", tabForeach}, {"getn", tabGetn}, {"maxn", tabMaxn},
		{"insert", tabInsert}, {"remove", tabRemove}, {"move", tabMove}, {"concat", tabConcat}, {"sort", tabSort},
		{"pack", tabPack},
	})
	t.SetString("unpack", vm.globals.GetString("unpack"))
	// The extensions appear in the table when they are required.
	ext := NewTable(0, 8)
	vm.register(ext, "table", []fn{
		{"new", tabNew}, {"clear", tabClear}, {"isempty", tabIsempty}, {"isarray", tabIsarray}, {"nkeys", tabNkeys},
		{"clone", tabClone},
	})
	for k, v, ok, _ := ext.Next(Nil); ok; k, v, ok, _ = ext.Next(k) {
		vm.Preload("table."+k.str(), func(l *State) int {
			t.Set(k, v)
			return l.Ret(v)
		})
	}
}

func tabGetn(l *State) int { return l.ret(Int(l.CheckTable(1).Len())) }

func tabMaxn(l *State) int {
	t := l.CheckTable(1)
	m := 0.0
	for k, _, ok, _ := t.Next(Nil); ok; k, _, ok, _ = t.Next(k) {
		if k.isNum() && k.num() > m {
			m = k.num()
		}
	}
	return l.ret(Number(m))
}

// each calls f(k, v) from Go and reports a result that is not nil.
func (l *State) each(f, k, v Value) bool {
	l.Push(f)
	l.Push(k)
	l.Push(v)
	l.Call(2, 1)
	if l.stack[l.top-1].n != tagNil {
		return true
	}
	l.Pop(1)
	return false
}

func tabForeachi(l *State) int {
	t, f := l.CheckTable(1), l.CheckFunction(2)
	for i := 1; i <= t.Len(); i++ {
		l.burn()
		if l.each(f, Int(i), t.GetInt(i)) {
			return 1
		}
	}
	return 0
}

func tabForeach(l *State) int {
	t, f := l.CheckTable(1), l.CheckFunction(2)
	for k, v, ok, _ := t.Next(Nil); ok; k, v, ok, _ = t.Next(k) {
		if l.each(f, k, v) {
			return 1
		}
	}
	return 0
}

func tabInsert(l *State) int {
	t := l.CheckTable(1)
	e := t.Len() + 1
	switch l.Top() {
	case 2:
		l.vm.setInt(l, t, e, l.Arg(2))
		return 0
	case 3:
	default:
		l.Errorf("wrong number of arguments to 'insert'")
	}
	pos := l.CheckInt(2)
	if pos > e {
		e = pos
	}
	v := l.Arg(3)
	if pos >= 1 && uint(e) <= uint(t.asize) {
		a := t.arraySlice()
		copy(a[pos:e], a[pos-1:e-1])
		a[pos-1] = v.clean()
		return 0
	}
	for i := e; i > pos; i-- {
		l.burn()
		l.vm.setInt(l, t, i, t.GetInt(i-1))
	}
	l.vm.setInt(l, t, pos, v)
	return 0
}

// setInt stores t[i] without metamethods and counts what the table grew by.
func (vm *VM) setInt(l *State, t *Table, i int, v Value) {
	if uint(i-1) < uint(t.asize) {
		*t.slot(uint32(i - 1)) = v.clean()
		return
	}
	vm.rawSet(l, t, Int(i), v)
}

func tabRemove(l *State) int {
	t := l.CheckTable(1)
	e := t.Len()
	if l.Arg(2).n == tagNil {
		if e == 0 {
			return l.ret(Nil)
		}
		v := t.GetInt(e)
		l.vm.setInt(l, t, e, Nil)
		return l.ret(v)
	}
	pos := l.CheckInt(2)
	if pos < 1 || pos > e {
		return 0
	}
	v := t.GetInt(pos)
	if e <= int(t.asize) {
		a := t.arraySlice()
		copy(a[pos-1:e-1], a[pos:e])
		a[e-1] = Nil
		return l.ret(v)
	}
	for i := pos; i < e; i++ {
		l.vm.setInt(l, t, i, t.GetInt(i+1))
	}
	l.vm.setInt(l, t, e, Nil)
	return l.ret(v)
}

func tabMove(l *State) int {
	a1 := l.CheckTable(1).Value()
	f, e, d := l.CheckInt(2), l.CheckInt(3), l.CheckInt(4)
	a2 := a1
	if l.Arg(5).n != tagNil {
		a2 = l.CheckTable(5).Value()
	}
	if e >= f {
		if d > e || d <= f || a1 != a2 {
			for i := 0; i <= e-f; i++ {
				l.burn()
				l.SetTable(a2, Int(d+i), l.GetTable(a1, Int(f+i)))
			}
		} else {
			for i := e - f; i >= 0; i-- {
				l.burn()
				l.SetTable(a2, Int(d+i), l.GetTable(a1, Int(f+i)))
			}
		}
	}
	return l.ret(a2)
}

func tabConcat(l *State) int {
	t := l.CheckTable(1)
	sep := l.OptString(2, "")
	i := l.OptInt(3, 1)
	var e int
	if l.Arg(4).n == tagNil {
		e = t.Len()
	} else {
		e = l.CheckInt(4)
	}
	buf := l.vm.buf[:0]
	for j := i; j <= e; j++ {
		v := t.GetInt(j)
		switch {
		case v.isStr():
			buf = append(buf, v.str()...)
		case v.isNum():
			buf = appendNumber(buf, v.num())
		default:
			l.Errorf("invalid value (%s) at index %d in table for 'concat'", v.typeName(), j)
		}
		if j != e {
			buf = append(buf, sep...)
		}
		l.CheckLength(len(buf))
	}
	l.vm.keepBuf(buf)
	l.PushBytes(buf)
	return 1
}

func tabPack(l *State) int {
	n := l.Top()
	t := l.vm.NewTable(n, 1)
	for i := 1; i <= n; i++ {
		t.SetInt(i, l.Arg(i))
	}
	t.SetString("n", Int(n))
	return l.ret(mkTable(t))
}

func tabNew(l *State) int {
	na, nh := l.CheckInt(1), l.CheckInt(2)
	if na < 0 || nh < 0 || na > maxArray || nh > maxHash {
		l.Errorf("table overflow")
	}
	l.vm.account(na*int(valueSize) + nh*int(nodeSize)) // before the memory is taken
	return l.ret(mkTable(NewTable(na, nh)))
}

func tabClear(l *State) int {
	l.CheckTable(1).Clear()
	return 0
}

func tabIsempty(l *State) int {
	_, _, ok, _ := l.CheckTable(1).Next(Nil)
	return l.ret(Bool(!ok))
}

func tabIsarray(l *State) int {
	t := l.CheckTable(1)
	for k, _, ok, _ := t.Next(Nil); ok; k, _, ok, _ = t.Next(k) {
		if !k.isNum() || k.num() < 1 || k.num() != math.Floor(k.num()) {
			return l.ret(False)
		}
	}
	return l.ret(True)
}

func tabNkeys(l *State) int { return l.ret(Int(l.CheckTable(1).count())) }

func tabClone(l *State) int {
	t := l.CheckTable(1)
	c := l.vm.NewTable(int(t.asize), 0)
	for k, v, ok, _ := t.Next(Nil); ok; k, v, ok, _ = t.Next(k) {
		c.Set(k, v)
	}
	return l.ret(mkTable(c))
}

// sorter sorts the elements 1..n of a table with the quicksort of the reference implementation, which compares
// in a well-known order and notices comparison functions that contradict themselves.
type sorter struct {
	l    *State
	t    *Table
	less Value
}

func tabSort(l *State) int {
	t := l.CheckTable(1)
	n := t.Len()
	s := sorter{l: l, t: t}
	if l.Arg(2).n != tagNil {
		s.less = l.CheckFunction(2)
	}
	s.sort(1, n)
	return 0
}

func (s *sorter) get(i int) Value {
	if uint(i-1) < uint(s.t.asize) {
		return *s.t.slot(uint32(i - 1))
	}
	return s.t.GetInt(i)
}

func (s *sorter) set(i int, v Value) { s.l.vm.setInt(s.l, s.t, i, v) }

func (s *sorter) lt(a, b Value) bool {
	l := s.l
	if s.less.n == tagNil {
		if a.isNum() && b.isNum() {
			return a.num() < b.num()
		}
		return l.Less(a, b)
	}
	at := l.top
	l.ensure(at + 4)
	st := l.stack[at : at+3]
	st[0], st[1], st[2] = s.less, a, b
	l.top = at + 3
	l.callAt(at, 2, 1)
	l.top = at
	return l.stack[at].Truthy()
}

func (s *sorter) sort(lo, up int) {
	for lo < up {
		a, b := s.get(lo), s.get(up)
		if s.lt(b, a) {
			s.set(lo, b)
			s.set(up, a)
		}
		if up-lo == 1 {
			break
		}
		i := (lo + up) / 2
		p, a := s.get(i), s.get(lo)
		if s.lt(p, a) {
			s.set(i, a)
			s.set(lo, p)
		} else if b := s.get(up); s.lt(b, p) {
			s.set(i, b)
			s.set(up, p)
		}
		if up-lo == 2 {
			break
		}
		p = s.get(i)
		s.set(i, s.get(up-1))
		s.set(up-1, p)
		i = s.partition(lo, up, p)
		if i-lo < up-i {
			s.sort(lo, i-1)
			lo = i + 1
		} else {
			s.sort(i+1, up)
			up = i - 1
		}
	}
}

func (s *sorter) partition(lo, up int, p Value) int {
	i, j := lo, up-1
	for {
		for i++; s.lt(s.get(i), p); i++ {
			if i >= up {
				s.l.Errorf("invalid order function for sorting")
			}
		}
		for j--; s.lt(p, s.get(j)); j-- {
			if j <= lo {
				s.l.Errorf("invalid order function for sorting")
			}
		}
		if j < i {
			break
		}
		a, b := s.get(i), s.get(j)
		s.set(i, b)
		s.set(j, a)
	}
	a, b := s.get(up-1), s.get(i)
	s.set(up-1, b)
	s.set(i, a)
	return i
}
