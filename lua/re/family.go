package re

import (
	"weir/appliance/regex"
	"weir/lua/api"
	"weir/lua/vm"
)

// Family is ngx.re.
var Family = api.Family{
	Name:  "ngx.re",
	Doc:   "Regular expressions in PCRE2's syntax.",
	State: api.NewState(&engines, newEngine),
	Tables: []api.Table{
		{Path: "ngx.re", Funcs: functions},
		{Path: "ngx.re", Module: true, Funcs: moduleFunctions},
	},
}

var functions = []api.Func{
	{Name: "match", In: api.Any, Args: "(subject, regex, options?, ctx?, res_table?)", Run: match,
		Doc: "Returns a table of the first match and its captures, by number and by name, or nil and an error."},
	{Name: "find", In: api.Any, Args: "(subject, regex, options?, ctx?, nth?)", Run: find,
		Doc: "Returns where the first match, or its nth capture, begins and ends, or two nils and an error."},
	{Name: "gmatch", In: api.Any, Args: "(subject, regex, options?)", Run: gmatch,
		Doc: "Returns an iterator over all matches, each as match returns it."},
	{Name: "sub", In: api.Any, Args: "(subject, regex, replace, options?)", Run: sub,
		Doc: "Replaces the first match by a text with $1 or ${1} for captures, or by what a function returns; returns the text and the number of replacements."},
	{Name: "gsub", In: api.Any, Args: "(subject, regex, replace, options?)", Run: gsub,
		Doc: "Replaces all matches as sub replaces one."},
}

var moduleFunctions = []api.Func{
	{Name: "split", In: api.Any, Args: "(subject, regex, options?, ctx?, max?, res_table?)", Run: split,
		Doc: "Returns the parts of a text between matches; what the first capture matched comes between them."},
	{Name: "opt", In: api.Any, Args: "(name, value)", Run: opt,
		Doc: "Sets an option of the engine: jit_stack_size is accepted and has no effect."},
}

// engine is what a VM has of ngx.re.
type engine struct {
	m     *regex.Matcher
	limit int
	kept  cache // patterns with option o
	loose cache // others
	texts templates
	caps  []int // of the last match
}

var engines api.Slot[engine]

const (
	defaultEntries = 1024
	looseEntries   = 64
)

func newEngine(e *api.Env) *engine {
	entries, limit := defaultEntries, 0
	if e.Gen != nil {
		m := api.Main.Of(e.Gen)
		entries, limit = m.RegexCacheEntries.V, m.RegexMatchLimit.V
	}
	return &engine{
		m: regex.NewMatcher(), limit: limit, kept: newCache(entries), loose: newCache(looseEntries),
		texts: templates{m: make(map[string]*regex.Template), max: entries},
	}
}

// CacheEmpty reports whether the VM keeps no pattern with option o.
func CacheEmpty(l *vm.State) bool { return len(engines.Of(l).kept.m) == 0 }
