package vm

import (
	"math"
	"unsafe"
)

// Value is any Lua value in 16 bytes. The zero Value is nil.
//
//	n                        p                 meaning
//	0                        ignored           nil
//	1, 2                     ignored           false, true
//	3                        any Go pointer    light userdata (nil pointer: cjson.null, ngx.null)
//	4                        *Table            table
//	5                        *Function         Lua or Go function
//	6                        *Userdata         full userdata
//	7                        *State            thread
//	length<<8 | 8            first byte        string of that length
//	^Float64bits, >= 1<<48   ignored           number
//
// A number is stored with its bits inverted, so that the NaNs with sixteen leading ones, which no arithmetic
// yields, make room for the small tags. The type of a value is decided by n alone; p is always either nil or a
// pointer the collector knows, and is read only under the tag that gives it its type. Where n says number,
// boolean or nil, p may be stale: registers drop it late, tables and upvalues never keep it.
type Value struct {
	p unsafe.Pointer
	n uint64
}

const (
	tagNil   = 0
	tagFalse = 1
	tagTrue  = 2
	tagLight = 3
	tagTable = 4
	tagFunc  = 5
	tagUser  = 6
	tagState = 7
	tagStr   = 8 // in the low byte; the length is above it

	minNumber = 1 << 48 // n of any number is at least this
	maxString = 1<<40 - 1
)

// Type is the type of a Value as the function type of the language names it.
type Type uint8

// The types of Lua values.
const (
	TypeNil Type = iota
	TypeBool
	TypeLightUserdata
	TypeNumber
	TypeString
	TypeTable
	TypeFunction
	TypeUserdata
	TypeThread
)

var typeNames = [...]string{"nil", "boolean", "userdata", "number", "string", "table", "function", "userdata", "thread", "cdata"}

// typeCdata is a name only: what NewCdata makes is userdata.
const typeCdata = TypeThread + 1

// String returns the name the language gives the type.
func (t Type) String() string { return typeNames[t] }

var tagTypes = [...]Type{TypeNil, TypeBool, TypeBool, TypeLightUserdata, TypeTable, TypeFunction, TypeUserdata, TypeThread, TypeString}

// Nil, True and False are the values of these names; Null is the light userdata with a nil pointer that
// stands for JSON's and SQL's null.
var (
	Nil   = Value{}
	False = Value{n: tagFalse}
	True  = Value{n: tagTrue}
	Null  = Value{n: tagLight}
)

// Bool returns b as a Value.
func Bool(b bool) Value {
	if b {
		return True
	}
	return False
}

// Number returns f as a Value.
func Number(f float64) Value { return Value{n: ^math.Float64bits(f)} }

// Int returns i as a Value; integers beyond 2^53 are rounded as the language does.
func Int(i int) Value { return Number(float64(i)) }

// String returns s as a Value. It shares the bytes of s and allocates nothing.
func String(s string) Value {
	return Value{unsafe.Pointer(unsafe.StringData(s)), uint64(len(s))<<8 | tagStr}
}

// LightUserdata returns a Value that compares by the pointer p, which must be nil or point to Go memory.
func LightUserdata(p unsafe.Pointer) Value { return Value{p, tagLight} }

func mkTable(t *Table) Value       { return Value{unsafe.Pointer(t), tagTable} }
func mkFunction(f *Function) Value { return Value{unsafe.Pointer(f), tagFunc} }
func mkUserdata(u *Userdata) Value { return Value{unsafe.Pointer(u), tagUser} }
func mkState(l *State) Value       { return Value{unsafe.Pointer(l), tagState} }

// Value returns the table as a Value.
func (t *Table) Value() Value { return mkTable(t) }

// Value returns the function as a Value.
func (f *Function) Value() Value { return mkFunction(f) }

// Value returns the userdata as a Value.
func (u *Userdata) Value() Value { return mkUserdata(u) }

// Value returns the thread as a Value.
func (l *State) Value() Value { return mkState(l) }

// Type returns the type of v.
func (v Value) Type() Type {
	if v.n >= minNumber {
		return TypeNumber
	}
	return tagTypes[uint8(v.n)&15]
}

// typeName returns the name the language gives the type of v.
func (v Value) typeName() string { return typeNames[v.namedType()] }

// namedType is Type, or typeCdata.
func (v Value) namedType() Type {
	if v.n == tagUser && v.user().cdata {
		return typeCdata
	}
	return v.Type()
}

// IsNil reports whether v is nil.
func (v Value) IsNil() bool { return v.n == tagNil }

// IsNumber reports whether v is a number.
func (v Value) IsNumber() bool { return v.n >= minNumber }

// IsString reports whether v is a string.
func (v Value) IsString() bool { return v.isStr() }

// IsTable reports whether v is a table.
func (v Value) IsTable() bool { return v.n == tagTable }

// IsFunction reports whether v is a function.
func (v Value) IsFunction() bool { return v.n == tagFunc }

// Truthy reports whether v counts as true in a condition.
func (v Value) Truthy() bool { return v.n > tagFalse }

func (v Value) isStr() bool     { return uint8(v.n) == tagStr && v.n < minNumber }
func (v Value) isNum() bool     { return v.n >= minNumber }
func (v Value) num() float64    { return math.Float64frombits(^v.n) }
func (v Value) strLen() int     { return int(v.n >> 8) }
func (v Value) table() *Table   { return (*Table)(v.p) }
func (v Value) fn() *Function   { return (*Function)(v.p) }
func (v Value) user() *Userdata { return (*Userdata)(v.p) }
func (v Value) state() *State   { return (*State)(v.p) }

// str returns the string of v, which must be one. The bytes are immutable, as any Go string's.
func (v Value) str() string {
	return unsafe.String((*byte)(v.p), int(v.n>>8))
}

// AsTable returns the table v is, or nil.
func (v Value) AsTable() *Table {
	if v.n == tagTable {
		return v.table()
	}
	return nil
}

// AsFunction returns the function v is, or nil.
func (v Value) AsFunction() *Function {
	if v.n == tagFunc {
		return v.fn()
	}
	return nil
}

// AsUserdata returns the userdata v is, or nil.
func (v Value) AsUserdata() *Userdata {
	if v.n == tagUser {
		return v.user()
	}
	return nil
}

// AsState returns the thread v is, or nil.
func (v Value) AsState() *State {
	if v.n == tagState {
		return v.state()
	}
	return nil
}

// AsString returns the string v is; ok is false where v is of another type (a number is not converted).
func (v Value) AsString() (s string, ok bool) {
	if v.isStr() {
		return v.str(), true
	}
	return "", false
}

// AsNumber returns the number v is; ok is false where v is of another type (a string is not converted).
func (v Value) AsNumber() (f float64, ok bool) {
	if v.isNum() {
		return v.num(), true
	}
	return 0, false
}

// pointer returns the address that tostring prints for v.
func (v Value) pointer() uintptr {
	switch v.Type() {
	case TypeLightUserdata, TypeTable, TypeFunction, TypeUserdata, TypeThread:
		return uintptr(v.p)
	}
	return 0
}

// setNum stores a number into a register without touching its pointer, which spares the write barrier.
func (v *Value) setNum(f float64) { v.n = ^math.Float64bits(f) }

// clean returns v without a stale pointer, for stores that outlive the frame.
func (v Value) clean() Value {
	if v.n >= minNumber || v.n <= tagTrue {
		v.p = nil
	}
	return v
}

// rawEqual is the equality of the language without metamethods.
func rawEqual(a, b Value) bool {
	if a.n != b.n {
		// The two zeros differ in bits and are equal.
		return a.n >= minNumber && b.n >= minNumber && a.num() == b.num()
	}
	if a.n >= minNumber {
		f := a.num()
		return f == f
	}
	if a.n <= tagTrue || a.p == b.p {
		return true
	}
	return uint8(a.n) == tagStr && a.str() == b.str()
}

// RawEqual reports whether a and b are equal without consulting metamethods.
func RawEqual(a, b Value) bool { return rawEqual(a, b) }

// Strings are hashed with a seed of the process (flooding a table with chosen keys must not be possible from
// outside); constants of shared prototypes keep their hash, so the seed is one for all VMs.
const (
	hashM1 = 0xa0761d6478bd642f
	hashM2 = 0xe7037ed1a0b428db
)

// hashString mixes the bytes of s in words of eight, two per round.
func hashString(s string) uint32 {
	p := unsafe.Pointer(unsafe.StringData(s))
	n := len(s)
	h := hashSeed ^ uint64(n)*hashM1
	for n > 16 {
		h = mix(*(*uint64)(p)^hashM1, *(*uint64)(unsafe.Add(p, 8))^h)
		p = unsafe.Add(p, 16)
		n -= 16
	}
	var a, b uint64
	switch {
	case n >= 8:
		a = *(*uint64)(p)
		b = *(*uint64)(unsafe.Add(p, n-8))
	case n >= 4:
		a = uint64(*(*uint32)(p))
		b = uint64(*(*uint32)(unsafe.Add(p, n-4)))
	case n > 0:
		a = uint64(*(*byte)(p))<<16 | uint64(*(*byte)(unsafe.Add(p, n>>1)))<<8 | uint64(*(*byte)(unsafe.Add(p, n-1)))
	}
	h = mix(a^hashM2, b^h)
	return uint32(h ^ h>>32)
}

// joinStrings returns the concatenation of strings whose lengths add up to total.
func joinStrings(vs []Value, total int) Value {
	b := make([]byte, total)
	n := 0
	for _, v := range vs {
		n += copy(b[n:], v.str())
	}
	return bytesValue(b)
}

// bytesValue returns b as a string without copying; b must not change afterwards.
func bytesValue(b []byte) Value {
	return Value{unsafe.Pointer(unsafe.SliceData(b)), uint64(len(b))<<8 | tagStr}
}

// zeroStale drops pointers that registers below top keep although they hold no object, and all above top.
func (l *State) zeroStale() {
	for i := range l.stack[:l.top] {
		l.stack[i] = l.stack[i].clean()
	}
	clear(l.stack[l.top:])
}

// sentinelPointer is the identity of require's mark for modules under way.
func sentinelPointer() unsafe.Pointer { return unsafe.Pointer(loadingSentinel) }
