package vm

import "fmt"

// signal is the panic value that carries a Lua error (or an abort) through Go frames; the error value itself is in
// VM.errVal. One per VM: raising an error allocates nothing here.
type signal struct{ abort bool }

// Error is a Lua error that left protected calls from Go.
type Error struct {
	Value     Value  // what was raised
	Text      string // Value as text, if it has one
	Traceback string // of the thread it was raised in, with the message before it
	Threads   string // traceback of that thread and of those that resumed it, see State.ThreadsTraceback
	Aborted   bool   // the run was aborted by the host
}

// Overrun reports whether the run was ended for its budget: aborted for a reason that is the script's.
func (e *Error) Overrun() bool { return e.Aborted && e.Traceback != "" }

func (e *Error) Error() string { return e.Text }

// ErrorText returns the text of an error value as the standalone interpreter shows it.
func ErrorText(v Value) string {
	switch {
	case v.isStr():
		return v.str()
	case v.isNum():
		return formatNumber(v.num())
	}
	return "(error object is a " + v.typeName() + " value)"
}

// Throw raises v as an error; it does not return.
func (l *State) Throw(v Value) {
	l.vm.errVal = v.clean()
	panic(l.vm.sig)
}

func (l *State) raiseText(s string) { l.Throw(String(s)) }

// Errorf raises a formatted message with the position of the function that called the running Go function.
func (l *State) Errorf(format string, args ...any) {
	msg := format
	if len(args) > 0 {
		msg = fmt.Sprintf(format, args...)
	}
	l.raiseText(l.where(1) + msg)
}

// runtimeError raises a message with the position of the running Lua function.
func (l *State) runtimeError(msg string) { l.raiseText(l.where(0) + msg) }

// raiseHere raises a message with the position of the Lua function that runs or that called the running Go function.
func (l *State) raiseHere(msg string) {
	if l.frames[l.fi].kind == kLua {
		l.runtimeError(msg)
	}
	l.raiseText(l.where(1) + msg)
}

func (vm *VM) raiseOverflow(l *State) {
	l.raiseText("stack overflow")
}

func (vm *VM) raiseAbort() { panic(abortSignal) }

// Unwind ends the run at once, for a Go function that Lua called: no pcall of the script catches it, and the PCall or
// task that began the run returns. Nothing is logged and no traceback made.
func (l *State) Unwind() { panic(abortSignal) }

// Abort makes the run end with an error that no pcall of the script catches.
func (vm *VM) Abort() {
	vm.settle()
	vm.abort = true
	vm.fuel, vm.grant = 0, 0
}

// where returns "chunk:line: " for the Lua function at a level (0: the running function), or nothing.
func (l *State) where(level int) string {
	i := l.fi - level
	if i <= 0 {
		return ""
	}
	f := &l.frames[i]
	if f.kind != kLua {
		return ""
	}
	p := l.stack[f.base-1].fn().proto
	return fmt.Sprintf("%s:%d: ", chunkID(p.source), l.currentLine(i))
}

// ArgError raises "bad argument #n to 'f' (msg)" for the running Go function.
func (l *State) ArgError(n int, msg string) {
	name, what := l.funcName(l.fi)
	if what == "method" {
		n--
		if n == 0 {
			l.Errorf("calling '%s' on bad self (%s)", name, msg)
		}
	}
	if name == "" {
		name = "?"
	}
	l.Errorf("bad argument #%d to '%s' (%s)", n, name, msg)
}

func (l *State) typeArgError(n int, want string) {
	got := "no value"
	if l.base+n-1 < l.top {
		got = l.stack[l.base+n-1].typeName()
	}
	l.ArgError(n, want+" expected, got "+got)
}

// caught turns what recover returned into the error under way; panics that are no Lua errors go on.
func (vm *VM) caught(r any) (abort bool) {
	if e, ok := r.(*signal); ok {
		return e.abort
	}
	panic(r)
}
