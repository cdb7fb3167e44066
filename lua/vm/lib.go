package vm

import "strings"

// builtinNames lists the builtins in the order that gives them the numbers tostring shows, LuaJIT's ("function:
// builtin#16"); the first is number 2.
const builtinNames = `assert type next pairs ipairs_aux ipairs getmetatable setmetatable getfenv setfenv rawget rawset
rawequal rawlen unpack select tonumber tostring error pcall xpcall loadfile load loadstring dofile gcinfo
collectgarbage newproxy print coroutine.status coroutine.running coroutine.isyieldable coroutine.create
coroutine.yield coroutine.resume coroutine.wrap_aux coroutine.wrap math.abs math.floor math.ceil math.sqrt
math.log10 math.exp math.sin math.cos math.tan math.asin math.acos math.atan math.sinh math.cosh math.tanh
math.frexp math.modf math.log math.atan2 math.pow math.fmod math.ldexp math.min math.max math.random
math.randomseed bit.tobit bit.bnot bit.bswap bit.lshift bit.rshift bit.arshift bit.rol bit.ror bit.band bit.bor
bit.bxor bit.tohex string.len string.byte string.char string.sub string.rep string.reverse string.lower
string.upper string.dump string.find string.match string.gmatch_aux string.gmatch string.gsub string.format
table.foreachi table.foreach table.getn table.maxn table.insert table.remove table.move table.concat table.sort
table.pack table.new table.clear table.isempty table.isarray table.nkeys table.clone`

var builtinIDs = func() map[string]int {
	m := make(map[string]int)
	for i, n := range strings.Fields(builtinNames) {
		m[n] = i + 2
	}
	return m
}()

// fn is one row of a library table.
type fn struct {
	name string
	run  Func
}

// register fills t with the functions of a library; lib is its name, empty for the base library.
func (vm *VM) register(t *Table, lib string, fns []fn) {
	for _, f := range fns {
		full := f.name
		if lib != "" {
			full = lib + "." + f.name
		}
		v := &Function{env: vm.globals, body: &goBody{fn: f.run, name: full, id: builtinIDs[full]}}
		t.SetString(f.name, v.Value())
	}
}

// library returns the global table of a library, creating it and registering it for require.
func (vm *VM) library(name string, fns []fn) *Table {
	t := NewTable(0, len(fns)+4)
	vm.register(t, name, fns)
	vm.globals.SetString(name, t.Value())
	vm.loaded.SetString(name, t.Value())
	return t
}

// OpenLibs opens all libraries.
func (vm *VM) OpenLibs() {
	vm.openBase()
	vm.openPackage()
	vm.openString()
	vm.openTable()
	vm.openMath()
	vm.openBit()
	vm.openCoroutine()
	vm.openOS()
	vm.openIO()
	vm.openDebug()
	vm.openJIT()
	vm.openExdata()
	vm.openBuffer()
}

// special marks a registered function as carried out by the interpreter itself.
func (vm *VM) special(t *Table, name string, sp special) *Function {
	f := t.GetString(name).fn()
	f.body.special = sp
	return f
}
