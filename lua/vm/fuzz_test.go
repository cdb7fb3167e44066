package vm

import (
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sources are programs and pieces of programs that fuzzing of the compiler begins with.
func sources() (all []string) {
	files, _ := filepath.Glob("testdata/*.lua")
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && len(b) < 8000 {
			all = append(all, string(b))
		}
	}
	return append(all,
		"goto a ::a:: local x <= 1", "for i=1,2 do goto c local x ::c:: end", `return "\x41\u{20ac}\z  \065"`, "return 0x1p4, 1e5, .5, 3..2",
		"local function f(...) return select('#', ...), ... end return f(f(1,2))", "repeat local x = 1 local function g() x = x + 1 return x end until g() > 1",
		"local t = setmetatable({}, {__index = function(t, k) return k end}) return t.x .. t[1]", "return ('x'):rep(3):gsub('x', {x='y'})",
		"return pcall(string.format, '%5.2f%q%s', 1, 'a', {})", "local co = coroutine.wrap(function(a) for i = 1, 3 do a = coroutine.yield(a) end end) co(1) co(2)",
		"return string.find('abc', '(()a)(.-)%f[c]c$')", "local a <const> = 1", "return #{1,2,nil,4}, -2^2, not nil == true, 1 .. 2",
		"a.b['c'].d, e = f(), ...", "return function(a, b, ...) local c = ... return {a, b = c, [c] = a, ...} end", "--[==[ x ]==] return [[\n]] --",
		"while a do if b then break elseif c then goto out end end ::out::", "x = a and b or not c and (d or e)()", "return 1 < 2 == true, -x ^ -y .. 'z', #t + 2 * 3 % 4")
}

// FuzzCompile compiles arbitrary text: an error must name a line, the code must pass the check of stored code, and
// compiling once more must give the same.
func FuzzCompile(f *testing.F) {
	for _, s := range sources() {
		f.Add(s)
	}
	position := regexp.MustCompile(`^fuzz:[0-9]+: `)
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Compile(src, "=fuzz")
		if err != nil {
			if !position.MatchString(err.Error()) && !strings.HasPrefix(src, "\x1b") {
				t.Fatalf("no position in %q", err)
			}
			return
		}
		if !p.verify(nil) {
			t.Fatal("the check of stored code refuses what the compiler made")
		}
		q, err := Compile(src, "=fuzz")
		if err != nil || string(q.Marshal()) != string(p.Marshal()) {
			t.Fatalf("the second compilation differs: %v", err)
		}
	})
}

// FuzzNumber writes and reads numbers: %.17g must come back as the same number, and what tonumber accepts as a
// decimal number must be what Go reads.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"1e15", "0.1", "-0", "1e308", "5e-324", "0x1p-3", "inf", "nan", " 12 ", "1e", "0x", "1.5e+3", "123456789012345678"} {
		x, _ := strconv.ParseFloat(s, 64)
		f.Add(s, math.Float64bits(x))
	}
	decimal := regexp.MustCompile(`^[ \t\n\v\f\r]*([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)[ \t\n\v\f\r]*$`)
	f.Fuzz(func(t *testing.T, s string, bits uint64) {
		if x := math.Float64frombits(bits); x == x {
			text := string(AppendG(nil, x, 17))
			if y, ok := ParseNumber(text); !ok || y != x || math.Signbit(y) != math.Signbit(x) {
				t.Errorf("%x is written %q and read back as %x, %v", x, text, y, ok)
			}
			if got := string(AppendNumber(nil, x)); !strings.Contains(got, "inf") {
				// In the middle between two texts this engine and LuaJIT take the larger, Go the even one.
				want := strconv.FormatFloat(x, 'g', 14, 64)
				if g, w := parsed(t, got), parsed(t, want); g != w && math.Abs(g-x) != math.Abs(w-x) {
					t.Errorf("%x is written %q, want the value %q", x, got, want)
				}
			}
		}
		got, ok := ParseNumber(s)
		if m := decimal.FindStringSubmatch(s); m != nil {
			want, _ := strconv.ParseFloat(m[1], 64)
			if !ok || got != want {
				t.Errorf("%q is read as %v %v, want %v", s, got, ok, want)
			}
		}
	})
}

func parsed(t *testing.T, s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && f == 0 {
		t.Errorf("%q is no number", s)
	}
	return f
}

// FuzzRun compiles and runs arbitrary text: nothing may crash, what the compiler makes must pass the check of stored
// code, and a stored copy must be the same.
func FuzzRun(f *testing.F) {
	for _, s := range sources() {
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
