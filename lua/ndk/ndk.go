package ndk

import (
	"weir/appliance/http/setmisc"
	"weir/lua/api"
	"weir/lua/vm"
)

// Family is ndk.set_var.
var Family = api.Family{
	Name: "ndk",
	Doc:  "The functions of set_* directives.",
	Open: open,
}

// open makes the table: its fields are functions made when they are first asked for.
func open(e *api.Env) {
	v := e.VM
	set, mt := v.NewTable(0, 0), v.NewTable(0, 2)
	made := make(map[string]vm.Value)
	mt.SetString("__index", v.NewFunction("__index", func(l *vm.State) int {
		name := l.Arg(2).Text()
		f, ok := made[name]
		if !ok {
			f = function(l, name)
			made[name] = f
		}
		return l.Ret(f)
	}).Value())
	mt.SetString("__newindex", v.NewFunction("__newindex", func(l *vm.State) int {
		l.Errorf("not allowed")
		return 0
	}).Value())
	set.SetMetatable(v, mt)
	ndk := e.Table("ndk")
	ndk.SetString("set_var", set.Value())
	v.SetModule("ndk", ndk.Value())
}

// function is the function of a directive that works on one text.
func function(l *vm.State, name string) vm.Value {
	f := setmisc.Lookup(name)
	if f == nil || f.Args > 1 {
		l.Errorf("ndk.set_var: directive \"%s\" not found or does not use ndk_set_var_value", name)
	}
	return l.VM().NewFunction(name, func(l *vm.State) int {
		r := api.Of(l).R
		if r == nil {
			l.Errorf("no request found")
		}
		text, _ := l.ToString(l.Arg(1)).AsString()
		out, ok := f.Run(r, [][]byte{r.CopyString(text)})
		if !ok {
			l.Errorf("calling directive %s failed with code -1", name)
		}
		l.PushBytes(out)
		return 1
	}).Value()
}
