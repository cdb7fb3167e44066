package vm

import (
	"math/bits"
	"unsafe"
)

// Table is a Lua table: an array part for the keys 1..asize and a hash part of 2^k chained nodes.
//
// The hash part is a chained scatter table with Brent's variation: a key that is not at its main position implies
// that another key, which is at its own, sits there. It may be filled to the last node. A node whose value is nil
// is dead: its key stays until the next rehash, so that next works while a traversal clears fields; a rehash counts
// only the living, so a table with a bounded number of live keys stays bounded.
type Table struct {
	arr     unsafe.Pointer // *[asize]Value
	nodes   unsafe.Pointer // *[mask+1]node; &emptyNode when there is no hash part
	meta    *Table
	asize   uint32
	mask    uint32
	free    uint32 // all nodes at or above it are in use
	hint    uint32 // the border found last
	flags   uint8  // bit per metamethod known to be absent; cleared by any new key
	weak    uint8  // weakKeys | weakValues, from the metatable's __mode
	indexAt uint32 // node of __index, for tables that are metatables
}

type node struct {
	key  Value
	val  Value
	next uint32 // index+1 of the next node of the chain, 0 at its end
	hash uint32
}

const (
	nodeSize  = unsafe.Sizeof(node{})
	valueSize = unsafe.Sizeof(Value{})

	weakKeys   = 1
	weakValues = 2

	maxArray = 1 << 27
	maxHash  = 1 << 26
)

// emptyNode is the hash part of every table without one; nothing is ever stored in it.
var emptyNode node

// slot returns the i-th element (from 0) of the array part.
func (t *Table) slot(i uint32) *Value { return (*Value)(unsafe.Add(t.arr, uintptr(i)*valueSize)) }

func (t *Table) node(i uint32) *node { return (*node)(unsafe.Add(t.nodes, uintptr(i)*nodeSize)) }

func (t *Table) hasHash() bool { return t.nodes != unsafe.Pointer(&emptyNode) }

// NewTable returns a table with room for narr elements and nhash other keys.
func NewTable(narr, nhash int) *Table {
	if t := newSmall(narr, nhash); t != nil {
		return t
	}
	t := &Table{nodes: unsafe.Pointer(&emptyNode)}
	if narr > 0 {
		t.growArray(uint32(min(narr, maxArray)))
	}
	if nhash > 0 {
		t.setHash(hashBits(uint32(min(nhash, maxHash))))
	}
	return t
}

// newSmall allocates a table of a few elements together with its only part; nil for other sizes. What such a table
// outgrows is freed with the table.
func newSmall(narr, nhash int) *Table {
	switch {
	case narr == 0 && nhash == 1:
		s := &struct {
			Table
			n [1]node
		}{}
		s.nodes, s.free = unsafe.Pointer(&s.n), 1
		return &s.Table
	case narr == 0 && nhash == 2:
		s := &struct {
			Table
			n [2]node
		}{}
		s.nodes, s.mask, s.free = unsafe.Pointer(&s.n), 1, 2
		return &s.Table
	case narr == 0 && nhash > 2 && nhash <= 4:
		s := &struct {
			Table
			n [4]node
		}{}
		s.nodes, s.mask, s.free = unsafe.Pointer(&s.n), 3, 4
		return &s.Table
	case nhash == 1 && narr <= 4: // captures: one of them is number 0
		s := &struct {
			Table
			n [1]node
			a [4]Value
		}{}
		s.arr, s.asize = unsafe.Pointer(&s.a), uint32(narr)
		s.nodes, s.free = unsafe.Pointer(&s.n), 1
		return &s.Table
	case nhash == 0 && narr > 0 && narr <= 4:
		s := &struct {
			Table
			a [4]Value
		}{}
		s.arr, s.asize, s.nodes = unsafe.Pointer(&s.a), uint32(narr), unsafe.Pointer(&emptyNode)
		return &s.Table
	}
	return nil
}

// hashBits returns the smallest power of two that holds n nodes.
func hashBits(n uint32) uint32 {
	if n <= 1 {
		return n
	}
	return 1 << bits.Len32(n-1)
}

// growArray enlarges the array part to n elements; the new ones are nil.
func (t *Table) growArray(n uint32) {
	a := make([]Value, n)
	if t.asize > 0 {
		copy(a, unsafe.Slice((*Value)(t.arr), t.asize))
	}
	t.arr = unsafe.Pointer(unsafe.SliceData(a))
	t.asize = n
}

// setHash replaces the hash part by an empty one of n nodes, n a power of two or zero.
func (t *Table) setHash(n uint32) {
	if n == 0 {
		t.nodes, t.mask, t.free = unsafe.Pointer(&emptyNode), 0, 0
		return
	}
	switch n {
	case 1:
		t.nodes = unsafe.Pointer(new([1]node))
	case 2:
		t.nodes = unsafe.Pointer(new([2]node))
	case 4:
		t.nodes = unsafe.Pointer(new([4]node))
	case 8:
		t.nodes = unsafe.Pointer(new([8]node))
	default:
		t.nodes = unsafe.Pointer(unsafe.SliceData(make([]node, n)))
	}
	t.mask, t.free = n-1, n
}

// bytes returns the heap memory of the table, for the accounting of budgets.
func (t *Table) bytes() int {
	n := int(unsafe.Sizeof(*t)) + int(t.asize)*int(valueSize)
	if t.hasHash() {
		n += int(t.mask+1) * int(nodeSize)
	}
	return n
}

func hashValue(k Value) uint32 {
	if k.isStr() {
		return hashString(k.str())
	}
	h := k.n
	if h < minNumber {
		h ^= uint64(uintptr(k.p)) >> 3
		if k.n <= tagTrue {
			h = k.n
		}
	}
	h *= 0x9e3779b97f4a7c15
	return uint32(h >> 32)
}

// getStr returns the value under a string key whose hash is h.
func (t *Table) getStr(k Value, h uint32) Value {
	nd := t.node(h & t.mask)
	for {
		if nd.key.n == k.n && (nd.key.p == k.p || nd.hash == h && nd.key.str() == k.str()) {
			return nd.val
		}
		if nd.next == 0 {
			return Nil
		}
		nd = t.node(nd.next - 1)
	}
}

// findStr returns the node of a string key, or nil.
func (t *Table) findStr(k Value, h uint32) *node {
	nd := t.node(h & t.mask)
	for {
		if nd.key.n == k.n && (nd.key.p == k.p || nd.hash == h && nd.key.str() == k.str()) {
			return nd
		}
		if nd.next == 0 {
			return nil
		}
		nd = t.node(nd.next - 1)
	}
}

// findKey returns the node of any normalised key, or nil.
func (t *Table) findKey(k Value) *node {
	if k.isStr() {
		return t.findStr(k, hashString(k.str()))
	}
	nd := t.node(hashValue(k) & t.mask)
	for {
		if nd.key.n == k.n && nd.key.n != tagNil && (nd.key.p == k.p || k.n >= minNumber || k.n <= tagTrue) {
			return nd
		}
		if nd.next == 0 {
			return nil
		}
		nd = t.node(nd.next - 1)
	}
}

// GetInt returns t[i] without metamethods.
func (t *Table) GetInt(i int) Value {
	if uint(i-1) < uint(t.asize) {
		return *t.slot(uint32(i - 1))
	}
	if t.weak != 0 {
		return t.weakGet(Int(i))
	}
	if !t.hasHash() {
		return Nil
	}
	if nd := t.findKey(Int(i)); nd != nil {
		return nd.val
	}
	return Nil
}

// GetString returns t[s] without metamethods.
func (t *Table) GetString(s string) Value {
	if t.weak != 0 {
		return t.weakGet(String(s))
	}
	if !t.hasHash() {
		return Nil
	}
	return t.getStr(String(s), hashString(s))
}

// normKey gives a key its one representation: minus zero becomes zero.
func normKey(k Value) Value {
	if k.n >= minNumber && k.num() == 0 {
		return Number(0)
	}
	return k.clean()
}

// Get returns t[k] without metamethods.
func (t *Table) Get(k Value) Value {
	if k.n >= minNumber {
		if i, ok := toInt(k.num()); ok && uint(i-1) < uint(t.asize) {
			return *t.slot(uint32(i - 1))
		}
		k = normKey(k)
	}
	if t.weak != 0 {
		return t.weakGet(k)
	}
	if nd := t.findKey(k); nd != nil {
		return nd.val
	}
	return Nil
}

// ref returns the place of the value under k if the table has one, else nil.
func (t *Table) ref(k Value) *Value {
	if k.n >= minNumber {
		if i, ok := toInt(k.num()); ok && uint(i-1) < uint(t.asize) {
			return t.slot(uint32(i - 1))
		}
		k = normKey(k)
	}
	if nd := t.findKey(k); nd != nil {
		return &nd.val
	}
	return nil
}

// Set stores v under k without metamethods; k must not be nil or NaN.
func (t *Table) Set(k, v Value) {
	t.flags = 0
	if t.weak != 0 {
		t.weakSet(normKey(k), v)
		return
	}
	if p := t.ref(k); p != nil {
		*p = v.clean()
		return
	}
	if v.n != tagNil {
		*t.insert(normKey(k)) = v.clean()
	}
}

// SetString stores v under s without metamethods.
func (t *Table) SetString(s string, v Value) {
	t.flags = 0
	if t.weak != 0 {
		t.weakSet(String(s), v)
		return
	}
	k, h := String(s), hashString(s)
	if nd := t.findStr(k, h); nd != nil {
		nd.val = v.clean()
		return
	}
	if v.n != tagNil {
		*t.insertHashed(k, h) = v.clean()
	}
}

// SetInt stores v under i without metamethods.
func (t *Table) SetInt(i int, v Value) {
	if uint(i-1) < uint(t.asize) {
		*t.slot(uint32(i - 1)) = v.clean()
		return
	}
	t.Set(Int(i), v)
}

// insert adds a key that the table does not have and returns the place of its value.
func (t *Table) insert(k Value) *Value {
	if k.n >= minNumber {
		// The common growth of arrays: the next element after a full array part.
		if i, ok := toInt(k.num()); ok && i == int(t.asize)+1 && t.appendSlot() {
			return t.slot(uint32(i - 1))
		}
	}
	return t.insertHashed(k, hashValue(k))
}

// appendSlot makes room for element asize+1 in the array part where the array part is dense enough and no element
// of the enlarged part waits in the hash part.
func (t *Table) appendSlot() bool {
	n := t.asize
	grown := n * 2
	if n == 0 {
		grown = 4
	} else if n >= maxArray || t.slot(n-1).n == tagNil || t.denseCount()*2 <= n {
		return false
	}
	if t.hasHash() {
		for i := uint32(0); i <= t.mask; i++ {
			if nd := t.node(i); nd.key.n >= minNumber && nd.val.n != tagNil && nd.key.num() <= float64(grown) && nd.key.num() >= 1 {
				return false
			}
		}
	}
	t.growArray(grown)
	return true
}

// denseCount samples how many array elements are in use.
func (t *Table) denseCount() uint32 {
	c := uint32(0)
	if t.asize <= 64 {
		for i := uint32(0); i < t.asize; i++ {
			if t.slot(i).n != tagNil {
				c++
			}
		}
		return c
	}
	step := t.asize / 64
	for i := range uint32(64) {
		if t.slot(i*step).n != tagNil {
			c++
		}
	}
	return c * step
}

// insertHashed adds key k of hash h, which the table does not have, to the hash part (or, after a rehash, wherever
// it belongs) and returns the place of its value.
func (t *Table) insertHashed(k Value, h uint32) *Value {
	t.flags = 0
	if !t.hasHash() {
		return t.rehash(k, h)
	}
	mp := t.node(h & t.mask)
	if mp.val.n == tagNil {
		// Unused, or dead: a dead node stays in the chain it is part of, which the new key may share.
		mp.key, mp.hash = k, h
		return &mp.val
	}
	var fi uint32
	for {
		if t.free == 0 {
			return t.rehash(k, h)
		}
		t.free--
		if t.node(t.free).key.n == tagNil {
			fi = t.free
			break
		}
	}
	f := t.node(fi)
	oi := mp.hash & t.mask
	if other := t.node(oi); other != mp {
		// The colliding node is a guest here: move it to the free one.
		for t.node(other.next-1) != mp {
			other = t.node(other.next - 1)
		}
		other.next = fi + 1
		*f = *mp
		mp.key, mp.hash, mp.next, mp.val = k, h, 0, Nil
		return &mp.val
	}
	f.key, f.hash, f.next = k, h, mp.next
	mp.next = fi + 1
	return &f.val
}

// rehash sizes both parts for the live keys and k, moves them over and adds k.
func (t *Table) rehash(k Value, h uint32) *Value {
	var nums [28]uint32 // nums[b]: integer keys in (2^(b-1), 2^b]
	total, ints := uint32(1), uint32(0)
	count := func(v Value) {
		if v.n >= minNumber {
			if i, ok := toInt(v.num()); ok && i >= 1 && i <= maxArray {
				nums[bits.Len32(uint32(i-1))]++
				ints++
			}
		}
	}
	count(k)
	for i := uint32(0); i < t.asize; i++ {
		if t.slot(i).n != tagNil {
			nums[bits.Len32(i)]++
			ints++
			total++
		}
	}
	if t.hasHash() {
		for i := uint32(0); i <= t.mask; i++ {
			if nd := t.node(i); nd.val.n != tagNil {
				count(nd.key)
				total++
			}
		}
	}
	na, size := bestArray(&nums, ints)
	nh := total - na
	if nh > 0 && nh < 4 && t.mask == 0 && !t.hasHash() && k.n < minNumber {
		nh = 4 // most tables that get one field get several
	}
	if nh >= 64 {
		nh += nh / 8 // room to delete and insert at a steady size without a rehash each time
	}
	t.resize(size, nh)
	if k.n >= minNumber {
		if i, ok := toInt(k.num()); ok && uint(i-1) < uint(t.asize) {
			return t.slot(uint32(i - 1))
		}
	}
	return t.insertHashed(k, h)
}

// bestArray returns the largest power of two such that more than half of the array up to it is in use, and the
// number of keys that then live in the array.
func bestArray(nums *[28]uint32, ints uint32) (na, size uint32) {
	acc := uint32(0)
	for b, twop := 0, uint32(1); b < len(nums) && ints > twop/2; b, twop = b+1, twop*2 {
		acc += nums[b]
		if acc > twop/2 {
			na, size = acc, twop
		}
		if acc == ints {
			break
		}
	}
	return na, size
}

// resize gives the table an array part of asize elements and a hash part for nhash keys and moves all live
// elements to where they belong.
func (t *Table) resize(asize, nhash uint32) {
	oldNodes, oldMask, had := t.nodes, t.mask, t.hasHash()
	oldArr, oldSize := t.arr, t.asize
	if asize < oldSize {
		// Count what falls out of the array part.
		for i := asize; i < oldSize; i++ {
			if (*Value)(unsafe.Add(oldArr, uintptr(i)*valueSize)).n != tagNil {
				nhash++
			}
		}
	}
	if asize > oldSize {
		t.growArray(asize)
	} else if asize < oldSize {
		t.arr, t.asize = nil, 0
		if asize > 0 {
			a := make([]Value, asize)
			copy(a, unsafe.Slice((*Value)(oldArr), asize))
			t.arr, t.asize = unsafe.Pointer(unsafe.SliceData(a)), asize
		}
	}
	t.setHash(hashBits(nhash))
	t.hint = min(t.hint, t.asize)
	for i := t.asize; i < oldSize; i++ {
		if v := (*Value)(unsafe.Add(oldArr, uintptr(i)*valueSize)); v.n != tagNil {
			key := Int(int(i) + 1)
			*t.insertHashed(key, hashValue(key)) = *v
		}
	}
	if !had {
		return
	}
	for i := uintptr(0); i <= uintptr(oldMask); i++ {
		nd := (*node)(unsafe.Add(oldNodes, i*nodeSize))
		if nd.val.n == tagNil {
			continue
		}
		if nd.key.n >= minNumber {
			if j, ok := toInt(nd.key.num()); ok && uint(j-1) < uint(t.asize) {
				*t.slot(uint32(j - 1)) = nd.val
				continue
			}
		}
		*t.insertHashed(nd.key, nd.hash) = nd.val
	}
}

// length returns a border of the table.
func (t *Table) length() int {
	n := t.asize
	if h := t.hint; h <= n && (h == 0 || t.slot(h-1).n != tagNil) {
		if h < n {
			if t.slot(h).n == tagNil {
				if h > 0 {
					return int(h)
				}
			} else if h+1 == n || t.slot(h+1).n == tagNil {
				t.hint = h + 1
				if h+1 < n {
					return int(h + 1)
				}
				return t.hashLength()
			}
		} else if n > 0 {
			return t.hashLength()
		}
	}
	if n > 0 && t.slot(n-1).n == tagNil {
		lo, hi := uint32(0), n
		for hi-lo > 1 {
			m := (lo + hi) / 2
			if t.slot(m-1).n == tagNil {
				hi = m
			} else {
				lo = m
			}
		}
		t.hint = lo
		return int(lo)
	}
	t.hint = n
	return t.hashLength()
}

// hashLength continues the search for a border beyond a full array part.
func (t *Table) hashLength() int {
	i := int(t.asize)
	if !t.hasHash() || t.GetInt(i+1).n == tagNil {
		return i
	}
	j := i + 1
	for t.GetInt(j).n != tagNil {
		i = j
		if j > 1<<52 {
			break
		}
		j *= 2
	}
	for j-i > 1 {
		m := (i + j) / 2
		if t.GetInt(m).n == tagNil {
			j = m
		} else {
			i = m
		}
	}
	return i
}

// Len returns a border of the table, as the operator # without metamethods.
func (t *Table) Len() int {
	if t.weak != 0 {
		n := 0
		for t.weakGet(Int(n+1)).n != tagNil {
			n++
		}
		return n
	}
	return t.length()
}

// iterate returns the first live element at or after position pos, and the position after it; ok is false at the
// end. Positions 0..asize-1 are the array part, the ones above it the hash part.
func (t *Table) iterate(pos uint32) (k, v Value, next uint32, ok bool) {
	for ; pos < t.asize; pos++ {
		if e := t.slot(pos); e.n != tagNil {
			return Int(int(pos) + 1), *e, pos + 1, true
		}
	}
	if !t.hasHash() {
		return Nil, Nil, pos, false
	}
	for i := pos - t.asize; i <= t.mask; i++ {
		if nd := t.node(i); nd.val.n != tagNil {
			return nd.key, nd.val, t.asize + i + 1, true
		}
	}
	return Nil, Nil, pos, false
}

// position returns the position after key k, which must be in the table (dead or alive) or nil.
func (t *Table) position(k Value) (uint32, bool) {
	if k.n == tagNil {
		return 0, true
	}
	if k.n >= minNumber {
		if i, ok := toInt(k.num()); ok && uint(i-1) < uint(t.asize) {
			return uint32(i), true
		}
		k = normKey(k)
	}
	nd := t.findKey(k)
	if nd == nil {
		return 0, false
	}
	return t.asize + uint32((uintptr(unsafe.Pointer(nd))-uintptr(t.nodes))/nodeSize) + 1, true
}

// Next returns the element after key k in traversal order, beginning with a nil key; ok is false when there is none
// or k is not a key of the table (then found is false).
func (t *Table) Next(k Value) (key, val Value, ok, found bool) {
	if t.weak != 0 {
		return t.weakNext(k)
	}
	pos, found := t.position(k)
	if !found {
		return Nil, Nil, false, false
	}
	key, val, _, ok = t.iterate(pos)
	return key, val, ok, true
}

// Clear removes all elements and keeps the room.
func (t *Table) Clear() {
	if t.weak != 0 {
		t.arr = unsafe.Pointer(newWeakTab())
		return
	}
	if t.asize > 0 {
		clear(unsafe.Slice((*Value)(t.arr), t.asize))
	}
	if t.hasHash() {
		clear(unsafe.Slice((*node)(t.nodes), int(t.mask)+1))
		t.free = t.mask + 1
	}
	t.hint, t.flags = 0, 0
}

// count returns the number of live elements.
func (t *Table) count() int {
	n := 0
	if t.weak != 0 {
		for k, _, ok, _ := t.weakNext(Nil); ok; k, _, ok, _ = t.weakNext(k) {
			n++
		}
		return n
	}
	for i := uint32(0); i < t.asize; i++ {
		if t.slot(i).n != tagNil {
			n++
		}
	}
	if t.hasHash() {
		for i := uint32(0); i <= t.mask; i++ {
			if t.node(i).val.n != tagNil {
				n++
			}
		}
	}
	return n
}

// Metatable returns the metatable, or nil.
func (t *Table) Metatable() *Table { return t.meta }

// arraySlice returns the array part as a slice, valid until the next store to the table.
func (t *Table) arraySlice() []Value { return unsafe.Slice((*Value)(t.arr), t.asize) }
