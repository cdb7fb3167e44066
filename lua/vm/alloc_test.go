package vm

import "testing"

// TestHotPathsDoNotAllocate runs loops whose bodies must not allocate; each chunk returns the function to measure.
func TestHotPathsDoNotAllocate(t *testing.T) {
	vm, _ := newTestVM(t)
	vm.Register(vm.Globals(), "gofn", func(l *State) int {
		l.PushNumber(l.CheckNumber(1) + float64(len(l.CheckString(2))))
		return 1
	})
	for name, src := range map[string]string{
		"empty function":          `return function() end`,
		"arithmetic and loops":    `return function() local s = 0 for i = 1, 100 do s = s + i * 2 % 7 - i / 3 end return s end`,
		"fields":                  `local o = {x = 1, y = 2} return function() for i = 1, 100 do o.x = o.x + o.y end end`,
		"methods and inheritance": `local C = {} C.__index = C function C:m(x) self.v = x return self end local o = setmetatable({v = 0}, setmetatable({__index = C}, {})) return function() for i = 1, 100 do o:m(i) end end`,
		"array elements":          `local t = {} for i = 1, 100 do t[i] = i end return function() local s = 0 for i = 1, #t do s = s + t[i] t[i] = i end return s end`,
		"dynamic string keys":     `local t, k = {}, {} for i = 1, 20 do k[i] = "key" .. i t[k[i]] = i end return function() for i = 1, 20 do t[k[i]] = t[k[i]] + 1 end end`,
		"pairs and ipairs":        `local t = {1, 2, 3, a = 1, b = 2} return function() for k, v in pairs(t) do end for i, v in ipairs(t) do end for k in next, t do end end`,
		"calls":                   `local function f(a, b, c) return c, b, a end return function() local x, y, z = f(1, 2, 3) return (f(x)) end`,
		"varargs":                 `local function f(...) return select("#", ...), ... end return function() return f(1, 2, 3) end`,
		"Go function":             `local g = gofn return function() return g(1, "abc") end`,
		"pcall":                   `local function f(a) return a end return function() return pcall(f, 1) end`,
		"coroutine":               `local y = coroutine.yield local co = coroutine.wrap(function() while true do y(1) end end) return function() return co() end`,
		"find and match":          `local s = "text/html; charset=utf-8" return function() return s:find("charset", 1, true), s:match("charset=([%w%-]+)"), s:match("^(.-)/(.-);") end`,
		"sub, byte, len":          `local s = "content-type" return function() return s:sub(1, 4), s:byte(5), #s, s:sub(-4) == "type" end`,
		"comparison":              `local a, b = "abc", "abd" return function() return a < b, a == b, a ~= b, 1 < 2 end`,
		"tostring of small ints":  `return function() return tostring(7), type(7) end`,
		"bit":                     `local band, bor = bit.band, bit.bor return function() return bor(band(255, 15), 256) end`,
		"math":                    `local floor, max = math.floor, math.max return function() return max(floor(3.7), 2) end`,
	} {
		res, e := runChunk(t, vm, src, "=t")
		if e != nil {
			t.Fatal(e.Traceback)
		}
		l := vm.Main()
		if n := testing.AllocsPerRun(100, func() {
			l.Push(res[0])
			l.PCall(0, 0)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestTasksMayStartTasksAndYieldToTheHost(t *testing.T) {
	vm := parkVM(t)
	var order []string
	vm.Register(vm.Globals(), "spawn", func(l *State) int {
		f := l.CheckFunction(1)
		k := vm.Go(func(l *State) {
			l.Push(f)
			l.PCall(0, 0)
		})
		l.User = k
		return 0
	})
	vm.Register(vm.Globals(), "say", func(l *State) int {
		order = append(order, l.CheckString(1))
		return 0
	})
	vm.TaskYield = func(l *State) int {
		l.Park()
		return l.Ret(String("resumed"))
	}
	p, err := Compile(`say("a") spawn(function() say("b") park() say("d") end) say("c") say((coroutine.yield(1)))
		say(coroutine.wrap(function() return coroutine.yield("inner") end)())`, "=t")
	if err != nil {
		t.Fatal(err)
	}
	var inner *Task
	outer := vm.Go(func(l *State) {
		l.Push(vm.Load(p).Value())
		if _, e := l.PCall(0, 0); e != nil {
			t.Error(e.Traceback)
		}
		inner, _ = l.User.(*Task)
	})
	outer.Resume()
	if !outer.Done() || inner == nil || inner.Done() {
		t.Fatal("the outer task is not done, or the inner one is")
	}
	inner.Resume()
	if got := len(order); got != 6 || order[3] != "resumed" || order[4] != "inner" || order[5] != "d" {
		t.Errorf("got %q", order)
	}
	vm.CloseTasks()
}
