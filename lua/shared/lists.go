package shared

import (
	"weir/lua/shdict"
	"weir/lua/vm"
)

// listKey checks the arguments of a list method, n with the dictionary, and returns the key or what refuses it.
func listKey(l *vm.State, n int) (d *shdict.Dict, k string, refusal vm.Value) {
	if l.Top() != n {
		l.Errorf("expecting %d arguments, but only seen %d", n, l.Top())
	}
	d = dict(l)
	if l.Arg(2).IsNil() {
		return d, "", nilKey
	}
	k, refusal = checkKey(vm.String(l.CheckString(2)))
	return d, k, refusal
}

// push returns the method that adds at an end of a list.
func push(end shdict.End) vm.Func {
	return func(l *vm.State) int {
		d, k, refusal := listKey(l, 3)
		if !refusal.IsNil() {
			return refuse(l, refusal)
		}
		val, _ := stored(l.Arg(3))
		if val.Kind != shdict.String && val.Kind != shdict.Number {
			return refuse(l, badValue)
		}
		n, err := d.Push(Now(l), k, end, val)
		if err != nil {
			return fail(l, err)
		}
		l.PushInt(n)
		return 1
	}
}

// pop returns the method that removes from an end of a list.
func pop(end shdict.End) vm.Func {
	return func(l *vm.State) int {
		d, k, refusal := listKey(l, 2)
		if !refusal.IsNil() {
			return refuse(l, refusal)
		}
		buf := l.VM().TakeBuf()
		it, err := d.Pop(Now(l), k, end, buf)
		if err != nil {
			l.VM().KeepBuf(buf)
			return fail(l, err)
		}
		value(l, &it)
		keep(l, buf, it.Text)
		return 1
	}
}

func llen(l *vm.State) int {
	d, k, refusal := listKey(l, 2)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	n, err := d.Len(Now(l), k)
	if err != nil {
		return fail(l, err)
	}
	l.PushInt(n)
	return 1
}
