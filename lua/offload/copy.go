package offload

import "weir/lua/vm"

// maxDepth bounds how deep tables may nest in what is passed.
const maxDepth = 100

// unsupported are the types that cannot be passed.
var unsupported = [...]string{
	vm.TypeNil: "LUA_TNIL", vm.TypeFunction: "LUA_TFUNCTION", vm.TypeUserdata: "LUA_TUSERDATA", vm.TypeThread: "LUA_TTHREAD",
}

// clone copies a value for another VM; why says that it cannot be passed. Strings are immutable and shared.
func clone(v vm.Value, depth int) (out vm.Value, why string) {
	t := v.AsTable()
	switch {
	case t != nil:
	case int(v.Type()) < len(unsupported) && unsupported[v.Type()] != "" && !v.IsNil():
		return vm.Nil, "unsupported Lua type: " + unsupported[v.Type()]
	default:
		return v, ""
	}
	if depth >= maxDepth {
		return vm.Nil, "suspicious circular references, table depth exceed max depth: 100"
	}
	to := vm.NewTable(t.Len(), 0)
	for pos := uint32(0); ; {
		k, v, next, ok := t.Iter(pos)
		if !ok {
			return to.Value(), ""
		}
		if k, why = clone(k, depth+1); why != "" {
			return vm.Nil, why
		}
		if v, why = clone(v, depth+1); why != "" {
			return vm.Nil, why
		}
		to.Set(k, v)
		pos = next
	}
}
