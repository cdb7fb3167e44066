package filter

import (
	"math"
	"net/netip"
	"time"

	"weir/appliance/cycle"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/poll"
)

// Family is weir.filter.
var Family = api.Family{
	Name: "weir.filter",
	Doc:  "Lists and counters of the packet filter that `xdp_filter` configures; see docs/filter.md. Each function returns nil and an error where there is none.",
	Tables: []api.Table{{Path: "weir.filter", Module: true, Funcs: []api.Func{
		{Name: "block", In: api.Any, Args: "(networks, seconds?)", Run: change(cycle.FilterAdd, false),
			Doc: "Has packets from a network, or from each of a table of them, dropped, for so long or until unblock or the end of the master. Returns true and, where it may wait for the answer, how many were not the operator's already."},
		{Name: "unblock", In: api.Any, Args: "(networks)", Run: change(cycle.FilterRemove, false),
			Doc: "Takes networks off the block list that Lua has put there. Returns as block does."},
		{Name: "allow", In: api.Any, Args: "(networks, seconds?)", Run: change(cycle.FilterAdd, true),
			Doc: "Has packets from networks never dropped, where `server_lists both` permits it. Returns as block does."},
		{Name: "unallow", In: api.Any, Args: "(networks)", Run: change(cycle.FilterRemove, true),
			Doc: "Takes networks off the allow list that Lua has put there. Returns as block does."},
		{Name: "list", In: api.Yieldable, Args: "(list?, most?)", Run: list,
			Doc: "Returns what Lua has put into the list (`block` or `allow`), as tables of `network`, `packets` and `ttl`, of any 100 of them unless said, 1000 at most, and how many there are."},
		{Name: "stats", In: api.Yieldable, Args: "()", Run: stats,
			Doc: "Returns a table of `devices` with their modes, `packets` and `bytes` by what became of them, `networks` of each list, and `pending`, whether the operator has a change to confirm."},
	}}},
}

// link leads to the filter, nil where none is configured or none can be
// reached: when a configuration is only checked, for example.
func link(e *api.Env) cycle.FilterLink {
	if e.Gen == nil || e.Gen.Cycle == nil || e.Gen.Cycle.Core.Filter == nil {
		return nil
	}
	return e.Gen.Cycle.FilterLink
}

const errNone = "there is no xdp_filter"

// wait is a light thread that waits for the answer, and the loop's task that
// brings it.
type wait struct {
	thread    *api.Thread
	abandoned bool
	answer    *cycle.FilterAnswer // written before the task is posted
}

// Abandon leaves the answer to nobody.
func (w *wait) Abandon() { w.abandoned = true }

// Run is called on the loop.
func (w *wait) Run() {
	if !w.abandoned {
		w.thread.Wake()
	}
}

// ask sends a question and waits for the answer, which has no Error.
func ask(l *vm.State, to cycle.FilterLink, q cycle.FilterQuestion) (*cycle.FilterAnswer, string) {
	c := api.Of(l)
	w := &wait{thread: c.Thread()}
	err := to.Ask(q, post(c.Env().Loop(), w))
	if err != nil {
		return nil, err.Error()
	}
	c.Park(l, w)
	return w.answer, w.answer.Error
}

// post returns what takes an answer to the loop.
func post(loop *poll.Loop, w *wait) func(*cycle.FilterAnswer) {
	return func(a *cycle.FilterAnswer) {
		w.answer = a
		loop.Post(w)
	}
}

// change returns the function that adds to a list or removes from it.
func change(op cycle.FilterOp, allow bool) vm.Func {
	return func(l *vm.State) int {
		q := cycle.FilterQuestion{Op: op, Allow: allow, Networks: networks(l)}
		if op == cycle.FilterAdd {
			s := l.OptNumber(2, 0)
			if !(s >= 0 && s <= math.MaxInt32) {
				l.ArgError(2, "seconds expected")
			}
			q.For = time.Duration(s * float64(time.Second))
		}
		to := link(api.EnvOf(l))
		if to == nil {
			return api.Fail(l, errNone)
		}
		if !api.Of(l).MayPark(l) {
			if err := to.Ask(q, nil); err != nil {
				return api.Fail(l, err.Error())
			}
			l.Push(vm.True)
			return 1
		}
		a, msg := ask(l, to, q)
		if msg != "" {
			return api.Fail(l, msg)
		}
		l.Push(vm.True)
		l.PushInt(a.Changed)
		return 2
	}
}

// networks reads the first argument: a network or a table of them.
func networks(l *vm.State) []netip.Prefix {
	t := l.Arg(1).AsTable()
	if t == nil {
		return []netip.Prefix{network(l, l.CheckString(1))}
	}
	list := make([]netip.Prefix, 0, t.Len())
	for i := 1; i <= t.Len(); i++ {
		v := t.GetInt(i)
		if !v.IsString() {
			l.ArgError(1, "table of strings expected")
		}
		list = append(list, network(l, v.Text()))
	}
	return list
}

// network reads "192.0.2.1" or "2001:db8::/32".
func network(l *vm.State, s string) netip.Prefix {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen())
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Bits() == 0 {
		l.ArgError(1, "invalid network \""+s+"\"")
	}
	return p.Masked()
}

// defaultShown is how many networks list shows unless said.
const defaultShown = 100

func list(l *vm.State) int {
	name, most := l.OptString(1, "block"), l.OptInt(2, defaultShown)
	if name != "block" && name != "allow" {
		l.ArgError(1, "\"block\" or \"allow\" expected")
	}
	to := link(api.EnvOf(l))
	if to == nil {
		return api.Fail(l, errNone)
	}
	a, msg := ask(l, to, cycle.FilterQuestion{Op: cycle.FilterShow, Allow: name == "allow", Most: most})
	if msg != "" {
		return api.Fail(l, msg)
	}
	t := vm.NewTable(len(a.Networks), 0)
	for i, n := range a.Networks {
		e := vm.NewTable(0, 3)
		e.SetString("network", vm.String(n.Network.String()))
		e.SetString("packets", vm.Number(float64(n.Packets)))
		if n.Left > 0 {
			e.SetString("ttl", vm.Number(n.Left.Seconds()))
		}
		t.SetInt(i+1, e.Value())
	}
	l.Push(t.Value())
	l.PushInt(a.Total)
	return 2
}

func stats(l *vm.State) int {
	to := link(api.EnvOf(l))
	if to == nil {
		return api.Fail(l, errNone)
	}
	a, msg := ask(l, to, cycle.FilterQuestion{Op: cycle.FilterCounts})
	if msg != "" {
		return api.Fail(l, msg)
	}
	t := vm.NewTable(0, 5)
	packets, bytes := vm.NewTable(0, len(a.State.Verdicts)), vm.NewTable(0, len(a.State.Verdicts))
	for verdict, n := range a.State.Verdicts {
		packets.SetString(verdict, vm.Number(float64(n.Packets)))
		bytes.SetString(verdict, vm.Number(float64(n.Bytes)))
	}
	devices, sizes := vm.NewTable(0, len(a.State.Devices)), vm.NewTable(0, 2)
	for device, mode := range a.State.Devices {
		devices.SetString(device, vm.String(mode))
	}
	for name, n := range a.State.Networks {
		sizes.SetString(name, vm.Int(n))
	}
	t.SetString("packets", packets.Value())
	t.SetString("bytes", bytes.Value())
	t.SetString("devices", devices.Value())
	t.SetString("networks", sizes.Value())
	t.SetString("pending", vm.Bool(a.State.Pending))
	l.Push(t.Value())
	return 1
}
