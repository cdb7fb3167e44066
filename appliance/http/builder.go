package http

import (
	"fmt"

	"weir/appliance/conf"
	"weir/appliance/cycle"
)

// Builder makes a Generation while the configuration is being read. Setters
// get it by BuilderOf; it is not used after the generation is done.
type Builder struct {
	gen  *Generation
	vars varTable

	cx       *conf.Cx // of the http block
	scope    *Scope   // of the http block
	blocks   []*Location
	later    []func() error
	handlers [numPhases][]Handler
	first    [numPhases][]Handler
	regexes  map[regexKey]*Regex
}

// Scope is what a block inside http configures. It implements conf.Scope.
type Scope struct {
	b    *Builder
	main []any
	srv  []any     // nil in blocks that no server block encloses
	loc  []any     // nil in blocks without location objects (upstream)
	at   *Location // location being configured; the server's root outside of locations
	up   *Location // enclosing location
	host *Server
	// Extra holds objects of blocks that modules own, as upstream{}.
	Extra []any
}

// Objects implements conf.Scope.
func (s *Scope) Objects(owner any) []any {
	m := owner.(*Module)
	out := make([]any, 0, 4)
	out = append(out, s.Extra...)
	if s.loc != nil && m.Loc != nil {
		out = append(out, s.loc[m.index])
	}
	if s.srv != nil && m.Srv != nil {
		out = append(out, s.srv[m.index])
	}
	if m.Main != nil {
		out = append(out, s.main[m.index])
	}
	return out
}

// Location is the location (or server root, or http root) being configured.
func (s *Scope) Location() *Location { return s.at }

// Server is the server being configured, nil directly inside http.
func (s *Scope) Server() *Server { return s.host }

// With is s with objects of a module's own block in front.
func (s *Scope) With(objects ...any) *Scope {
	t := *s
	t.Extra = objects
	return &t
}

// BuilderOf returns the builder a setter belongs to.
func BuilderOf(cx *conf.Cx) *Builder { return cx.Scope.(*Scope).b }

// ScopeOf returns the scope of the block a setter stands in.
func ScopeOf(cx *conf.Cx) *Scope { return cx.Scope.(*Scope) }

// Generation is the configuration being built.
func (b *Builder) Generation() *Generation { return b.gen }

// Cycle is what the whole configuration asks of the process.
func (b *Builder) Cycle() *cycle.Cycle { return b.gen.Cycle }

// Cx is the context of the http block, for warnings after it was read.
func (b *Builder) Cx() *conf.Cx { return b.cx }

// Later has f run after all blocks are read and merged, before Module.Finish.
func (b *Builder) Later(f func() error) { b.later = append(b.later, f) }

// Locations are all location-level objects there are: http and server roots,
// locations, `if` and limit_except blocks.
func (b *Builder) Locations() []*Location { return b.blocks }

// AddHandler adds a phase handler behind those of the module list, for
// handlers that exist only when a directive is used.
func (b *Builder) AddHandler(p Phase, h Handler) { b.handlers[p] = append(b.handlers[p], h) }

// AddHandlerFirst adds a phase handler before those of the module list.
func (b *Builder) AddHandlerFirst(p Phase, h Handler) { b.first[p] = append(b.first[p], h) }

// HTTPBlock returns the directive that reads `http { }` with the given
// modules. It stores the Generation in the Cycle.
func HTTPBlock(ms Modules, table *conf.Table) conf.Directive {
	return conf.Directive{
		Name: "http", In: conf.Main, Args: conf.NoArgs | conf.HasBlock,
		Set: func(cx *conf.Cx, it *conf.Item) error {
			cyc := cycle.Of(cx)
			if cyc.HTTP != nil {
				return conf.Tail("is duplicate")
			}
			g, err := build(cx, it, ms)
			if err != nil {
				return err
			}
			cyc.HTTP = g
			return nil
		},
		Doc: "Holds the configuration of HTTP servers.",
	}
}

// build reads the http block in nginx's order: objects, module preparation,
// directives, merging, postponed checks, engine and filters.
func build(cx *conf.Cx, it *conf.Item, ms Modules) (*Generation, error) {
	b := &Builder{
		gen: &Generation{Cycle: cycle.Of(cx), modules: ms},
		cx:  cx,
		vars: varTable{
			defs: make(map[string]*Variable), used: make(map[string]*Variable),
		},
		regexes: make(map[regexKey]*Regex),
	}
	b.gen.main = b.objects(mainLevel)
	b.gen.core = coreMainSlot.Of(b.gen)
	b.scope = &Scope{b: b, main: b.gen.main, srv: b.objects(srvLevel)}
	root := b.newLocation(nil)
	b.scope.loc, b.scope.at = root.confs, root
	for _, m := range ms {
		for _, v := range m.Variables {
			b.addVariable(v)
		}
	}
	for _, m := range ms {
		if m.Prepare != nil {
			if err := m.Prepare(b); err != nil {
				return nil, err
			}
		}
	}
	if err := cx.Walk(it.Block, conf.HTTP, b.scope); err != nil {
		return nil, err
	}
	return b.gen, b.finish()
}

func (b *Builder) finish() error {
	if err := b.merge(); err != nil {
		return err
	}
	for _, v := range b.gen.Servers {
		b.finishLocations(v.root)
	}
	for i := 0; i < len(b.later); i++ { // a postponed check may postpone another
		if err := b.later[i](); err != nil {
			return err
		}
	}
	for _, m := range b.gen.modules {
		if m.Finish != nil {
			if err := m.Finish(b); err != nil {
				return err
			}
		}
	}
	if err := b.finishListen(); err != nil {
		return err
	}
	b.buildEngine()
	b.buildFilters()
	return b.finishVariables()
}

type level int

const (
	mainLevel level = iota
	srvLevel
	locLevel
)

func (m *Module) slot(l level) ConfSlot {
	switch l {
	case mainLevel:
		return m.Main
	case srvLevel:
		return m.Srv
	}
	return m.Loc
}

// objects makes one object per module that has one at the level.
func (b *Builder) objects(l level) []any {
	out := make([]any, len(b.gen.modules))
	for i, m := range b.gen.modules {
		if s := m.slot(l); s != nil {
			out[i] = s.make()
		}
	}
	return out
}

// newLocation makes a location-level block below srv (nil: the http block).
func (b *Builder) newLocation(srv *Server) *Location {
	l := &Location{srv: srv, confs: b.objects(locLevel)}
	l.core = coreLocSlot.In(l)
	b.blocks = append(b.blocks, l)
	return l
}

// merge inherits objects downwards: http to server to location.
func (b *Builder) merge() error {
	for i, m := range b.gen.modules {
		if m.Main != nil {
			if err := m.Main.merge(b, b.gen.main[i], b.gen.main[i]); err != nil {
				return err
			}
		}
	}
	for i, m := range b.gen.modules {
		for _, v := range b.gen.Servers {
			if m.Srv != nil {
				if err := m.Srv.merge(b, b.scope.srv[i], v.confs[i]); err != nil {
					return at(v.Line, v.File, err)
				}
			}
			if m.Loc != nil {
				if err := m.Loc.merge(b, b.scope.loc[i], v.root.confs[i]); err != nil {
					return at(v.Line, v.File, err)
				}
				if err := b.mergeChildren(m, i, v.root); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (b *Builder) mergeChildren(m *Module, i int, parent *Location) error {
	for _, l := range parent.inner() {
		if err := m.Loc.merge(b, parent.confs[i], l.confs[i]); err != nil {
			return at(l.Item.End, l.Item.File, err)
		}
		if err := b.mergeChildren(m, i, l); err != nil {
			return err
		}
	}
	return nil
}

// at gives an error without a place the place of the block it was found in.
func at(line int, file string, err error) error {
	if e, ok := err.(*conf.Error); ok && e.File == "" {
		placed := *e
		placed.File, placed.Line = file, line
		return &placed
	}
	return err
}

// Fail makes an error that names the place of item, for checks that run
// after the block was read.
func Fail(it *conf.Item, format string, args ...any) error {
	return &conf.Error{Msg: fmt.Sprintf(format, args...), File: it.File, Line: it.End}
}

// Block opens a nameless location-level block below the one of cx (`if`,
// limit_except), reads items into it and returns it. in is the context its
// directives must allow.
func (b *Builder) Block(cx *conf.Cx, it *conf.Item, in conf.Context) (*Location, error) {
	s := ScopeOf(cx)
	l := b.newLocation(s.host)
	l.noName, l.Item, l.Name = true, it, s.at.Name
	l.exact, l.noRegex = s.at.exact, s.at.noRegex
	s.at.nested = append(s.at.nested, l)
	t := *s
	t.loc, t.at, t.up = l.confs, l, s.at
	return l, cx.Walk(it.Block, in, &t)
}
