package api

import (
	"strings"

	"weir/lua/vm"
)

// Func is one row of an API table: a Go function that Lua calls.
type Func struct {
	Name string
	In   Phase  // phases it may be called in; elsewhere the call is an error
	Args string // as documentation shows them: "(seconds)", "(...)"
	Doc  string // one or two sentences
	Run  vm.Func
}

// Fail returns nil and why to Lua, as functions do whose failures scripts are to deal with.
func Fail(l *vm.State, why string) int {
	l.Push(vm.Nil)
	l.PushString(why)
	return 2
}

// Held returns the object that a userdata holds, if it is a T.
func Held[T any](v vm.Value) (t T, ok bool) {
	if u := v.AsUserdata(); u != nil {
		t, ok = u.V.(T)
	}
	return t, ok
}

// Table is a set of functions that Lua finds at one place.
type Table struct {
	// Path is where: "ngx.req" is a table reached from the globals, made if missing. With Module it is the name
	// that require gives; with Meta it is only what documentation calls the object ("tcpsock").
	Path   string
	Module bool
	// Meta names a metatable (vm.NewMetatable); the functions become the methods of userdata that have it, through
	// its __index.
	Meta  string
	Funcs []Func
}

// CoreVersion is the version of lua-resty-core whose behaviour the modules have, and what each of those below ngx says
// its version is.
const CoreVersion = "0.1.33"

// Family is a part of the API that one Go package brings. It is a package variable, listed in lua/phase.
type Family struct {
	Name   string // for documentation: "ngx.re"
	Doc    string // one sentence
	Tables []Table
	// State, if set, describes an object that each VM has one of (see NewState).
	State StateSlot
	// Open, if set, runs once per VM after Tables are in place: for constants, metatables and modules that are no
	// plain tables of functions.
	Open func(e *Env)
	// Retire, if set, runs when no request will begin in the VM any more: end what waits without a request.
	Retire func(e *Env)
	// Close, if set, runs when the VM ends.
	Close func(e *Env)
}

// StateSlot describes the object of a family that each VM has one of; made by NewState.
type StateSlot interface {
	register(index int)
	make(e *Env) any
}

// Slot names such an object. Declare it as a package variable without initialiser.
type Slot[T any] struct{ index int }

type stateSlot[T any] struct {
	s   *Slot[T]
	new func(e *Env) *T
}

func (s stateSlot[T]) register(index int) { s.s.index = index }
func (s stateSlot[T]) make(e *Env) any    { return s.new(e) }

// NewState makes the description for Family.State; create runs once per VM, before Open.
func NewState[T any](s *Slot[T], create func(e *Env) *T) StateSlot { return stateSlot[T]{s, create} }

// Of returns the object of the VM that l belongs to.
func (s *Slot[T]) Of(l *vm.State) *T { return s.In(EnvOf(l)) }

// In returns the object of e.
func (s *Slot[T]) In(e *Env) *T { return e.local[s.index].(*T) }

// Families is the ordered list of families.
type Families []*Family

// Register gives every family its place. It is called once, before the first VM is opened.
func (fs Families) Register() {
	for i, f := range fs {
		if f.State != nil {
			f.State.register(i)
		}
	}
}

// open brings the families into the VM of e.
func (fs Families) open(e *Env) {
	e.local = make([]any, len(fs))
	for i, f := range fs {
		if f.State != nil {
			e.local[i] = f.State.make(e)
		}
		for j := range f.Tables {
			e.addTable(&f.Tables[j])
		}
		if f.Open != nil {
			f.Open(e)
		}
	}
}

func (e *Env) addTable(t *Table) {
	switch {
	case t.Meta != "":
		mt := e.VM.NewMetatable(t.Meta)
		index := mt.GetString("__index").AsTable()
		if index == nil {
			index = vm.NewTable(0, len(t.Funcs))
			mt.SetString("__index", index.Value())
		}
		e.Register(index, t.Funcs)
	case t.Module:
		m := e.VM.Loaded().GetString(t.Path).AsTable()
		if m == nil {
			m = vm.NewTable(0, len(t.Funcs))
			e.VM.SetModule(t.Path, m.Value())
		}
		e.Register(m, t.Funcs)
		if strings.HasPrefix(t.Path, "ngx.") { // lua-resty-core's
			m.SetString("version", vm.String(CoreVersion))
		}
	default:
		e.Register(e.Table(t.Path), t.Funcs)
	}
}

// Table returns the table at a path from the globals ("ngx.req"), made if missing.
func (e *Env) Table(path string) *vm.Table {
	t := e.VM.Globals()
	for name := range strings.SplitSeq(path, ".") {
		sub := t.GetString(name).AsTable()
		if sub == nil {
			sub = vm.NewTable(0, 16)
			t.SetString(name, sub.Value())
		}
		t = sub
	}
	return t
}

// Register puts rows into t. A row that may not be called everywhere is called through a check of the phase.
func (e *Env) Register(t *vm.Table, rows []Func) {
	for i := range rows {
		f := &rows[i]
		e.VM.Register(t, f.Name, e.Guard(f))
	}
}

// Guard returns the function of a row with its check of the phase.
func (e *Env) Guard(f *Func) vm.Func {
	if f.In&Any == Any {
		return f.Run
	}
	run, in := f.Run, f.In
	return func(l *vm.State) int {
		if c := e.cur; c.Phase&in == 0 && !c.lifted(in) {
			c.Deny(l, in)
		}
		return run(l)
	}
}

// Deny raises the error of a function that may be called in the phases of in only.
func (c *Ctx) Deny(l *vm.State, in Phase) {
	switch {
	case c.Phase == Init:
		l.Errorf("no request found")
	case c.R == nil && in == Request: // all that the function needs is a request
		l.Errorf("API disabled in the current context")
	}
	l.Errorf("API disabled in the context of %s", c.Phase.Context())
}

// lifted reports whether lua_phase_io lifts the restriction to the phases of in: what may wait may then be called in
// every phase of a request, and subrequests be made where the request has not got to its response. What makes the
// response, or ends the request, stays where it belongs.
func (c *Ctx) lifted(in Phase) bool {
	return c.Relaxed && (in == Yieldable || in == Captures && c.Phase == Set)
}
