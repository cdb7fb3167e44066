package shared

import (
	"math"

	"weir/lua/shdict"
	"weir/lua/vm"
)

// millis converts seconds; what is too much is for ever.
func millis(sec float64) int64 {
	if ms := sec * 1000; ms < math.MaxInt64/4 {
		return int64(ms)
	}
	return 0
}

// value pushes a value.
func value(l *vm.State, it *shdict.Item) {
	switch it.Kind {
	case shdict.String:
		l.PushBytes(it.Text)
	case shdict.Number:
		l.PushNumber(it.Number)
	case shdict.Bool:
		l.PushBool(it.Number != 0)
	default:
		l.Push(vm.Nil)
	}
}

func get(l *vm.State) int {
	d := dict(l)
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	buf := l.VM().TakeBuf()
	it, err := d.Get(Now(l), k, buf)
	if err != nil {
		l.VM().KeepBuf(buf)
		return fail(l, err)
	}
	value(l, &it)
	keep(l, buf, it.Text)
	if it.Flags == 0 {
		return 1
	}
	l.PushInt(int(int32(it.Flags)))
	return 2
}

// keep gives the scratch buffer back, or the larger one that became of it.
func keep(l *vm.State, buf, text []byte) {
	if text != nil {
		buf = text
	}
	l.VM().KeepBuf(buf)
}

func getStale(l *vm.State) int {
	d := dict(l)
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	buf := l.VM().TakeBuf()
	it, err := d.GetStale(Now(l), k, buf)
	if err != nil {
		l.VM().KeepBuf(buf)
		return fail(l, err)
	}
	value(l, &it)
	keep(l, buf, it.Text)
	if it.Kind == shdict.Nil {
		return 1
	}
	if it.Flags == 0 {
		l.Push(vm.Nil)
	} else {
		l.PushInt(int(int32(it.Flags)))
	}
	l.PushBool(it.Stale)
	return 3
}

// store returns the method that stores in that way.
func store(op shdict.Op) vm.Func {
	return func(l *vm.State) int { return put(l, op) }
}

func remove(l *vm.State) int {
	d := dict(l)
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	_, err := d.Store(Now(l), shdict.Set, k, shdict.Value{}, 0, 0)
	return result(l, false, err)
}

var badValue = vm.String("bad value type")

func put(l *vm.State, op shdict.Op) int {
	d := dict(l)
	var exptime float64
	if l.Arg(4).Truthy() {
		if exptime = l.CheckNumber(4); exptime < 0 {
			l.Errorf("bad \"exptime\" argument")
		}
	}
	var flags uint32
	if l.Arg(5).Truthy() {
		flags = uint32(l.CheckInt(5))
	}
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	val, ok := stored(l.Arg(3))
	if !ok {
		return refuse(l, badValue)
	}
	if val.Kind == shdict.Nil && op&(shdict.Add|shdict.Replace) != 0 {
		l.PushBool(false)
		l.PushString("attempt to add or replace nil values")
		l.PushBool(false)
		return 3
	}
	forced, err := d.Store(Now(l), op, k, val, millis(exptime), flags)
	return result(l, forced, err)
}

// result returns what a method that stores does.
func result(l *vm.State, forced bool, err error) int {
	l.PushBool(err == nil)
	if err == nil {
		l.Push(vm.Nil)
	} else {
		l.PushString(err.Error())
	}
	l.PushBool(forced)
	return 3
}

// stored converts a Lua value; ok is false for a type that cannot be stored.
func stored(v vm.Value) (val shdict.Value, ok bool) {
	switch v.Type() {
	case vm.TypeString:
		s, _ := v.AsString()
		return shdict.Value{Kind: shdict.String, Text: s}, true
	case vm.TypeNumber:
		f, _ := v.AsNumber()
		return shdict.Value{Kind: shdict.Number, Number: f}, true
	case vm.TypeBool:
		val.Kind = shdict.Bool
		if v.Truthy() {
			val.Number = 1
		}
		return val, true
	}
	return val, v.IsNil()
}

func incr(l *vm.State) int {
	d := dict(l)
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	by, ok := number(l.Arg(3))
	if !ok {
		l.Errorf("cannot convert 'nil' to 'double'")
	}
	init := l.Arg(4)
	hasInit := init.Truthy()
	var first, lifetime float64
	if hasInit {
		if first, ok = number(init); !ok {
			l.Errorf("bad init arg: number expected, got %s", init.TypeName())
		}
	}
	if v := l.Arg(5); !v.IsNil() {
		if lifetime, ok = number(v); !ok {
			l.Errorf("bad init_ttl arg: number expected, got %s", v.TypeName())
		}
		if lifetime < 0 {
			l.Errorf("bad \"init_ttl\" argument")
		}
		if !hasInit {
			l.Errorf("must provide \"init\" when providing \"init_ttl\"")
		}
	}
	if !hasInit {
		sum, err := d.Incr(Now(l), k, by)
		if err != nil {
			return fail(l, err)
		}
		l.PushNumber(sum)
		return 1
	}
	sum, forced, err := d.IncrInit(Now(l), k, by, first, millis(lifetime))
	if err != nil {
		return fail(l, err)
	}
	l.PushNumber(sum)
	l.Push(vm.Nil)
	l.PushBool(forced)
	return 3
}

// number converts a value as tonumber does.
func number(v vm.Value) (float64, bool) {
	if f, ok := v.AsNumber(); ok {
		return f, true
	}
	if s, ok := v.AsString(); ok {
		return vm.ParseNumber(s)
	}
	return 0, false
}

func ttl(l *vm.State) int {
	d := dict(l)
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	ms, err := d.TTL(Now(l), k)
	if err != nil {
		return fail(l, err)
	}
	l.PushNumber(float64(ms) / 1000)
	return 1
}

func expire(l *vm.State) int {
	d := dict(l)
	if !l.Arg(3).Truthy() {
		l.Errorf("bad \"exptime\" argument")
	}
	k, refusal := key(l)
	if !refusal.IsNil() {
		return refuse(l, refusal)
	}
	if err := d.Expire(Now(l), k, millis(l.CheckNumber(3))); err != nil {
		return fail(l, err)
	}
	l.PushBool(true)
	return 1
}
