package vm

import (
	"unsafe"
)

// Func is a Go function callable from Lua. It reads its arguments with Arg and the Check methods, pushes its
// results and returns their number. Errors are raised with the Error methods, which do not return.
type Func func(l *State) int

// special marks the builtins that the interpreter itself carries out, because they enter or leave frames.
type special uint8

const (
	plainGo special = iota
	spPcall
	spXpcall
	spError
	spResume
	spWrapped
	spYield
	spNext
	spIpairs
)

// goBody is what all Function values of one Go function share.
type goBody struct {
	fn      Func
	name    string
	special special
	id      int    // of a builtin, as tostring prints it; 0: an ordinary Go function
	co      *State // of a function made by coroutine.wrap
	data    any    // of a function made by a library, for its Func to find
}

// Function is a Lua closure (proto is set) or a Go function (body is set). The upvalues of a Lua closure follow
// the struct in the same allocation: each is a Value, or a pointer to the *upval cell it shares.
type Function struct {
	proto *Proto
	env   *Table
	body  *goBody
}

const functionSize = unsafe.Sizeof(Function{})

// upval returns the place of the i-th upvalue of a Lua closure.
func (f *Function) upval(i int) *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(f), functionSize+uintptr(i)*valueSize))
}

func (f *Function) cell(i int) *upval { return (*upval)(f.upval(i).p) }

// newClosure allocates a closure of p with room for its upvalues.
func newClosure(p *Proto, env *Table) *Function {
	var f *Function
	switch n := len(p.upvals); {
	case n == 0:
		f = new(Function)
	case n == 1:
		f = (*Function)(unsafe.Pointer(new(struct {
			Function
			u [1]Value
		})))
	case n == 2:
		f = (*Function)(unsafe.Pointer(new(struct {
			Function
			u [2]Value
		})))
	case n <= 4:
		f = (*Function)(unsafe.Pointer(new(struct {
			Function
			u [4]Value
		})))
	case n <= 8:
		f = (*Function)(unsafe.Pointer(new(struct {
			Function
			u [8]Value
		})))
	case n <= 16:
		f = (*Function)(unsafe.Pointer(new(struct {
			Function
			u [16]Value
		})))
	default:
		f = (*Function)(unsafe.Pointer(new(struct {
			Function
			u [maxUpvals]Value
		})))
	}
	f.proto, f.env = p, env
	return f
}

// upval is a variable shared by closures that assign it: open while v points into a stack.
type upval struct {
	v      *Value
	closed Value
	next   *upval // open upvalues of a thread, by falling index
	index  int
}

// Userdata is a Go value with a metatable.
type Userdata struct {
	V     any
	meta  *Table
	env   *Table
	gc    *gcHandle
	cdata bool // type says cdata
}

// Metatable returns the metatable of u, or nil.
func (u *Userdata) Metatable() *Table { return u.meta }

// SetMetatable gives u a metatable.
func (u *Userdata) SetMetatable(t *Table) { u.meta = t }

type frameKind uint8

const (
	kBase   frameKind = iota // bottom of a thread
	kLua                     // a Lua function
	kGo                      // a Go function
	kPcall                   // pcall, waiting for its function
	kXpcall                  // xpcall; the handler is in the slot of its first argument
	kResume                  // coroutine.resume, waiting for the other thread
	kWrap                    // a function made by coroutine.wrap, likewise
	kYield                   // coroutine.yield, waiting to be resumed
)

// Flags of a frame say what happens when it returns; none: its caller is the Lua frame below.
const (
	fVararg = 1 << iota // the function and its fixed parameters were moved up over the extra arguments
	fFromGo             // called from Go: the interpreter loop returns
	fPcall              // called by the pcall or xpcall frame below
	fMeta               // a metamethod: the instruction of the frame below is finished with the result
	fCo                 // body of a coroutine: control goes to the thread that resumed it
)

// frame is the activation record of a function; it holds no pointers. The function stands in stack[base-1].
//
//	stack:  ... | function | param 1 .. n | locals, temporaries ...
//	                       ^ base                                   up to base+frameSize
//
// A vararg function is moved up, so that its extra arguments stay below it:
//
//	stack:  ... | function | (nil x n) | extra 1 .. nvar | function | param 1 .. n | ...
//	                                                               ^ base
type frame struct {
	base  int32
	pc    int32
	nvar  int32
	aux   int32 // state of the instruction that an fMeta frame serves
	nres  int16 // results wanted, -1: all
	kind  frameKind
	flags uint8
}

type status uint8

const (
	stSuspended status = iota
	stRunning
	stNormal
	stDead
)

// State is a Lua thread: a stack and its frames. The main thread of a VM, every coroutine and every task has one.
// It belongs to the worker that owns its VM.
type State struct {
	vm      *VM
	stack   []Value
	frames  []frame
	fi      int // current frame
	base    int // of the Go function that runs
	top     int // above its last value, or above open results
	open    *upval
	env     *Table
	resumer *State
	depth   int // of resumers
	ngo     int // frames with fFromGo
	status  status
	exdata  [2]Value

	// User is for the host: what it associates with the thread.
	User any
}

const (
	minStack = 48     // slots of a new thread
	goSlack  = 24     // free slots a Go function may count on
	maxStack = 200000 // slots; beyond it: stack overflow
	errStack = 4000   // more slots while an error is handled
)

func (vm *VM) newState() *State {
	l := &State{vm: vm, env: vm.globals, stack: make([]Value, minStack), frames: make([]frame, 8)}
	l.top, l.base = 1, 1
	return l
}

// ensure makes the stack hold at least n slots.
func (l *State) ensure(n int) {
	if n > len(l.stack) {
		l.growStack(n)
	}
}

func (l *State) growStack(n int) {
	limit := maxStack
	if l.vm.inError > 0 {
		limit += errStack
	}
	if n > limit {
		l.vm.raiseOverflow(l)
	}
	size := min(max(len(l.stack)*2, n+goSlack), limit)
	s := make([]Value, size)
	copy(s, l.stack)
	for u := l.open; u != nil; u = u.next {
		u.v = &s[u.index]
	}
	l.vm.account(int(valueSize) * size)
	l.stack = s
}

// pushFrame adds a frame and returns it.
func (l *State) pushFrame(kind frameKind, base, nres int, flags uint8) *frame {
	l.fi++
	if l.fi >= len(l.frames) {
		l.growFrames()
	}
	f := &l.frames[l.fi]
	*f = frame{base: int32(base), nres: int16(nres), kind: kind, flags: flags}
	if flags&fFromGo != 0 {
		l.ngo++
	}
	return f
}

func (l *State) growFrames() {
	if len(l.frames) > l.vm.maxDepth && l.vm.inError == 0 || len(l.frames) > l.vm.maxDepth*2 {
		l.fi--
		l.vm.raiseOverflow(l)
	}
	f := make([]frame, len(l.frames)*2)
	copy(f, l.frames)
	l.frames = f
}

// frameTop returns the first slot above everything the current frame may use.
func (l *State) frameTop() int {
	f := &l.frames[l.fi]
	if f.kind == kLua {
		return int(f.base) + int(l.stack[f.base-1].fn().proto.frameSize)
	}
	return max(l.top, int(f.base))
}

// findUpval returns the open upvalue of a stack slot, creating it.
func (l *State) findUpval(index int) *upval {
	pp := &l.open
	for *pp != nil && (*pp).index >= index {
		if (*pp).index == index {
			return *pp
		}
		pp = &(*pp).next
	}
	l.vm.account(int(unsafe.Sizeof(upval{})))
	u := &upval{v: &l.stack[index], next: *pp, index: index}
	*pp = u
	return u
}

// closeUpvals detaches the open upvalues at or above a stack index from the stack.
func (l *State) closeUpvals(index int) {
	for u := l.open; u != nil && u.index >= index; u = l.open {
		l.open = u.next
		u.closed = u.v.clean()
		u.v = &u.closed
		u.next = nil
	}
}

// cellValue wraps a shared upvalue for the upvalue list of a closure.
func cellValue(u *upval) Value { return Value{p: unsafe.Pointer(u), n: tagLight} }

// upvalID identifies an upvalue that a closure holds by value: by its place in the closure.
func (f *Function) upvalID(n int) Value { return Value{p: unsafe.Pointer(f.upval(n)), n: tagLight} }
