package shared

import (
	"testing"

	"weir/lua/api"
	"weir/lua/api/apitest"
	"weir/lua/shdict"
	"weir/lua/vm"
)

func newEnv(t testing.TB, size int64) *api.Env {
	t.Helper()
	v := vm.New()
	v.OpenLibs()
	fs := api.Families{&Family}
	fs.Register()
	e := api.New(v, nil, nil, fs)
	t.Cleanup(e.Close)
	d, err := shdict.New("dogs", size)
	if err != nil {
		t.Fatal(err)
	}
	Add(e, d)
	return e
}

const prelude = `
local d = ngx.shared.dogs
local function show(...)
	local out = {}
	for i = 1, select("#", ...) do
		local v = select(i, ...)
		if type(v) == "table" then table.sort(v) v = "{" .. table.concat(v, ",") .. "}" end
		out[i] = tostring(v)
	end
	return table.concat(out, ";")
end
local function raised(f, ...)
	local ok, err = pcall(f, ...)
	return ok and "nothing raised" or (err:gsub("^test:%d+: ", ""))
end
`

func eval(t *testing.T, e *api.Env, src string) string {
	t.Helper()
	return apitest.Eval(t, e, prelude+src)
}

func TestMethods(t *testing.T) {
	for _, c := range []struct{ first, then, want string }{
		{`d:set("k", "v")`, `d:get("k")`, "v"},
		{``, `d:set("k", "v")`, "true;nil;false"},
		{`d:set("k", 1.5, 0, 7)`, `d:get("k")`, "1.5;7"},
		{`d:set("k", true)`, `d:get("k")`, "true"},
		{`d:set("k", false, nil, -1)`, `d:get("k")`, "false;-1"},
		{``, `d:get("k")`, "nil"},
		{``, `d:get(nil)`, "nil;nil key"},
		{``, `d:get("")`, "nil;empty key"},
		{``, `d:get(("x"):rep(65536))`, "nil;key too long"},
		{``, `d:set(nil, 1)`, "nil;nil key"},
		{``, `d:set("k", {})`, "nil;bad value type"},
		{`d:set(12, 1)`, `d:get("12")`, "1"},
		{`d:set("k", 1) d:set("k", nil)`, `d:get("k")`, "nil"},
		{`d:set("k", 1)`, `d:delete("k")`, "true;nil;false"},
		{``, `d:add("k", 1)`, "true;nil;false"},
		{`d:set("k", 1)`, `d:add("k", 2)`, "false;exists;false"},
		{``, `d:add("k", nil)`, "false;attempt to add or replace nil values;false"},
		{``, `d:replace("k", 2)`, "false;not found;false"},
		{``, `d:safe_set("k", ("x"):rep(200000))`, "false;no memory;false"},
		{`d:set("x", 1)`, `d:set("k", ("x"):rep(200000))`, "false;no memory;true"},
		{``, `raised(d.set, d, "k", 1, -1)`, `bad "exptime" argument`},
		{``, `raised(d.set, "dogs", "k", 1)`, `bad "zone" argument`},
		{``, `raised(d.get, {}, "k")`, `bad "zone" argument`},

		{`d:set("k", 1, 100)`, `d:get_stale("k")`, "1;nil;false"},
		{`d:set("a", 1) d:set("k", 1, 100, 3) d:get("a") d:expire("k", -1)`, `d:get_stale("k")`, "1;3;false"},
		{``, `d:get_stale("k")`, "nil"},

		{`d:set("k", 1)`, `d:incr("k", 2)`, "3"},
		{`d:set("k", 1)`, `d:incr("k", "2", 5)`, "3;nil;false"},
		{``, `d:incr("k", 2)`, "nil;not found"},
		{`d:set("k", "x")`, `d:incr("k", 2, 1)`, "nil;not a number"},
		{``, `d:incr("k", 2, 1)`, "3;nil;false"},
		{`d:incr("k", 2, "1", 10)`, `d:ttl("k") > 9, d:get("k")`, "true;3"},
		{``, `raised(d.incr, d, "k", 1, {})`, "bad init arg: number expected, got table"},
		{``, `raised(d.incr, d, "k", 1, 1, -1)`, `bad "init_ttl" argument`},
		{``, `raised(d.incr, d, "k", 1, nil, 1)`, `must provide "init" when providing "init_ttl"`},
		{``, `raised(d.incr, d, "k", nil)`, "cannot convert 'nil' to 'double'"},

		{`d:lpush("l", "a") d:rpush("l", 2)`, `d:llen("l"), d:lpop("l"), d:rpop("l"), d:lpop("l"), d:llen("l")`, "2;a;2;nil;0"},
		{`d:lpush("l", "a")`, `d:rpush("l", 2)`, "2"},
		{`d:lpush("l", "a")`, `d:get("l")`, "nil;value is a list"},
		{`d:set("l", "a")`, `d:lpush("l", 1)`, "nil;value not a list"},
		{`d:set("l", "a")`, `d:llen("l")`, "nil;value not a list"},
		{``, `d:lpush("l", true)`, "nil;bad value type"},
		{``, `d:lpush("", 1)`, "nil;empty key"},
		{``, `raised(d.lpush, d, "l")`, "expecting 3 arguments, but only seen 2"},

		{`d:set("k", 1)`, `d:ttl("k")`, "0"},
		{``, `d:ttl("k")`, "nil;not found"},
		{`d:set("k", 1)`, `d:expire("k", 5), d:ttl("k") > 4`, "true;true"},
		{``, `d:expire("k", 5)`, "nil;not found"},
		{``, `raised(d.expire, d, "k")`, `bad "exptime" argument`},

		{`d:set("a", 1) d:set("b", 1) d:set("c", 1)`, `d:get_keys(), #d:get_keys(2)`, "{a,b,c};2"},
		{`for i = 1, 5 do d:set(i, 1) end`, `d:flush_all(), d:get(5), d:flush_expired(), d:get_keys()`, "nil;nil;0;{}"},
		{``, `raised(d.get_keys, d, 1, 2)`, "expecting 1 or 2 argument(s), but saw 3"},
		{``, `d:capacity(), d:free_space() > 0`, "102400;true"},
		{`d:set("a", 1) d:get("a") d:get("b")`, `d:stats().entries, d:stats().hits, d:stats().misses`, "1;1;1"},
		{``, `type(d), type(getmetatable(d).__index.get), d.__index == getmetatable(d), rawget(d.__index, "stats")`, "table;function;true;nil"},
	} {
		got := eval(t, newEnv(t, 100<<10), c.first+" return show("+c.then+")")
		if got != c.want {
			t.Errorf("%s return %s\n got  %s\n want %s", c.first, c.then, got, c.want)
		}
	}
}

func TestACounterAllocatesNothing(t *testing.T) {
	e := newEnv(t, 1<<20)
	p, err := vm.Compile(`return function() local d = ngx.shared.dogs d:incr("requests", 1, 0) d:get("requests") d:set("flag", true) end`, "=t")
	if err != nil {
		t.Fatal(err)
	}
	l := e.VM.Main()
	l.Push(e.VM.Load(p).Value())
	l.Call(0, 1)
	fn := l.Pop1()
	if n := testing.AllocsPerRun(100, func() {
		l.Push(fn)
		l.Call(0, 0)
	}); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}
