package resty

import (
	"weir/lua/api"
	"weir/lua/vm"
)

var limitTrafficFuncs = []api.Func{
	{Name: "combine", In: api.Any, Args: "(limiters, keys, states?)", Run: combine,
		Doc: "Asks several limiters, of whatever kind, and returns the longest delay; where one rejects, the others take back what they counted."},
}

// combine asks the last limiter first and commits it, then the others: the last is the one that is likeliest to
// reject, so that little has to be taken back.
func combine(l *vm.State) int {
	limiters, keys := l.CheckTable(1), l.CheckTable(2)
	states := l.Arg(3).AsTable()
	n := limiters.Len()
	longest := 0.0
	for i := 1; i <= n; i++ {
		delay, second := incoming(l, limiters.GetInt(i), keys.GetInt(i), i == n)
		if !delay.Truthy() {
			l.Push(vm.Nil)
			l.Push(second)
			return 2
		}
		if i == n {
			note(states, i, second)
			longest, _ = delay.AsNumber()
		}
	}
	for i := 1; i < n; i++ {
		delay, second := incoming(l, limiters.GetInt(i), keys.GetInt(i), true)
		if !delay.Truthy() {
			for j := 1; j < i; j++ {
				method(l, limiters.GetInt(j), "uncommit", keys.GetInt(j))
			}
			method(l, limiters.GetInt(n), "uncommit", keys.GetInt(n))
			l.Push(vm.Nil)
			l.Push(second)
			return 2
		}
		note(states, i, second)
		d, _ := delay.AsNumber()
		longest = max(longest, d)
	}
	l.PushNumber(longest)
	return 1
}

func note(states *vm.Table, i int, v vm.Value) {
	if states != nil {
		states.SetInt(i, v)
	}
}

// incoming calls lim:incoming(key, commit).
func incoming(l *vm.State, lim, key vm.Value, commit bool) (first, second vm.Value) {
	l.Push(l.GetField(lim, "incoming"))
	l.Push(lim)
	l.Push(key)
	l.PushBool(commit)
	l.Call(3, 2)
	second = l.Pop1()
	return l.Pop1(), second
}

// method calls lim:name(key).
func method(l *vm.State, lim vm.Value, name string, key vm.Value) {
	l.Push(l.GetField(lim, name))
	l.Push(lim)
	l.Push(key)
	l.Call(2, 0)
}
