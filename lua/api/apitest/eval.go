package apitest

import (
	"testing"

	"weir/lua/api"
	"weir/lua/vm"
)

// Env is an environment with some families and Lua's own libraries, until the
// test ends.
func Env(t testing.TB, families ...*api.Family) *api.Env {
	t.Helper()
	v := vm.New()
	v.OpenLibs()
	fs := api.Families(families)
	fs.Register()
	e := api.New(v, nil, nil, fs)
	t.Cleanup(e.Close)
	return e
}

// Eval runs src as chunk "=test" on the VM of e and returns its value as text,
// or "error: " and the message.
func Eval(t testing.TB, e *api.Env, src string) string {
	t.Helper()
	p, err := vm.Compile(src, "=test")
	if err != nil {
		t.Fatal(src, err)
	}
	l := e.VM.Main()
	l.Push(e.VM.Load(p).Value())
	n, lerr := l.PCall(0, 1)
	if lerr != nil {
		return "error: " + lerr.Text
	}
	s := l.Arg(l.Top()).Text()
	l.Pop(n)
	return s
}
