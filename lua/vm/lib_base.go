package vm

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

func (vm *VM) openBase() {
	g := vm.globals
	vm.register(g, "", []fn{
		{"assert", baseAssert}, {"type", baseType}, {"next", baseNext}, {"pairs", basePairs}, {"ipairs", baseIpairs},
		{"getmetatable", baseGetmetatable}, {"setmetatable", baseSetmetatable}, {"getfenv", baseGetfenv},
		{"setfenv", baseSetfenv}, {"rawget", baseRawget}, {"rawset", baseRawset}, {"rawequal", baseRawequal},
		{"rawlen", baseRawlen}, {"unpack", baseUnpack}, {"select", baseSelect}, {"tonumber", baseTonumber},
		{"tostring", baseTostring}, {"error", nil}, {"pcall", nil}, {"xpcall", nil}, {"loadfile", baseLoadfile},
		{"load", baseLoad}, {"loadstring", baseLoad}, {"dofile", baseDofile}, {"gcinfo", baseGcinfo},
		{"collectgarbage", baseCollectgarbage}, {"newproxy", baseNewproxy}, {"print", basePrint},
	})
	vm.special(g, "error", spError)
	vm.special(g, "pcall", spPcall)
	vm.special(g, "xpcall", spXpcall)
	vm.nextFn = vm.special(g, "next", spNext)
	vm.ipairsAux = &Function{env: g, body: &goBody{fn: ipairsAux, name: "ipairs_aux", special: spIpairs, id: builtinIDs["ipairs_aux"]}}
	g.SetString("_G", g.Value())
	g.SetString("_VERSION", String("Lua 5.1"))
	vm.loaded.SetString("_G", g.Value())
}

func baseAssert(l *State) int {
	if l.CheckAny(1).Truthy() {
		return l.Top()
	}
	if l.Top() >= 2 {
		v := l.Arg(2)
		l.Throw(v)
	}
	l.raiseText("assertion failed!")
	return 0
}

func baseType(l *State) int {
	return l.ret(typeNameValues[l.CheckAny(1).namedType()])
}

// typeNameProto keeps the canonical copies of the type names alive.
var typeNameProto = new(Proto)

// typeNameValues are the results of type, canonical so that comparing them with constants compares pointers.
var typeNameValues = func() (t [len(typeNames)]Value) {
	for i, n := range typeNames {
		t[i] = typeNameProto.internConst(n)
	}
	return
}()

func baseNext(l *State) int {
	t := l.CheckTable(1)
	k, v, ok, found := t.Next(l.Arg(2))
	if !found {
		l.Errorf("invalid key to 'next'")
	}
	if !ok {
		return l.ret(Nil)
	}
	l.Push(k)
	l.Push(v)
	return 2
}

func basePairs(l *State) int {
	vm := l.vm
	v := l.CheckAny(1)
	if mm := vm.metaOf(v, vm.names.pairs); mm.n != tagNil {
		l.Push(mm)
		l.Push(v)
		l.Call(1, 3)
		return 3
	}
	l.CheckTable(1)
	l.Push(mkFunction(vm.nextFn))
	l.Push(v)
	l.Push(Nil)
	return 3
}

func baseIpairs(l *State) int {
	vm := l.vm
	v := l.CheckAny(1)
	if mm := vm.metaOf(v, vm.names.ipairs); mm.n != tagNil {
		l.Push(mm)
		l.Push(v)
		l.Call(1, 3)
		return 3
	}
	l.CheckTable(1)
	l.Push(mkFunction(vm.ipairsAux))
	l.Push(v)
	l.Push(Number(0))
	return 3
}

func ipairsAux(l *State) int {
	t := l.CheckTable(1)
	i := l.CheckInt(2) + 1
	v := t.GetInt(i)
	if v.n == tagNil {
		return 0
	}
	l.Push(Int(i))
	l.Push(v)
	return 2
}

func baseGetmetatable(l *State) int {
	vm := l.vm
	mt := vm.metatableOf(l.CheckAny(1))
	if mt == nil {
		return l.ret(Nil)
	}
	if p := mt.metamethod(&vm.names.metatable); p.n != tagNil {
		return l.ret(p)
	}
	return l.ret(mkTable(mt))
}

func baseSetmetatable(l *State) int {
	vm := l.vm
	t := l.CheckTable(1)
	m := l.Arg(2)
	if m.n != tagTable && !(m.n == tagNil && l.HasArg(2)) {
		l.ArgError(2, "nil or table expected")
	}
	if t.meta != nil && t.meta.metamethod(&vm.names.metatable).n != tagNil {
		l.Errorf("cannot change a protected metatable")
	}
	t.SetMetatable(vm, m.AsTable())
	return l.ret(l.Arg(1))
}

// envTarget returns the function (or thread, for level 0) whose environment getfenv and setfenv mean.
func (l *State) envTarget(def bool) (f *Function) {
	v := l.Arg(1)
	if v.n == tagFunc {
		return v.fn()
	}
	level := 1
	if !(def && v.n == tagNil) {
		level = l.CheckInt(1)
	}
	if level < 0 {
		l.ArgError(1, "level must be non-negative")
	}
	if level == 0 {
		return nil
	}
	i := l.fi - level
	if i < 1 {
		l.ArgError(1, "invalid level")
	}
	return l.stack[l.frames[i].base-1].fn()
}

func baseGetfenv(l *State) int {
	f := l.envTarget(true)
	if f == nil {
		return l.ret(mkTable(l.env))
	}
	return l.ret(mkTable(f.env))
}

func baseSetfenv(l *State) int {
	t := l.CheckTable(2)
	f := l.envTarget(false)
	if f == nil {
		l.env = t
		return 0
	}
	if f.proto == nil {
		l.Errorf("'setfenv' cannot change environment of given object")
	}
	f.env = t
	return l.ret(mkFunction(f))
}

func baseRawget(l *State) int {
	t := l.CheckTable(1)
	return l.ret(t.Get(l.CheckAny(2)))
}

func baseRawset(l *State) int {
	t := l.CheckTable(1)
	l.vm.rawSet(l, t, l.CheckAny(2), l.CheckAny(3))
	return l.ret(l.Arg(1))
}

func baseRawequal(l *State) int { return l.ret(Bool(rawEqual(l.CheckAny(1), l.CheckAny(2)))) }

func baseRawlen(l *State) int {
	v := l.Arg(1)
	switch {
	case v.n == tagTable:
		return l.ret(Int(v.table().Len()))
	case v.isStr():
		return l.ret(Int(v.strLen()))
	}
	l.ArgError(1, "table or string expected")
	return 0
}

func baseUnpack(l *State) int {
	t := l.CheckTable(1)
	i := l.OptInt(2, 1)
	var e int
	if l.Arg(3).n == tagNil {
		e = t.Len()
	} else {
		e = l.CheckInt(3)
	}
	if i > e {
		return 0
	}
	n := e - i + 1
	if n <= 0 || n >= 8000*8 {
		l.Errorf("too many results to unpack")
	}
	l.ensure(l.top + n + goSlack)
	for ; i <= e; i++ {
		l.stack[l.top] = t.GetInt(i)
		l.top++
	}
	return n
}

func baseSelect(l *State) int {
	n := l.Top()
	if v := l.Arg(1); v.isStr() && v.str() == "#" {
		return l.ret(Int(n - 1))
	}
	i := l.CheckInt(1)
	if i < 0 {
		i = n + i
	} else if i > n {
		i = n
	}
	if i < 1 {
		l.ArgError(1, "index out of range")
	}
	return n - i
}

func baseTonumber(l *State) int {
	base := l.OptInt(2, 10)
	if base == 10 {
		v := l.CheckAny(1)
		if v.isNum() {
			return l.ret(v)
		}
		if v.isStr() {
			if f, ok := parseNumber(v.str()); ok {
				return l.ret(Number(f))
			}
		}
		return l.ret(Nil)
	}
	s := strings.ToLower(strings.TrimSpace(l.CheckString(1)))
	if base < 2 || base > 36 {
		l.ArgError(2, "base out of range")
	}
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg = s[0] == '-'
		s = s[1:]
	}
	if base == 16 && strings.HasPrefix(s, "0x") {
		s = s[2:]
	}
	if s == "" {
		return l.ret(Nil)
	}
	f := 0.0
	for i := 0; i < len(s); i++ {
		d := 99
		switch c := s[i]; {
		case isDigit(int(c)):
			d = int(c - '0')
		case c >= 'a' && c <= 'z':
			d = int(c-'a') + 10
		}
		if d >= base {
			return l.ret(Nil)
		}
		f = f*float64(base) + float64(d)
	}
	if neg {
		f = -f
	}
	return l.ret(Number(f))
}

// ToString converts any value as tostring does, calling __tostring.
func (l *State) ToString(v Value) Value {
	vm := l.vm
	switch {
	case v.isStr():
		return v
	case v.isNum():
		return vm.numberString(v.num())
	}
	if mt := vm.metatableOf(v); mt != nil {
		if mm := mt.metamethod(&vm.names.tostring); mm.n != tagNil {
			return vm.metaValue(l, mm, v, Nil, Nil, 1)
		}
	}
	return String(rawString(v))
}

// numberString is tostring of a number; small integers are not formatted anew.
func (vm *VM) numberString(f float64) Value {
	if i := int(f); uint(i) < uint(len(smallInts)) && float64(i) == f && (i != 0 || !math.Signbit(f)) {
		return String(smallInts[i])
	}
	s := formatNumber(f)
	vm.account(len(s))
	return String(s)
}

// rawString is tostring without metamethods.
func rawString(v Value) string {
	switch v.Type() {
	case TypeNil:
		return "nil"
	case TypeBool:
		if v.n == tagTrue {
			return "true"
		}
		return "false"
	case TypeNumber:
		return formatNumber(v.num())
	case TypeString:
		return v.str()
	case TypeFunction:
		if b := v.fn().body; b != nil && b.id != 0 {
			return fmt.Sprintf("function: builtin#%d", b.id)
		}
	case TypeLightUserdata:
		if v.p == nil {
			return "userdata: NULL"
		}
	}
	return fmt.Sprintf("%s: 0x%08x", v.typeName(), v.pointer())
}

func baseTostring(l *State) int {
	v := l.CheckAny(1)
	return l.ret(l.ToString(v))
}

func basePrint(l *State) int {
	n := l.Top()
	tostring := l.env.GetString("tostring")
	if l.env != l.vm.globals {
		tostring = l.GetField(l.env.Value(), "tostring")
	}
	plain := tostring.n == tagFunc && tostring.fn().body != nil && tostring.fn().body.id == builtinIDs["tostring"]
	var buf []byte
	for i := 1; i <= n; i++ {
		if i > 1 {
			buf = append(buf, '\t')
		}
		v := l.Arg(i)
		var s Value
		if plain {
			s = l.ToString(v)
		} else {
			l.Push(tostring)
			l.Push(v)
			l.Call(1, 1)
			s = l.stack[l.top-1]
			l.Pop(1)
		}
		switch {
		case s.isStr():
			buf = append(buf, s.str()...)
		case s.isNum():
			buf = appendNumber(buf, s.num())
		default:
			l.Errorf("'tostring' must return a string to 'print'")
		}
	}
	l.vm.stdout().Write(append(buf, '\n'))
	return 0
}

// loaded pushes the function of a compiled chunk, or nil and the message.
func (l *State) pushChunk(src, name string, env Value) int {
	if p, ok := l.vm.dumps[src]; ok {
		f := newClosure(p, l.vm.globals)
		for i := range p.upvals {
			*f.upval(i) = freshUpval(&p.upvals[i])
		}
		return l.ret(mkFunction(f))
	}
	if strings.HasPrefix(src, "\x1b") {
		l.Push(Nil)
		l.PushString(chunkID(name) + ": cannot load incompatible bytecode")
		return 2
	}
	compile := l.vm.Compile
	if compile == nil {
		compile = Compile
	}
	p, err := compile(src, name)
	if err != nil {
		l.Push(Nil)
		l.PushString(err.Error())
		return 2
	}
	f := newClosure(p, l.env)
	if env.n == tagTable {
		f.env = env.table()
	}
	l.vm.account(64)
	return l.ret(mkFunction(f))
}

// freshUpval is an upvalue with the value nil.
func freshUpval(d *upvalDesc) Value {
	if d.byValue {
		return Nil
	}
	u := &upval{}
	u.v = &u.closed
	return cellValue(u)
}

func (l *State) checkMode(n int, src string) (string, bool) {
	mode := l.OptString(n, "bt")
	bin := strings.HasPrefix(src, "\x1b")
	if bin && !strings.Contains(mode, "b") || !bin && !strings.Contains(mode, "t") {
		return "attempt to load chunk with wrong mode", false
	}
	return "", true
}

func baseLoad(l *State) int {
	v := l.CheckAny(1)
	var src string
	name := ""
	switch {
	case v.isStr() || v.isNum():
		src = l.CheckString(1)
		name = l.OptString(2, src)
	case v.n == tagFunc:
		name = l.OptString(2, "=(load)")
		var b strings.Builder
		for {
			l.Push(v)
			l.Call(0, 1)
			s := l.stack[l.top-1]
			l.Pop(1)
			if s.n == tagNil || s.isStr() && s.strLen() == 0 {
				break
			}
			if !s.isStr() {
				l.Push(Nil)
				l.PushString("reader function must return a string")
				return 2
			}
			b.WriteString(s.str())
		}
		src = b.String()
	default:
		l.typeArgError(1, "function")
	}
	if msg, ok := l.checkMode(3, src); !ok {
		l.Push(Nil)
		l.PushString(msg)
		return 2
	}
	return l.pushChunk(src, name, l.Arg(4))
}

// readSource reads a script for loadfile and dofile; the error is spelled as LuaJIT does.
func (l *State) readSource(name string) (src, chunk, msg string) {
	if name == "" {
		b, err := io.ReadAll(l.vm.stdin())
		if err != nil {
			return "", "", "cannot read stdin"
		}
		return string(b), "=stdin", ""
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return "", "", "cannot open " + name + ": " + errnoText(err)
	}
	return string(b), "@" + name, ""
}

func baseLoadfile(l *State) int {
	src, chunk, msg := l.readSource(l.OptString(1, ""))
	if msg == "" {
		var ok bool
		if msg, ok = l.checkMode(2, src); ok {
			return l.pushChunk(src, chunk, l.Arg(3))
		}
	}
	l.Push(Nil)
	l.PushString(msg)
	return 2
}

func baseDofile(l *State) int {
	src, chunk, msg := l.readSource(l.OptString(1, ""))
	if msg == "" {
		if l.pushChunk(src, chunk, Nil) == 1 {
			return l.Call(0, -1)
		}
		msg = l.stack[l.top-1].str()
	}
	l.raiseText(msg)
	return 0
}

func baseGcinfo(l *State) int { return l.ret(Int(int(l.vm.heapBytes() / 1024))) }

func baseCollectgarbage(l *State) int {
	switch opt := l.OptString(1, "collect"); opt {
	case "collect":
		l.vm.collect(l)
		return l.ret(Int(0))
	case "count":
		return l.ret(Number(float64(l.vm.heapBytes()) / 1024))
	case "step":
		l.vm.RunFinalizers(l)
		return l.ret(False)
	case "stop", "restart":
		return l.ret(Int(0))
	case "setpause", "setstepmul":
		return l.ret(Int(200))
	case "isrunning":
		return l.ret(True)
	default:
		l.ArgError(1, "invalid option '"+opt+"'")
	}
	return 0
}

func baseNewproxy(l *State) int {
	vm := l.vm
	u := &Userdata{env: vm.globals}
	switch v := l.Arg(1); {
	case v.n == tagTrue:
		u.meta = NewTable(0, 4)
		vm.watch(u)
	case v.n == tagUser && v.user().meta != nil:
		u.meta = v.user().meta
		vm.watch(u)
	case v.n == tagNil || v.n == tagFalse:
	default:
		l.ArgError(1, "boolean or proxy expected")
	}
	return l.ret(mkUserdata(u))
}
