package resty

import (
	"runtime"
	"testing"
	"time"

	"weir/lua/api"
	"weir/lua/api/apitest"
	"weir/lua/re"
	"weir/lua/shared"
	"weir/lua/shdict"
	"weir/lua/vm"
)

func newEnv(t testing.TB) (*api.Env, *shdict.Dict) {
	t.Helper()
	e := apitest.Env(t, &shared.Family, &re.Family, &Family)
	d, err := shdict.New("dogs", 100<<10)
	if err != nil {
		t.Fatal(err)
	}
	shared.Add(e, d)
	return e, d
}

const prelude = `
local function show(...)
	local out = {}
	for i = 1, select("#", ...) do
		local v = select(i, ...)
		if type(v) == "table" then
			local t = {}
			for j = 1, #v do t[j] = tostring(v[j]) end
			v = "{" .. table.concat(t, ",") .. "}"
		end
		out[i] = tostring(v)
	end
	return table.concat(out, ";")
end
local function raised(f, ...)
	local ok, err = pcall(f, ...)
	return ok and "nothing raised" or (err:gsub("^test:%d+: ", ""))
end
local function hex(s) return s and require("resty.string").to_hex(s) end
local lru = require "resty.lrucache"
local lock = require "resty.lock"
local aes = require "resty.aes"
local b64 = require "ngx.base64"
local pool = require "tablepool"
local d = ngx.shared.dogs
local k16, iv16 = ("k"):rep(16), "0123456789abcdef"
local function with(mode, nopad)
	return aes:new(k16, nil, aes.cipher(128, mode), {iv = iv16}, nil, nil, not nopad)
end
local function crypt(mode)
	local a = with(mode)
	local c = a:encrypt("hello weir, hello again")
	return hex(c), a:decrypt(c)
end
`

func eval(t *testing.T, e *api.Env, src string) string {
	t.Helper()
	return apitest.Eval(t, e, prelude+src)
}

// cases are what to run first, the expressions whose values are shown, and what they must be. Cipher texts are those
// of the openssl command.
var cases = []struct{ first, then, want string }{
	// resty.core
	{``, `require("resty.core").version == require("resty.core.uri").version, require("resty.core.base").FFI_DECLINED`, "true;-5"},
	{`local b = require("resty.core.base")`, `b.new_tab(4, 4), raised(b.allows_subsystem, "stream"), raised(b.allows_subsystem, "stream", "http")`,
		"{};unsupported subsystem: http;nothing raised"},
	{`local b, t = require("resty.core.base"), {}`, `b.ref_in_table(t, "a"), b.ref_in_table(t, "b"), b.ref_in_table(t, nil), t`, "1;2;-1;{a,b}"},
	{`local t = require("resty.core.time")`, `t.monotonic_msec() > 0, math.abs(t.monotonic_time() - t.monotonic_msec() / 1000) < 60`, "true;true"},
	{``, `require("resty.core.utils").str_replace_char("a-b-c", "-", "_")`, "a_b_c"},

	// ngx.base64
	{``, `b64.encode_base64url("\255\254a"), b64.decode_base64url("__5h"), b64.decode_base64url("YQ=="), b64.encode_base64url("")`, "__5h;\xff\xfea;a;"},
	{``, `b64.decode_base64url("a+/b")`, "nil;invalid input"},
	{``, `b64.decode_base64url("YWJj\nYWJj")`, "nil;invalid input"},
	{``, `b64.decode_base64url("YWJjY")`, "nil;invalid input"},
	{``, `b64.encode_base64url(3)`, "nil;must provide a string"},

	// tablepool
	{`local t = pool.fetch("a", 1, 0) t[1] = 1 pool.release("a", t)`, `pool.fetch("a", 1, 0) == t, t[1], pool.fetch("a", 1, 0) == t`, "true;nil;false"},
	{`local t = pool.fetch("a", 1, 0) t[1] = 1 pool.release("a", t, true)`, `pool.fetch("a", 1, 0)`, "{1}"},
	{``, `raised(pool.release, "a", nil)`, "object empty"},

	// resty.lrucache
	{`local c = lru.new(2)`, `c:get("a"), c:count(), c:capacity(), type(c)`, "nil;0;2;table"},
	{`local c = lru.new(2) c:set("a", 1) c:set("b", 2, nil, 7)`, `c:get("b")`, "2;nil;7"},
	{`local c = lru.new(2) c:set("a", 1) c:set("b", 2) c:get("a") c:set("c", 3)`, `c:get("b"), (c:get("a")), (c:get("c")), c:get_keys()`, "nil;1;3;{c,a}"},
	{`local c = lru.new(2) c:set("a", 1, -5)`, `c:get("a")`, "nil;1;0"},
	{`local c = lru.new(2) c:set("a", 1) c:set("a", 2)`, `c:count(), c:delete("a"), c:delete("a"), c:count(), c:get("a")`, "1;true;false;0;nil"},
	{`local c = lru.new(3) for i = 1, 9 do c:set(i, i) c:delete(i - 1) end`, `c:count(), c:get_keys(), c:get_keys(0, {1, 2, 3})`, "1;{9};{9}"},
	{`local c = lru.new(3) for i = 1, 9 do c:set(i, i) end c:flush_all() c:set("x", "y")`, `c:count(), c:get_keys(), (c:get("x")), c:get(9)`, "1;{x};y;nil"},
	{`local c = lru.new(3) for i = 1, 3 do c:set(i, i) end`, `c:get_keys(2), c:get_keys(9)`, "{3,2};{3,2,1}"},
	{``, `lru.new(0)`, "nil;size too small"},
	{`local c = require("resty.lrucache.pureffi").new(5, 0.5) c:set("a", 1)`, `c:get("a")`, "1;nil;0"},
	{`local c = lru.new(2)`, `raised(c.set, c, nil, 1)`, "table index is nil"},

	// resty.lock
	{``, `lock:new("cats")`, "nil;dictionary not found"},
	{`local a, b = lock:new("dogs"), lock:new("dogs", {timeout = 0})`, `a:lock("k"), b:lock("k"), (a:lock("k2")), a:expire(5), a:unlock(), a:unlock(), b:lock("k")`,
		"0;nil;nil;true;1;nil;0"},
	{`local a, b = lock:new("dogs"), lock:new("dogs", {timeout = 0}) a:lock("k")`, `b:lock("k")`, "nil;timeout"},
	{`local a = lock:new("dogs") a:lock("k")`, `a:lock("k")`, "nil;locked"},
	{`local a = lock:new("dogs")`, `a:unlock()`, "nil;unlocked"},
	{`local a = lock:new("dogs")`, `a:lock(nil)`, "nil;nil key"},
	{`local a, b = lock:new("dogs"), lock:new("dogs") a:lock("k")`, `raised(b.lock, b, "k")`, "no request found"},

	// resty.string, digests, random
	{``, `hex("\0\255a"), require("resty.string").atoi("0123"), require("resty.string").atoi("1x"), require("resty.string").atoi("")`, "00ff61;123;-1;-1"},
	{`local m = require("resty.md5"):new() m:update("hel") m:update("lo!!", 2)`, `hex(m:final()), m:reset(), hex(m:final())`,
		"5d41402abc4b2a76b9719d911017c592;true;d41d8cd98f00b204e9800998ecf8427e"},
	{`local m = require("resty.sha1"):new() m:update("abc")`, `hex(m:final())`, "a9993e364706816aba3e25717850c26c9cd0d89d"},
	{`local m = require("resty.sha224"):new() m:update("abc")`, `hex(m:final())`, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
	{`local m = require("resty.sha256"):new() m:update("abc")`, `hex(m:final())`, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{`local m = require("resty.sha384"):new() m:update("abc")`, `#m:final()`, "48"},
	{`local m = require("resty.sha512"):new() m:update("abc")`, `#m:final()`, "64"},
	{`local r = require("resty.random")`, `#r.bytes(20), #r.bytes(3, true), r.bytes(16) == r.bytes(16)`, "20;3;false"},

	// resty.aes
	{``, `crypt("cbc")`, "a21b816147d74939d8577ad317968b845e89595b0af027c396dc08dd9be561b2;hello weir, hello again"},
	{``, `crypt("ecb")`, "bbf9d7065efbf75e247a1550baaa1c8b49984ae01623b179e8ff6ef7bf1bde69;hello weir, hello again"},
	{``, `crypt("cfb1")`, "09e21a0875df19f12edb0fc8b337cce345f264f5ec1471;hello weir, hello again"},
	{``, `crypt("cfb8")`, "14fcd135ce80c3ecc5fdc72bdf451dd03580df55e5b13f;hello weir, hello again"},
	{``, `crypt("cfb128")`, "14ab8a30b47259abe2810a4df2bfcc0689e39957150695;hello weir, hello again"},
	{``, `crypt("ofb")`, "14ab8a30b47259abe2810a4df2bfcc067f59f498f13eb0;hello weir, hello again"},
	{``, `crypt("ctr")`, "14ab8a30b47259abe2810a4df2bfcc063ca47b25b61ddb;hello weir, hello again"},
	{`local a = aes:new(("\0"):rep(16), nil, aes.cipher(128, "gcm"), {iv = ("\0"):rep(12)}) local r = a:encrypt(("\0"):rep(16))`,
		`hex(r[1]), hex(r[2]), hex(a:decrypt(r[1], r[2])), a:decrypt(r[1], ("x"):rep(16))`,
		"0388dace60b6a392f328c2b971b2fe78;ab6e47d42cec13bdf53a67b21257bddf;00000000000000000000000000000000;nil;EVP_DecryptFinal_ex failed"},
	{`local a = aes:new("secret", nil, aes.cipher(128, "gcm")) local r = a:encrypt("text", "aad")`, `a:decrypt(r[1], r[2], "aad"), (a:decrypt(r[1], r[2]))`, "text;nil"},
	{`local a = aes:new("secret")`, `hex(a:encrypt("hello weir")), a:decrypt(a:encrypt("hello weir"))`, "21528fa4a7efbb0397a094e909d8dd9c;hello weir"},
	{`local a = aes:new("secret", "12345678", aes.cipher(256, "cbc"), aes.hash.sha256)`, `hex(a:encrypt("hello weir"))`, "beb6d6bb1e2827f364caa2a23c2ba929"},
	{`local a = aes:new("secret", nil, nil, aes.hash.sha512, 5)`, `a:decrypt(a:encrypt(""))`, ""},
	{``, `with("cbc", true):encrypt("short")`, "nil;EVP_EncryptFinal_ex failed"},
	{``, `raised(aes.encrypt, "x")`, "bad argument #1 self: table expected, got string"},
	{``, `with("cbc"):decrypt("short")`, "nil;EVP_DecryptFinal_ex failed"},
	{``, `with("cbc"):decrypt(("x"):rep(16))`, "nil;EVP_DecryptFinal_ex failed"},
	{``, `aes:new("secret", "short")`, "nil;salt must be 8 characters or nil"},
	{``, `aes:new("secret", nil, nil, {iv = iv16})`, "nil;bad key length"},
	{``, `aes:new(k16, nil, nil, {})`, "nil;iv is needed"},
	{``, `aes:new(k16, nil, nil, {iv = iv16 .. "x"})`, "nil;bad iv length"},
	{``, `aes.cipher(128, "xts"), aes.cipher(100), aes.cipher().size, aes.cipher(256, "gcm").cipher`, "nil;nil;128;gcm"},

	// resty.limit
	{``, `require("resty.limit.req").new("cats", 1, 1)`, "nil;shared dict not found"},
	{``, `raised(require("resty.limit.req").new, "dogs", 0, 1)`, "assertion failed!"},
	{`local lim = require("resty.limit.req").new("dogs", 1, 2)`,
		`lim:incoming("k", true), (lim:incoming("k", false)) > 0.5, (lim:incoming("k", true)) > 0.5, (lim:incoming("k", true)) > 1.5, lim:incoming("k", true)`, "0;true;true;true;nil;rejected"},
	{`local lim = require("resty.limit.req").new("dogs", 1, 0) lim:incoming("k", true)`, `lim:incoming("k", true)`, "nil;rejected"},
	{`local lim = require("resty.limit.req").new("dogs", 1, 0) d:set("k", "x")`, `lim:incoming("k", true)`, "nil;shdict abused by other users"},
	{`local lim = require("resty.limit.req").new("dogs", 1, 0)`, `lim:uncommit("k")`, "nil;not found"},
	{`local lim = require("resty.limit.req").new("dogs", 1, 0) lim:set_rate(5) lim:set_burst(3)`, `lim.rate, lim.burst, #d:get_keys()`, "5000;3000;0"},
	{`local lim = require("resty.limit.conn").new("dogs", 1, 1, 0.5)`,
		`lim:incoming("k", true), lim:is_committed(), lim:incoming("k", true), lim:incoming("k", true), lim:is_committed(), lim:leaving("k", 0.1), lim.unit_delay`,
		"0;true;0.5;nil;false;1;0.3"},
	{`local lim = require("resty.limit.conn").new("dogs", 1, 1, 0.5)`, `lim:incoming("k")`, "0;1"},
	{`local lim = require("resty.limit.conn").new("dogs", 1, 0, 0.5) lim:incoming("k", true)`, `lim:incoming("k", true)`, "nil;rejected"},
	{`local lim = require("resty.limit.conn").new("dogs", 1, 0, 0.5)`, `lim:uncommit("k")`, "nil;not found"},
	{`local lim = require("resty.limit.count").new("dogs", 2, 10)`, `lim:incoming("k"), (lim:incoming("k", true)), lim:incoming("k", true)`, "0;0;0;0"},
	{`local lim = require("resty.limit.count").new("dogs", 1, 10) lim:incoming("k", true)`, `lim:incoming("k", true)`, "nil;rejected"},
	{`local lim = require("resty.limit.count").new("dogs", 5, 10)`, `lim:uncommit("k"), lim:incoming("k", true), lim:uncommit("k")`, "5;0;5"},
	{`local count, conn = require("resty.limit.count").new("dogs", 1, 10), require("resty.limit.conn").new("dogs", 1, 2, 0.5)
	local combine, states = require("resty.limit.traffic").combine, {}`,
		`combine({count, conn}, {"a", "b"}, states), states, combine({count, conn}, {"a", "b"}), d:get("b")`, "0;{0,1};nil;1"},
}

func TestModules(t *testing.T) {
	for _, c := range cases {
		e, _ := newEnv(t)
		if got := eval(t, e, c.first+" return show("+c.then+")"); got != c.want {
			t.Errorf("%s return %s\n got  %s\n want %s", c.first, c.then, got, c.want)
		}
	}
}

func TestALockThatWasDroppedIsReleased(t *testing.T) {
	e, d := newEnv(t)
	eval(t, e, `lock:new("dogs"):lock("k") return ""`)
	now := time.Now().UnixMilli()
	for end := time.Now().Add(20 * time.Second); ; {
		runtime.GC()
		if it, _ := d.Get(now, "k", nil); it.Kind == shdict.Nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the key is still held")
		}
		eval(t, e, `local t = {} for i = 1, 100 do t[i] = {} end return ""`)
		runtime.Gosched()
	}
}

func TestCachesAndLimitsAllocateNothing(t *testing.T) {
	e, _ := newEnv(t)
	p, err := vm.Compile(prelude+`
	local c = lru.new(10)
	local count = require("resty.limit.count").new("dogs", 1e9, 10)
	return function() c:set("a", 1) c:set("b", true, 10) c:get("a") count:incoming("k", true) end`, "=t")
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
