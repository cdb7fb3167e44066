package conf

import (
	"strings"
)

// Context is a set of blocks a directive may stand in.
type Context uint64

// The blocks. ServerIf and LocationIf are "if" inside server and inside location.
const (
	Main Context = 1 << iota
	Events
	HTTP
	Server
	Location
	ServerIf
	LocationIf
	LimitExcept
	Upstream
	XDPFilter

	// Anywhere is every block whose items are directives.
	Anywhere = ^Context(0)
)

// contextNames is indexed by bit number.
var contextNames = [...]string{
	"main", "events", "http", "server", "location", "if in server", "if in location",
	"limit_except", "upstream", "xdp_filter",
}

// String lists the blocks as the reference does: "http, server, location".
func (c Context) String() string {
	if c == Anywhere {
		return "any"
	}
	var names []string
	for i, name := range contextNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Args says how many arguments a directive takes and whether a block follows.
type Args uint32

// The numbers of arguments, to be combined by "|". The words from FlagArg on stand alone,
// but for HasBlock, which may go with any.
const (
	Take0 Args = 1 << iota
	Take1
	Take2
	Take3
	Take4
	Take5
	Take6
	Take7
	HasBlock // "{" ends the head, not ";"
	FlagArg  // one argument, "on" or "off"
	AnyArgs
	OneMore // one or more
	TwoMore // two or more

	NoArgs   = Take0
	Take12   = Take1 | Take2
	Take13   = Take1 | Take3
	Take23   = Take2 | Take3
	Take123  = Take1 | Take2 | Take3
	Take1234 = Take1 | Take2 | Take3 | Take4

	maxCounted = 7
)

// accepts tells whether n arguments are right. The order of the tests is nginx's: the
// standing-alone words win over counts.
func (a Args) accepts(n int) bool {
	switch {
	case a&AnyArgs != 0:
		return true
	case a&FlagArg != 0:
		return n == 1
	case a&OneMore != 0:
		return n >= 1
	case a&TwoMore != 0:
		return n >= 2
	}
	return n <= maxCounted && a&(1<<n) != 0
}

// Setter applies one directive. It returns nil, Tail or Errorf, or the error of an inner
// Walk. cx belongs to this one directive and may be kept for later checks.
type Setter func(cx *Cx, it *Item) error

// Directive is one row of a module's table.
type Directive struct {
	Name    string
	In      Context
	Args    Args
	Set     Setter
	Default string // as it would be written after the name; "" when there is none
	Doc     string // one or more full sentences
	Syntax  string // arguments as the reference shows them; "" derives them from Args

	// RawBlock says that the block is not configuration but Lua text, kept in Item.Raw.
	RawBlock bool
}

// Entry is a row with its owner.
type Entry struct {
	Directive
	Owner any // the module that added the row; Scope.Objects is asked with it
}

// Table holds the directives of all modules. It is filled at start in module order and read
// only afterwards; the zero value is empty and ready.
type Table struct {
	entries []Entry
	byName  map[string][]int
}

// Add appends a module's rows. A name may come again, from the same or another owner, for
// other contexts.
func (t *Table) Add(owner any, rows []Directive) {
	if t.byName == nil {
		t.byName = make(map[string][]int)
	}
	for _, row := range rows {
		if row.RawBlock {
			row.Args |= HasBlock
		}
		t.byName[row.Name] = append(t.byName[row.Name], len(t.entries))
		t.entries = append(t.entries, Entry{Directive: row, Owner: owner})
	}
}

// All returns every row in the order of addition. The caller must not change it.
func (t *Table) All() []Entry { return t.entries }

// RawBlock tells whether the directive's block is Lua text; it is what Options.RawBlock
// wants.
func (t *Table) RawBlock(name string) bool {
	for _, i := range t.byName[name] {
		if t.entries[i].RawBlock {
			return true
		}
	}
	return false
}

// find returns the first row of that name for the block; known is set when other blocks
// have the name.
func (t *Table) find(name string, in Context) (e *Entry, known bool) {
	rows := t.byName[name]
	for _, i := range rows {
		if t.entries[i].In&in != 0 {
			return &t.entries[i], true
		}
	}
	return nil, len(rows) > 0
}
