package re

import (
	"strings"
	"testing"

	"weir/lua/api"
	"weir/lua/api/apitest"
	"weir/lua/vm"
)

// prelude has a function that shows values as text.
const prelude = `
local function show(...)
	local out = {}
	for i = 1, select("#", ...) do
		local v = select(i, ...)
		if type(v) == "table" then
			local keys, t = {}, {}
			for k in pairs(v) do keys[#keys + 1] = k end
			table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
			for _, k in ipairs(keys) do
				local x = v[k]
				if type(x) == "table" then x = "{" .. table.concat(x, ",") .. "}" end
				t[#t + 1] = k .. "=" .. tostring(x)
			end
			v = "{" .. table.concat(t, " ") .. "}"
		end
		out[i] = tostring(v)
	end
	return table.concat(out, ";")
end
local split = require("ngx.re").split
`

func (f *fixture) eval(src string) string {
	f.t.Helper()
	return apitest.Eval(f.t, f.e, prelude+src)
}

type fixture struct {
	t testing.TB
	e *api.Env
}

func newFixture(t testing.TB) *fixture { return &fixture{t, apitest.Env(t, &Family)} }

func TestFunctions(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct{ src, want string }{
		// match
		{`ngx.re.match("hello, 1234", "([0-9])[0-9]+")`, "{0=1234 1=1}"},
		{`ngx.re.match("hello", "\\d")`, "nil"},
		{`ngx.re.match("hello", "(h)|(x)")`, "{0=h 1=h 2=false}"},
		{`ngx.re.match("hello, 1234", "(?<word>[a-z]+), (?<n>\\d+)")`, "{0=hello, 1234 1=hello 2=1234 n=1234 word=hello}"},
		{`ngx.re.match("a1", "(?<x>a)|(?<y>b)")`, "{0=a 1=a 2=false x=a y=false}"},
		{`ngx.re.match("ab", "(?<x>a)(?<x>b)", "D")`, "{0=ab 1=a 2=b x={a,b}}"},
		{`ngx.re.match("hello", "HEL", "ijo")`, "{0=hel}"},
		{`ngx.re.match("hello", "ell", "a")`, "nil"},
		{`ngx.re.match("a\nb", "^b$", "m")`, "{0=b}"},
		{`ngx.re.match("a\nb", "a.b", "s")`, "{0=a\nb}"},
		{`ngx.re.match("ab", "a b # c", "x")`, "{0=ab}"},
		{`ngx.re.match("foobar", "foo|foobar|(x)", "d")`, "{0=foobar}"},
		{`ngx.re.match("ää", "^.{2}$", "u")`, "{0=ää}"},
		{`ngx.re.match("ä", "^.$", "U")`, "{0=ä}"},
		{`ngx.re.match("\xff", ".", "u")`, "nil;pcre_exec() failed: -23"},
		{`ngx.re.match(1234, "2(.)")`, "{0=23 1=3}"},
		{`ngx.re.match(nil, "n.l")`, "{0=nil}"},
		{`ngx.re.match("a", "(a")`, `nil;pcre2_compile() failed: missing closing parenthesis in "(a"`},
		{`ngx.re.match("a", "a)b")`, `nil;pcre2_compile() failed: unmatched closing parenthesis in "a)b" at "b"`},
		{`ngx.re.match("a", "a", "oH")`, `error: test:23: unknown flag "H" (flags "oH")`},
		{`ngx.re.match("a", "a", "oH")`, `error: test:23: unknown flag "H" (flags "oH")`},
		{`(function() local c = {pos = 3} local m = ngx.re.match("1 2 3", "\\d", "", c) return show(m, c.pos) end)()`, "{0=2};4"},
		{`(function() local c = {pos = -3} local m = ngx.re.match("1 2 3", "\\d", "", c) return show(m, c.pos) end)()`, "{0=1};2"},
		{`(function() local c = {} local m = ngx.re.match("x", "\\d", "", c) return show(m, c.pos) end)()`, "nil;nil"},
		{`ngx.re.match("ab", "(a)", "o", nil, {7, 8, "x"})`, "{0=a 1=a 2=8 3=x}"},
		{`ngx.re.match("a", "a", "", {pos = 9})`, "nil;pcre_exec() failed: -33"},

		{`(function() local c = setmetatable({}, {__newindex = function() ngx.re.match("zz", "(z)(z)") end})
			return show(ngx.re.match("ab", "(a)(b)", false, c)) end)()`, "{0=ab 1=a 2=b}"},

		// find
		{`ngx.re.find("hello, 1234", "([0-9])([0-9]+)")`, "8;11"},
		{`ngx.re.find("hello, 1234", "([0-9])([0-9]+)", "jo", nil, 2)`, "9;11"},
		{`ngx.re.find("hello, 1234", "([0-9])|(x)", "jo", nil, 2)`, "nil;nil"},
		{`ngx.re.find("hello, 1234", "([0-9])|(x)", "jo", nil, 3)`, "nil;nil;nth out of bound"},
		{`ngx.re.find("hello", "")`, "1;0"},
		{`ngx.re.find("hello", "x")`, "nil;nil"},
		{`ngx.re.find("hello", "(")`, `nil;nil;pcre2_compile() failed: missing closing parenthesis in "("`},

		// gmatch
		{`(function() local o = {} for m in ngx.re.gmatch("a1 b2", "([a-z])(\\d)") do o[#o+1] = show(m) end return table.concat(o, "|") end)()`,
			"{0=a1 1=a 2=1}|{0=b2 1=b 2=2}"},
		{`(function() local o = {} for m in ngx.re.gmatch("ab", "x*") do o[#o+1] = "[" .. m[0] .. "]" end return table.concat(o) end)()`, "[][][]"},
		{`(function() local it = ngx.re.gmatch("a", "a") it() return show(it(), it()) end)()`, "nil;nil"},
		{`ngx.re.gmatch("a", "(")`, `nil;pcre2_compile() failed: missing closing parenthesis in "("`},

		// sub and gsub
		{`ngx.re.sub("hello, 1234", "([0-9])[0-9]", "[$0][$1]")`, "hello, [12][1]34;1"},
		{`ngx.re.sub("hello", "x", "y")`, "hello;0"},
		{`ngx.re.sub("a", "a", "$$x ${0}y")`, "$x ay;1"},
		{`ngx.re.sub("a", "a", 5)`, "5;1"},
		{`ngx.re.gsub("hello, world", "([a-z])[a-z]+", "[$1]", "i")`, "[h], [w];2"},
		{`ngx.re.gsub("abc", "", "-")`, "-a-b-c-;4"},
		{`ngx.re.gsub("äö", "", "-", "u")`, "-ä-ö-;3"},
		{`ngx.re.gsub("abcd", "b|(d)", "<$1>")`, "a<>c<d>;2"},
		{`ngx.re.gsub("1 2", "\\d", function(m) return m[0] * 2 end)`, "2 4;2"},
		{`ngx.re.gsub("1 2", "\\d", function(m) return (ngx.re.gsub("abc", "b", function() return "[" .. m[0] .. "]" end)) end)`, "a[1]c a[2]c;2"},
		{`ngx.re.gsub("a", "(", "")`, `nil;nil;pcre2_compile() failed: missing closing parenthesis in "("`},

		// split
		{`split("a,b,c,d", ",")`, "{1=a 2=b 3=c 4=d}"},
		{`split("a,b,c,,", ",")`, "{1=a 2=b 3=c}"},
		{`split("a,b,c,,", ",", nil, nil, 9)`, "{1=a 2=b 3=c 4= 5=}"},
		{`split(",a,b", ",")`, "{1= 2=a 3=b}"},
		{`split("a,b,c,d", "(,)")`, "{1=a 2=, 3=b 4=, 5=c 6=, 7=d}"},
		{`split("a,b,c,d", ",", "jo", nil, 3)`, "{1=a 2=b 3=c,d}"},
		{`split("abc", "")`, "{1=a 2=b 3=c}"},
		{`split("", ",")`, "{}"},
		{`split("a,b", "x")`, "{1=a,b}"},
		{`split("a,b,c", ",", nil, {pos = 3})`, "{1=b 2=c}"},
		{`split("a,b", ",", nil, nil, nil, {1, 2, 3, 4})`, "{1=a 2=b 4=4}"},
		{`split("a", "(")`, `nil;pcre2_compile() failed: missing closing parenthesis in "("`},
		{`split("a", ",", nil, nil, nil, "x")`, "error: test:23: res is not a table"},
	} {
		src := "\nlocal function go() return " + c.src + " end return show(go())"
		if strings.HasPrefix(c.want, "error") {
			src = "\nreturn show((" + c.src + "))"
		}
		if got := f.eval(src); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.src, got, c.want)
		}
	}
}

func TestACacheKeepsWhatIsUsed(t *testing.T) {
	f := newFixture(t)
	g := engines.In(f.e)
	g.kept = newCache(4)
	f.eval(`for i = 1, 50 do ngx.re.match("a", "a", "o") ngx.re.match("a", "b" .. i, "o") ngx.re.match("a", "c" .. i) end return ""`)
	if len(g.kept.m) != 4 || g.kept.m[key{"a", "o"}] == nil {
		t.Errorf("got %d patterns kept, want 4 with the one in use", len(g.kept.m))
	}
	if len(g.loose.m) != 50 {
		t.Errorf("got %d patterns without o, want 50", len(g.loose.m))
	}
	g.kept = newCache(0)
	if got := f.eval(`return show(ngx.re.match("a", "a", "oi"))`); got != "{0=a}" || len(g.kept.m) != 0 {
		t.Errorf("without a cache: got %s, %d kept", got, len(g.kept.m))
	}
}

func TestTheMatchLimitEndsAMatch(t *testing.T) {
	f := newFixture(t)
	engines.In(f.e).limit = 500
	got := f.eval(`return show(ngx.re.match(("a"):rep(60), "(?:(a+)+\\1)+$(?<=b)"))`)
	if got != "nil;pcre_exec() failed: -47" {
		t.Errorf("got %s", got)
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	f := newFixture(t)
	p, err := vm.Compile(`return function() ngx.re.find("/user/1234/edit", "^/user/([0-9]+)/(edit|view)$", "jo", nil, 1) end`, "=bench")
	if err != nil {
		t.Fatal(err)
	}
	l := f.e.VM.Main()
	l.Push(f.e.VM.Load(p).Value())
	l.Call(0, 1)
	fn := l.Pop1()
	if n := testing.AllocsPerRun(100, func() {
		l.Push(fn)
		l.Call(0, 0)
	}); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	f := newFixture(b)
	p, _ := vm.Compile(`return function(n) for i = 1, n do ngx.re.match("/user/1234/edit", "^/user/([0-9]+)/(edit|view)$", "jo") end end`, "=bench")
	l := f.e.VM.Main()
	l.Push(f.e.VM.Load(p).Value())
	l.Call(0, 1)
	b.ReportAllocs()
	b.ResetTimer()
	l.PushInt(b.N)
	l.Call(1, 0)
}
