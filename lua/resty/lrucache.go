package resty

import (
	"weir/lua/api"
	"weir/lua/shared"
	"weir/lua/vm"
)

var lrucacheFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(size, load_factor?)", Run: lruNew, Doc: "Makes a cache of so many values, for this worker."},
	{Name: "get", In: api.Any, Args: "(key)", Run: lruGet, Doc: "Returns a value, nil and its flags; one that has expired comes second."},
	{Name: "set", In: api.Any, Args: "(key, value, ttl?, flags?)", Run: lruSet, Doc: "Stores a value for so many seconds; the least recently used one makes room."},
	{Name: "delete", In: api.Any, Args: "(key)", Run: lruDelete, Doc: "Removes a value; returns whether there was one."},
	{Name: "count", In: api.Any, Args: "()", Run: lruCount, Doc: "Returns the number of values."},
	{Name: "capacity", In: api.Any, Args: "()", Run: lruCapacity, Doc: "Returns the size given to new."},
	{Name: "get_keys", In: api.Any, Args: "(max?, res?)", Run: lruKeys, Doc: "Returns a list of keys, the most recently used first."},
	{Name: "flush_all", In: api.Any, Args: "()", Run: lruFlush, Doc: "Removes all values."},
}

// lru is a cache. Its keys and values are in Lua tables, where whoever measures the VM's memory finds them.
type lru struct {
	size  int
	index *vm.Table // key -> place
	keys  *vm.Table // place -> key
	vals  *vm.Table // place -> value
	nodes []lruNode // by place; 0 is the head of both lists: the newest is its next, the oldest its previous
	free  int       // first free place, linked by next; 0: none
	count int
}

type lruNode struct {
	prev, next int32
	flags      uint32
	expire     float64 // seconds, below 0: never
}

// newLRU returns a cache. Nodes are made as they are needed.
func newLRU(size int) *lru {
	return &lru{size: size, index: vm.NewTable(0, 0), keys: vm.NewTable(0, 0), vals: vm.NewTable(0, 0), nodes: make([]lruNode, 1, min(size, 64)+1)}
}

func (c *lru) unlink(i int) {
	n := &c.nodes[i]
	c.nodes[n.prev].next, c.nodes[n.next].prev = n.next, n.prev
}

// front makes a node the newest.
func (c *lru) front(i int) {
	head := c.nodes[0].next
	c.nodes[i].prev, c.nodes[i].next = 0, head
	c.nodes[head].prev = int32(i)
	c.nodes[0].next = int32(i)
}

// place returns the place of a key, 0 for none.
func (c *lru) place(key vm.Value) int {
	f, _ := c.index.Get(key).AsNumber()
	return int(f)
}

// take returns a place for a new key: a free one, a new one, or that of the oldest key.
func (c *lru) take() int {
	switch {
	case c.free != 0:
		i := c.free
		c.free = int(c.nodes[i].next)
		c.count++
		return i
	case len(c.nodes) <= c.size:
		c.nodes = append(c.nodes, lruNode{})
		c.count++
		return len(c.nodes) - 1
	}
	i := int(c.nodes[0].prev)
	c.index.Set(c.keys.GetInt(i), vm.Nil)
	c.unlink(i)
	return i
}

// drop frees a place.
func (c *lru) drop(i int) {
	c.index.Set(c.keys.GetInt(i), vm.Nil)
	c.keys.SetInt(i, vm.Nil)
	c.vals.SetInt(i, vm.Nil)
	c.unlink(i)
	c.nodes[i].next = int32(c.free)
	c.free = i
	c.count--
}

const maxLRU = 1 << 30

func lruNew(l *vm.State) int {
	size := l.CheckNumber(1)
	if size < 1 {
		return api.Fail(l, "size too small")
	}
	c := newLRU(int(min(size, maxLRU)))
	t := object(l, "resty.lrucache", c)
	t.SetInt(2, c.index.Value())
	t.SetInt(3, c.keys.Value())
	t.SetInt(4, c.vals.Value())
	return l.Ret(t.Value())
}

func seconds(l *vm.State) float64 { return float64(shared.Now(l)) / 1000 }

func lruGet(l *vm.State) int {
	c := native[*lru](l)
	i := c.place(l.Arg(2))
	if i == 0 {
		return l.Ret(vm.Nil)
	}
	v := c.vals.GetInt(i)
	if v.IsNil() {
		return l.Ret(vm.Nil)
	}
	n := &c.nodes[i]
	if c.nodes[0].next != int32(i) {
		c.unlink(i)
		c.front(i)
	}
	if n.expire >= 0 && n.expire < seconds(l) {
		l.Push(vm.Nil)
		l.Push(v)
	} else {
		l.Push(v)
		l.Push(vm.Nil)
	}
	l.PushNumber(float64(n.flags))
	return 3
}

func lruSet(l *vm.State) int {
	c := native[*lru](l)
	key := l.Arg(2)
	i := c.place(key)
	if i == 0 {
		l.RawSet(c.index, key, vm.True) // raises an error for a key that is none
		i = c.take()
		c.index.Set(key, vm.Int(i))
		c.keys.SetInt(i, key)
	} else {
		c.unlink(i)
	}
	c.front(i)
	c.vals.SetInt(i, l.Arg(3))
	n := &c.nodes[i]
	n.expire, n.flags = -1, 0
	if l.Arg(4).Truthy() {
		n.expire = seconds(l) + l.CheckNumber(4)
	}
	if f, ok := l.Arg(5).AsNumber(); ok && f >= 0 {
		n.flags = uint32(f)
	}
	return 0
}

func lruDelete(l *vm.State) int {
	c := native[*lru](l)
	i := c.place(l.Arg(2))
	if i != 0 {
		c.drop(i)
	}
	return bool1(l, i != 0)
}

func lruCount(l *vm.State) int {
	l.PushInt(native[*lru](l).count)
	return 1
}

func lruCapacity(l *vm.State) int {
	l.PushInt(native[*lru](l).size)
	return 1
}

func lruKeys(l *vm.State) int {
	c := native[*lru](l)
	most := c.count
	if l.Arg(2).Truthy() {
		if n := l.CheckInt(2); n != 0 {
			most = n
		}
	}
	res := l.Arg(3).AsTable()
	if res == nil {
		res = l.VM().NewTable(min(most, c.count), 0)
	}
	n := 0
	for i := c.nodes[0].next; i != 0 && n < most; i = c.nodes[i].next {
		n++
		res.SetInt(n, c.keys.GetInt(int(i)))
	}
	res.SetInt(n+1, vm.Nil)
	return l.Ret(res.Value())
}

func lruFlush(l *vm.State) int {
	c := native[*lru](l)
	c.index.Clear()
	c.keys.Clear()
	c.vals.Clear()
	c.nodes = append(c.nodes[:0], lruNode{})
	c.free, c.count = 0, 0
	return 0
}
