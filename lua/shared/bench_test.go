package shared

import (
	"testing"

	"weir/lua/vm"
)

// BenchmarkIncr is a counter from Lua, the call included.
func BenchmarkIncr(b *testing.B) {
	e := newEnv(b, 1<<20)
	p, err := vm.Compile(`local d = ngx.shared.dogs return function(n) for i = 1, n do d:incr("k", 1, 0) end end`, "=bench")
	if err != nil {
		b.Fatal(err)
	}
	l := e.VM.Main()
	l.Push(e.VM.Load(p).Value())
	l.Call(0, 1)
	b.ReportAllocs()
	b.ResetTimer()
	l.PushInt(b.N)
	l.Call(1, 0)
}
