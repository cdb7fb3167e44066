package resty

import (
	"encoding/binary"
	"math"

	"weir/lua/api"
	"weir/lua/shared"
	"weir/lua/shdict"
	"weir/lua/vm"
)

// A limiter is a table with the dictionary in field dict and its parameters in others, which scripts read and some
// of which they set.

// limiter makes an object of a module around a dictionary; nil with the results pushed when there is none.
func limiter(l *vm.State, name string) *vm.Table {
	v := api.EnvOf(l).Table("ngx.shared").Get(l.Arg(1))
	if shared.Of(v) == nil {
		return nil
	}
	t := object(l, name, nil)
	t.SetString("dict", v)
	return t
}

// assert raises the error of Lua's assert where a parameter is not what it must be.
func assert(l *vm.State, ok bool) {
	if !ok {
		l.Throw(vm.String("assertion failed!"))
	}
}

// limited returns the limiter that argument 1 is, with its dictionary, and argument 2 as a key.
func limited(l *vm.State) (t *vm.Table, d *shdict.Dict, key string) {
	t = l.CheckTable(1)
	if d = shared.Of(t.GetString("dict")); d == nil {
		l.Errorf("bad \"zone\" argument")
	}
	key, _ = l.ToString(l.Arg(2)).AsString()
	return t, d, key
}

// refused returns the message for a key that cannot be one, or "".
func refused(l *vm.State, key string) string {
	switch {
	case l.Arg(2).IsNil():
		return "nil key"
	case key == "":
		return "empty key"
	case len(key) > shdict.MaxKey:
		return shdict.ErrKeyTooLong.Error()
	}
	return ""
}

// setter returns the method that sets a field to a multiple of its argument.
func setter(name string, times float64) vm.Func {
	return func(l *vm.State) int {
		l.CheckTable(1).SetString(name, vm.Number(l.CheckNumber(2)*times))
		return 0
	}
}

var limitReqFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(dict_name, rate, burst)", Run: reqNew, Doc: "Makes a limiter of requests per second, with a burst that is delayed."},
	{Name: "incoming", In: api.Any, Args: "(key, commit)", Run: reqIncoming, Doc: "Returns the delay in seconds and the excess, or nil and \"rejected\"."},
	{Name: "uncommit", In: api.Any, Args: "(key)", Run: reqUncommit, Doc: "Takes back what incoming committed."},
	{Name: "set_rate", In: api.Any, Args: "(rate)", Run: setter("rate", 1000), Doc: "Sets the rate."},
	{Name: "set_burst", In: api.Any, Args: "(burst)", Run: setter("burst", 1000), Doc: "Sets the burst."},
}

func reqNew(l *vm.State) int {
	t := limiter(l, "resty.limit.req")
	if t == nil {
		return api.Fail(l, "shared dict not found")
	}
	rate, burst := l.CheckNumber(2), l.CheckNumber(3)
	assert(l, rate > 0 && burst >= 0)
	t.SetString("rate", vm.Number(rate*1000))
	t.SetString("burst", vm.Number(burst*1000))
	return l.Ret(t.Value())
}

// recordLen is the length of a record.
const recordLen = 16

// record is what the dictionary has of a key: the excess in thousandths of a request and the milliseconds of the last
// one, in the layout of the original.
func record(excess float64, last uint64) string {
	var b [recordLen]byte
	binary.LittleEndian.PutUint64(b[:], uint64(excess))
	binary.LittleEndian.PutUint64(b[8:], last)
	return string(b[:])
}

// load reads a record: found is false where there is none, and bad is true where there is something else.
func load(l *vm.State, d *shdict.Dict, key string) (excess float64, last uint64, found, bad bool) {
	var b [64]byte
	it, err := d.Get(shared.Now(l), key, b[:0])
	switch {
	case err != nil:
		return 0, 0, false, true
	case it.Kind == shdict.Nil:
		return 0, 0, false, false
	case it.Kind != shdict.String || len(it.Text) != recordLen:
		return 0, 0, false, true
	}
	return float64(binary.LittleEndian.Uint64(it.Text)), binary.LittleEndian.Uint64(it.Text[8:]), true, false
}

const abused = "shdict abused by other users"

func reqIncoming(l *vm.State) int {
	t, d, key := limited(l)
	if msg := refused(l, key); msg != "" {
		return api.Fail(l, msg)
	}
	rate, burst, now := field(t, "rate"), field(t, "burst"), shared.Now(l)
	excess, last, found, bad := load(l, d, key)
	if bad {
		return api.Fail(l, abused)
	}
	if found {
		elapsed := math.Abs(float64(now) - float64(last))
		excess = max(excess-rate*elapsed/1000+1000, 0)
		if excess > burst {
			return api.Fail(l, "rejected")
		}
	}
	if l.Arg(3).Truthy() {
		_, _ = d.Store(now, shdict.Set, key, shdict.Value{Kind: shdict.String, Text: record(excess, uint64(now))}, 0, 0)
	}
	l.PushNumber(excess / rate)
	l.PushNumber(excess / 1000)
	return 2
}

func reqUncommit(l *vm.State) int {
	_, d, key := limited(l)
	assert(l, l.Arg(2).Truthy())
	excess, last, found, bad := load(l, d, key)
	switch {
	case bad:
		return api.Fail(l, abused)
	case !found:
		return api.Fail(l, "not found")
	}
	v := shdict.Value{Kind: shdict.String, Text: record(max(excess-1000, 0), last)}
	_, _ = d.Store(shared.Now(l), shdict.Set, key, v, 0, 0)
	return bool1(l, true)
}

var limitConnFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(dict_name, max, burst, delay)", Run: connNew, Doc: "Makes a limiter of what happens at once, with a burst that is delayed."},
	{Name: "incoming", In: api.Any, Args: "(key, commit)", Run: connIncoming, Doc: "Returns the delay in seconds and the number at once, or nil and \"rejected\"."},
	{Name: "is_committed", In: api.Any, Args: "()", Run: func(l *vm.State) int { return l.Ret(l.CheckTable(1).GetString("committed")) }, Doc: "Tells whether the last incoming counted."},
	{Name: "leaving", In: api.Any, Args: "(key, latency?)", Run: connLeaving, Doc: "Counts one less, and adjusts the delay to how long it took."},
	{Name: "uncommit", In: api.Any, Args: "(key)", Run: connUncommit, Doc: "Takes back what incoming committed."},
	{Name: "set_conn", In: api.Any, Args: "(max)", Run: setter("max", 1), Doc: "Sets how many may be at once."},
	{Name: "set_burst", In: api.Any, Args: "(burst)", Run: setter("burst", 1), Doc: "Sets the burst."},
}

func connNew(l *vm.State) int {
	t := limiter(l, "resty.limit.conn")
	if t == nil {
		return api.Fail(l, "shared dict not found")
	}
	most, burst, delay := l.CheckNumber(2), l.CheckNumber(3), l.CheckNumber(4)
	assert(l, most > 0 && burst >= 0 && delay > 0)
	t.SetString("max", vm.Number(most))
	t.SetString("burst", vm.Number(burst))
	t.SetString("unit_delay", vm.Number(delay))
	return l.Ret(t.Value())
}

func connIncoming(l *vm.State) int {
	t, d, key := limited(l)
	most, burst, now := field(t, "max"), field(t, "burst"), shared.Now(l)
	t.SetString("committed", vm.False)
	if msg := refused(l, key); msg != "" {
		return api.Fail(l, msg)
	}
	var conn float64
	if l.Arg(3).Truthy() {
		var err error
		if conn, _, err = d.IncrInit(now, key, 1, 0, 0); err == nil && conn > most+burst {
			if _, err = d.Incr(now, key, -1); err == nil {
				return api.Fail(l, "rejected")
			}
		}
		if err != nil {
			return api.Fail(l, err.Error())
		}
		t.SetString("committed", vm.True)
	} else {
		conn = peek(l, d, key, 0) + 1
		if conn > most+burst {
			return api.Fail(l, "rejected")
		}
	}
	if conn > most {
		l.PushNumber(field(t, "unit_delay") * math.Floor((conn-1)/most))
	} else {
		l.PushInt(0)
	}
	l.PushNumber(conn)
	return 2
}

// peek returns the number of a key, def where there is none.
func peek(l *vm.State, d *shdict.Dict, key string, def float64) float64 {
	it, err := d.Get(shared.Now(l), key, nil)
	if err != nil || it.Kind != shdict.Number {
		return def
	}
	return it.Number
}

func connLeaving(l *vm.State) int {
	t, d, key := limited(l)
	assert(l, l.Arg(2).Truthy())
	conn, err := d.Incr(shared.Now(l), key, -1)
	if err != nil {
		return api.Fail(l, err.Error())
	}
	if l.Arg(3).Truthy() {
		t.SetString("unit_delay", vm.Number((l.CheckNumber(3)+field(t, "unit_delay"))/2))
	}
	l.PushNumber(conn)
	return 1
}

func connUncommit(l *vm.State) int {
	_, d, key := limited(l)
	assert(l, l.Arg(2).Truthy())
	conn, err := d.Incr(shared.Now(l), key, -1)
	if err != nil {
		return api.Fail(l, err.Error())
	}
	l.PushNumber(conn)
	return 1
}

var limitCountFuncs = []api.Func{
	{Name: "new", In: api.Any, Args: "(dict_name, limit, window)", Run: countNew, Doc: "Makes a limiter of requests in a window of seconds."},
	{Name: "incoming", In: api.Any, Args: "(key, commit)", Run: countIncoming, Doc: "Returns 0 and what is left of the window, or nil and \"rejected\"."},
	{Name: "uncommit", In: api.Any, Args: "(key)", Run: countUncommit, Doc: "Takes back what incoming committed."},
}

func countNew(l *vm.State) int {
	t := limiter(l, "resty.limit.count")
	if t == nil {
		return api.Fail(l, "shared dict not found")
	}
	limit, window := l.CheckNumber(2), l.CheckNumber(3)
	assert(l, limit > 0 && window > 0)
	t.SetString("limit", vm.Number(limit))
	t.SetString("window", vm.Number(window))
	return l.Ret(t.Value())
}

func countIncoming(l *vm.State) int {
	t, d, key := limited(l)
	if msg := refused(l, key); msg != "" {
		return api.Fail(l, msg)
	}
	limit := field(t, "limit")
	var left float64
	if l.Arg(3).Truthy() {
		var err error
		if left, _, err = d.IncrInit(shared.Now(l), key, -1, limit, int64(field(t, "window")*1000)); err != nil {
			return api.Fail(l, err.Error())
		}
	} else {
		left = peek(l, d, key, limit) - 1
	}
	if left < 0 {
		return api.Fail(l, "rejected")
	}
	l.PushInt(0)
	l.PushNumber(left)
	return 2
}

func countUncommit(l *vm.State) int {
	t, d, key := limited(l)
	assert(l, l.Arg(2).Truthy())
	left, err := d.Incr(shared.Now(l), key, 1)
	switch err {
	case nil:
		l.PushNumber(left)
	case shdict.ErrNotFound:
		l.PushNumber(field(t, "limit"))
	default:
		return api.Fail(l, err.Error())
	}
	return 1
}
