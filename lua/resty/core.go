package resty

import (
	"strings"

	"golang.org/x/sys/unix"

	"weir/lua/api"
	"weir/lua/re"
	"weir/lua/vm"
)

// coreParts are the parts of resty.core: require finds them, and their functions are where they patch them in anyway.
const coreParts = "base base64 coroutine ctx exit hash misc ndk param phase regex request response shdict socket time uri utils var worker"

const defaultBufSize = 4096

var baseFuncs = []api.Func{
	{Name: "new_tab", In: api.Any, Args: "(narr, nrec)", Run: newTab, Doc: "Returns an empty table with room for so many elements and fields."},
	{Name: "clear_tab", In: api.Any, Args: "(table)", Run: clearTab, Doc: "Removes everything from a table."},
	{Name: "ref_in_table", In: api.Any, Args: "(table, value)", Run: refInTable, Doc: "Stores a value at a free place of a table and returns the place."},
	{Name: "allows_subsystem", In: api.Any, Args: "(name, ...)", Run: allowsSubsystem, Doc: "Raises an error unless http is among the names."},
	{Name: "set_string_buf_size", In: api.Any, Args: "(size)", Run: setBufSize, Doc: "Remembers a size; buffers size themselves."},
	{Name: "get_string_buf_size", In: api.Any, Args: "()", Run: getBufSize, Doc: "Returns the size that was set."},
}

var utilsFuncs = []api.Func{
	{Name: "str_replace_char", In: api.Any, Args: "(text, find, replace)", Run: replaceChar, Doc: "Replaces every byte that is the first of find by the first of replace."},
}

var regexFuncs = []api.Func{
	{Name: "set_buf_grow_ratio", In: api.Any, Args: "(ratio)", Run: func(*vm.State) int { return 0 }, Doc: "Has no effect: buffers size themselves."},
	{Name: "is_regex_cache_empty", In: api.Any, Args: "()", Run: func(l *vm.State) int { return bool1(l, re.CacheEmpty(l)) }, Doc: "Tells whether no pattern with option o has been compiled."},
}

var timeFuncs = []api.Func{
	{Name: "monotonic_msec", In: api.Any, Args: "()", Doc: "Returns the milliseconds since the machine was started.", Run: func(l *vm.State) int {
		return l.Ret(vm.Number(float64(sinceBoot())))
	}},
	{Name: "monotonic_time", In: api.Any, Args: "()", Doc: "Returns the seconds since the machine was started.", Run: func(l *vm.State) int {
		return l.Ret(vm.Number(float64(sinceBoot()) / 1000))
	}},
}

// sinceBoot returns the kernel's monotonic clock in milliseconds. The worker's own counts from the process's start.
func sinceBoot() int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) // every kernel has this clock
	return ts.Nano() / 1e6
}

func openCore(e *api.Env) {
	version := vm.String(api.CoreVersion)
	for name := range strings.FieldsSeq(coreParts) {
		addModule(e, "resty.core."+name).SetString("version", version)
	}
	addModule(e, "resty.core").SetString("version", version)
	module(e, "resty.core.misc").SetString("_VERSION", version)
	base := module(e, "resty.core.base")
	for _, c := range []struct {
		name string
		n    int
	}{
		{"FFI_OK", 0}, {"FFI_NO_REQ_CTX", -100}, {"FFI_BAD_CONTEXT", -101}, {"FFI_ERROR", -1}, {"FFI_AGAIN", -2},
		{"FFI_BUSY", -3}, {"FFI_DONE", -4}, {"FFI_DECLINED", -5}, {"FFI_ABORT", -6},
	} {
		base.SetString(c.name, vm.Int(c.n))
	}
}

// addModule returns a module's table, made where there is none.
func addModule(e *api.Env, name string) *vm.Table {
	t := module(e, name)
	if t == nil {
		t = vm.NewTable(0, 1)
		e.VM.SetModule(name, t.Value())
	}
	return t
}

func openVersions(e *api.Env) {
	for _, v := range versions {
		for name := range strings.FieldsSeq(v.modules) {
			module(e, "resty."+name).SetString(v.field, vm.String(v.version))
		}
	}
}

// maxRoom bounds the room a script may ask for in advance.
const maxRoom = 1 << 24

func newTab(l *vm.State) int {
	narr, nrec := l.CheckInt(1), l.CheckInt(2)
	return l.Ret(l.VM().NewTable(min(max(narr, 0), maxRoom), min(max(nrec, 0), maxRoom)).Value())
}

func clearTab(l *vm.State) int {
	l.CheckTable(1).Clear()
	return 0
}

// refInTable keeps a list of free places at index 0: each free place holds the next.
func refInTable(l *vm.State) int {
	t, v := l.CheckTable(1), l.Arg(2)
	if v.IsNil() {
		l.PushInt(-1)
		return 1
	}
	place := t.Len() + 1
	if free, ok := t.GetInt(0).AsNumber(); ok && free != 0 {
		place = int(free)
		t.SetInt(0, t.GetInt(place))
	}
	t.SetInt(place, v)
	l.PushInt(place)
	return 1
}

func allowsSubsystem(l *vm.State) int {
	for i := 1; i <= l.Top(); i++ {
		if s, _ := l.Arg(i).AsString(); s == "http" {
			return 0
		}
	}
	l.Errorf("unsupported subsystem: http")
	return 0
}

func setBufSize(l *vm.State) int {
	if n := l.CheckInt(1); n > 0 {
		states.Of(l).bufSize = n
	}
	return 0
}

func getBufSize(l *vm.State) int {
	l.PushInt(states.Of(l).bufSize)
	return 1
}

func replaceChar(l *vm.State) int {
	s, from, to := l.CheckString(1), l.CheckString(2), l.CheckString(3)
	if from == "" || to == "" {
		return l.Ret(vm.String(s))
	}
	b := []byte(s)
	for i := range b {
		if b[i] == from[0] {
			b[i] = to[0]
		}
	}
	l.PushBytes(b)
	return 1
}
