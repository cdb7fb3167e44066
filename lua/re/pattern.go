package re

import (
	"strconv"

	"weir/appliance/regex"
	"weir/lua/vm"
)

// pattern is a compiled pattern with the options of its matches.
type pattern struct {
	re    *regex.Regex
	opt   regex.MatchOptions
	ncap  int  // captures that matches have
	dup   bool // several groups of one name: captures by name are lists
	used  bool // since the cache's hand passed
	names []vm.Value
	key   key
}

type key struct{ text, options string }

// cache keeps patterns up to a bound; one that was not used since the hand passed it makes room.
type cache struct {
	m    map[key]*pattern
	ring []*pattern
	hand int
	max  int
}

func newCache(n int) cache { return cache{m: make(map[key]*pattern), max: n} }

func (c *cache) put(p *pattern) {
	switch {
	case c.max < 1:
		return
	case len(c.ring) < c.max:
		c.ring = append(c.ring, p)
	default:
		for c.ring[c.hand].used {
			c.ring[c.hand].used = false
			c.hand = (c.hand + 1) % len(c.ring)
		}
		delete(c.m, c.ring[c.hand].key)
		c.ring[c.hand] = p
		c.hand = (c.hand + 1) % len(c.ring)
	}
	c.m[p.key] = p
}

// templates keeps compiled replacement texts, as many as fit.
type templates struct {
	m   map[string]*regex.Template
	max int
}

func (t *templates) get(text string) (*regex.Template, error) {
	if c := t.m[text]; c != nil {
		return c, nil
	}
	c, err := regex.CompileTemplate(text)
	if err == nil && len(t.m) < t.max {
		t.m[text] = c
	}
	return c, err
}

// options is what the letters of an options argument say.
type options struct {
	flags regex.Flags
	match regex.MatchOption
	once  bool // o
}

// letters are the options that PCRE2 has a flag for.
var letters = [128]regex.Flags{
	'i': regex.Caseless,
	's': regex.DotAll,
	'm': regex.Multiline,
	'u': regex.UTF,
	'U': regex.UTF,
	'x': regex.Extended,
	'a': regex.Anchored,
	'D': regex.DupNames,
	'J': regex.AltBSUX | regex.AllowEmptyClass | regex.MatchUnsetBackref,
}

// parse reads an options argument; an unknown letter is an error of the caller.
func parse(l *vm.State, text string) (o options) {
	for i := range len(text) {
		switch c := text[i]; {
		case c == 'o':
			o.once = true
		case c == 'j':
		case c == 'd':
			o.match |= regex.Longest
		case c < 128 && letters[c] != 0:
			o.flags |= letters[c]
			if c == 'U' {
				o.match |= regex.NoCheckUTF
			}
		default:
			l.Errorf("unknown flag \"%s\" (flags \"%s\")", text[i:i+1], text)
		}
	}
	return o
}

// pattern returns the compiled pattern of the call's arguments 2 and nopt, or the message of why there is none.
func (g *engine) pattern(l *vm.State, nopt int) (*pattern, string) {
	k := key{text: l.CheckString(2)}
	if l.Arg(nopt).Truthy() {
		k.options = l.CheckString(nopt)
	}
	if p := g.kept.m[k]; p != nil {
		p.used = true
		return p, ""
	}
	if p := g.loose.m[k]; p != nil {
		p.used = true
		return p, ""
	}
	return g.compile(l, k)
}

func (g *engine) compile(l *vm.State, k key) (*pattern, string) {
	o := parse(l, k.options)
	re, err := regex.Compile(k.text, o.flags)
	if err != nil {
		return nil, compileError(err, k.text)
	}
	p := &pattern{
		re: re, key: k, ncap: re.NumCaptures(), dup: o.flags&regex.DupNames != 0,
		opt: regex.MatchOptions{Flags: o.match, Limit: g.limit},
	}
	if o.match&regex.Longest != 0 {
		p.ncap = 0
		p.opt.Limit = 0 // the limit is one of backtracking
	}
	for _, n := range re.Names() {
		p.names = append(p.names, vm.String(n.Name))
	}
	if o.once {
		g.kept.put(p)
	} else {
		g.loose.put(p)
	}
	return p, ""
}

// compileError is OpenResty's sentence for a pattern that does not compile.
func compileError(err error, text string) string {
	e, ok := err.(*regex.Error)
	if !ok {
		return err.Error()
	}
	msg := "pcre2_compile() failed: " + e.Msg + " in \"" + text + "\""
	if e.Offset < len(text) {
		msg += " at \"" + text[e.Offset:] + "\""
	}
	return msg
}

// matchError is OpenResty's sentence for a match that was given up.
func matchError(err error) string {
	if e, ok := err.(*regex.MatchError); ok {
		return "pcre_exec() failed: " + strconv.Itoa(e.Code)
	}
	return err.Error()
}
