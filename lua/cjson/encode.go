package cjson

import (
	"fmt"
	"math"

	"weir/lua/vm"
)

// encoder writes one value; err is set once and ends the work.
type encoder struct {
	c   *config
	l   *vm.State
	b   []byte
	err string
}

func (c *config) encode(l *vm.State) int {
	if l.Top() != 1 {
		if c.safe && l.Top() == 0 {
			return c.fail(l, "expected 1 argument")
		}
		l.ArgError(1, "expected 1 argument")
	}
	e := encoder{c: c, l: l, b: l.VM().TakeBuf()}
	e.value(l.Arg(1), 0)
	l.VM().KeepBuf(e.b)
	if e.err != "" {
		return c.fail(l, e.err)
	}
	l.PushBytes(e.b)
	return 1
}

func (e *encoder) unsupported(v vm.Value, reason string) bool {
	if e.err == "" {
		e.err = fmt.Sprintf("Cannot serialise %s: %s", v.TypeName(), reason)
	}
	return false
}

// value appends v; false: nothing was appended, because v is of a type that is skipped, or an error is set.
func (e *encoder) value(v vm.Value, depth int) bool {
	switch v.Type() {
	case vm.TypeString:
		s, _ := v.AsString()
		e.str(s)
	case vm.TypeNumber:
		f, _ := v.AsNumber()
		return e.number(v, f)
	case vm.TypeBool:
		if v.Truthy() {
			e.b = append(e.b, "true"...)
		} else {
			e.b = append(e.b, "false"...)
		}
	case vm.TypeTable:
		return e.table(v.AsTable(), depth+1)
	case vm.TypeNil:
		e.b = append(e.b, "null"...)
	case vm.TypeLightUserdata:
		switch {
		case vm.RawEqual(v, vm.Null):
			e.b = append(e.b, "null"...)
			return true
		case vm.RawEqual(v, emptyArray()):
			e.b = append(e.b, "[]"...)
			return true
		}
		fallthrough
	default:
		if e.c.skipUnknown {
			return false
		}
		return e.unsupported(v, "type not supported")
	}
	return true
}

func (e *encoder) number(v vm.Value, f float64) bool {
	if math.IsInf(f, 0) || f != f {
		switch e.c.encodeInvalid {
		case invalidOff:
			return e.unsupported(v, "must not be NaN or Infinity")
		case invalidNull:
			e.b = append(e.b, "null"...)
			return true
		}
		switch {
		case f != f:
			e.b = append(e.b, "NaN"...)
		case f > 0:
			e.b = append(e.b, "Infinity"...)
		default:
			e.b = append(e.b, "-Infinity"...)
		}
		return true
	}
	if e.c.precision == defaultPrecision {
		e.b = vm.AppendNumber(e.b, f)
	} else {
		e.b = vm.AppendG(e.b, f, e.c.precision)
	}
	return true
}

// escapes tells which bytes need escaping: 'u' by code, others by that letter.
var escapes = func() (t [256]byte) {
	for c := range 32 {
		t[c] = 'u'
	}
	t[127] = 'u'
	t['\b'], t['\t'], t['\n'], t['\f'], t['\r'], t['"'], t['\\'], t['/'] = 'b', 't', 'n', 'f', 'r', '"', '\\', '/'
	return
}()

func (e *encoder) str(s string) {
	b := append(e.b, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		x := escapes[s[i]]
		if x == 0 || x == '/' && !e.c.escapeSlash {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if x == 'u' {
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[s[i]>>4], hex[s[i]&15])
		} else {
			b = append(b, '\\', x)
		}
	}
	b = append(b, s[from:]...)
	e.b = append(b, '"')
}

// arrayLength returns the length of the array that t is, or -1 where it is an object.
func (e *encoder) arrayLength(t *vm.Table) int {
	// The first key decides most cases.
	if k, _, _, ok := t.Iter(0); ok && !k.IsNumber() {
		return -1
	}
	maxKey, items := 0, 0
	for k, _, pos, ok := t.Iter(0); ok; k, _, pos, ok = t.Iter(pos) {
		f, isNum := k.AsNumber()
		if !isNum || f < 1 || f != math.Floor(f) || f > 1<<31 {
			return -1
		}
		maxKey = max(maxKey, int(f))
		items++
	}
	c := e.c
	if c.sparseRatio > 0 && maxKey > items*c.sparseRatio && maxKey > c.sparseSafe {
		if !c.sparseConvert {
			e.unsupported(t.Value(), "excessively sparse array")
		}
		return -1
	}
	return maxKey
}

func (e *encoder) table(t *vm.Table, depth int) bool {
	e.l.Work(1)
	e.l.CheckLength(len(e.b))
	if depth > min(e.c.encodeDepth, deepest) {
		if e.err == "" {
			e.err = fmt.Sprintf("Cannot serialise, excessive depth (%d)", depth)
		}
		return false
	}
	mt := t.Metatable()
	if mt != nil && mt == e.c.arrayMT {
		return e.array(t, t.Len(), depth)
	}
	n := e.arrayLength(t)
	if e.err != "" {
		return false
	}
	if n > 0 || n == 0 && (!e.c.emptyAsObject || mt != nil && mt == e.c.emptyArrayMT) {
		return e.array(t, n, depth)
	}
	return e.object(t, depth)
}

// newline begins a line of an indented text.
func (e *encoder) newline(depth int) {
	if e.c.indent == "" {
		return
	}
	e.b = append(e.b, '\n')
	for ; depth > 0; depth-- {
		e.b = append(e.b, e.c.indent...)
	}
}

func (e *encoder) array(t *vm.Table, n, depth int) bool {
	e.b = append(e.b, '[')
	first := true
	for i := 1; i <= n; i++ {
		if i&1023 == 0 {
			e.l.Work(1024) // an array may be long and sparse
			e.l.CheckLength(len(e.b))
		}
		mark := len(e.b)
		if !first {
			e.b = append(e.b, ',')
		}
		e.newline(depth)
		if !e.value(t.GetInt(i), depth) {
			if e.err != "" {
				return false
			}
			e.b = e.b[:mark]
			continue
		}
		first = false
	}
	if !first {
		e.newline(depth - 1)
	}
	e.b = append(e.b, ']')
	return true
}

func (e *encoder) object(t *vm.Table, depth int) bool {
	e.b = append(e.b, '{')
	first := true
	for k, v, pos, ok := t.Iter(0); ok; k, v, pos, ok = t.Iter(pos) {
		mark := len(e.b)
		if !first {
			e.b = append(e.b, ',')
		}
		e.newline(depth)
		switch k.Type() {
		case vm.TypeString:
			s, _ := k.AsString()
			e.str(s)
		case vm.TypeNumber:
			f, _ := k.AsNumber()
			e.b = append(e.b, '"')
			if !e.number(k, f) {
				return false
			}
			e.b = append(e.b, '"')
		default:
			if e.c.skipUnknown {
				e.b = e.b[:mark]
				continue
			}
			return e.unsupported(k, "table key must be a number or string")
		}
		e.b = append(e.b, ':')
		if e.c.indent != "" {
			e.b = append(e.b, ' ')
		}
		if !e.value(v, depth) {
			if e.err != "" {
				return false
			}
			e.b = e.b[:mark]
			continue
		}
		first = false
	}
	if !first {
		e.newline(depth - 1)
	}
	e.b = append(e.b, '}')
	return true
}
