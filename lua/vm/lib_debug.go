package vm

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

func (vm *VM) openDebug() {
	vm.library("debug", []fn{
		{"getregistry", dbgGetregistry}, {"getmetatable", dbgGetmetatable}, {"setmetatable", dbgSetmetatable},
		{"getfenv", dbgGetfenv}, {"setfenv", dbgSetfenv}, {"getinfo", dbgGetinfo}, {"getlocal", dbgGetlocal},
		{"setlocal", dbgSetlocal}, {"getupvalue", dbgGetupvalue}, {"setupvalue", dbgSetupvalue},
		{"upvalueid", dbgUpvalueid}, {"upvaluejoin", dbgUpvaluejoin}, {"getuservalue", dbgGetfenv},
		{"setuservalue", dbgSetfenv}, {"sethook", dbgSethook}, {"gethook", dbgGethook}, {"debug", dbgDebug}, {"traceback", dbgTraceback},
	})
}

func dbgGetregistry(l *State) int { return l.ret(mkTable(l.vm.registry)) }

func dbgGetmetatable(l *State) int {
	if mt := l.vm.metatableOf(l.CheckAny(1)); mt != nil {
		return l.ret(mkTable(mt))
	}
	return l.ret(Nil)
}

func dbgSetmetatable(l *State) int {
	vm := l.vm
	v, m := l.CheckAny(1), l.Arg(2)
	if m.n != tagTable && m.n != tagNil {
		l.ArgError(2, "nil or table expected")
	}
	mt := m.AsTable()
	switch {
	case v.n == tagTable:
		v.table().SetMetatable(vm, mt)
	case v.n == tagUser:
		v.user().meta = mt
		if u := v.user(); u.gc != nil {
			u.gc.meta = mt
		} else if mt != nil && mt.metamethod(&vm.names.gc).n != tagNil {
			vm.watch(u)
		}
	case v.isStr():
		vm.strMeta, vm.strIndex = mt, nil
		if mt != nil {
			vm.strIndex = mt.GetString("__index").AsTable()
		}
	case v.n == tagFalse || v.n == tagTrue:
		vm.typeMeta[TypeBool] = mt
	default:
		vm.typeMeta[v.Type()] = mt
	}
	return l.ret(v)
}

func dbgGetfenv(l *State) int {
	switch v := l.CheckAny(1); v.n {
	case tagFunc:
		return l.ret(mkTable(v.fn().env))
	case tagState:
		return l.ret(mkTable(v.state().env))
	case tagUser:
		if e := v.user().env; e != nil {
			return l.ret(mkTable(e))
		}
	}
	return l.ret(Nil)
}

func dbgSetfenv(l *State) int {
	t := l.CheckTable(2)
	switch v := l.CheckAny(1); v.n {
	case tagFunc:
		v.fn().env = t
	case tagState:
		v.state().env = t
	case tagUser:
		v.user().env = t
	default:
		l.Errorf("'setfenv' cannot change environment of given object")
	}
	return l.ret(l.Arg(1))
}

// threadArg returns the thread that debug functions take as an optional first argument, and the number of
// arguments it takes up.
func (l *State) threadArg() (*State, int) {
	if v := l.Arg(1); v.n == tagState {
		return v.state(), 1
	}
	return l, 0
}

// levelFrame returns the index of the frame at a level as Lua counts: 0 is the function that runs; 0 if there is none.
func (l *State) levelFrame(level int) int {
	if level < 0 || level >= l.fi {
		return 0
	}
	return l.fi - level
}

func (l *State) frameFunc(i int) *Function { return l.stack[l.frames[i].base-1].AsFunction() }

func dbgGetinfo(l *State) int {
	co, a := l.threadArg()
	opts := l.OptString(a+2, "flnSu")
	var f *Function
	fi := 0
	if v := l.Arg(a + 1); v.isNum() || v.isStr() {
		level := l.CheckInt(a + 1)
		if fi = co.levelFrame(level); fi == 0 {
			return l.ret(Nil)
		}
		f = co.frameFunc(fi)
	} else if v.n == tagFunc {
		f = v.fn()
	} else {
		l.ArgError(a+1, "function or level expected")
	}
	if strings.HasPrefix(opts, ">") {
		l.ArgError(a+2, "invalid option")
	}
	t := l.vm.NewTable(0, 12)
	for _, c := range opts {
		switch c {
		case 'S':
			co.infoSource(t, f)
		case 'l':
			line := -1
			if fi != 0 && co.frames[fi].kind == kLua {
				line = co.currentLine(fi)
			}
			t.SetString("currentline", Int(line))
		case 'u':
			np, va, nu := 0, true, 0
			if f.proto != nil {
				np, va, nu = int(f.proto.nparams), f.proto.vararg, len(f.proto.upvals)
			}
			t.SetString("nups", Int(nu))
			t.SetString("nparams", Int(np))
			t.SetString("isvararg", Bool(va))
		case 'n':
			name, what := "", ""
			if fi != 0 {
				name, what = co.funcName(fi)
			}
			if name != "" {
				t.SetString("name", String(name))
			}
			t.SetString("namewhat", String(what))
		case 'f':
			t.SetString("func", mkFunction(f))
		case 'L':
			if f.proto != nil {
				lines := NewTable(0, len(f.proto.lines))
				for _, ln := range f.proto.lines[:max(len(f.proto.lines), 1)] {
					lines.Set(Int(int(ln)), True)
				}
				t.SetString("activelines", mkTable(lines))
			}
		default:
			l.ArgError(a+2, "invalid option")
		}
	}
	return l.ret(mkTable(t))
}

func (l *State) infoSource(t *Table, f *Function) {
	if f == nil || f.proto == nil {
		t.SetString("source", String("=[C]"))
		t.SetString("short_src", String("[C]"))
		t.SetString("linedefined", Int(-1))
		t.SetString("lastlinedefined", Int(-1))
		t.SetString("what", String("C"))
		return
	}
	p := f.proto
	what := "Lua"
	if p.lineDefined == 0 {
		what = "main"
	}
	t.SetString("source", String(p.source))
	t.SetString("short_src", String(chunkID(p.source)))
	t.SetString("linedefined", Int(int(p.lineDefined)))
	t.SetString("lastlinedefined", Int(int(p.lastLine)))
	t.SetString("what", String(what))
}

// localSlot finds the n-th local of the frame at a level: its name and stack slot; a negative n means extra arguments.
func (l *State) localSlot(i, n int) (string, int) {
	fr := &l.frames[i]
	base := int(fr.base)
	if n < 0 {
		if fr.flags&fVararg != 0 && -n <= int(fr.nvar) {
			return "(*vararg)", base - 1 - int(fr.nvar) + (-n - 1)
		}
		return "", 0
	}
	if fr.kind == kLua {
		p := l.frameFunc(i).proto
		if name, reg, ok := p.localName(n, int(fr.pc)); ok {
			return name, base + reg
		}
	}
	limit := l.top
	if i < l.fi {
		limit = int(l.frames[i+1].base) - 1
	}
	if n >= 1 && base+n-1 < limit {
		return "(*temporary)", base + n - 1
	}
	return "", 0
}

func dbgGetlocal(l *State) int {
	co, a := l.threadArg()
	n := l.CheckInt(a + 2)
	if v := l.Arg(a + 1); v.n == tagFunc {
		if p := v.fn().proto; p != nil && n >= 1 && n <= int(p.nparams) {
			return l.ret(String(p.locals[n-1].name))
		}
		return l.ret(Nil)
	}
	i := co.levelFrame(l.CheckInt(a + 1))
	if i == 0 {
		l.ArgError(a+1, "level out of range")
	}
	name, slot := co.localSlot(i, n)
	if name == "" {
		return l.ret(Nil)
	}
	v := co.stack[slot]
	l.Push(String(name))
	l.Push(v)
	return 2
}

func dbgSetlocal(l *State) int {
	co, a := l.threadArg()
	i := co.levelFrame(l.CheckInt(a + 1))
	if i == 0 {
		l.ArgError(a+1, "level out of range")
	}
	name, slot := co.localSlot(i, l.CheckInt(a+2))
	v := l.CheckAny(a + 3)
	// The hidden control variables keep their types: the interpreter relies on them.
	if name == "" || strings.HasPrefix(name, "(") && name != "(*vararg)" {
		return l.ret(Nil)
	}
	co.stack[slot] = v
	return l.ret(String(name))
}

func dbgGetupvalue(l *State) int {
	f := l.CheckFunction(1).fn()
	n := l.CheckInt(2)
	if f.proto == nil || n < 1 || n > len(f.proto.upvals) {
		return 0
	}
	d := &f.proto.upvals[n-1]
	v := *f.upval(n - 1)
	if !d.byValue {
		v = *f.cell(n - 1).v
	}
	l.Push(String(d.name))
	l.Push(v)
	return 2
}

func dbgSetupvalue(l *State) int {
	f := l.CheckFunction(1).fn()
	n := l.CheckInt(2)
	v := l.CheckAny(3)
	if f.proto == nil || n < 1 || n > len(f.proto.upvals) {
		return 0
	}
	d := &f.proto.upvals[n-1]
	if d.byValue {
		*f.upval(n - 1) = v.clean()
	} else {
		*f.cell(n - 1).v = v.clean()
	}
	return l.ret(String(d.name))
}

func (l *State) checkUpvalue(arg int) (*Function, int) {
	f := l.CheckFunction(arg).fn()
	n := l.CheckInt(arg + 1)
	if f.proto == nil || n < 1 || n > len(f.proto.upvals) {
		l.ArgError(arg+1, "invalid upvalue index")
	}
	return f, n - 1
}

func dbgUpvalueid(l *State) int {
	f, n := l.checkUpvalue(1)
	if f.proto.upvals[n].byValue {
		return l.ret(f.upvalID(n))
	}
	return l.ret(Value{p: f.upval(n).p, n: tagLight})
}

func dbgUpvaluejoin(l *State) int {
	f, n := l.checkUpvalue(1)
	g, m := l.checkUpvalue(3)
	fv, gv := f.proto.upvals[n].byValue, g.proto.upvals[m].byValue
	switch {
	case fv && gv:
		*f.upval(n) = *g.upval(m)
	case fv:
		*f.upval(n) = g.cell(m).v.clean()
	case gv:
		u := &upval{closed: *g.upval(m)}
		u.v = &u.closed
		*f.upval(n) = cellValue(u)
	default:
		*f.upval(n) = *g.upval(m)
	}
	return 0
}

// dbgSethook accepts the removal of a hook; hooks do not exist.
func dbgSethook(l *State) int {
	if l.Top() == 0 || l.Arg(1).n == tagNil || l.Arg(1).n == tagState && l.Arg(2).n == tagNil {
		return 0
	}
	l.Errorf("debug hooks are not supported")
	return 0
}

// dbgDebug reads and runs lines of standard input until one says cont.
func dbgDebug(l *State) int {
	in := l.stdFile(l.vm.ioIn)
	for {
		io.WriteString(stderrWriter{l.vm}, "lua_debug> ")
		line, ok := in.readLine(false).AsString()
		if !ok || line == "cont" {
			return 0
		}
		l.top = l.base
		if l.pushChunk(line, "=(debug command)", Nil) == 1 {
			if _, err := l.PCall(0, 0); err != nil {
				io.WriteString(stderrWriter{l.vm}, err.Text+"\n")
			}
			continue
		}
		io.WriteString(stderrWriter{l.vm}, l.stack[l.top-1].str()+"\n")
	}
}

func dbgGethook(l *State) int {
	l.Push(Nil)
	l.PushString("")
	l.PushInt(0)
	return 3
}

func dbgTraceback(l *State) int {
	co, a := l.threadArg()
	msg := ""
	if v := l.Arg(a + 1); v.isStr() || v.isNum() {
		msg = l.CheckString(a + 1)
	} else if v.n != tagNil {
		return l.ret(v)
	}
	level := 1
	if co != l {
		level = 0
	}
	level = l.OptInt(a+2, level)
	s := co.traceback(level)
	if l.Arg(a+1).n != tagNil {
		s = msg + "\n" + s
	}
	return l.ret(String(s))
}

// Traceback returns msg and the traceback of the thread from a level on.
func (l *State) Traceback(msg string, level int) string { return msg + "\n" + l.traceback(level) }

const (
	traceHead = 12
	traceTail = 10
)

func (l *State) traceback(level int) string {
	var b strings.Builder
	b.WriteString("stack traceback:")
	first := l.fi - level
	for i := first; i >= 1; i-- {
		if first-i == traceHead && i > traceTail {
			b.WriteString("\n\t...")
			i = traceTail
		}
		fr := &l.frames[i]
		name, _ := l.funcName(i)
		f := l.frameFunc(i)
		switch {
		case fr.kind == kLua:
			p := f.proto
			fmt.Fprintf(&b, "\n\t%s:%d:", chunkID(p.source), l.currentLine(i))
			switch {
			case name != "":
				fmt.Fprintf(&b, " in function '%s'", name)
			case p.lineDefined == 0:
				b.WriteString(" in main chunk")
			default:
				fmt.Fprintf(&b, " in function <%s:%d>", chunkID(p.source), p.lineDefined)
			}
		case name != "":
			fmt.Fprintf(&b, "\n\t[C]: in function '%s'", name)
		case f != nil && f.body != nil && f.body.id != 0:
			fmt.Fprintf(&b, "\n\t[builtin#%d]: at 0x%08x", f.body.id, mkFunction(f).pointer())
		default:
			fmt.Fprintf(&b, "\n\t[C]: at 0x%08x", mkValuePointer(f))
		}
	}
	return b.String()
}

// Caller tells where the function at a level (0: the running one) is: the source as messages show it, the line, and
// the name it was called by, empty for none. For a Go function they are "[C]" and -1.
func (l *State) Caller(level int) (src string, line int, name string) {
	i := l.fi - level
	if i <= 0 {
		return "?", -1, ""
	}
	if l.frames[i].kind != kLua {
		return "[C]", -1, ""
	}
	name, _ = l.funcName(i)
	return chunkID(l.stack[l.frames[i].base-1].fn().proto.source), l.currentLine(i), name
}

// Bounds of ThreadsTraceback.
const (
	maxTraceThreads = 5
	maxTraceFrames  = 22
)

// ThreadsTraceback is the traceback of a thread and of the coroutines that resumed it, each under its number, as
// OpenResty logs it.
func (l *State) ThreadsTraceback() string {
	b := []byte("stack traceback:")
	for id := 0; l != nil && id < maxTraceThreads; id++ {
		b = fmt.Appendf(b, "\ncoroutine %d:", id)
		for i, n := l.fi, 0; i >= 1; i, n = i-1, n+1 {
			if n == maxTraceFrames {
				b = append(b, "\n\t..."...)
				break
			}
			b = l.appendTraceFrame(b, i)
		}
		l = l.resumer
	}
	return string(b)
}

// maxStackFrames bounds AppendStack.
const maxStackFrames = 64

// AppendStack appends the frames of the thread and of those that resumed it, the outermost first, separated by
// semicolons: the form that flame graphs are made of. A frame of Lua is its function and where it is; of more than 64
// frames the outermost are left out.
func (l *State) AppendStack(dst []byte) []byte {
	depth := 0
	for t := l; t != nil; t = t.resumer {
		depth += t.fi
	}
	return l.appendStack(dst, depth-maxStackFrames)
}

// appendStack leaves out the outermost frames up to number skip.
func (l *State) appendStack(dst []byte, skip int) []byte {
	if l.resumer != nil {
		dst = l.resumer.appendStack(dst, skip)
		for t := l.resumer; t != nil; t = t.resumer {
			skip -= t.fi
		}
	}
	for i := max(1, 1+skip); i <= l.fi; i++ {
		if len(dst) > 0 {
			dst = append(dst, ';')
		}
		name, _ := l.funcName(i)
		if l.frames[i].kind != kLua {
			if name == "" {
				name = "?"
			}
			dst = append(append(dst, name...), " [C]"...)
			continue
		}
		p := l.frameFunc(i).proto
		if name == "" && p.lineDefined == 0 {
			name = "main"
		}
		if name == "" {
			name = "function:" + strconv.Itoa(int(p.lineDefined))
		}
		dst = append(append(dst, name...), ' ')
		dst = append(append(dst, chunkID(p.source)...), ':')
		dst = strconv.AppendInt(dst, int64(l.currentLine(i)), 10)
	}
	return dst
}

func (l *State) appendTraceFrame(b []byte, i int) []byte {
	name, _ := l.funcName(i)
	f := l.frameFunc(i)
	if l.frames[i].kind != kLua {
		if name == "" {
			return append(b, "\n\t[C]: ?"...)
		}
		return fmt.Appendf(b, "\n\t[C]: in function '%s'", name)
	}
	p := f.proto
	b = fmt.Appendf(b, "\n\t%s:%d:", chunkID(p.source), l.currentLine(i))
	switch {
	case name != "":
		return fmt.Appendf(b, " in function '%s'", name)
	case p.lineDefined == 0:
		return append(b, " in main chunk"...)
	}
	return fmt.Appendf(b, " in function <%s:%d>", chunkID(p.source), p.lineDefined)
}

func mkValuePointer(f *Function) uintptr {
	if f == nil {
		return 0
	}
	return mkFunction(f).pointer()
}
