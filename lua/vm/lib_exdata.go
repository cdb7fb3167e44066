package vm

// openExdata registers thread.exdata and thread.exdata2, OpenResty's slots for host data on a thread: here they hold
// any value for the running thread.
func (vm *VM) openExdata() {
	slot := func(p func(l *State) *Value) Func {
		return func(l *State) int {
			return l.Ret(vm.NewFunction("exdata", func(l *State) int {
				v := p(l)
				if l.Top() > 0 {
					*v = l.Arg(1)
					return 0
				}
				return l.Ret(*v)
			}).Value())
		}
	}
	vm.Preload("thread.exdata", slot(func(l *State) *Value { return &l.exdata[0] }))
	vm.Preload("thread.exdata2", slot(func(l *State) *Value { return &l.exdata[1] }))
}
