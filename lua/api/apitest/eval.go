package apitest

import (
	"testing"

	"weir/lua/api"
	"weir/lua/vm"
)

// Eval runs src as chunk "=test" on the VM of e and returns its value as text,
// or "error: " and the message.
func Eval(t *testing.T, e *api.Env, src string) string {
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
