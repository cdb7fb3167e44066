package vm

import "strings"

// ffiNames are the functions of LuaJIT's ffi.
const ffiNames = "cdef load new typeof cast metatype gc sizeof alignof offsetof istype errno string copy fill abi"

// There is no ffi, but there are libraries that require it when they are loaded and use it for one feature only. So it
// depends on who asks: pcall(require, "ffi"), which is how a script finds out whether it can have ffi, fails like
// any module that is not there, and the script takes its other way; a plain require "ffi" gets a module whose
// functions raise an error that says so. Only cast and gc(value, nil) of a host's cdata, which has one type and no
// other owner than the collector, mean something: they return it. A file or a package.preload of that name goes before both. What is
// given is never put into package.loaded, where a script that only looks would find it.

// insists reports whether the running function was called from Lua code, not by pcall.
func (l *State) insists() bool {
	i := l.fi - 1
	return i >= 1 && l.frames[i].kind == kLua
}

// sameCdata returns the n-th argument where it is cdata and the second is no finalizer.
func (l *State) sameCdata(n int, refuse Func) int {
	v := l.Arg(n)
	if u := v.AsUserdata(); u == nil || !u.cdata || l.Arg(2).n == tagFunc {
		return refuse(l)
	}
	return l.ret(v)
}

// noFFI returns the module of scripts that insist on ffi.
func (vm *VM) noFFI() Value {
	if vm.ffi != nil {
		return vm.ffi.Value()
	}
	t := NewTable(0, 24)
	refuse := func(name string) Func {
		return func(l *State) int {
			l.Errorf("%s is not available: there is no ffi", name)
			return 0
		}
	}
	for name := range strings.FieldsSeq(ffiNames) {
		vm.register(t, "ffi", []fn{{name, refuse("ffi." + name)}})
	}
	vm.register(t, "ffi", []fn{
		{"cast", func(l *State) int { return l.sameCdata(2, refuse("ffi.cast")) }},
		{"gc", func(l *State) int { return l.sameCdata(1, refuse("ffi.gc")) }},
	})
	mt := NewTable(0, 2)
	vm.register(mt, "ffi", []fn{{"__index", refuse("ffi.C")}, {"__newindex", refuse("ffi.C")}})
	c := NewTable(0, 0)
	c.SetMetatable(vm, mt)
	t.SetString("C", c.Value())
	jit := vm.globals.GetString("jit").AsTable()
	for _, field := range []string{"os", "arch"} {
		if jit != nil {
			t.SetString(field, jit.GetString(field))
		}
	}
	vm.ffi = t
	return t.Value()
}
