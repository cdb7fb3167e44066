// Package vm is a Lua engine: the language of LuaJIT 2.1 as OpenResty builds it (Lua 5.1, goto, the 5.2 additions
// LuaJIT takes in), with LuaJIT's messages, in Go without cgo.
//
// It owns the compiler (lexer, one-pass parser, register bytecode), the interpreter, tables, strings, patterns,
// coroutines and the standard libraries. It must not know HTTP, configuration or workers; the ngx API is built on
// it from outside.
//
// # Layers
//
//	source -> lexer -> parser + fnState -> Proto (immutable, shared by all VMs)
//	Proto + env -> Function (closure, one VM) -> frame on a State (thread) -> exec loop
//
// A VM belongs to one goroutine at a time, the worker's or a task's that the worker resumed; nothing in it is
// locked. Protos are immutable after Compile and may be run by any number of VMs at once: what an instruction
// learns at run time is never written into them.
//
// # Values
//
// A Value is 16 bytes, see its comment. Strings are views of Go strings: passing a Go string in, or taking one out,
// copies nothing, and the bytes stay valid as long as anyone holds them. Numbers are float64. The zero Value is nil.
//
// # Fields
//
// An access to a field named in the source finds its place without hashing and without comparing bytes: the
// instruction carries the low bits of the name's hash, computed by the compiler, and constants are canonical in the
// process, so that one masked load and a comparison of pointers decide. Where the key sits deeper in its chain, or is
// inherited along __index, the loop follows the chain by the same comparison. Inline caches that a VM fills at run
// time were measured against this and dropped: even one that costs nothing to reach, with the node's number patched
// into the code of a single VM, changed the geometric mean of testdata/workloads.lua from 0.737 to 0.739 of PUC's
// time, and loops over tables of 3 to 16 fields by a factor of 0.95 for stores and 1.05 for loads. Shared prototypes
// would add a load per access to it.
//
// # Frames
//
// A Lua thread (State) has one stack of Values and one slice of pointer-free frames. Calls between Lua functions,
// pcall, xpcall, coroutines and metamethods push frames and never recurse in Go; only a Go function that calls
// back into Lua (sort, gsub, a host function) runs a nested interpreter loop. Such a loop is the boundary that
// coroutine.yield cannot cross ("attempt to yield across C-call boundary"), exactly as in LuaJIT.
//
//	stack    | pcall | f | arg ..        | locals of f ..       | g | arg ..
//	frames     kPcall      kLua (fPcall)                            kLua
//
// # Coroutines and parking
//
// A Lua coroutine is a State whose frames run in the same interpreter loop as its resumer's: switching costs a few
// stores, a suspended coroutine holds no Go stack, and one that is dropped is garbage like any other value. A Go
// function that has to wait parks instead: see Task. It parks the whole Go stack with all Lua frames and coroutines
// on it, so it may be called from anywhere: pcall, metamethods, iterators, sort, gsub, require.
//
// # Errors
//
// A Lua error is a Go panic of the VM's signal; the value is in the VM. The loop catches it at its edge, finds the
// pcall frame and goes on. Frames are dropped only after a handler (xpcall) has seen them. PCall is the way for Go
// to get an *Error with a traceback. An abort is a panic that no pcall catches.
//
// # Garbage
//
// Memory is Go's. What the collector finds dead of the userdata with a __gc metamethod waits in the VM, which tells
// its host (OnGarbage); the host has RunFinalizers called where Lua may run. Files that scripts leave open are closed
// that way. They hold descriptors but hardly any memory, so the VM asks for a collection whenever there are many more
// of them (manyFiles). CloseFiles writes out what is left at the end of a VM.
//
// # Budgets
//
// Each jump back, each call of a Lua function and each step that a Go function reports by Work burns one unit of fuel,
// a decrement and a branch. When it is burnt, 16,384 units at most, everything else is looked at: the run's and the
// stretch's instructions (Budget), an abort, the sample that is due (OnSample), the host's clock (FuelHook). A run
// that is over its budget gets an error; if it goes on for another grant of fuel, an abort that no pcall catches.
// Bytes are counted where they are allocated, so that one comparison ends what grows (Budget.Bytes); the matcher
// counts its own steps. What a VM holds in all is measured by a Walk that the host drives in slices, between runs or
// beside them; above MemoryLimit the runs that follow may allocate little more than an error needs.
//
// # Writing Go functions
//
//	vm.Register(t, "double", func(l *vm.State) int {
//		l.PushNumber(2 * l.CheckNumber(1))
//		return 1
//	})
//
// Arguments are counted from 1. Strings from CheckString are the Lua string's own bytes. Errors raised with Errorf,
// ArgError and Throw do not return. A Go function may call back with Push and Call.
//
// # Departures from LuaJIT
//
// There is no ffi: pcall(require, "ffi") fails, require "ffi" gives a module that refuses every use (lib_ffi.go). There
// are no literals of 64-bit cdata. string.dump returns a ticket that load of the same VM turns into
// the function again, since bytecode from outside cannot be made safe. debug.sethook only removes hooks. The jit
// functions do nothing; jit.status() is false.
//
// A local that is never assigned after a closure captured it is captured by value: closures and calls are faster, and
// no program can tell, but for three functions of debug. setlocal does not reach the closure, setupvalue changes the
// one closure it is given and not the others that captured the local, and upvalueid tells two such apart. (Which
// closures share a variable is not known then; finding them would take a walk through all that is reachable.)
//
// # Conformance
//
// Of the 238 probes of testdata/dialect.lua `weir lua` answers 236 as LuaJIT does (one, the type of what require "ffi"
// returns, without there being an ffi); the others are the literals 123LL and 0xffULL. Of the 311 tests of LuaJIT-test-cleanup that run without ffi and jit, 310 pass; the
// other one ("pre-5.2 table") expects table.move to be absent, which LuaJIT 2.1 has (lua/run, WEIR_LUAJIT_TESTS).
// Random programs of the common subset are compared with lua5.1, luajit and gopher-lua (differential_test.go). From
// lua5.1 it differs by design in the sign of a NaN's text, the rounding of numbers that lie in the middle (round.go),
// __lt and __le from either operand, and what LuaJIT's string library accepts more (separator of rep, any value for
// %s, a zero byte for %c, names of builtin functions); from both where a number is out of the range of a C int.
// Patterns are fuzzed against a slow matcher, cjson against encoding/json.
package vm
