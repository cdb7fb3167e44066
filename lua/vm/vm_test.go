package vm

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"
)

// newTestVM returns a VM with all libraries whose output goes to the buffer.
func newTestVM(t testing.TB) (*VM, *bytes.Buffer) {
	t.Helper()
	vm := New()
	vm.FullGC = true
	vm.OpenLibs()
	out := new(bytes.Buffer)
	vm.Stdout = out
	return vm, out
}

// runChunk compiles and runs a chunk and returns its results.
func runChunk(t testing.TB, vm *VM, src, name string) ([]Value, *Error) {
	t.Helper()
	p, err := Compile(src, name)
	if err != nil {
		t.Fatalf("compiling %s: %v", name, err)
	}
	l := vm.Main()
	l.Push(vm.Load(p).Value())
	n, e := l.PCall(0, -1)
	if e != nil {
		return nil, e
	}
	res := append([]Value(nil), l.stack[l.top-n:l.top]...)
	l.Pop(n)
	return res, nil
}

// dialectDepartures are the probes whose result differs from LuaJIT's, with the reason.
var dialectDepartures = map[string]string{
	"LL suffix":     "no 64-bit cdata",
	"ULL suffix":    "no 64-bit cdata",
	"ffi":           "no ffi",
	"traceback fmt": "the last line is the C function that the standalone interpreter calls the chunk from",
}

func TestDialectMatchesLuaJITExceptForTheListedDepartures(t *testing.T) {
	src, err := os.ReadFile("testdata/dialect.lua")
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/dialect.expected")
	if err != nil {
		t.Fatal(err)
	}
	vm, out := newTestVM(t)
	vm.Globals().SetString("arg", NewTable(0, 0).Value())
	if _, e := runChunk(t, vm, string(src), "@dialect.lua"); e != nil {
		t.Fatal(e.Traceback)
	}
	got, exp := strings.Split(out.String(), "\n"), strings.Split(string(want), "\n")
	if len(got) != len(exp) {
		t.Errorf("got %d lines, want %d", len(got), len(exp))
	}
	for i := range min(len(got), len(exp)) {
		name, _, _ := strings.Cut(exp[i], "\t")
		if _, departs := dialectDepartures[name]; got[i] != exp[i] && !departs {
			t.Errorf("got  %s\nwant %s", got[i], exp[i])
		}
	}
}

func TestWorkloadsRun(t *testing.T) {
	src, err := os.ReadFile("testdata/workloads.lua")
	if err != nil {
		t.Fatal(err)
	}
	// Two iterations of each are enough to see that they run.
	short := regexp.MustCompile(`(?s)local only=.*`).ReplaceAllString(string(src), "for _,n in ipairs(order) do W[n](2) end")
	vm, _ := newTestVM(t)
	if _, e := runChunk(t, vm, short, "@workloads.lua"); e != nil {
		t.Fatal(e.Traceback)
	}
}
