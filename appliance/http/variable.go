package http

import (
	"fmt"
	"slices"
	"strings"

	"weir/appliance/conf"
)

// Value is the value of a variable in one request. B is valid until the
// request ends; it may point into the configuration, the request's header
// block or its arena, and must not be written to.
type Value struct {
	B     []byte
	Flags ValueFlags
}

// ValueFlags say how a Value came to be.
type ValueFlags uint8

const (
	Valid       ValueFlags = 1 << iota // B has been worked out
	NotFound                           // the variable has no value; B is empty
	NoCacheable                        // work it out again at every use
)

// Found reports whether the variable has a value, be it empty.
func (v *Value) Found() bool { return v.Flags&(Valid|NotFound) == Valid }

// Is stores b as the value.
func (v *Value) Is(b []byte) {
	v.B = b
	v.Flags = v.Flags&NoCacheable | Valid
}

// Missing says that there is no value.
func (v *Value) Missing() {
	v.B = nil
	v.Flags = v.Flags&NoCacheable | NotFound
}

// VarFlags describe a Variable.
type VarFlags uint8

const (
	VarChangeable  VarFlags = 1 << iota // `set` may define it anew
	VarNoCacheable                      // worked out at every use
	VarPrefix                           // Name is a prefix: "http_", "arg_"
	VarWeak                             // used before defined (by name only)
	VarOfPrefix                         // made from a prefix variable; may be defined anew
)

// Variable is the definition of one variable.
//
// Get stores the value with v.Is or v.Missing. For a prefix variable a
// definition of its own is made for every name used, with Name the whole name
// (lower case) and Data what Compile made of it.
type Variable struct {
	Name  string
	Flags VarFlags
	Get   func(r *Request, v *Value, def *Variable)
	// Set, if not nil, is called when `set` assigns to the variable (as
	// $args and $limit_rate allow), instead of storing a value.
	Set func(r *Request, val []byte, def *Variable)
	// Compile prepares Data from the rest of a prefix variable's name.
	Compile func(rest string) any
	Data    any
	Doc     string

	index int // place in Request.vars
}

// Index is the variable's place among the values of a request.
func (d *Variable) Index() int { return d.index }

// varTable collects the variables of a configuration while it is read.
type varTable struct {
	defs     map[string]*Variable // defined by modules and directives
	prefixes []*Variable
	used     map[string]*Variable // referred to by the configuration
	list     []*Variable          // by index
}

// DefineVariable adds a variable on behalf of a directive (map, geo, set...)
// and returns its definition. name comes without the dollar sign. It fails
// when a built-in variable of that name cannot be changed.
func (b *Builder) DefineVariable(name string, flags VarFlags) (*Variable, error) {
	name = strings.ToLower(name)
	t := &b.vars
	if d := t.defs[name]; d != nil {
		if d.Flags&(VarChangeable|VarOfPrefix) == 0 {
			return nil, conf.Errorf("the duplicate \"%s\" variable", name)
		}
		if d.Flags&VarOfPrefix != 0 && flags&VarWeak == 0 {
			*d = Variable{Name: name, Flags: flags, index: d.index}
		}
		if flags&VarWeak == 0 {
			d.Flags &^= VarWeak
		}
		b.indexOf(d, name)
		return d, nil
	}
	d := (*Variable)(nil)
	if flags&VarWeak != 0 { // `set $http_x`: until it has run, the field's value
		d = b.prefixed(name)
	}
	if d == nil {
		d = &Variable{Name: name, Flags: flags, index: -1}
		t.defs[name] = d
	}
	b.indexOf(d, name)
	return d, nil
}

// addVariable registers a module's variable; the definition is copied, since
// its index belongs to this configuration.
func (b *Builder) addVariable(v Variable) {
	d := v
	d.index = -1
	if d.Flags&VarPrefix != 0 {
		b.vars.prefixes = append(b.vars.prefixes, &d)
		return
	}
	b.vars.defs[d.Name] = &d
}

func (b *Builder) indexOf(d *Variable, name string) int {
	if d.index < 0 {
		d.index = len(b.vars.list)
		b.vars.list = append(b.vars.list, d)
		b.vars.used[name] = d
	}
	return d.index
}

// VariableIndex returns the index of the variable called name (without the
// dollar sign) for Request.Var. A name nobody has defined when the
// configuration ends is an error there, as nginx has it.
func (b *Builder) VariableIndex(name string) int {
	name = strings.ToLower(name)
	if d := b.vars.used[name]; d != nil {
		return d.index
	}
	d := b.vars.defs[name]
	if d == nil {
		d = b.prefixed(name)
	}
	if d == nil {
		d = &Variable{Name: name, Flags: VarChangeable | VarWeak, index: -1}
		b.vars.defs[name] = d
	}
	return b.indexOf(d, name)
}

// prefixed makes the definition of a name that a prefix variable covers.
func (b *Builder) prefixed(name string) *Variable {
	best := longestPrefix(b.vars.prefixes, name)
	if best == nil {
		return nil
	}
	d := *best
	d.Name, d.index = name, -1
	d.Flags = d.Flags&^VarPrefix | VarOfPrefix
	if d.Compile != nil {
		d.Data = d.Compile(name[len(best.Name):])
	}
	b.vars.defs[name] = &d
	return &d
}

func longestPrefix(list []*Variable, name string) *Variable {
	var best *Variable
	for _, p := range list {
		if strings.HasPrefix(name, p.Name) && (best == nil || len(p.Name) > len(best.Name)) {
			best = p
		}
	}
	return best
}

// finishVariables reports names that were used but never defined and freezes
// the table into the generation.
func (b *Builder) finishVariables() error {
	for _, d := range b.vars.list {
		if d.Get == nil && d.Flags&VarWeak != 0 {
			return fmt.Errorf("unknown \"%s\" variable", d.Name)
		}
	}
	b.gen.vars = b.vars.list
	b.gen.varByName = b.vars.defs
	b.gen.varPrefixes = b.vars.prefixes
	return nil
}

// VariableNames lists every variable the modules define, prefixes with a
// trailing asterisk, sorted. It serves the reference documentation.
func (b *Builder) VariableNames() []string {
	var names []string
	for n := range b.vars.defs {
		names = append(names, n)
	}
	for _, p := range b.vars.prefixes {
		names = append(names, p.Name+"*")
	}
	slices.Sort(names)
	return names
}

// maxVariableDepth bounds variables that refer to each other (a map of a map
// of ...), as nginx does.
const maxVariableDepth = 100

// Var returns the value of the variable with that index. A value is worked
// out once per request unless the variable is not cacheable, and then at
// every call. The result is valid until the request ends or the variable is
// set.
func (r *Request) Var(index int) *Value {
	v := &r.vars[index]
	if v.Flags&(Valid|NotFound) != 0 && v.Flags&NoCacheable == 0 {
		return v
	}
	return r.evalVar(v, index)
}

func (r *Request) evalVar(v *Value, index int) *Value {
	d := r.gen.vars[index]
	if d.Get == nil { // defined by `set` that has not run
		if v.Flags&(Valid|NotFound) == 0 {
			v.Missing()
		}
		return v
	}
	if r.varDepth >= maxVariableDepth {
		r.Logf(LogErr, "cycle while evaluating variable \"%s\"", d.Name)
		v.Missing()
		return v
	}
	r.varDepth++
	*v = Value{} // worked out in place: a local one would be allocated for the call of Get
	d.Get(r, v, d)
	r.varDepth--
	if d.Flags&VarNoCacheable != 0 {
		v.Flags |= NoCacheable
	}
	if v.Flags&(Valid|NotFound) == 0 {
		v.Flags |= NotFound
	}
	return v
}

// SetVar assigns to a variable; b must stay valid until the request ends.
func (r *Request) SetVar(index int, b []byte) {
	d := r.gen.vars[index]
	if d.Set != nil {
		d.Set(r, b, d)
		return
	}
	r.vars[index] = Value{B: b, Flags: Valid}
}

// ForgetVar has the variable called name worked out again at its next use,
// for whoever changes what it is made of. A variable that only `set` gives a
// value keeps it.
func (r *Request) ForgetVar(name string) {
	if d := r.gen.varByName[name]; d != nil && d.index >= 0 && d.Get != nil {
		r.vars[d.index] = Value{}
	}
}

// VarByName looks a variable up at run time, as Lua's ngx.var does. It
// returns false when no variable of that name can exist. name must be lower
// case. It is slower than Var and may allocate for prefix variables.
func (r *Request) VarByName(name string) (Value, bool) {
	if d := r.gen.varByName[name]; d != nil {
		if d.index >= 0 {
			return *r.Var(d.index), true
		}
		var v Value
		d.Get(r, &v, d)
		return v, true
	}
	p := longestPrefix(r.gen.varPrefixes, name)
	if p == nil {
		return Value{}, false
	}
	d := *p
	d.Name = name
	if d.Compile != nil {
		d.Data = d.Compile(name[len(p.Name):])
	}
	var v Value
	d.Get(r, &v, &d)
	return v, true
}
