package resty

import (
	"weir/lua/api"
	"weir/lua/vm"
)

// module returns the table that require gives for a name.
func module(e *api.Env, name string) *vm.Table {
	return e.VM.Loaded().GetString(name).AsTable()
}

// object returns a table whose methods are the functions of a module. v, if not nil, is what native reads back.
func object(l *vm.State, name string, v any) *vm.Table {
	e := l.VM()
	mt := e.NewMetatable("module " + name)
	if mt.GetString("__index").IsNil() {
		mt.SetString("__index", e.Loaded().GetString(name))
	}
	t := e.NewTable(1, 0)
	if v != nil {
		t.SetInt(1, e.NewUserdata(v, nil).Value())
	}
	t.SetMetatable(e, mt)
	return t
}

// native returns what object was given for argument 1.
func native[T any](l *vm.State) T {
	v, ok := api.Held[T](l.CheckTable(1).GetInt(1))
	if !ok {
		l.ArgError(1, "bad self")
	}
	return v
}

// bool1 returns one boolean.
func bool1(l *vm.State, b bool) int {
	l.PushBool(b)
	return 1
}

// field returns a number in a field of a table.
func field(t *vm.Table, name string) float64 {
	f, _ := t.GetString(name).AsNumber()
	return f
}
