package vm

import (
	"unsafe"
	"weak"
)

// weakTab holds the elements of a weak table. Such a table has empty array and hash parts, so that every fast path
// misses and the slow ones come here; arr points to the weakTab.
type weakTab struct {
	m     map[weakKey]*weakEntry
	order []*weakEntry // traversal order, with holes
}

// weakKey identifies a key: by content for strings and numbers, by address for objects. An address may be that of
// an object that died; the entry's reference tells.
type weakKey struct {
	n uint64
	p uintptr
	s string
}

type weakEntry struct {
	key, val   Value   // kept only where not weak
	kref, vref weakRef // where weak
	index      int     // in order
}

// weakRef is a weak reference to a collectable value; strings count as values.
type weakRef struct {
	tag uint64
	t   weak.Pointer[Table]
	f   weak.Pointer[Function]
	u   weak.Pointer[Userdata]
	l   weak.Pointer[State]
}

func newWeakTab() *weakTab { return &weakTab{m: map[weakKey]*weakEntry{}} }

func makeWeak(v Value) (r weakRef, ok bool) {
	r.tag = v.n
	switch v.n {
	case tagTable:
		r.t = weak.Make(v.table())
	case tagFunc:
		r.f = weak.Make(v.fn())
	case tagUser:
		r.u = weak.Make(v.user())
	case tagState:
		r.l = weak.Make(v.state())
	default:
		return r, false
	}
	return r, true
}

// value returns the referenced value, or nil if it is gone.
func (r *weakRef) value() Value {
	switch r.tag {
	case tagTable:
		if p := r.t.Value(); p != nil {
			return mkTable(p)
		}
	case tagFunc:
		if p := r.f.Value(); p != nil {
			return mkFunction(p)
		}
	case tagUser:
		if p := r.u.Value(); p != nil {
			return mkUserdata(p)
		}
	case tagState:
		if p := r.l.Value(); p != nil {
			return mkState(p)
		}
	}
	return Nil
}

func weakKeyOf(k Value) weakKey {
	if k.isStr() {
		return weakKey{n: tagStr, s: k.str()}
	}
	if k.isNum() || k.n <= tagTrue {
		return weakKey{n: k.n}
	}
	return weakKey{n: k.n, p: uintptr(k.p)}
}

func (t *Table) weakTab() *weakTab { return (*weakTab)(t.arr) }

// get returns key and value of an entry; nil values when either is gone.
func (e *weakEntry) get() (k, v Value) {
	k, v = e.key, e.val
	if e.kref.tag != 0 {
		if k = e.kref.value(); k.n == tagNil {
			return Nil, Nil
		}
	}
	if e.vref.tag != 0 {
		v = e.vref.value()
	}
	return k, v
}

func (t *Table) weakGet(k Value) Value {
	e := t.weakTab().m[weakKeyOf(k.clean())]
	if e == nil {
		return Nil
	}
	_, v := e.get()
	return v
}

func (t *Table) weakSet(k, v Value) {
	w := t.weakTab()
	id := weakKeyOf(k)
	e := w.m[id]
	if v.n == tagNil {
		if e != nil {
			e.val, e.vref = Nil, weakRef{}
		}
		return
	}
	if e != nil {
		if old, _ := e.get(); old.n == tagNil {
			w.order[e.index] = nil
			e = nil
		}
	}
	if e == nil {
		w.compact()
		e = &weakEntry{key: k, index: len(w.order)}
		if t.weak&weakKeys != 0 {
			if r, ok := makeWeak(k); ok {
				e.key, e.kref = Nil, r
			}
		}
		w.m[id] = e
		w.order = append(w.order, e)
	}
	e.val, e.vref = v.clean(), weakRef{}
	if t.weak&weakValues != 0 {
		if r, ok := makeWeak(v); ok {
			e.val, e.vref = Nil, r
		}
	}
}

// compact drops the dead entries when the table is about to grow.
func (w *weakTab) compact() {
	if len(w.order) < 8 || len(w.order) < cap(w.order) {
		return
	}
	live := w.order[:0]
	for id, e := range w.m {
		if k, v := e.get(); k.n == tagNil || v.n == tagNil {
			w.order[e.index] = nil
			delete(w.m, id)
		}
	}
	for _, e := range w.order {
		if e != nil {
			e.index = len(live)
			live = append(live, e)
		}
	}
	clear(w.order[len(live):])
	w.order = live
}

func (t *Table) weakNext(k Value) (key, val Value, ok, found bool) {
	w := t.weakTab()
	i := 0
	if k.n != tagNil {
		e := w.m[weakKeyOf(normKey(k))]
		if e == nil {
			return Nil, Nil, false, false
		}
		i = e.index + 1
	}
	for ; i < len(w.order); i++ {
		if e := w.order[i]; e != nil {
			if key, val = e.get(); key.n != tagNil && val.n != tagNil {
				return key, val, true, true
			}
		}
	}
	return Nil, Nil, false, true
}

// setWeak makes a table weak, or strong again, and moves its elements over.
func (t *Table) setWeak(mode uint8) {
	if mode == t.weak {
		return
	}
	type pair struct{ k, v Value }
	var all []pair
	for k, v, ok, _ := t.Next(Nil); ok; k, v, ok, _ = t.Next(k) {
		all = append(all, pair{k, v})
	}
	*t = Table{nodes: unsafe.Pointer(&emptyNode), meta: t.meta, weak: mode}
	if mode != 0 {
		t.arr = unsafe.Pointer(newWeakTab())
	}
	for _, p := range all {
		t.Set(p.k, p.v)
	}
}

// SetMetatable sets the metatable of t, nil for none, and takes the weakness of the table from it.
func (t *Table) SetMetatable(vm *VM, mt *Table) {
	t.meta = mt
	mode := uint8(0)
	if mt != nil {
		if m := mt.metamethod(&vm.names.mode); m.isStr() {
			for _, c := range m.str() {
				switch c {
				case 'k':
					mode |= weakKeys
				case 'v':
					mode |= weakValues
				}
			}
		}
	}
	t.setWeak(mode)
}
