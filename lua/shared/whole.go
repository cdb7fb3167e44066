package shared

import (
	"weir/lua/shdict"
	"weir/lua/vm"
)

// defaultKeys is how many keys get_keys returns when it is not told.
const defaultKeys = 1024

func flushAll(l *vm.State) int {
	dict(l).FlushAll(Now(l))
	return 0
}

// bounded checks the arguments of a method that takes a bound, and returns it.
func bounded(l *vm.State, def int) (*shdict.Dict, int) {
	if n := l.Top(); n != 1 && n != 2 {
		l.Errorf("expecting 1 or 2 argument(s), but saw %d", n)
	}
	l.CheckTable(1)
	d := dict(l)
	if l.HasArg(2) {
		return d, l.CheckInt(2)
	}
	return d, def
}

func flushExpired(l *vm.State) int {
	d, limit := bounded(l, 0)
	l.PushInt(d.FlushExpired(Now(l), limit))
	return 1
}

func getKeys(l *vm.State) int {
	d, limit := bounded(l, defaultKeys)
	// The keys are copied while a lock is held; the table, whose making may end the run, comes after.
	var text []byte
	var ends []int
	d.Keys(Now(l), limit, func(k []byte) {
		text = append(text, k...)
		ends = append(ends, len(text))
	})
	t := l.VM().NewTable(len(ends), 0)
	from := 0
	for i, to := range ends {
		t.SetInt(i+1, vm.String(string(text[from:to])))
		from = to
	}
	return l.Ret(t.Value())
}

func capacity(l *vm.State) int {
	l.PushNumber(float64(dict(l).Capacity()))
	return 1
}

func freeSpace(l *vm.State) int {
	l.PushNumber(float64(dict(l).FreeSpace()))
	return 1
}

func stats(l *vm.State) int {
	st := dict(l).Stats()
	t := l.VM().NewTable(0, 9)
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"entries", st.Entries}, {"capacity", st.Capacity}, {"free_space", st.FreeSpace}, {"shards", int64(st.Shards)},
		{"hits", st.Hits}, {"misses", st.Misses}, {"sets", st.Sets}, {"evictions", st.Evictions}, {"expired", st.Expired},
	} {
		t.SetString(c.name, vm.Number(float64(c.n)))
	}
	return l.Ret(t.Value())
}
