package cjson

import (
	"weir/lua/vm"
)

// Limits and defaults of lua-cjson.
const (
	defaultDepth     = 1000
	defaultPrecision = 14
	maxPrecision     = 16
	defaultRatio     = 2
	defaultSafe      = 10
	deepest          = 20000 // levels, whatever the options allow: each takes some of the Go stack
)

// config is the options of one module instance.
type config struct {
	safe bool // errors are returned, not raised

	sparseConvert bool
	sparseRatio   int
	sparseSafe    int
	encodeDepth   int
	decodeDepth   int
	precision     int
	keepBuffer    bool
	encodeInvalid invalidMode
	decodeInvalid bool
	emptyAsObject bool
	arrayWithMT   bool
	escapeSlash   bool
	skipUnknown   bool
	indent        string

	arrayMT      *vm.Table
	emptyArrayMT *vm.Table
}

type invalidMode int

const (
	invalidOff invalidMode = iota
	invalidOn
	invalidNull
)

// emptyArrayMark is the identity of cjson.empty_array.
var emptyArrayMark = new(byte)

// Open makes the modules available to require.
func Open(v *vm.VM) {
	s := &shared{arrayMT: vm.NewTable(0, 0), emptyArrayMT: vm.NewTable(0, 0)}
	v.Preload("cjson", func(l *vm.State) int { return l.Ret(s.module(l.VM(), false).Value()) })
	v.Preload("cjson.safe", func(l *vm.State) int { return l.Ret(s.module(l.VM(), true).Value()) })
}

// shared is what all instances in a VM have in common.
type shared struct{ arrayMT, emptyArrayMT *vm.Table }

// module builds an instance with default options.
func (s *shared) module(v *vm.VM, safe bool) *vm.Table {
	c := &config{safe: safe, sparseRatio: defaultRatio, sparseSafe: defaultSafe, encodeDepth: defaultDepth,
		decodeDepth: defaultDepth, precision: defaultPrecision, keepBuffer: true, decodeInvalid: true,
		emptyAsObject: true, escapeSlash: true, arrayMT: s.arrayMT, emptyArrayMT: s.emptyArrayMT}
	t := vm.NewTable(0, 32)
	for name, fn := range map[string]vm.Func{
		"encode":                              c.encode,
		"decode":                              c.decode,
		"encode_sparse_array":                 c.optSparse,
		"encode_max_depth":                    intOption(&c.encodeDepth, 1, 1<<31-1),
		"decode_max_depth":                    intOption(&c.decodeDepth, 1, 1<<31-1),
		"encode_number_precision":             intOption(&c.precision, 1, maxPrecision),
		"encode_keep_buffer":                  boolOption(&c.keepBuffer),
		"encode_invalid_numbers":              c.optInvalid,
		"decode_invalid_numbers":              boolOption(&c.decodeInvalid),
		"encode_empty_table_as_object":        boolOption(&c.emptyAsObject),
		"decode_array_with_array_mt":          boolOption(&c.arrayWithMT),
		"encode_escape_forward_slash":         boolOption(&c.escapeSlash),
		"encode_skip_unsupported_value_types": boolOption(&c.skipUnknown),
		"encode_indent":                       c.optIndent,
		"new":                                 func(l *vm.State) int { return l.Ret(s.module(l.VM(), safe).Value()) },
	} {
		v.Register(t, name, fn)
	}
	t.SetString("null", vm.Null)
	t.SetString("empty_array", emptyArray())
	t.SetString("array_mt", s.arrayMT.Value())
	t.SetString("empty_array_mt", s.emptyArrayMT.Value())
	name := "cjson"
	if safe {
		name = "cjson.safe"
	}
	t.SetString("_NAME", vm.String(name))
	t.SetString("_VERSION", vm.String("2.1.0.14"))
	return t
}

// checkArgs raises an error where an option function got more arguments than it takes.
func checkArgs(l *vm.State, n int) {
	if l.Top() > n {
		l.ArgError(n+1, "found too many arguments")
	}
}

func intOption(p *int, lo, hi int) vm.Func {
	return func(l *vm.State) int {
		checkArgs(l, 1)
		if !l.Arg(1).IsNil() {
			n := l.CheckInt(1)
			if n < lo || n > hi {
				l.ArgError(1, "expected integer between "+vm.Int(lo).Text()+" and "+vm.Int(hi).Text())
			}
			*p = n
		}
		return l.Ret(vm.Int(*p))
	}
}

func boolOption(p *bool) vm.Func {
	return func(l *vm.State) int {
		checkArgs(l, 1)
		if l.HasArg(1) {
			*p = l.Arg(1).Truthy()
		}
		return l.Ret(vm.Bool(*p))
	}
}

func (c *config) optSparse(l *vm.State) int {
	checkArgs(l, 3)
	if l.HasArg(1) {
		c.sparseConvert = l.Arg(1).Truthy()
	}
	for i, p := range [...]*int{&c.sparseRatio, &c.sparseSafe} {
		if !l.Arg(i + 2).IsNil() {
			if *p = l.CheckInt(i + 2); *p < 0 {
				l.ArgError(i+2, "expected integer between 0 and 2147483647")
			}
		}
	}
	l.PushBool(c.sparseConvert)
	l.PushInt(c.sparseRatio)
	l.PushInt(c.sparseSafe)
	return 3
}

func (c *config) optInvalid(l *vm.State) int {
	checkArgs(l, 1)
	names := [...]string{"off", "on", "null"}
	switch v := l.Arg(1); {
	case v.IsNil():
	case v.Type() == vm.TypeBool:
		c.encodeInvalid = invalidOff
		if v.Truthy() {
			c.encodeInvalid = invalidOn
		}
	default:
		s := l.CheckString(1)
		found := false
		for i, n := range names {
			if s == n {
				c.encodeInvalid, found = invalidMode(i), true
			}
		}
		if !found {
			l.ArgError(1, "invalid option '"+s+"'")
		}
	}
	if c.encodeInvalid == invalidNull {
		return l.Ret(vm.String("null"))
	}
	return l.Ret(vm.Bool(c.encodeInvalid == invalidOn))
}

func (c *config) optIndent(l *vm.State) int {
	checkArgs(l, 1)
	if !l.Arg(1).IsNil() {
		c.indent = l.CheckString(1)
	}
	return l.Ret(vm.String(c.indent))
}

// fail raises the message, or returns it in the safe module.
func (c *config) fail(l *vm.State, msg string) int {
	if !c.safe {
		l.Errorf("%s", msg)
	}
	l.Push(vm.Nil)
	l.PushString(msg)
	return 2
}
