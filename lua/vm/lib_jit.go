package vm

import "runtime"

// Versions that scripts look at; the engine follows this release of OpenResty's LuaJIT.
const (
	jitVersion    = "LuaJIT 2.1.1710398010"
	jitVersionNum = 20199
)

// openJIT opens the module jit: there is no compiler to control, so its switches do nothing.
func (vm *VM) openJIT() {
	nothing := func(l *State) int { return 0 }
	t := vm.library("jit", []fn{
		{"on", nothing}, {"off", nothing}, {"flush", nothing},
		{"status", func(l *State) int { return l.ret(False) }},
		{"attach", nothing}, {"security", func(l *State) int { return l.ret(Int(0)) }},
		{"prngstate", func(l *State) int { return l.ret(Int(0)) }},
	})
	t.SetString("version", String(jitVersion))
	t.SetString("version_num", Int(jitVersionNum))
	t.SetString("os", String("Linux"))
	t.SetString("arch", String(map[string]string{"amd64": "x64", "arm64": "arm64"}[runtime.GOARCH]))
	opt := NewTable(0, 1)
	vm.register(opt, "jit.opt", []fn{{"start", nothing}})
	t.SetString("opt", opt.Value())
	vm.loaded.SetString("jit.opt", opt.Value())
	for _, name := range []string{"jit.v", "jit.dump"} { // where scripts ask to be told what the compiler does
		m := NewTable(0, 4)
		vm.register(m, name, []fn{{"on", nothing}, {"off", nothing}, {"start", nothing}})
		vm.loaded.SetString(name, m.Value())
	}
}
