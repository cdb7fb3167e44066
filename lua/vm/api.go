package vm

// Top returns the number of arguments of the running Go function.
func (l *State) Top() int { return l.top - l.base }

// VM returns the VM of the thread.
func (l *State) VM() *VM { return l.vm }

// Arg returns the n-th argument (from 1), nil where there is none.
func (l *State) Arg(n int) Value {
	if i := l.base + n - 1; i < l.top {
		return l.stack[i]
	}
	return Nil
}

// HasArg reports whether there is an n-th argument, be it nil.
func (l *State) HasArg(n int) bool { return l.base+n-1 < l.top }

// Push adds a result, or a value for Call.
func (l *State) Push(v Value) {
	if l.top >= len(l.stack) {
		l.growStack(l.top + goSlack)
	}
	l.stack[l.top] = v
	l.top++
}

// PushString, PushNumber, PushInt and PushBool push a value of their type.
func (l *State) PushString(s string) { l.Push(String(s)) }

// PushNumber pushes a number.
func (l *State) PushNumber(f float64) { l.Push(Number(f)) }

// PushInt pushes an integer.
func (l *State) PushInt(i int) { l.Push(Int(i)) }

// PushBool pushes a boolean.
func (l *State) PushBool(b bool) { l.Push(Bool(b)) }

// PushBytes pushes a string with a copy of b.
func (l *State) PushBytes(b []byte) {
	l.vm.account(len(b))
	l.Push(String(string(b)))
}

// Pop removes the n values on top.
func (l *State) Pop(n int) { l.top -= n }

// ret returns one result.
func (l *State) ret(v Value) int {
	l.stack[l.top] = v // a Go function has goSlack free slots
	l.top++
	return 1
}

// Ret pushes one result and returns 1, for `return l.Ret(v)`.
func (l *State) Ret(v Value) int {
	l.Push(v)
	return 1
}

// CheckAny raises an error unless there is an n-th argument.
func (l *State) CheckAny(n int) Value {
	if l.base+n-1 >= l.top {
		l.ArgError(n, "value expected")
	}
	return l.stack[l.base+n-1]
}

// CheckTable returns the table that the n-th argument must be.
func (l *State) CheckTable(n int) *Table {
	if i := l.base + n - 1; i < l.top && l.stack[i].n == tagTable {
		return l.stack[i].table()
	}
	l.typeArgError(n, "table")
	return nil
}

// CheckFunction returns the n-th argument, which must be a function.
func (l *State) CheckFunction(n int) Value {
	if v := l.Arg(n); v.n == tagFunc {
		return v
	}
	l.typeArgError(n, "function")
	return Nil
}

// CheckThread returns the thread that the n-th argument must be.
func (l *State) CheckThread(n int) *State {
	if v := l.Arg(n); v.n == tagState {
		return v.state()
	}
	l.ArgError(n, "coroutine expected")
	return nil
}

// CheckNumber returns the number that the n-th argument is or converts to.
func (l *State) CheckNumber(n int) float64 {
	if i := l.base + n - 1; i < l.top {
		v := l.stack[i]
		if v.n >= minNumber {
			return v.num()
		}
		if v.isStr() {
			if f, ok := parseNumber(v.str()); ok {
				return f
			}
		}
	}
	l.typeArgError(n, "number")
	return 0
}

// CheckInt returns the n-th argument as an integer, truncated.
func (l *State) CheckInt(n int) int { return truncInt(l.CheckNumber(n)) }

// truncInt truncates toward zero and saturates; NaN is zero.
func truncInt(f float64) int {
	switch {
	case f >= 1<<62:
		return 1 << 62
	case f <= -(1 << 62):
		return -(1 << 62)
	case f != f:
		return 0
	}
	return int(f)
}

// OptInt returns the n-th argument as an integer, or def if it is nil or absent.
func (l *State) OptInt(n, def int) int {
	if l.Arg(n).n == tagNil {
		return def
	}
	return l.CheckInt(n)
}

// OptNumber returns the n-th argument as a number, or def if it is nil or absent.
func (l *State) OptNumber(n int, def float64) float64 {
	if l.Arg(n).n == tagNil {
		return def
	}
	return l.CheckNumber(n)
}

// CheckString returns the string that the n-th argument is or, for a number, converts to. The bytes are those of
// the Lua string: immutable and valid for as long as Go holds them.
func (l *State) CheckString(n int) string {
	if i := l.base + n - 1; i < l.top {
		v := l.stack[i]
		if v.isStr() {
			return v.str()
		}
		if v.isNum() {
			s := formatNumber(v.num())
			l.stack[i] = String(s)
			return s
		}
	}
	l.typeArgError(n, "string")
	return ""
}

// OptString returns the n-th argument as a string, or def if it is nil or absent.
func (l *State) OptString(n int, def string) string {
	if l.Arg(n).n == tagNil {
		return def
	}
	return l.CheckString(n)
}

// CheckUserdata returns the n-th argument, a userdata whose metatable is the registered type name.
func (l *State) CheckUserdata(n int, name string) *Userdata {
	if v := l.Arg(n); v.n == tagUser {
		if mt := l.vm.registry.GetString(name); mt.n == tagTable && v.user().meta == mt.table() {
			return v.user()
		}
	}
	l.typeArgError(n, name)
	return nil
}

// NewUserdata returns a userdata that holds v.
func (vm *VM) NewUserdata(v any, mt *Table) *Userdata {
	vm.account(64)
	return &Userdata{V: v, meta: mt}
}

// NewCdata returns a userdata without a metatable whose type Lua is told to be cdata: what the modules of OpenResty make
// with LuaJIT's ffi, and scripts may tell from other values by that name.
func (vm *VM) NewCdata(v any) *Userdata {
	u := vm.NewUserdata(v, nil)
	u.cdata = true
	return u
}

// NewMetatable returns the metatable registered under a type name, creating it.
func (vm *VM) NewMetatable(name string) *Table {
	if v := vm.registry.GetString(name); v.n == tagTable {
		return v.table()
	}
	mt := NewTable(0, 8)
	vm.registry.SetString(name, mt.Value())
	return mt
}

// NewTable returns a table and counts it against the budget.
func (vm *VM) NewTable(narr, nhash int) *Table {
	t := NewTable(narr, nhash)
	vm.account(t.bytes())
	return t
}

// NewFunction returns a Go function as a Lua value. name is what messages call it where the call does not tell.
func (vm *VM) NewFunction(name string, fn Func) *Function {
	return &Function{env: vm.globals, body: &goBody{fn: fn, name: name}}
}

// Load returns a closure of a main function with the global table as environment.
func (vm *VM) Load(p *Proto) *Function {
	f := newClosure(p, vm.globals)
	return f
}

// SetEnv sets the environment of a function.
func (f *Function) SetEnv(t *Table) { f.env = t }

// Env returns the environment of a function.
func (f *Function) Env() *Table { return f.env }

// Proto returns the prototype of a Lua function, nil for a Go function.
func (f *Function) Proto() *Proto { return f.proto }

// Register sets t[name] to a Go function.
func (vm *VM) Register(t *Table, name string, fn Func) {
	t.SetString(name, vm.NewFunction(name, fn).Value())
}

// SetModule makes require(name) return v without loading anything.
func (vm *VM) SetModule(name string, v Value) { vm.loaded.SetString(name, v) }

// Preload makes require(name) call open and use its result.
func (vm *VM) Preload(name string, open Func) {
	if v := vm.globals.GetString("package"); v.n == tagTable {
		if p := v.table().GetString("preload"); p.n == tagTable {
			p.table().SetString(name, vm.NewFunction(name, open).Value())
		}
	}
}

// PCall calls the function pushed before its nargs arguments as Call does, and returns a Lua error as an *Error
// with the traceback of where it was raised. The stack is as before the push then.
func (l *State) PCall(nargs, nres int) (n int, err *Error) {
	vm := l.vm
	fn := l.top - nargs - 1
	fi, base, ngo, depth, cur, unguarded := l.fi, l.base, l.ngo, vm.goDepth, vm.cur, vm.unguarded
	ok := false
	defer func() {
		if ok {
			return
		}
		r := recover()
		s, is := r.(*signal)
		if !is {
			panic(r)
		}
		err = vm.takeError(s)
		for c := vm.cur; c != cur && c != nil; {
			// Coroutines under way die with the run.
			c.status, c.ngo = stDead, 0
			c.closeUpvals(0)
			c, c.resumer = c.resumer, nil
		}
		vm.cur, vm.goDepth, vm.unguarded = cur, depth, unguarded
		l.status = stRunning
		l.closeUpvals(fn)
		l.fi, l.base, l.ngo, l.top = fi, base, ngo, fn
		l.shrink(fn)
	}()
	vm.cur = l
	l.status = stRunning
	n = l.Call(nargs, nres)
	ok = true
	if len(l.stack) > bigStack {
		l.shrink(l.top)
	}
	return n, nil
}

// takeError makes an Error of the error under way, with the traceback of the frames that are still there.
func (vm *VM) takeError(s *signal) *Error {
	if s.abort {
		vm.abort = false
		if vm.errVal.n == tagNil {
			return aborted
		}
	}
	e := &Error{Aborted: s.abort}
	e.Value, e.Text = vm.errVal, ErrorText(vm.errVal)
	e.Traceback = vm.cur.Traceback(e.Text, 0)
	e.Threads = vm.cur.ThreadsTraceback()
	vm.errVal = Nil
	return e
}

// aborted is the error of a run that the host ended without a reason of the script's.
var aborted = &Error{Value: String("aborted"), Text: "aborted", Aborted: true}

// PCallAside is PCall on thread l whatever the VM is running: what runs is set aside until it is over, and waiting is
// not possible in it. l must be a thread of its own (NewThread) that nothing runs on.
func (vm *VM) PCallAside(l *State, nargs, nres int) (n int, err *Error) {
	outer := vm.runState
	vm.runState = runState{cur: l}
	vm.setByteLimit()
	vm.refill()
	l.status = stRunning
	defer vm.restore(&outer)
	return l.PCall(nargs, nres)
}

func (vm *VM) restore(s *runState) {
	vm.settle()
	vm.last = vm.used
	vm.runState = *s
}

// Resume runs coroutine co until it yields, returns or fails, as coroutine.resume does. The n results are pushed; an
// error of the coroutine has its traceback.
func (l *State) Resume(co *State, args []Value) (n int, err *Error) {
	l.Push(mkFunction(l.vm.resumeFn))
	l.Push(mkState(co))
	for _, a := range args {
		l.Push(a)
	}
	if n, err = l.PCall(len(args)+1, -1); err != nil {
		return 0, err
	}
	at := l.top - n
	if l.stack[at].n == tagFalse {
		v := l.stack[at+1]
		l.top = at
		e := &Error{Value: v, Text: ErrorText(v)}
		e.Traceback = co.Traceback(e.Text, 0)
		e.Threads = co.ThreadsTraceback()
		return 0, e
	}
	copy(l.stack[at:], l.stack[at+1:l.top])
	l.top--
	return n - 1, nil
}

// GetTable returns o[k] with metamethods.
func (l *State) GetTable(o, k Value) Value {
	v, mm, recv := l.vm.indexWalk(l, o, k)
	if mm.n == tagNil {
		return v
	}
	return l.vm.metaValue(l, mm, recv, k, Nil, 2)
}

// GetField returns o[name] with metamethods.
func (l *State) GetField(o Value, name string) Value { return l.GetTable(o, String(name)) }

// SetTable stores v under k in o with metamethods.
func (l *State) SetTable(o, k, v Value) {
	if mm, recv := l.vm.setWalk(l, o, k, v); mm.n != tagNil {
		l.vm.metaValue(l, mm, recv, k, v, 3)
	}
}

// Less reports a < b as the language compares.
func (l *State) Less(a, b Value) bool {
	r, mm, _ := l.vm.lessWalk(l, a, b, false)
	if mm.n == tagNil {
		return r
	}
	return l.vm.metaValue(l, mm, a, b, Nil, 2).Truthy()
}

// Equal reports a == b as the language compares.
func (l *State) Equal(a, b Value) bool {
	if rawEqual(a, b) {
		return true
	}
	mm := l.vm.equalMeta(a, b)
	return mm.n != tagNil && l.vm.metaValue(l, mm, a, b, Nil, 2).Truthy()
}

// RawSet stores v under k in t without metamethods; a nil or NaN key is an error.
func (l *State) RawSet(t *Table, k, v Value) { l.vm.rawSet(l, t, k, v) }

// Iter returns the first element at or after a position of the traversal, and the position after it; ok is false at
// the end. A traversal begins at position 0; assigning nil to existing fields during it is allowed, new fields are not.
func (t *Table) Iter(pos uint32) (k, v Value, next uint32, ok bool) {
	if t.weak != 0 {
		w := t.weakTab()
		for i := int(pos); i < len(w.order); i++ {
			if e := w.order[i]; e != nil {
				if k, v = e.get(); k.n != tagNil && v.n != tagNil {
					return k, v, uint32(i) + 1, true
				}
			}
		}
		return Nil, Nil, pos, false
	}
	return t.iterate(pos)
}

// Count returns the number of elements.
func (t *Table) Count() int { return t.count() }

// Substring returns s[i:j] as a Lua string that shares the bytes of s unless that would keep much more of s alive
// than it uses.
func (l *State) Substring(s string, i, j int) Value { return l.substring(s, i, j) }

// AppendNumber appends f as tostring prints it; AppendG with a number of significant digits.
func AppendNumber(b []byte, f float64) []byte { return appendNumber(b, f) }

// AppendG appends f as C's %.<prec>g.
func AppendG(b []byte, f float64, prec int) []byte { return appendG(b, f, prec, false) }

// ParseNumber converts the text of a number as tonumber does.
func ParseNumber(s string) (float64, bool) { return parseNumber(s) }

// TypeName returns the name the language gives the type of v.
func (v Value) TypeName() string { return v.typeName() }

// Text returns v as tostring shows it without metamethods.
func (v Value) Text() string { return rawString(v) }

// TakeBuf returns an empty scratch buffer of the VM, to be given back by KeepBuf; meanwhile others get a new one.
func (vm *VM) TakeBuf() []byte {
	b := vm.buf[:0]
	vm.buf = nil
	return b
}

// KeepBuf gives a buffer from TakeBuf back.
func (vm *VM) KeepBuf(b []byte) { vm.keepBuf(b) }

// Pop1 removes the value on top and returns it.
func (l *State) Pop1() Value {
	l.top--
	return l.stack[l.top]
}
