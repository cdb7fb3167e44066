package shared

import (
	"time"

	"weir/lua/api"
	"weir/lua/shdict"
	"weir/lua/vm"
)

// Family is ngx.shared.
var Family = api.Family{
	Name: "ngx.shared",
	Doc:  "Dictionaries that all workers share.",
	Tables: []api.Table{
		{Path: "ngx.shared.DICT", Meta: typeName, Funcs: methods},
		{Path: "ngx.shared.DICT", Meta: moreName, Funcs: more},
	},
	Open: open,
}

const (
	typeName = "ngx.shared.DICT"
	moreName = "ngx.shared.DICT+"
)

var methods = []api.Func{
	{Name: "get", In: api.Any, Args: "(key)", Run: get,
		Doc: "Returns the value of a key, and its flags where they are not 0; nil where there is none."},
	{Name: "get_stale", In: api.Any, Args: "(key)", Run: getStale,
		Doc: "Returns a value even if it has expired, its flags, and whether it has."},
	{Name: "set", In: api.Any, Args: "(key, value, exptime?, flags?)", Run: store(shdict.Set),
		Doc: "Stores a value for so many seconds; returns whether it did, an error, and whether other values were pushed out."},
	{Name: "safe_set", In: api.Any, Args: "(key, value, exptime?, flags?)", Run: store(shdict.Set | shdict.Safe),
		Doc: "Stores a value without pushing others out."},
	{Name: "add", In: api.Any, Args: "(key, value, exptime?, flags?)", Run: store(shdict.Add),
		Doc: "Stores a value where there is none."},
	{Name: "safe_add", In: api.Any, Args: "(key, value, exptime?, flags?)", Run: store(shdict.Add | shdict.Safe),
		Doc: "Stores a value where there is none, without pushing others out."},
	{Name: "replace", In: api.Any, Args: "(key, value, exptime?, flags?)", Run: store(shdict.Replace),
		Doc: "Stores a value where there is one."},
	{Name: "delete", In: api.Any, Args: "(key)", Run: remove,
		Doc: "Removes a value."},
	{Name: "incr", In: api.Any, Args: "(key, value, init?, init_ttl?)", Run: incr,
		Doc: "Adds to a number and returns the sum; where there is none it begins with init, for init_ttl seconds."},
	{Name: "lpush", In: api.Any, Args: "(key, value)", Run: push(shdict.Left),
		Doc: "Adds a string or number at the head of a list; returns its length."},
	{Name: "rpush", In: api.Any, Args: "(key, value)", Run: push(shdict.Right),
		Doc: "Adds a string or number at the tail of a list; returns its length."},
	{Name: "lpop", In: api.Any, Args: "(key)", Run: pop(shdict.Left),
		Doc: "Removes and returns the element at the head of a list."},
	{Name: "rpop", In: api.Any, Args: "(key)", Run: pop(shdict.Right),
		Doc: "Removes and returns the element at the tail of a list."},
	{Name: "llen", In: api.Any, Args: "(key)", Run: llen,
		Doc: "Returns the length of a list."},
	{Name: "ttl", In: api.Any, Args: "(key)", Run: ttl,
		Doc: "Returns the seconds until a key expires, 0 where it does not."},
	{Name: "expire", In: api.Any, Args: "(key, exptime)", Run: expire,
		Doc: "Lets a key expire in so many seconds from now, 0 for never."},
	{Name: "flush_all", In: api.Any, Args: "()", Run: flushAll,
		Doc: "Lets all keys expire."},
	{Name: "flush_expired", In: api.Any, Args: "(max?)", Run: flushExpired,
		Doc: "Removes expired values, max at most; returns how many."},
	{Name: "get_keys", In: api.Any, Args: "(max?)", Run: getKeys,
		Doc: "Returns a list of keys, 1024 at most or max; 0 for all."},
	{Name: "capacity", In: api.Any, Args: "()", Run: capacity,
		Doc: "Returns the size of the dictionary in bytes."},
	{Name: "free_space", In: api.Any, Args: "()", Run: freeSpace,
		Doc: "Returns the bytes of the pages that hold nothing."},
}

// more are the methods that OpenResty has not. They are found behind the others, so that a script that goes through the
// methods sees OpenResty's.
var more = []api.Func{
	{Name: "stats", In: api.Any, Args: "()", Run: stats,
		Doc: "Returns a table with entries, capacity, free_space, shards, hits, misses, sets, evictions and expired."},
}

// open makes ngx.shared and a table for each dictionary.
func open(e *api.Env) {
	e.Table("ngx.shared")
	mt := methodTable(e)
	mt.SetString("__index", mt.Value())
	mt.SetMetatable(e.VM, e.VM.NewMetatable(moreName))
	if e.Gen == nil {
		return
	}
	for _, d := range dicts.Of(e.Gen).all {
		Add(e, d)
	}
}

// methodTable returns the table of the methods, which is the dictionaries' metatable and its own __index.
func methodTable(e *api.Env) *vm.Table {
	return e.VM.NewMetatable(typeName).GetString("__index").AsTable()
}

// Add puts a dictionary into ngx.shared.
func Add(e *api.Env, d *shdict.Dict) {
	t := vm.NewTable(1, 0)
	t.SetInt(1, e.VM.NewUserdata(d, nil).Value())
	t.SetMetatable(e.VM, methodTable(e))
	e.Table("ngx.shared").SetString(d.Name(), t.Value())
}

// dict returns the dictionary that argument 1 is.
func dict(l *vm.State) *shdict.Dict {
	d := Of(l.Arg(1))
	if d == nil {
		l.Errorf("bad \"zone\" argument")
	}
	return d
}

// Of returns the dictionary that a value of ngx.shared stands for, nil for anything else.
func Of(v vm.Value) *shdict.Dict {
	if t := v.AsTable(); t != nil {
		if u := t.GetInt(1).AsUserdata(); u != nil {
			d, _ := u.V.(*shdict.Dict)
			return d
		}
	}
	return nil
}

// Now returns the wall clock in milliseconds: the worker's, and the system's while there is none.
func Now(l *vm.State) int64 {
	w := api.EnvOf(l).Worker
	if w == nil {
		return time.Now().UnixMilli()
	}
	return w.Loop.UnixMS()
}

// Messages about keys, which come as values.
var (
	nilKey   = vm.String("nil key")
	emptyKey = vm.String("empty key")
	longKey  = vm.String(shdict.ErrKeyTooLong.Error())
)

// key returns argument 2 as a key, or the message that refuses it.
func key(l *vm.State) (k string, refusal vm.Value) {
	v := l.Arg(2)
	if k, ok := v.AsString(); ok && k != "" && len(k) <= shdict.MaxKey {
		return k, vm.Nil
	}
	if v.IsNil() {
		return "", nilKey
	}
	return checkKey(l.ToString(v))
}

func checkKey(v vm.Value) (string, vm.Value) {
	k, _ := v.AsString()
	switch {
	case k == "":
		return "", emptyKey
	case len(k) > shdict.MaxKey:
		return "", longKey
	}
	return k, vm.Nil
}

// refuse returns nil and a message.
func refuse(l *vm.State, msg vm.Value) int {
	l.Push(vm.Nil)
	l.Push(msg)
	return 2
}

func fail(l *vm.State, err error) int { return refuse(l, vm.String(err.Error())) }
