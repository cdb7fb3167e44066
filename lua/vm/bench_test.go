package vm

import (
	"os"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// workloadSource is workloads.lua without its own timing: it returns the functions and their order.
func workloadSource(b *testing.B) string {
	src, err := os.ReadFile("testdata/workloads.lua")
	if err != nil {
		b.Fatal(err)
	}
	s := string(src)
	return s[:strings.Index(s, "local only=")] + "return W, order"
}

// BenchmarkWorkloads runs each workload on this engine and on gopher-lua: compare the two lines of each.
func BenchmarkWorkloads(b *testing.B) {
	src := workloadSource(b)
	vm, _ := newTestVM(b)
	p, err := Compile(src, "=w")
	if err != nil {
		b.Fatal(err)
	}
	l := vm.Main()
	l.Push(vm.Load(p).Value())
	if _, e := l.PCall(0, 2); e != nil {
		b.Fatal(e.Traceback)
	}
	order, w := l.Pop1().AsTable(), l.Pop1().AsTable()

	g := lua.NewState()
	defer g.Close()
	if err := g.DoString(src); err != nil {
		b.Fatal(err)
	}
	gw := g.Get(1).(*lua.LTable)
	for i := 1; i <= order.Len(); i++ {
		name := order.GetInt(i).str()
		b.Run("engine=weir/"+name, func(b *testing.B) {
			b.ReportAllocs()
			l.Push(w.GetString(name))
			l.PushInt(b.N)
			if _, e := l.PCall(1, 0); e != nil {
				b.Fatal(e.Traceback)
			}
		})
		b.Run("engine=gopher/"+name, func(b *testing.B) {
			b.ReportAllocs()
			if err := g.CallByParam(lua.P{Fn: gw.RawGetString(name), Protect: true}, lua.LNumber(b.N)); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	src := workloadSource(b)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(src, "=w"); err != nil {
			b.Fatal(err)
		}
	}
}
