package charset

import (
	"bytes"
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

const everywhere = conf.HTTP | conf.Server | conf.Location

// Module is the filter with its directives.
var Module = http.Module{
	Name: "http_charset_filter",
	Directives: []conf.Directive{
		{Name: "charset", In: everywhere | conf.LocationIf, Args: conf.Take1, Set: setName(func(c *locConf) *conf.Opt[choice] { return &c.charset }, true),
			Default: "off", Syntax: "charset | off", Doc: "Names the charset of responses in their Content-Type."},
		{Name: "source_charset", In: everywhere | conf.LocationIf, Args: conf.Take1, Set: setName(func(c *locConf) *conf.Opt[choice] { return &c.source }, false),
			Doc: "Says in which charset bodies are; they are recoded where charset is another one."},
		{Name: "override_charset", In: everywhere | conf.LocationIf, Args: conf.FlagArg, Default: "off",
			Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.override }),
			Doc: "Recodes responses that name a charset themselves, too."},
		{Name: "charset_types", In: everywhere, Args: conf.OneMore,
			Set:     http.TypesSetter(func(c *locConf) *conf.Opt[*http.TypeSet] { return &c.types }, "text/html"),
			Default: strings.Join(defaultTypes, " "), Doc: "Sets the content types that get a charset, besides text/html."},
		{Name: "charset_map", In: conf.HTTP, Args: conf.Take2 | conf.HasBlock, Set: setMap,
			Syntax: "charset1 charset2", Doc: "Holds the table between two charsets: lines of a byte and what it becomes, in hexadecimal."},
	},
	Main:   http.NewMain(&main, nil, nil),
	Loc:    http.NewLoc(&loc, nil, merge),
	State:  http.NewState(&state),
	Finish: finish,
	HeaderFilter: func(b *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		if !main.In(b).used() {
			return next
		}
		return func(r *http.Request) http.Code { return header(r, next) }
	},
	BodyFilter: func(b *http.Builder, next http.BodyFilter) http.BodyFilter {
		if !main.In(b).used() {
			return next
		}
		return func(r *http.Request, in *http.Chain) http.Code {
			c := state.Get(r)
			if c == nil || in.Empty() {
				return next(r, in)
			}
			c.recode(in)
			return next(r, &c.out)
		}
	},
}

var (
	main  http.MainSlot[mainConf]
	loc   http.LocSlot[locConf]
	state http.Slot[recoding]
)

var defaultTypes = []string{"text/html", "text/xml", "text/plain", "text/vnd.wap.wml", "application/javascript", "application/rss+xml"}

// mainConf is the charsets the configuration names and the tables between
// them.
type mainConf struct {
	names    [][]byte
	variable bool // a location takes a charset's name from a variable
	tables   map[pair]*table
	needed   []pair // what locations recode
}

// used reports whether any response could be changed. Where no charset is
// named, not even the parts of a response by subrequests are recoded.
func (m *mainConf) used() bool { return m.variable || len(m.names) > 0 }

// pair is a way from one charset to another, by index.
type pair struct{ from, to int }

// unknown is the index of a charset the configuration does not name.
const unknown = -1

// index finds a charset; names differ by more than case.
func (m *mainConf) index(name []byte) int {
	for i, n := range m.names {
		if len(n) == len(name) && bytes.EqualFold(n, name) {
			return i
		}
	}
	return unknown
}

func (m *mainConf) add(name string) int {
	if i := m.index([]byte(name)); i != unknown {
		return i
	}
	m.names = append(m.names, []byte(name))
	return len(m.names) - 1
}

func (m *mainConf) isUTF8(i int) bool { return bytes.EqualFold(m.names[i], utf8Name) }

var utf8Name = []byte("utf-8")

// choice is the value of charset or source_charset.
type choice struct {
	off      bool
	index    int // of a constant
	variable int // index of a variable, -1 for a constant
}

type locConf struct {
	charset, source conf.Opt[choice]
	override        conf.Opt[bool]
	types           conf.Opt[*http.TypeSet]
}

func merge(b *http.Builder, p, c *locConf) error {
	c.types.Merge(p.types, http.NewTypeSet(defaultTypes...))
	c.override.Merge(p.override, false)
	c.charset.Merge(p.charset, choice{off: true, variable: -1})
	c.source.Merge(p.source, choice{off: true, variable: -1})
	to, from := c.charset.V, c.source.V
	if !to.off && !from.off && to.variable < 0 && from.variable < 0 && to.index != from.index {
		m := main.In(b)
		m.needed = append(m.needed, pair{from.index, to.index})
	}
	return nil
}

// finish reports pairs that no charset_map joins.
func finish(b *http.Builder) error {
	m := main.In(b)
	for _, n := range m.needed {
		if m.tables[n] == nil {
			return conf.Errorf("no \"charset_map\" between the charsets \"%s\" and \"%s\"", m.names[n.from], m.names[n.to])
		}
	}
	return nil
}

func setName(field func(*locConf) *conf.Opt[choice], mayBeOff bool) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		f := field(conf.Target[locConf](cx))
		if f.Set {
			return conf.Tail("is duplicate")
		}
		b := http.BuilderOf(cx)
		name := it.Args[0]
		v, variable := strings.CutPrefix(name, "$")
		switch {
		case mayBeOff && name == "off":
			f.Put(choice{off: true, variable: -1})
		case variable:
			main.In(b).variable = true
			f.Put(choice{variable: b.VariableIndex(v)})
		default:
			f.Put(choice{index: main.In(b).add(name), variable: -1})
		}
		return nil
	}
}

// value returns the name of the chosen charset and its index; ok is false when
// the variable has no value.
func (c *choice) value(r *http.Request, m *mainConf) (name []byte, index int, ok bool) {
	if c.variable < 0 {
		return m.names[c.index], c.index, true
	}
	v := r.Var(c.variable)
	if !v.Found() {
		return nil, unknown, false
	}
	return v.B, m.index(v.B), true
}
