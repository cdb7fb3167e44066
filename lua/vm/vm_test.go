package vm

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"sync"
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

func TestPrototypesAreSharedByVMsThatRunAtOnce(t *testing.T) {
	src, err := os.ReadFile("testdata/dialect.lua")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(string(src), "@dialect.lua")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	outs := make([]bytes.Buffer, 4)
	for i := range outs {
		wg.Go(func() {
			vm := New()
			vm.OpenLibs()
			vm.Stdout = &outs[i]
			l := vm.Main()
			l.Push(vm.Load(p).Value())
			if _, e := l.PCall(0, 0); e != nil {
				t.Error(e.Traceback)
			}
		})
	}
	wg.Wait()
	for i := range outs[1:] {
		if outs[i+1].Len() != outs[0].Len() {
			t.Error("the VMs printed different things")
		}
	}
}

func TestTheHostHearsOfNewGlobals(t *testing.T) {
	vm, _ := newTestVM(t)
	var names []string
	vm.OnGlobalWrite = func(l *State, name string) { names = append(names, l.where(0)+name) }
	if _, e := runChunk(t, vm, "x = 1\nx = 2\nlocal y = 3\nprint = print\nfunction f() end", "=t"); e != nil {
		t.Fatal(e)
	}
	if got := strings.Join(names, ","); got != "t:1: x,t:5: f" {
		t.Errorf("got %s", got)
	}
}

func TestMessagesNameVariablesAndPlaces(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"local t = {} t.x.y = 1", "t:1: attempt to index field 'x' (a nil value)"},
		{"local t t.x = 1", "t:1: attempt to index local 't' (a nil value)"},
		{"local t = {} local function f() t.a.b.c = 1 end f()", "t:1: attempt to index field 'a' (a nil value)"},
		{"nope.x = 1", "t:1: attempt to index global 'nope' (a nil value)"},
		{"local s = 'x' s.y.z = 1", "t:1: attempt to index field 'y' (a nil value)"},
		{"return 1 + {}", "t:1: attempt to perform arithmetic on a table value"},
		{"local a = 'x' return a + 1", "t:1: attempt to perform arithmetic on local 'a' (a string value)"},
		{"local a = {} return -a", "t:1: attempt to perform arithmetic on local 'a' (a table value)"},
		{"local a, b = 1, nil return a .. b", "t:1: attempt to concatenate local 'b' (a nil value)"},
		{"return {} < {}", "t:1: attempt to compare two table values"},
		{"return 1 < '2'", "t:1: attempt to compare number with string"},
		{"return nil > 1", "t:1: attempt to compare number with nil"},
		{"return #5", "t:1: attempt to get length of a number value"},
		{"local f = coroutine.wrap(function()\nlocal g = coroutine.wrap(function()\nerror('x') end)\nlocal y = g() end)\nlocal y = f()",
			"t:5: t:4: t:3: x"},
		{"local f = coroutine.wrap(function() error({}) end) local y = f()", "(error object is a table value)"},
		{"string.nope()", "t:1: attempt to call field 'nope' (a nil value)"},
		{"local s = 'a' s:nope()", "t:1: attempt to call method 'nope' (a nil value)"},
		{"return (nil)()", "t:1: attempt to call a nil value"},
		{"for i = 'a', 2 do end", "t:1: 'for' initial value must be a number"},
		{"for i = 1, {} do end", "t:1: 'for' limit must be a number"},
		{"for i = 1, 2, nil do end", "t:1: 'for' step must be a number"},
		{"for k in 5 do end", "t:1: attempt to call a number value"},
		{"local t = {} t[nil] = 1", "t:1: table index is nil"},
		{"local x = string.rep()", "t:1: bad argument #1 to 'rep' (string expected, got no value)"},
		{"local x = ('x'):rep({})", "t:1: bad argument #1 to 'rep' (number expected, got table)"},
		{"local x = string.rep('x', {}) ", "t:1: bad argument #2 to 'rep' (number expected, got table)"},
		{"local f = io.stdout local x = f.write(1)", "t:1: bad argument #1 to 'write' (FILE* expected, got number)"},
		{"error()", "(error object is a nil value)"},
		{"error('m', 0)", "m"},
		{"error('m', 2)", "m"},
		{"local function f() error('m', 2) end f()", "t:1: m"},
		{"assert(nil, 'm')", "m"},
		{"assert(false)", "assertion failed!"},
		{"setmetatable({}, {__metatable = 1})\nsetmetatable(setmetatable({}, {__metatable = 1}), {})", "t:2: cannot change a protected metatable"},
	} {
		vm, _ := newTestVM(t)
		if _, e := runChunk(t, vm, c.src, "=t"); e == nil || e.Text != c.want {
			t.Errorf("%s:\ngot  %v\nwant %s", c.src, e, c.want)
		}
	}
}
