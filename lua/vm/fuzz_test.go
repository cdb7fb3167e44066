package vm

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzRun compiles and runs arbitrary text: nothing may crash, what the compiler makes must pass the check of stored
// code, and a stored copy must be the same.
func FuzzRun(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.lua")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && len(b) < 8000 {
			f.Add(string(b))
		}
	}
	for _, s := range []string{
		"goto a ::a:: local x <= 1", "for i=1,2 do goto c local x ::c:: end", `return "\x41\u{20ac}\z  \065"`, "return 0x1p4, 1e5, .5, 3..2",
		"local function f(...) return select('#', ...), ... end return f(f(1,2))", "repeat local x = 1 local function g() x = x + 1 return x end until g() > 1",
		"local t = setmetatable({}, {__index = function(t, k) return k end}) return t.x .. t[1]", "return ('x'):rep(3):gsub('x', {x='y'})",
		"return pcall(string.format, '%5.2f%q%s', 1, 'a', {})", "local co = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(a) end end) co(1) co(2)",
		"return string.find('abc', '(()a)(.-)%f[c]c$')", "local a <const> = 1", "return #{1,2,nil,4}, -2^2, not nil == true, 1 .. 2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Compile(src, "=fuzz")
		if err != nil {
			return
		}
		if !p.verify(nil) {
			t.Fatal("the check of stored code refuses what the compiler made")
		}
		if q, err := Unmarshal(p.Marshal()); err != nil || string(q.Marshal()) != string(p.Marshal()) {
			t.Fatalf("the stored copy differs: %v", err)
		}
		vm, _ := newTestVM(t)
		vm.FullGC = false
		for _, lib := range [...]string{"io", "os", "dofile", "loadfile", "require"} {
			vm.Globals().SetString(lib, Nil)
		}
		vm.SetBudget(Budget{Instructions: 20000, Bytes: 4 << 20, PatternSteps: 100000, StringBytes: 1 << 20})
		l := vm.Main()
		l.Push(vm.Load(p).Value())
		l.PCall(0, 0)
		if l.fi != 0 || l.top != 1 || l.ngo != 0 || vm.goDepth != 0 {
			t.Fatalf("the thread is left at frame %d, top %d, %d Go calls, depth %d", l.fi, l.top, l.ngo, vm.goDepth)
		}
	})
}
