package vm

import (
	"runtime"
	"strings"
	"testing"
)

func TestAnLRUOverAMillionUniqueKeysStaysFlat(t *testing.T) {
	for name, src := range map[string]string{
		"string keys": `local t={} for i=1,1000000 do t["k"..i]=i if i>100 then t["k"..(i-100)]=nil end end local n=0 for k in pairs(t) do n=n+1 end assert(n==100,n) return t`,
		"number keys": `local t={} for i=1,1000000 do t[i*7]=i if i>100 then t[(i-100)*7]=nil end end local n=0 for k in pairs(t) do n=n+1 end assert(n==100,n) return t`,
		"table keys":  `local t,q={},{} for i=1,300000 do local k={} t[k]=i q[i%100]=k; local old=q[(i+1)%100] if old then t[old]=nil end end return t`,
		"queue":       `local t,h={},1 for i=1,1000000 do t[i]=i if i>100 then t[h]=nil h=h+1 end end local n=0 for k in pairs(t) do n=n+1 end assert(n==100,n) return t`,
	} {
		vm, _ := newTestVM(t)
		res, e := runChunk(t, vm, src, "=t")
		if e != nil {
			t.Fatalf("%s: %s", name, e.Traceback)
		}
		if b := res[0].AsTable().bytes(); b > 1<<16 {
			t.Errorf("%s: the table holds %d bytes", name, b)
		}
	}
}

func TestBudgetsAndBombsAreLuaErrors(t *testing.T) {
	for _, c := range []struct {
		name, src, want string
		budget          Budget
	}{
		{"runaway loop", `while true do end`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway for", `for i=1,1e18 do end`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway goto", `::a:: goto a`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway repeat", `local x repeat until x`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway repeat with a comparison", `local x = 0 repeat local y = x until y > 1`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway repeat with and, or", `local x, y, z repeat until x and y or z`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway repeat with a cell", `local x repeat local y = x local function f() y = 1 end until y`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway while that ends with if", `local a while true do if a then a() end end`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway while that ends with if, else", `local a while not a do if a then a() elseif a == 1 then a() else end end`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway goto behind or", `local a, b = true ::top:: if a or b then goto top end`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway goto behind if", `local a ::top:: if a then a() end goto top`, "t:1: instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway recursion by tail calls", `local function f() return f() end f()`, "instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway iterator", `for k in function() return 1 end do end`, "instruction budget exceeded", Budget{Instructions: 1e6}},
		{"runaway inside pcall", `while true do pcall(function() while true do end end) end`, "instruction budget exceeded", Budget{Instructions: 1e6}},
		{"table.insert at a far position", `table.insert({}, -1e15, 1)`, "instruction budget exceeded", Budget{Instructions: 1e6}},
		{"table.move", `table.move({}, 1, 1e15, 2)`, "instruction budget exceeded", Budget{Instructions: 1e6}},
		{"tables", `local t={} for i=1,1e9 do t[i]={} end`, "not enough memory", Budget{Bytes: 10 << 20}},
		{"strings", `local s="x" while true do s=s..s end`, "not enough memory", Budget{Bytes: 10 << 20}},
		{"table.new", `require("table.new")(1e8,0)`, "not enough memory", Budget{Bytes: 10 << 20}},
		{"string.rep", `return ("x"):rep(1e9)`, "not enough memory", Budget{Bytes: 10 << 20}},
		{"string.rep without a budget", `return ("x"):rep(1e15)`, "string length overflow", Budget{}},
		{"string.rep with a separator", `return ("x"):rep(1e9,("y"):rep(1000))`, "string length overflow", Budget{StringBytes: 1 << 20}},
		{"concat chain", `local s=("x"):rep(1e6) return s..s..s`, "string length overflow", Budget{StringBytes: 2 << 20}},
		{"table.concat", `local s=("x"):rep(1e5) local t={} for i=1,100 do t[i]=s end return table.concat(t)`, "string length overflow", Budget{StringBytes: 2 << 20}},
		{"pattern backtracking", `return ("a"):rep(5000):find(("a*"):rep(20).."b")`, "pattern too complex", Budget{PatternSteps: 1e6}},
		{"pattern recursion", `return ("x"):rep(1000):find(("x?"):rep(1000))`, "pattern too complex", Budget{}},
		{"recursion", `local function f() return 1+f() end return f()`, "stack overflow", Budget{}},
		{"recursion through metamethods", `local t t=setmetatable({},{__index=function(_,k) return t[k+1]..1 end}) return t[1]`, "stack overflow", Budget{}},
		{"recursion through gsub", `local function f() return (("x"):gsub("x",f)) end return f()`, "C stack overflow", Budget{}},
		{"recursion through tostring", `local t t=setmetatable({},{__tostring=function() return tostring(t) end}) return tostring(t)`, "C stack overflow", Budget{}},
		{"recursion through pcall", `local function f() return pcall(f) end local ok,e=f() error("stack overflow "..tostring(ok))`, "stack overflow", Budget{}},
		{"recursion through coroutines", `local function f() return coroutine.wrap(f)() end return f()`, "C stack overflow", Budget{}},
		{"unpack", `return unpack({},1,1e8)`, "too many results to unpack", Budget{}},
		{"__index loop", `local a,b=setmetatable({},{}),{} setmetatable(b,{__index=a}) getmetatable(a).__index=b return a.x`, "loop in gettable", Budget{}},
		{"__newindex loop", `local a,b=setmetatable({},{}),{} setmetatable(b,{__newindex=a}) getmetatable(a).__newindex=b a.x=1`, "loop in settable", Budget{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			vm, _ := newTestVM(t)
			vm.SetBudget(c.budget)
			_, e := runChunk(t, vm, c.src, "=t")
			if e == nil || !strings.Contains(e.Text, c.want) {
				t.Errorf("got %v, want %q", e, c.want)
			}
			u := vm.Usage()
			if want := max(c.budget.Instructions, 1e6) + 2*fuelSlice; u.Instructions > want {
				t.Errorf("it took %d instructions, want at most %d", u.Instructions, want)
			}
		})
	}
}

func TestAnOverflowIsCaughtFastAndItsStackGivenBack(t *testing.T) {
	vm, _ := newTestVM(t)
	_, e := runChunk(t, vm, `local function f(n) return 1+f(n+1) end
		for i=1,10 do local ok,m=pcall(f,1) assert(not ok and m=="stack overflow", m) end
		assert(select(2,xpcall(f,function(m) return "H:"..m end,1))=="H:stack overflow")
		local function g(n) if n==0 then return 0 end return 1+g(n-1) end
		assert(g(20000)==20000)`, "=t")
	if e != nil {
		t.Fatal(e.Traceback)
	}
	// Eleven overflows of a stack of some 160,000 frames that doubles as it grows, each traversed once.
	u := vm.Usage()
	if u.Instructions > 4e6 || u.Bytes > 256<<20 {
		t.Errorf("it took %d instructions and %d bytes", u.Instructions, u.Bytes)
	}
	if n := len(vm.Main().stack); n > 1<<15 {
		t.Errorf("the stack kept %d slots", n)
	}
}

func TestWeakTablesAndFinalizersLetGo(t *testing.T) {
	vm, _ := newTestVM(t)
	_, e := runChunk(t, vm, `
		local k=setmetatable({},{__mode="k"}) local v=setmetatable({},{__mode="v"}) local keep={}
		for i=1,100 do k[{}]=i v[i]={} end k[keep]=1 v.keep=keep v.str="s" k.n=5
		-- Cleanups run on a goroutine of the runtime: how soon depends on the machine.
		local function count(t) local n=0 for _ in pairs(t) do n=n+1 end return n end
		for i=1,1000 do collectgarbage() if count(k)==2 and count(v)==2 then break end end
		assert(count(k)==2) assert(count(v)==2)
		assert(k[keep]==1 and v.keep==keep and v.str=="s" and k.n==5)
		k[keep]=nil assert(next(k)=="n") k.n=nil assert(next(k)==nil)
		for i=1,1000 do v[i]=keep end assert(#v==1000) for i=1,1000 do v[i]=nil end
		local fin=0 local function mk() local p=newproxy(true) getmetatable(p).__gc=function(u) assert(type(u)=="userdata") fin=fin+1 end end
		for i=1,10 do mk() end for i=1,1000 do collectgarbage() if fin>=9 then break end end assert(fin>=9,fin)`, "=t")
	if e != nil {
		t.Fatal(e.Traceback)
	}
}

func TestAbandonedCoroutinesAreGarbage(t *testing.T) {
	vm, _ := newTestVM(t)
	before := runtime.NumGoroutine()
	var m0, m1 runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m0)
	_, e := runChunk(t, vm, `for i=1,100000 do local co=coroutine.wrap(function() local x={} coroutine.yield() return x end) co() end`, "=t")
	if e != nil {
		t.Fatal(e.Traceback)
	}
	runtime.GC()
	runtime.ReadMemStats(&m1)
	if m1.HeapAlloc > m0.HeapAlloc+4<<20 {
		t.Errorf("heap went from %d to %d", m0.HeapAlloc, m1.HeapAlloc)
	}
	waitGoroutines(t, before)
}

func TestAWalkMeasuresWhatIsReachableInSlices(t *testing.T) {
	vm, _ := newTestVM(t)
	measure := func() int64 {
		w := vm.NewWalk()
		for i := 0; !w.Step(100); i++ {
			if i > 1000000 {
				t.Fatal("the walk does not end")
			}
		}
		return w.Bytes()
	}
	before := measure()
	if _, e := runChunk(t, vm, `big = {} for i = 1, 1000 do big[i] = ("x"):rep(1000) .. i end loop = {} loop.loop = loop
		co = coroutine.wrap(function() local held = ("y"):rep(1e6) coroutine.yield() return held end) co()
		local up = ("z"):rep(1e6) function closure() up = up return up end`, "=t"); e != nil {
		t.Fatal(e.Traceback)
	}
	if d := measure() - before; d < 3000000 || d > 3200000 {
		t.Errorf("3 MB of strings were measured as %d bytes", d)
	}
	vm.MemoryLimit = before + 1<<20
	measure()
	vm.ResetUsage()
	if _, e := runChunk(t, vm, `local t = {} for i = 1, 1e6 do t[i] = {} end`, "=t"); e == nil || e.Text != "not enough memory" {
		t.Errorf("got %v, want an error of memory", e)
	}
	vm.ResetUsage()
	if _, e := runChunk(t, vm, `big, co, closure = nil`, "=t"); e != nil {
		t.Error(e)
	}
	measure()
	vm.ResetUsage()
	if _, e := runChunk(t, vm, `local t = {} for i = 1, 1e5 do t[i] = {} end`, "=t"); e != nil {
		t.Error(e)
	}
}

func TestCdataIsUserdataUnderAnotherName(t *testing.T) {
	v := New()
	v.OpenLibs()
	u := v.NewCdata(1).Value()
	v.Globals().SetString("c", u)
	got, err := runChunk(t, v, `return type(c) .. " " .. type(newproxy()) .. " " .. tostring(c):sub(1, 9) .. " " .. select(2, pcall(function() return c.x end)):match("a %w+ value")`, "=t")
	if err != nil {
		t.Fatal(err)
	}
	if want := "cdata userdata cdata: 0x a cdata value"; len(got) != 1 || got[0].Text() != want {
		t.Errorf("got %v, want %q", got, want)
	}
	if u.Type() != TypeUserdata {
		t.Errorf("got type %v, want %v", u.Type(), TypeUserdata)
	}
}
