package vm

// maxCoDepth bounds coroutines that resume coroutines.
const maxCoDepth = 2000

// resume is coroutine.resume: fr is its frame on l.
func (vm *VM) resume(l *State, fr *frame, nargs int) bool {
	co := l.CheckThread(1)
	if msg := co.resumable(l); msg != "" {
		n := 2
		base := int(fr.base)
		flags, nres, aux := fr.flags, int(fr.nres), fr.aux
		l.stack[base-1], l.stack[base] = False, String(msg)
		l.fi--
		return vm.finish(l, base-1, base-1, n, nres, flags, aux)
	}
	fr.kind = kResume
	return vm.enterThread(l, co, int(fr.base)+1, nargs-1)
}

// resumeWrapped is the call of a function made by coroutine.wrap.
func (vm *VM) resumeWrapped(l *State, fr *frame, co *State, nargs int) bool {
	if msg := co.resumable(l); msg != "" {
		l.raiseText(l.where(1) + msg)
	}
	fr.kind = kWrap
	return vm.enterThread(l, co, int(fr.base), nargs)
}

// resumable returns why a thread cannot be resumed, or nothing.
func (co *State) resumable(l *State) string {
	switch {
	case co.status == stDead:
		return "cannot resume dead coroutine"
	case co == l:
		return "cannot resume running coroutine"
	case co.status != stSuspended && l.vm.hosted():
		return "cannot resume " + co.Status() + " coroutine"
	case co.status != stSuspended:
		return "cannot resume non-suspended coroutine"
	}
	return ""
}

// hosted reports whether coroutines are those of Lua that may wait: OpenResty has its own functions for them, whose
// errors are worded otherwise, get no position where they leave coroutine.wrap, and keep the traceback of all threads.
func (vm *VM) hosted() bool { return vm.task != nil && vm.TaskYield != nil }

// enterThread makes co current with n arguments from stack[from] of l.
func (vm *VM) enterThread(l, co *State, from, n int) bool {
	if co.depth = l.depth + 1; co.depth > maxCoDepth {
		l.raiseText("C stack overflow")
	}
	l.status = stNormal
	co.status = stRunning
	co.resumer = l
	vm.cur = co
	if co.fi == 0 {
		// First run: the function is in slot 1.
		co.ensure(n + minStack)
		copy(co.stack[2:2+n], l.stack[from:from+n])
		return vm.precall(co, 1, n, -1, fCo, 0)
	}
	m := co.frames[co.fi]
	co.fi--
	slot := int(m.base) - 1
	co.ensure(slot + n + goSlack)
	for i := range n {
		co.stack[slot+i] = l.stack[from+i]
	}
	return vm.finish(co, slot, slot, n, int(m.nres), m.flags, m.aux)
}

// yield is coroutine.yield: fr is its frame on l.
func (vm *VM) yield(l *State, fr *frame, nargs int) bool {
	if l.resumer == nil && vm.task != nil && vm.TaskYield != nil {
		flags, nres, aux := fr.flags, int(fr.nres), fr.aux
		fn := int(fr.base) - 1
		n := vm.TaskYield(l)
		l.fi--
		return vm.finish(l, fn, l.top-n, n, nres, flags, aux)
	}
	if l.resumer == nil || l.ngo > 0 {
		l.raiseText("attempt to yield across C-call boundary")
	}
	fr.kind = kYield
	l.status = stSuspended
	r, dst, n, nres, flags, aux := vm.switchBack(l, int(fr.base), nargs)
	return vm.finish(r, dst, dst, n, nres, flags, aux)
}

// NewCoroutine returns a suspended thread that will run f.
func (vm *VM) NewCoroutine(f Value) *State {
	vm.account(minStack*int(valueSize) + 512)
	co := vm.newState()
	co.stack[1] = f
	co.top = 2
	if vm.cur != nil {
		co.env = vm.cur.env
	}
	return co
}

// RaisedWith returns what the function error was called with, if that is what ended coroutine l: its argument without
// the position that the message has got.
func (l *State) RaisedWith() (v Value, ok bool) {
	if l.status != stDead || l.fi == 0 {
		return Nil, false
	}
	f := &l.frames[l.fi]
	if f.kind != kGo {
		return Nil, false
	}
	if b := l.stack[f.base-1].fn().body; b == nil || b.special != spError || l.top <= int(f.base) {
		return Nil, false
	}
	return l.stack[f.base], true
}

// Status returns the state of a thread as coroutine.status names it.
func (l *State) Status() string {
	switch l.status {
	case stSuspended:
		return "suspended"
	case stRunning:
		return "running"
	case stNormal:
		return "normal"
	}
	return "dead"
}
