package conf

import (
	"fmt"
	"strings"
)

// Scope is what a block being read configures. The HTTP core makes one for http, for each
// server, for each location, and so on.
type Scope interface {
	// Objects returns pointers to the configuration objects of the directive's module that
	// are reachable at the block: of a location, the location's own, its server's and main.
	Objects(owner any) []any
}

// ScopeFunc makes a Scope of a function.
type ScopeFunc func(owner any) []any

// Objects implements Scope.
func (f ScopeFunc) Objects(owner any) []any { return f(owner) }

// Cx is what a setter gets: where it is and what it configures. The first four groups are
// set by whoever starts the walk and inherited by inner walks; the last by Walk itself.
type Cx struct {
	Table *Table // where names are looked up

	Prefix     string // directory of -p, for paths of data and logs
	ConfPrefix string // directory of the configuration file, for include, keys and the like

	// Log receives warnings, with their place, and the level's name; nil drops them.
	Log func(level, msg string)

	// Data is whatever the program carries through the walk, as the generation being built.
	// This package does not look at it.
	Data any

	In    Context // the block being read
	Scope Scope   // what that block configures
	Owner any     // module of the row
	Item  *Item   // the directive

	warned map[string]bool // directives that said they have no effect; one map per walk from the top
}

// Walk applies items in order in the given block. Errors of different items are
// independent: all are collected and returned as Errors. Blocks inside are walked by the
// setters of their directives.
func (cx *Cx) Walk(items []*Item, in Context, scope Scope) error {
	if cx.warned == nil {
		cx.warned = make(map[string]bool)
	}
	var errs Errors
	for _, it := range items {
		errs = errs.add(cx.apply(it, in, scope))
	}
	return errs.err()
}

// apply checks one item against the table and calls its setter.
func (cx *Cx) apply(it *Item, in Context, scope Scope) error {
	if it.Err != nil && it.Name == "" {
		return it.Err
	}
	e, known := cx.Table.find(it.Name, in)
	switch {
	case !known:
		return it.Errorf(`unknown directive "%s"`, it.Name)
	case e == nil:
		return it.Errorf(`"%s" directive is not allowed here`, it.Name)
	case e.Args&HasBlock == 0 && it.HasBlock:
		return it.Errorf(`directive "%s" is not terminated by ";"`, it.Name)
	case e.Args&HasBlock != 0 && !it.HasBlock:
		return it.Errorf(`directive "%s" has no opening "{"`, it.Name)
	case !e.Args.accepts(len(it.Args)):
		return it.Errorf(`invalid number of arguments in "%s" directive`, it.Name)
	case it.Err != nil: // in the raw block, which nginx reads only now
		return it.Err
	}
	c := *cx
	c.In, c.Scope, c.Owner, c.Item = in, scope, e.Owner, it
	line := it.End
	if e.RawBlock {
		line = it.Close // nginx's Lua module has read the block when it looks at it
	}
	return it.at(line, e.Set(&c, it))
}

// Entries reads a block whose items are not directives (types, map, geo, ...): fn is called
// for each in order, with the first word as Item.Name. Errors are collected as by Walk;
// those without a place get the item's.
func (cx *Cx) Entries(items []*Item, fn func(it *Item) error) error {
	var errs Errors
	for _, it := range items {
		switch {
		case it.HasBlock:
			errs = errs.add(it.Errorf(`unexpected "{"`))
		case it.Err != nil:
			errs = errs.add(it.Err)
		default:
			errs = errs.add(it.at(it.End, fn(it)))
		}
	}
	return errs.err()
}

// Warn logs a warning with the place of the directive.
func (cx *Cx) Warn(format string, args ...any) { cx.say("warn", format, args) }

// Alert is Warn at level alert.
func (cx *Cx) Alert(format string, args ...any) { cx.say("alert", format, args) }

func (cx *Cx) say(level, format string, args []any) {
	if cx.Log == nil {
		return
	}
	e := Error{Msg: fmt.Sprintf(format, args...)}
	if cx.Item != nil {
		e.File, e.Line = cx.Item.File, cx.Item.End
	}
	cx.Log(level, e.Error())
}

// Path returns the full name of a file: as it is when absolute, else below the prefix, or
// below the directory of the configuration file.
func (cx *Cx) Path(name string, confPrefix bool) string {
	if confPrefix {
		return fullName(cx.ConfPrefix, name)
	}
	return fullName(cx.Prefix, name)
}

// fullName puts dir before a relative name and, as nginx does, leaves the result uncleaned:
// messages show it.
func fullName(dir, name string) string {
	if strings.HasPrefix(name, "/") || dir == "" {
		return name
	}
	if !strings.HasSuffix(dir, "/") {
		dir += "/"
	}
	return dir + name
}

// Target returns the module's object of type *T in the scope of the directive. A missing
// one is an error of the program: the row's In allows a block whose scope has no such
// object.
func Target[T any](cx *Cx) *T {
	for _, o := range cx.Scope.Objects(cx.Owner) {
		if t, ok := o.(*T); ok {
			return t
		}
	}
	panic(fmt.Sprintf("BUG: conf: directive %q in %s: its module has no %T there", cx.Item.Name, cx.In, (*T)(nil)))
}
