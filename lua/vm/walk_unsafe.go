package vm

import "unsafe"

// Walk measures the bytes reachable from a VM, a slice at a time, so that a worker's loop is never held up. Between
// slices scripts may run and change what has been seen: the result is an estimate, good to what they changed.
type Walk struct {
	vm    *VM
	todo  []Value
	part  Value  // table or thread under way
	pos   uint32 // in it
	seen  map[unsafe.Pointer]struct{}
	bytes int64
}

// weakEntryBytes is about what an element of a weak table takes.
const weakEntryBytes = 160

// NewWalk begins a walk from the globals, the registry, the metatables of types and the threads the VM knows. The
// host adds what else it holds, such as the threads of parked tasks.
func (vm *VM) NewWalk() *Walk {
	w := &Walk{vm: vm, seen: make(map[unsafe.Pointer]struct{}, 1024)}
	for _, t := range append([]*Table{vm.globals, vm.registry, vm.loaded, vm.strMeta}, vm.typeMeta[:]...) {
		w.table(t)
	}
	for _, l := range [...]*State{vm.main, vm.cur} {
		w.Add(mkState(l))
	}
	for _, t := range vm.idle {
		w.Add(mkState(t.l))
	}
	return w
}

// Add adds a value the walk begins from.
func (w *Walk) Add(v Value) {
	if v.n >= minNumber || v.n <= tagLight || v.p == nil {
		return
	}
	if _, ok := w.seen[v.p]; ok {
		return
	}
	w.seen[v.p] = struct{}{}
	if v.isStr() {
		w.bytes += int64(v.strLen())
		return
	}
	w.todo = append(w.todo, v)
}

func (w *Walk) table(t *Table) {
	if t != nil {
		w.Add(mkTable(t))
	}
}

// Step looks at about n elements and reports whether the walk is complete. What it found then decides, with
// VM.MemoryLimit, what the runs that follow may allocate.
func (w *Walk) Step(n int) bool {
	for n > 0 {
		switch {
		case w.part.n == tagTable:
			n -= w.elements(w.part.table(), n)
		case w.part.n == tagState:
			n -= w.slots(w.part.state(), n)
		case len(w.todo) == 0:
			w.vm.measured(w.bytes)
			return true
		default:
			v := w.todo[len(w.todo)-1]
			w.todo = w.todo[:len(w.todo)-1]
			n -= w.visit(v)
		}
	}
	return false
}

// elements adds up to n elements of the table under way.
func (w *Walk) elements(t *Table, n int) int {
	for i := range n {
		k, e, pos, ok := t.Iter(w.pos)
		if !ok {
			w.part = Nil
			return i + 1
		}
		w.pos = pos
		if t.weak&weakKeys == 0 {
			w.Add(k)
		}
		if t.weak&weakValues == 0 {
			w.Add(e)
		}
		if t.weak != 0 {
			w.bytes += weakEntryBytes
		}
	}
	return n
}

// slots adds up to n values of the stack of the thread under way.
func (w *Walk) slots(l *State, n int) int {
	for i := range n {
		if int(w.pos) >= len(l.stack) {
			w.part = Nil
			return i + 1
		}
		w.Add(l.stack[w.pos])
		w.pos++
	}
	return n
}

// Bytes returns what has been counted so far.
func (w *Walk) Bytes() int64 { return w.bytes }

// visit counts one object and adds what it refers to; tables and threads it only begins. It returns how many elements
// it looked at.
func (w *Walk) visit(v Value) int {
	switch v.n {
	case tagTable:
		t := v.table()
		w.bytes += int64(t.bytes())
		w.table(t.meta)
		w.part, w.pos = v, 0
	case tagFunc:
		return w.function(v.fn())
	case tagUser:
		u := v.user()
		w.bytes += int64(unsafe.Sizeof(*u))
		w.table(u.meta)
		w.table(u.env)
		if b, ok := u.V.(*buffer); ok {
			w.bytes += int64(cap(b.b))
		}
	case tagState:
		l := v.state()
		w.bytes += int64(unsafe.Sizeof(*l)) + int64(len(l.stack))*int64(valueSize) + int64(len(l.frames))*int64(unsafe.Sizeof(frame{}))
		w.table(l.env)
		w.part, w.pos = v, 0
	}
	return 1
}

func (w *Walk) function(f *Function) int {
	w.bytes += int64(functionSize)
	w.table(f.env)
	if f.proto == nil {
		if f.body.co != nil {
			w.Add(mkState(f.body.co))
		}
		return 1
	}
	for i := range f.proto.upvals {
		w.bytes += int64(valueSize)
		if f.proto.upvals[i].byValue {
			w.Add(*f.upval(i))
			continue
		}
		c := f.cell(i)
		if _, ok := w.seen[unsafe.Pointer(c)]; !ok {
			w.seen[unsafe.Pointer(c)] = struct{}{}
			w.bytes += int64(unsafe.Sizeof(*c))
			w.Add(*c.v)
		}
	}
	return len(f.proto.upvals) + 1
}
