package resty

import (
	"weir/lua/api"
	"weir/lua/vm"
)

var tablepoolFuncs = []api.Func{
	{Name: "fetch", In: api.Any, Args: "(pool, narr, nrec)", Run: poolFetch, Doc: "Returns a table of a pool, or a new one."},
	{Name: "release", In: api.Any, Args: "(pool, table, noclear?)", Run: poolRelease, Doc: "Puts a table back into its pool, emptied."},
}

const (
	poolSize    = 200   // tables in a pool
	poolRenewal = 20000 // releases after which a pool begins anew, so that huge tables go in the end
)

var poolCount = vm.String("c")

// pool returns the table of a pool: tables from 1 on, their number at 0, the number of releases in c.
func pool(l *vm.State) *vm.Table {
	pools, tag := states.Of(l).pools, l.Arg(1)
	if t := pools.Get(tag).AsTable(); t != nil {
		return t
	}
	t := l.VM().NewTable(4, 2)
	t.SetInt(0, vm.Int(0))
	t.Set(poolCount, vm.Int(0))
	l.RawSet(pools, tag, t.Value())
	return t
}

func poolFetch(l *vm.State) int {
	t := pool(l)
	if n, _ := t.GetInt(0).AsNumber(); n > 0 {
		obj := t.GetInt(int(n))
		t.SetInt(int(n), vm.Nil)
		t.SetInt(0, vm.Number(n-1))
		return l.Ret(obj)
	}
	return l.Ret(l.VM().NewTable(min(max(l.CheckInt(2), 0), maxRoom), min(max(l.CheckInt(3), 0), maxRoom)).Value())
}

func poolRelease(l *vm.State) int {
	if !l.Arg(2).Truthy() {
		l.Errorf("object empty")
	}
	t := pool(l)
	count, _ := t.Get(poolCount).AsNumber()
	if count+1 >= poolRenewal {
		states.Of(l).pools.Set(l.Arg(1), vm.Nil)
		return 0
	}
	t.Set(poolCount, vm.Number(count+1))
	n, _ := t.GetInt(0).AsNumber()
	if n+1 > poolSize {
		return 0
	}
	obj := l.CheckTable(2)
	if !l.Arg(3).Truthy() {
		obj.SetMetatable(l.VM(), nil)
		obj.Clear()
	}
	t.SetInt(int(n)+1, obj.Value())
	t.SetInt(0, vm.Number(n+1))
	return 0
}
