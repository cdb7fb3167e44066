package vm

func (vm *VM) openCoroutine() {
	t := vm.library("coroutine", []fn{
		{"status", coStatus}, {"running", coRunning}, {"isyieldable", coIsyieldable}, {"create", coCreate},
		{"yield", nil}, {"resume", nil}, {"wrap", coWrap},
	})
	vm.special(t, "yield", spYield)
	vm.special(t, "resume", spResume)
	vm.resumeFn = t.GetString("resume").AsFunction()
}

func coStatus(l *State) int { return l.ret(String(l.CheckThread(1).Status())) }

func coRunning(l *State) int {
	l.Push(mkState(l))
	l.Push(Bool(l.resumer == nil))
	return 2
}

func coIsyieldable(l *State) int { return l.ret(Bool(l.resumer != nil && l.ngo == 0)) }

func coCreate(l *State) int {
	return l.ret(mkState(l.vm.NewCoroutine(l.CheckFunction(1))))
}

func coWrap(l *State) int {
	co := l.vm.NewCoroutine(l.CheckFunction(1))
	f := &Function{env: l.vm.globals, body: &goBody{name: "wrap", special: spWrapped, co: co, id: wrapAuxID}}
	return l.ret(mkFunction(f))
}

var wrapAuxID = builtinIDs["coroutine.wrap_aux"]
