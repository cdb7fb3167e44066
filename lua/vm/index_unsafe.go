package vm

import "unsafe"

// find returns the node of a string constant: by pointer mostly, else by hash and contents.
func (t *Table) findConst(c *Value, h uint32) *node {
	nd := (*node)(unsafe.Add(t.nodes, uintptr(h&t.mask)*nodeSize))
	for {
		if nd.key.n == c.n {
			if nd.key.p == c.p {
				return nd
			}
			if nd.hash == h && nd.key.str() == c.str() {
				nd.key.p = c.p // equal contents: the next look finds it by pointer
				return nd
			}
		}
		if nd.next == 0 {
			return nil
		}
		nd = (*node)(unsafe.Add(t.nodes, uintptr(nd.next-1)*nodeSize))
	}
}

// indexMethod returns the __index of a metatable, remembering the node it is in.
func (vm *VM) indexMethod(mt *Table) Value {
	m := &vm.names.index
	if mt.flags&m.bit != 0 {
		return Nil
	}
	if at := mt.indexAt; at <= mt.mask {
		if nd := mt.node(at); nd.key.p == m.key.p && nd.key.n == m.key.n && nd.val.n != tagNil {
			return nd.val
		}
	}
	nd := mt.findConst(&m.key, m.hash)
	if nd == nil || nd.val.n == tagNil {
		mt.flags |= m.bit
		return Nil
	}
	mt.indexAt = uint32((uintptr(unsafe.Pointer(nd)) - uintptr(mt.nodes)) / nodeSize)
	return nd.val
}

// indexStr is indexWalk for a string constant with its hash; it finds most results without the general walk.
func (vm *VM) indexStr(l *State, o, k Value, h uint32) (v, mm, recv Value) {
	x := o
	for range maxMetaLoop {
		var mt *Table
		if x.n == tagTable {
			t := x.table()
			if nd := t.findConst(&k, h); nd != nil && nd.val.n != tagNil {
				return nd.val, Nil, Nil
			}
			if mt = t.meta; mt == nil {
				return Nil, Nil, Nil
			}
			if t.weak != 0 {
				break
			}
			if mm = vm.indexMethod(mt); mm.n == tagNil {
				return Nil, Nil, Nil
			}
		} else if x.isStr() && vm.strMeta != nil {
			mm = vm.indexMethod(vm.strMeta)
		} else {
			break
		}
		if mm.n == tagFunc {
			return Nil, mm, x
		}
		if mm.n == tagNil {
			break
		}
		x = mm
	}
	return vm.indexWalk(l, x, k)
}
