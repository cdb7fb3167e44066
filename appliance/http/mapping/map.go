package mapping

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// Map is the module of the map directive.
var Map = http.Module{
	Name: "http_map",
	Directives: []conf.Directive{
		{Name: "map", In: conf.HTTP, Args: conf.Take2 | conf.HasBlock, Set: setMap, Syntax: "string $variable",
			Doc: "Defines a variable whose value depends on another: by equality, by host patterns or by expressions."},
		{Name: "map_hash_max_size", In: conf.HTTP, Args: conf.Take1, Set: conf.NoOpNum("tables size themselves"), Doc: "Accepted for compatibility."},
		{Name: "map_hash_bucket_size", In: conf.HTTP, Args: conf.Take1, Set: conf.NoOpNum("tables size themselves"), Doc: "Accepted for compatibility."},
	},
}

// table is one map block.
type table struct {
	source    *http.Complex
	hosts     bool // hostnames: keys behind it may be patterns, a trailing dot is ignored
	keys      http.HostIndex[*http.Complex]
	regexes   []regexEntry
	otherwise *http.Complex
}

type regexEntry struct {
	re    *http.Regex
	value *http.Complex
}

func setMap(cx *conf.Cx, it *conf.Item) error {
	source, v, err := sourceAndVariable(cx, it)
	if err != nil {
		return err
	}
	t := &table{source: source}
	err = cx.Entries(it.Block, func(e *conf.Item) error {
		if len(e.Args) == 0 {
			switch e.Name {
			case "hostnames":
				t.hosts = true
				return nil
			case "volatile":
				v.Flags |= http.VarNoCacheable
				return nil
			}
		}
		if len(e.Args) != 1 {
			return conf.Errorf("invalid number of the map parameters")
		}
		return t.add(cx, http.BuilderOf(cx), e.Name, e.Args[0])
	})
	if err != nil {
		return err
	}
	v.Data, v.Get = t, getMap
	return nil
}

// sourceAndVariable reads the arguments of `map` and `split_clients`: where
// values come from, and the variable that the block defines.
func sourceAndVariable(cx *conf.Cx, it *conf.Item) (*http.Complex, *http.Variable, error) {
	b := http.BuilderOf(cx)
	source, err := b.CompileComplex(it.Args[0])
	if err != nil {
		return nil, nil, err
	}
	name, ok := strings.CutPrefix(it.Args[1], "$")
	if !ok || name == "" {
		return nil, nil, conf.Errorf("invalid variable name \"%s\"", it.Args[1])
	}
	v, err := b.DefineVariable(name, http.VarChangeable)
	return source, v, err
}

// add reads one line of the block.
func (t *table) add(cx *conf.Cx, b *http.Builder, key, text string) error {
	value, err := b.CompileComplex(text)
	if err != nil {
		return err
	}
	switch {
	case key == "default":
		if t.otherwise != nil {
			return conf.Errorf("duplicate default map parameter")
		}
		t.otherwise = value
		return nil
	case strings.HasPrefix(key, "~"):
		pattern, caseless := strings.CutPrefix(key[1:], "*")
		re, err := b.CompileRegex(pattern, caseless)
		if err != nil {
			return err
		}
		t.regexes = append(t.regexes, regexEntry{re, value})
		return nil
	}
	key = strings.ToLower(strings.TrimPrefix(key, "\\"))
	switch {
	case t.hosts && !http.ValidHostPattern(key):
		return conf.Errorf("invalid hostname or wildcard \"%s\"", key)
	case t.hosts && !t.keys.Add(key, value), !t.hosts && !t.keys.AddExact(key, value):
		return conf.Errorf("conflicting parameter \"%s\"", key)
	}
	return nil
}

func getMap(r *http.Request, v *http.Value, d *http.Variable) {
	t := d.Data.(*table)
	source := t.source.Eval(r)
	if c := t.find(r, source); c != nil {
		v.Is(c.Eval(r))
		return
	}
	v.Is(nil)
}

// find returns the value for source; nil is the empty default.
func (t *table) find(r *http.Request, source []byte) *http.Complex {
	if t.hosts && len(source) > 0 && source[len(source)-1] == '.' {
		source = source[:len(source)-1]
	}
	if c, ok := t.keys.Find(http.Lower(r, source)); ok {
		return c
	}
	if len(source) == 0 { // as in nginx, expressions are not asked
		return t.otherwise
	}
	for i := range t.regexes {
		if e := &t.regexes[i]; r.MatchRegex(e.re, source) {
			return e.value
		}
	}
	return t.otherwise
}
