package vm

import (
	"encoding/binary"
	"math"
)

// buffer is what a string.buffer object holds: bytes from rd on are its content.
type buffer struct {
	b    []byte
	rd   int
	dict *bufferDict
}

// bufferDict is the options of buffer.new: strings and metatables that encode as indices.
type bufferDict struct {
	strs  *Table
	metas *Table
	strID map[string]int
}

const bufferType = "buffer"

func (vm *VM) openBuffer() {
	vm.Preload("string.buffer", func(l *State) int {
		mt := vm.NewMetatable(bufferType)
		methods := NewTable(0, 16)
		vm.register(methods, "buffer", []fn{
			{"put", bufPut}, {"putf", bufPutf}, {"set", bufSet}, {"get", bufGet}, {"skip", bufSkip},
			{"reset", bufReset}, {"free", bufReset}, {"tostring", bufTostring}, {"encode", bufEncode}, {"decode", bufDecode},
		})
		vm.register(mt, "buffer", []fn{{"__tostring", bufTostring}, {"__len", bufLen}, {"__concat", bufConcat}})
		mt.SetString("__index", methods.Value())
		mt.SetString("__metatable", String(bufferType))
		lib := NewTable(0, 4)
		vm.register(lib, "buffer", []fn{{"new", bufNew}, {"encode", bufferEncode}, {"decode", bufferDecode}})
		return l.Ret(lib.Value())
	})
}

func (l *State) checkBuffer(n int) *buffer {
	if v := l.Arg(n); v.n == tagUser {
		if b, ok := v.user().V.(*buffer); ok {
			return b
		}
	}
	l.typeArgError(n, bufferType)
	return nil
}

func bufNew(l *State) int {
	b := &buffer{}
	arg := 1
	if v := l.Arg(1); v.isNum() {
		n := l.CheckInt(1)
		if n < 0 || n > l.vm.budget.StringBytes {
			l.ArgError(1, "invalid value")
		}
		l.vm.account(n)
		b.b = make([]byte, 0, n)
		arg = 2
	}
	if v := l.Arg(arg); v.n == tagTable {
		d := &bufferDict{strID: map[string]int{}}
		if d.strs = v.table().GetString("dict").AsTable(); d.strs != nil {
			for i := 1; ; i++ {
				s, ok := d.strs.GetInt(i).AsString()
				if !ok {
					break
				}
				d.strID[s] = i - 1
			}
		}
		d.metas = v.table().GetString("metatable").AsTable()
		b.dict = d
	}
	return l.Ret(l.vm.NewUserdata(b, l.vm.NewMetatable(bufferType)).Value())
}

// grow makes room for n bytes, dropping what has been read.
func (b *buffer) grow(l *State, n int) {
	if len(b.b)-b.rd+n > l.vm.budget.StringBytes {
		l.Errorf("string length overflow")
	}
	if b.rd > 0 && (b.rd == len(b.b) || b.rd > cap(b.b)/2) {
		b.b = b.b[:copy(b.b, b.b[b.rd:])]
		b.rd = 0
	}
	if len(b.b)+n > cap(b.b) {
		l.vm.account(cap(b.b) + n)
	}
}

func bufPut(l *State) int {
	b := l.checkBuffer(1)
	for i, n := 2, l.Top(); i <= n; i++ {
		v := l.Arg(i)
		switch {
		case v.isStr():
			b.grow(l, v.strLen())
			b.b = append(b.b, v.str()...)
		case v.isNum():
			b.b = appendNumber(b.b, v.num())
		case v.n == tagUser:
			if o, ok := v.user().V.(*buffer); ok {
				b.grow(l, len(o.b)-o.rd)
				b.b = append(b.b, o.b[o.rd:]...)
				continue
			}
			fallthrough
		default:
			s := l.ToString(v)
			if !s.isStr() || v.n != tagUser && v.n != tagTable || l.vm.metaOf(v, l.vm.names.tostring).n == tagNil {
				l.typeArgError(i, "string")
			}
			b.grow(l, s.strLen())
			b.b = append(b.b, s.str()...)
		}
	}
	return l.Ret(l.Arg(1))
}

func bufPutf(l *State) int {
	b := l.checkBuffer(1)
	self := l.Arg(1)
	l.base++ // the format is the first argument of the formatting
	strFormat(l)
	l.base--
	s := l.stack[l.top-1].str()
	b.grow(l, len(s))
	b.b = append(b.b, s...)
	return l.Ret(self)
}

func bufSet(l *State) int {
	b := l.checkBuffer(1)
	s := l.CheckString(2)
	b.b, b.rd = append(b.b[:0], s...), 0
	return l.Ret(l.Arg(1))
}

func bufGet(l *State) int {
	b := l.checkBuffer(1)
	n := l.Top()
	if n < 2 {
		s := b.b[b.rd:]
		l.PushBytes(s)
		b.b, b.rd = b.b[:0], 0
		return 1
	}
	for i := 2; i <= n; i++ {
		k := len(b.b) - b.rd
		if l.Arg(i).n != tagNil {
			c := l.CheckInt(i)
			if c < 0 {
				l.ArgError(i, "invalid value")
			}
			k = min(k, c)
		}
		l.PushBytes(b.b[b.rd : b.rd+k])
		b.rd += k
	}
	return n - 1
}

func bufSkip(l *State) int {
	b := l.checkBuffer(1)
	n := l.CheckInt(2)
	if n < 0 {
		l.ArgError(2, "invalid value")
	}
	b.rd = min(b.rd+n, len(b.b))
	return l.Ret(l.Arg(1))
}

func bufReset(l *State) int {
	b := l.checkBuffer(1)
	b.b, b.rd = b.b[:0], 0
	return l.Ret(l.Arg(1))
}

func bufTostring(l *State) int {
	b := l.checkBuffer(1)
	l.PushBytes(b.b[b.rd:])
	return 1
}

func bufLen(l *State) int {
	b := l.checkBuffer(1)
	return l.ret(Int(len(b.b) - b.rd))
}

func bufConcat(l *State) int {
	var out []byte
	for i := 1; i <= 2; i++ {
		if v := l.Arg(i); v.n == tagUser {
			b := l.checkBuffer(i)
			out = append(out, b.b[b.rd:]...)
		} else {
			out = append(out, l.CheckString(i)...)
		}
	}
	l.PushBytes(out)
	return 1
}

// Tags of the serialisation format, LuaJIT's.
const (
	serNil = iota
	serFalse
	serTrue
	serNull
	serLight32
	serLight64
	serInt
	serNum
	serTab // bits: 1 hash part, 2 array part from 0, 4 array part from 1
	_
	_
	_
	serTab1
	_
	serMeta
	serDict
	serStr   = 0x20
	serDepth = 100
)

func bufEncode(l *State) int {
	b := l.checkBuffer(1)
	b.b = l.encodeValue(b.b, l.CheckAny(2), b.dict, 0)
	return l.Ret(l.Arg(1))
}

func bufferEncode(l *State) int {
	l.PushBytes(l.encodeValue(nil, l.CheckAny(1), nil, 0))
	return 1
}

func appendU(b []byte, n int) []byte {
	switch {
	case n < 0xe0:
		return append(b, byte(n))
	case n < 0x1fe0:
		n -= 0xe0
		return append(b, byte(0xe0|n>>8), byte(n))
	}
	return binary.LittleEndian.AppendUint32(append(b, 0xff), uint32(n))
}

func (l *State) encodeValue(b []byte, v Value, d *bufferDict, depth int) []byte {
	switch v.Type() {
	case TypeNil:
		return append(b, serNil)
	case TypeBool:
		return append(b, byte(serFalse+v.n-tagFalse))
	case TypeNumber:
		if f := v.num(); f == math.Trunc(f) && f >= math.MinInt32 && f <= math.MaxInt32 && !(f == 0 && math.Signbit(f)) {
			return binary.LittleEndian.AppendUint32(append(b, serInt), uint32(int32(f)))
		}
		return binary.LittleEndian.AppendUint64(append(b, serNum), math.Float64bits(v.num()))
	case TypeString:
		s := v.str()
		if d != nil {
			if id, ok := d.strID[s]; ok {
				return appendU(append(b, serDict), id)
			}
		}
		l.vm.account(len(s))
		return append(appendU(b, serStr+len(s)), s...)
	case TypeLightUserdata:
		if v.p == nil {
			return append(b, serNull)
		}
	case TypeTable:
		return l.encodeTable(b, v.table(), d, depth)
	}
	l.Errorf("cannot serialize %s", v.typeName())
	return nil
}

func (l *State) encodeTable(b []byte, t *Table, d *bufferDict, depth int) []byte {
	if depth >= serDepth {
		l.Errorf("nesting too deep")
	}
	if d != nil && d.metas != nil && t.meta != nil {
		for i := 1; ; i++ {
			m := d.metas.GetInt(i)
			if m.n == tagNil {
				break
			}
			if m.n == tagTable && m.table() == t.meta {
				b = appendU(append(b, serMeta), i-1)
				break
			}
		}
	}
	na := t.Len()
	nh := 0
	inArray := func(k Value) bool {
		return k.isNum() && k.num() >= 1 && k.num() <= float64(na) && k.num() == math.Trunc(k.num())
	}
	for k, _, ok, _ := t.Next(Nil); ok; k, _, ok, _ = t.Next(k) {
		if !inArray(k) {
			nh++
		}
	}
	tag := byte(serTab)
	if nh > 0 {
		tag |= 1
	}
	if na > 0 {
		tag |= 4
	}
	b = append(b, tag)
	if na > 0 {
		b = appendU(b, na+1)
	}
	if nh > 0 {
		b = appendU(b, nh)
	}
	for i := 1; i <= na; i++ {
		b = l.encodeValue(b, t.GetInt(i), d, depth+1)
	}
	if nh > 0 {
		for k, v, ok, _ := t.Next(Nil); ok; k, v, ok, _ = t.Next(k) {
			if !inArray(k) {
				b = l.encodeValue(b, k, d, depth+1)
				b = l.encodeValue(b, v, d, depth+1)
			}
		}
	}
	return b
}

// decoder reads the serialisation format; every length is checked against what is left.
type decoder struct {
	l *State
	s string
	i int
	d *bufferDict
}

func bufDecode(l *State) int {
	b := l.checkBuffer(1)
	dec := decoder{l: l, s: string(b.b[b.rd:]), d: b.dict}
	v := dec.value(0)
	b.rd += dec.i
	return l.Ret(v)
}

func bufferDecode(l *State) int {
	dec := decoder{l: l, s: l.CheckString(1)}
	v := dec.value(0)
	if dec.i < len(dec.s) {
		l.Errorf("left-over data in buffer")
	}
	return l.Ret(v)
}

func (d *decoder) take(n int) string {
	if n < 0 || n > len(d.s)-d.i {
		d.l.Errorf("unexpected end of buffer")
	}
	d.i += n
	return d.s[d.i-n : d.i]
}

func (d *decoder) u() int {
	c := int(d.take(1)[0])
	switch {
	case c < 0xe0:
		return c
	case c < 0xff:
		return (c&0x1f)<<8 + int(d.take(1)[0]) + 0xe0
	}
	return int(binary.LittleEndian.Uint32([]byte(d.take(4))))
}

func (d *decoder) value(depth int) Value {
	start := d.i
	tag := d.u()
	if tag >= serStr {
		d.l.vm.account(tag - serStr)
		return String(d.take(tag - serStr))
	}
	switch tag {
	case serNil, serFalse, serTrue:
		return Value{n: uint64(tag)}
	case serNull:
		return Null
	case serInt:
		return Number(float64(int32(binary.LittleEndian.Uint32([]byte(d.take(4))))))
	case serNum:
		f := math.Float64frombits(binary.LittleEndian.Uint64([]byte(d.take(8))))
		if f != f {
			f = math.NaN() // no foreign payload becomes a Value
		}
		return Number(f)
	case serDict:
		i := d.u()
		if d.d != nil && d.d.strs != nil {
			if v := d.d.strs.GetInt(i + 1); v.isStr() {
				return v
			}
		}
	case serMeta:
		i := d.u()
		if d.d != nil && d.d.metas != nil {
			if m := d.d.metas.GetInt(i + 1); m.n == tagTable {
				v := d.value(depth)
				if v.n == tagTable {
					v.table().SetMetatable(d.l.vm, m.table())
				}
				return v
			}
		}
	default:
		if tag >= serTab && tag < serMeta {
			return d.table(tag, depth)
		}
	}
	d.l.Errorf("bad tag 0x%02x in buffer", d.s[start])
	return Nil
}

func (d *decoder) table(tag, depth int) Value {
	if depth >= serDepth {
		d.l.Errorf("nesting too deep")
	}
	first, na, nh := 0, 0, 0
	if tag&6 != 0 {
		na = d.u()
		if tag&4 != 0 {
			first = 1
		}
	}
	if tag&1 != 0 {
		nh = d.u()
	}
	left := len(d.s) - d.i
	if na-first > left || nh > left/2 {
		d.l.Errorf("unexpected end of buffer")
	}
	t := d.l.vm.NewTable(na, nh)
	for i := first; i < na; i++ {
		if v := d.value(depth + 1); v.n != tagNil {
			t.SetInt(i, v)
		}
	}
	for ; nh > 0; nh-- {
		k := d.value(depth + 1)
		d.l.vm.rawSet(d.l, t, k, d.value(depth+1))
	}
	return t.Value()
}
