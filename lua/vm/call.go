package vm

// precall calls the function in stack[fn] with nargs arguments above it; nres results are wanted (-1: all), flags
// say who waits for them. A Lua function only gets its frame: the interpreter loop runs it. A Go function is run
// to its end and its results are delivered. It reports whether the interpreter loop must return to Go.
func (vm *VM) precall(l *State, fn, nargs, nres int, flags uint8, aux int32) (exit bool) {
	for {
		v := &l.stack[fn]
		if v.n == tagFunc {
			break
		}
		mm := vm.metaOf(*v, vm.names.call)
		if mm.n == tagNil {
			vm.callError(l, fn)
		}
		l.ensure(fn + nargs + 2)
		copy(l.stack[fn+1:fn+nargs+2], l.stack[fn:fn+nargs+1])
		l.stack[fn] = mm
		nargs++
	}
	f := l.stack[fn].fn()
	if f.proto != nil {
		vm.enterLua(l, f, fn, nargs, nres, flags, aux)
		return false
	}
	b := f.body
	if b.special != plainGo && b.special < spNext {
		return vm.callSpecial(l, b, fn, nargs, nres, flags, aux)
	}
	n := vm.callGo(l, f, fn, nargs)
	if flags&fFromGo != 0 {
		l.ngo++ // finish takes it back
	}
	return vm.finish(l, fn, l.top-n, n, nres, flags, aux)
}

// enterLua pushes the frame of a Lua function.
func (vm *VM) enterLua(l *State, f *Function, fn, nargs, nres int, flags uint8, aux int32) {
	p := f.proto
	base := fn + 1
	np := int(p.nparams)
	if vm.fuel--; vm.fuel < 0 {
		vm.outOfFuel(l)
	}
	if !p.vararg {
		l.ensure(base + int(p.frameSize) + 2)
		for ; nargs < np; nargs++ {
			l.stack[base+nargs].n = tagNil
		}
		l.pushFrame(kLua, base, nres, flags).aux = aux
		return
	}
	l.ensure(base + max(nargs, np) + 1 + int(p.frameSize) + 2)
	for ; nargs < np; nargs++ {
		l.stack[base+nargs].n = tagNil
	}
	nb := base + nargs + 1
	l.stack[nb-1] = l.stack[fn]
	for i := range np {
		l.stack[nb+i] = l.stack[base+i]
		l.stack[base+i] = Nil
	}
	fr := l.pushFrame(kLua, nb, nres, flags|fVararg)
	fr.nvar, fr.aux = int32(nargs-np), aux
}

// funcSlot returns the slot the results of a Lua frame go to.
func (l *State) funcSlot(fr *frame) int {
	if fr.flags&fVararg != 0 {
		return int(fr.base) - 2 - int(fr.nvar) - int(l.stack[fr.base-1].fn().proto.nparams)
	}
	return int(fr.base) - 1
}

// callGo runs a Go function; its results are the n values below l.top.
func (vm *VM) callGo(l *State, f *Function, fn, nargs int) (n int) {
	l.ensure(fn + 1 + nargs + goSlack)
	l.pushFrame(kGo, fn+1, 0, 0)
	l.base = fn + 1
	l.top = fn + 1 + nargs
	n = f.body.fn(l)
	l.fi--
	return n
}

// deliver moves n results from stack[from] to stack[dst] and makes them nres.
func (l *State) deliver(dst, from, n, nres int) {
	if nres < 0 {
		l.move(dst, from, n)
		l.top = dst + n
		return
	}
	if n >= nres {
		l.move(dst, from, nres)
		return
	}
	l.ensure(dst + nres)
	l.move(dst, from, n)
	for i := n; i < nres; i++ {
		l.stack[dst+i] = Nil
	}
}

// poison marks the registers that a return to slot dst with nres results (-1: up to the top) has freed.
func (l *State) poison(dst, nres int) {
	from := dst + nres
	if nres < 0 {
		from = l.top
	}
	for i := from; i < min(len(l.stack), from+maxSlots); i++ {
		l.stack[i] = Value{n: 0x7e}
	}
}

// move copies n values down the stack, or to where they are.
func (l *State) move(dst, from, n int) {
	if n > 4 || dst > from {
		copy(l.stack[dst:dst+n], l.stack[from:from+n])
		return
	}
	for i := range n {
		l.stack[dst+i] = l.stack[from+i]
	}
}

// finish hands n results at stack[from] to whoever waits for them, by flags, and carries out what follows from it.
// It reports whether the interpreter loop must return to Go; else it goes on with the current frame of vm.cur.
func (vm *VM) finish(l *State, dst, from, n, nres int, flags uint8, aux int32) (exit bool) {
	for {
		switch {
		case flags&fPcall != 0:
			m := l.frames[l.fi]
			l.fi--
			slot := int(m.base) - 1
			l.ensure(max(slot+1+n, from+n))
			if from != slot+1 {
				copy(l.stack[slot+1:slot+1+n], l.stack[from:from+n])
			}
			l.stack[slot] = True
			dst, from, n, nres, flags, aux = slot, slot, n+1, int(m.nres), m.flags, m.aux
		case flags&fCo != 0:
			l.status = stDead
			l, dst, n, nres, flags, aux = vm.switchBack(l, from, n)
			from = dst
		case flags&fMeta != 0:
			v := Nil
			if n > 0 {
				v = l.stack[from]
			}
			return vm.finishOp(l, v, aux)
		default:
			l.deliver(dst, from, n, nres)
			if poisonFreed {
				l.poison(dst, nres)
			}
			if flags&fFromGo != 0 {
				l.ngo--
				return true
			}
			return false
		}
	}
}

// switchBack makes the thread that resumed co current again, with n results from stack[from] of co: they are
// preceded by true for coroutine.resume.
func (vm *VM) switchBack(co *State, from, n int) (r *State, dst, cnt, nres int, flags uint8, aux int32) {
	r = co.resumer
	co.resumer = nil
	vm.cur = r
	r.status = stRunning
	m := r.frames[r.fi]
	r.fi--
	dst = int(m.base) - 1
	r.ensure(dst + n + 2)
	k := dst
	if m.kind == kResume {
		r.stack[k] = True
		k++
	}
	for i := range n {
		r.stack[k+i] = co.stack[from+i]
	}
	return r, dst, k + n - dst, int(m.nres), m.flags, m.aux
}

// callSpecial carries out the builtins that work on frames.
func (vm *VM) callSpecial(l *State, b *goBody, fn, nargs, nres int, flags uint8, aux int32) bool {
	if vm.unguarded && b.special != spError && b.special != spYield {
		// What this call catches must be caught here: it gets a loop with a guard.
		vm.run(l, fn, nargs, -1)
		if flags&fFromGo != 0 {
			l.ngo++ // finish takes it back
		}
		return vm.finish(l, fn, fn, l.top-fn, nres, flags, aux)
	}
	base := fn + 1
	l.ensure(base + nargs + goSlack)
	fr := l.pushFrame(kGo, base, nres, flags)
	fr.aux = aux
	l.base, l.top = base, base+nargs
	switch b.special {
	case spPcall:
		if nargs == 0 {
			l.ArgError(1, "value expected")
		}
		fr.kind = kPcall
		return vm.precall(l, base, nargs-1, -1, fPcall, 0)
	case spXpcall:
		if nargs < 2 {
			l.ArgError(2, "value expected")
		}
		fr.kind = kXpcall
		l.stack[base], l.stack[base+1] = l.stack[base+1], l.stack[base]
		return vm.precall(l, base+1, nargs-2, -1, fPcall, 0)
	case spError:
		vm.builtinError(l)
	case spResume:
		return vm.resume(l, fr, nargs)
	case spWrapped:
		return vm.resumeWrapped(l, fr, b.co, nargs)
	case spYield:
		return vm.yield(l, fr, nargs)
	}
	panic("BUG: unknown special function")
}

// builtinError is the function error.
func (vm *VM) builtinError(l *State) {
	v := l.Arg(1)
	level := 1
	if l.Top() > 1 {
		level = l.OptInt(2, 1)
	}
	if v.isStr() && level > 0 {
		v = String(l.where(level) + v.str())
	}
	l.Throw(v)
}

// Call calls the function that was pushed before its nargs arguments, which are the values on top. The results
// replace them: nres of them, or all with nres = -1, and their number is returned. Errors pass through.
func (l *State) Call(nargs, nres int) int {
	fn := l.top - nargs - 1
	l.callGuarded(fn, nargs, nres)
	if nres >= 0 {
		l.top = fn + nres
	}
	return l.top - fn
}

// callAt calls the function in stack[fn] from Go and returns when it has returned. It installs no recover of its own:
// an error goes straight to the Go function's callers, and a protected call inside gets its guard when it is made
// (callSpecial). That is what comparators and callbacks, which hardly ever protect anything, want.
func (l *State) callAt(fn, nargs, nres int) {
	vm := l.vm
	base, top := l.base, l.top
	l.checkGoDepth()
	vm.goDepth++
	if v := l.stack[fn]; v.n == tagFunc && v.fn().proto == nil && (v.fn().body.special == plainGo || v.fn().body.special >= spNext) {
		n := vm.callGo(l, v.fn(), fn, nargs)
		l.deliver(fn, l.top-n, n, nres)
	} else {
		old := vm.unguarded
		vm.unguarded = true
		if !vm.precall(l, fn, nargs, nres, fFromGo, 0) {
			vm.exec()
		}
		vm.unguarded = old
	}
	vm.goDepth--
	l.base = base
	if nres >= 0 {
		l.top = top
	}
}

// checkGoDepth raises an error when calls from Go into Lua nest too deep for the Go stack's good.
func (l *State) checkGoDepth() {
	vm := l.vm
	if vm.goDepth >= maxGoDepth {
		if vm.goDepth >= maxGoDepth+20 || vm.inError == 0 {
			l.raiseText(l.where(1) + "C stack overflow")
		}
	}
}

// callGuarded is callAt with a guard from the start.
func (l *State) callGuarded(fn, nargs, nres int) {
	vm := l.vm
	base, top := l.base, l.top
	l.checkGoDepth()
	vm.goDepth++
	if v := l.stack[fn]; v.n == tagFunc && v.fn().proto == nil && (v.fn().body.special == plainGo || v.fn().body.special >= spNext) {
		n := vm.callGo(l, v.fn(), fn, nargs)
		l.deliver(fn, l.top-n, n, nres)
	} else {
		vm.run(l, fn, nargs, nres)
	}
	vm.goDepth--
	l.base = base
	if nres >= 0 {
		l.top = top
	}
}

// run calls stack[fn] and runs the interpreter loop until it has returned. An error that no frame of this run
// catches goes on as a panic; the frames are left for the catcher's traceback.
func (vm *VM) run(l *State, fn, nargs, nres int) {
	first, depth, old := l.fi+1, vm.goDepth, vm.unguarded
	vm.unguarded = false
	done := vm.guarded(l, fn, nargs, nres)
	for !done {
		vm.goDepth, vm.unguarded = depth, false
		var found bool
		if found, done = vm.unwind(l, first); !found {
			panic(vm.sig)
		}
		if !done {
			done = vm.guarded(nil, 0, 0, 0)
		}
	}
	vm.unguarded = old
}

// guarded runs the loop until it returns (done) or an error is raised.
func (vm *VM) guarded(l *State, fn, nargs, nres int) (done bool) {
	defer func() {
		if !done {
			r := recover()
			if vm.caught(r) {
				panic(r)
			}
		}
	}()
	if l != nil && vm.precall(l, fn, nargs, nres, fFromGo, 0) {
		return true
	}
	vm.exec()
	return true
}

// unwind finds the protected call that catches the error under way, at frames of thread l0 from index first on and
// of the coroutines it resumed, and gives it its results. done is set when this was the frame the run began with.
func (vm *VM) unwind(l0 *State, first int) (found, done bool) {
	l := vm.cur
	for {
		low := 1
		if l == l0 {
			low = first
		}
		for i := l.fi; i >= low; i-- {
			if k := l.frames[i].kind; k == kPcall || k == kXpcall {
				vm.endThreads(l)
				if k == kXpcall {
					vm.callHandler(l, i)
				}
				return true, vm.recoverAt(l, i)
			}
		}
		if l == l0 {
			return false, false
		}
		r := l.resumer
		if r == nil {
			return false, false
		}
		m := r.frames[r.fi]
		if m.kind == kResume {
			vm.endThreads(r)
			r.fi--
			return true, vm.failTo(r, m)
		}
		if !vm.hosted() {
			vm.endThreads(r)
			vm.addCaller(r)
		}
		l = r
	}
}

// endThreads ends the threads from the current one up to the one that l has resumed, and goes back to l.
func (vm *VM) endThreads(l *State) {
	for t := vm.cur; t != l; {
		t.closeUpvals(0)
		t.status, t.ngo = stDead, 0
		t, t.resumer = t.resumer, nil
	}
	vm.cur = l
	l.status = stRunning
}

// addCaller puts before an error that leaves a function of coroutine.wrap where that was called, as LuaJIT does.
func (vm *VM) addCaller(l *State) {
	if vm.errVal.isStr() {
		vm.errVal = String(l.where(1) + vm.errVal.str())
	}
}

// callHandler lets the handler of the xpcall at frame i transform the error, on top of the frames that raised it.
func (vm *VM) callHandler(l *State, i int) {
	h := l.stack[l.frames[i].base]
	fi, top, ngo, base := l.fi, l.top, l.ngo, l.base
	vm.inError++
	ok := func() (ok bool) {
		defer func() {
			if !ok {
				if r := recover(); vm.caught(r) {
					panic(r)
				}
			}
		}()
		at := l.frameTop()
		l.ensure(at + 2)
		l.stack[at], l.stack[at+1] = h, vm.errVal
		l.top = at + 2
		l.callAt(at, 1, 1)
		vm.errVal = l.stack[at]
		return true
	}()
	vm.inError--
	if !ok {
		vm.errVal = String("error in error handling")
		vm.cur = l
	}
	l.fi, l.top, l.ngo, l.base = fi, top, ngo, base
}

// recoverAt drops the frames above the pcall frame i and gives it false and the error.
func (vm *VM) recoverAt(l *State, i int) (exit bool) {
	m := l.frames[i]
	for j := i + 1; j <= l.fi; j++ {
		if l.frames[j].flags&fFromGo != 0 {
			l.ngo--
		}
	}
	l.fi = i - 1
	l.closeUpvals(int(m.base))
	l.shrink(int(m.base))
	return vm.failTo(l, m)
}

// failTo delivers false and the error under way to the call whose frame m was.
func (vm *VM) failTo(l *State, m frame) (exit bool) {
	slot := int(m.base) - 1
	l.ensure(slot + 2)
	l.stack[slot], l.stack[slot+1] = False, vm.errVal
	vm.errVal = Nil
	return vm.finish(l, slot, slot, 2, int(m.nres), m.flags, m.aux)
}

// bigStack is the size from which a stack is not kept for the next call.
const bigStack = 1 << 15

// shrink gives back a stack that an overflow blew up.
func (l *State) shrink(used int) {
	const big = bigStack
	if len(l.stack) > big && used < big/4 {
		s := make([]Value, big/2)
		copy(s, l.stack[:big/2])
		l.stack = s
		for u := l.open; u != nil; u = u.next {
			u.v = &s[u.index]
		}
	}
	if len(l.frames) > big && l.fi < big/4 {
		l.frames = append([]frame(nil), l.frames[:big/2]...)
	}
}
