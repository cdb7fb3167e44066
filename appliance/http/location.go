package http

import (
	"sort"
	"strings"

	"weir/appliance/conf"
)

// locationIndex finds among sibling locations. Prefixes are sorted; each
// knows the longest other prefix that it begins with, so the longest match
// for a path is its neighbour in the order or one of that one's ancestors.
type locationIndex struct {
	exact    map[string]*Location
	redirect map[string]*Location // "/dir" for location [=] /dir/ with AutoRedirect
	prefixes []prefixEntry
	regexes  []*Location
}

type prefixEntry struct {
	name   string
	loc    *Location
	parent int // index of the longest entry that is a proper prefix, -1
}

func newLocationIndex(locs []*Location) locationIndex {
	var x locationIndex
	for _, l := range locs {
		switch {
		case l.isNamed:
		case l.re != nil:
			x.regexes = append(x.regexes, l)
		case l.exact:
			if x.exact == nil {
				x.exact = make(map[string]*Location)
			}
			x.exact[l.Name] = l
			x.addRedirect(l)
		default:
			x.prefixes = append(x.prefixes, prefixEntry{name: l.Name, loc: l})
			x.addRedirect(l)
		}
	}
	sort.SliceStable(x.prefixes, func(i, j int) bool { return x.prefixes[i].name < x.prefixes[j].name })
	for i := range x.prefixes {
		p := i - 1
		for p >= 0 && !strings.HasPrefix(x.prefixes[i].name, x.prefixes[p].name) {
			p = x.prefixes[p].parent
		}
		x.prefixes[i].parent = p
	}
	return x
}

// addRedirect notes that the name of l without its last slash leads to it. An
// exact location goes before a prefix of the same name.
func (x *locationIndex) addRedirect(l *Location) {
	if !l.AutoRedirect || !strings.HasSuffix(l.Name, "/") || len(l.Name) < 2 {
		return
	}
	if x.redirect == nil {
		x.redirect = make(map[string]*Location)
	}
	name := l.Name[:len(l.Name)-1]
	if x.redirect[name] == nil || l.exact {
		x.redirect[name] = l
	}
}

// longest returns the location with the longest prefix of uri.
func (x *locationIndex) longest(uri []byte) *Location {
	lo, hi := 0, len(x.prefixes)
	for lo < hi {
		mid := (lo + hi) / 2
		if x.prefixes[mid].name <= string(uri) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for i := lo - 1; i >= 0; i = x.prefixes[i].parent {
		if n := x.prefixes[i].name; len(n) <= len(uri) && string(uri[:len(n)]) == n {
			return x.prefixes[i].loc
		}
	}
	return nil
}

// findLocation puts r into the location its URI belongs to. It returns the
// location to whose trailing slash the client is to be redirected, or nil.
func (r *Request) findLocation() (redirect *Location) {
	redirect, _ = r.findIn(r.loc)
	return redirect
}

// findIn searches the locations nested in parent; final means that regular
// expressions of outer levels must not be tried (= or redirect or a match by
// expression).
func (r *Request) findIn(parent *Location) (redirect *Location, final bool) {
	x := &parent.find
	if x.exact != nil {
		if l := x.exact[string(r.URI)]; l != nil {
			r.loc = l
			return nil, true
		}
	}
	if x.redirect != nil {
		if l := x.redirect[string(r.URI)]; l != nil {
			r.loc = l
			return l, true
		}
	}
	noRegex := false
	if l := x.longest(r.URI); l != nil {
		r.loc = l
		noRegex = l.noRegex
		if len(l.children) > 0 {
			if redirect, final = r.findIn(l); final {
				return redirect, true
			}
		}
	}
	if noRegex {
		return nil, false
	}
	for _, l := range x.regexes {
		if !r.MatchRegex(l.re, r.URI) {
			continue
		}
		r.loc = l
		redirect, _ = r.findIn(l)
		return redirect, true
	}
	return nil, false
}

// setLocation reads a location block.
func setLocation(cx *conf.Cx, it *conf.Item) error {
	s := ScopeOf(cx)
	b := s.b
	l := b.newLocation(s.host)
	l.Item = it
	if err := l.setName(b, it); err != nil {
		return err
	}
	parent := s.at
	if parent != s.host.root {
		if err := checkNesting(parent, l); err != nil {
			return err
		}
	}
	for _, o := range parent.children {
		if o.Name == l.Name && o.exact == l.exact && (o.re == nil) == (l.re == nil) && l.re == nil {
			return conf.Errorf("duplicate location \"%s\"", l.Name)
		}
	}
	parent.children = append(parent.children, l)
	if l.isNamed {
		if s.host.named == nil {
			s.host.named = make(map[string]*Location)
		}
		s.host.named[l.Name] = l
	}
	t := *s
	t.loc, t.at, t.up, t.Extra = l.confs, l, parent, nil
	return cx.Walk(it.Block, conf.Location, &t)
}

// setName takes apart the arguments of a location directive.
func (l *Location) setName(b *Builder, it *conf.Item) error {
	if len(it.Args) == 2 {
		mod, name := it.Args[0], it.Args[1]
		switch mod {
		case "=":
			l.Name, l.exact = name, true
		case "^~":
			l.Name, l.noRegex = name, true
		case "~", "~*":
			return l.setRegex(b, name, mod == "~*")
		default:
			return conf.Errorf("invalid location modifier \"%s\"", mod)
		}
		return nil
	}
	name := it.Args[0]
	switch {
	case strings.HasPrefix(name, "="):
		l.Name, l.exact = name[1:], true
	case strings.HasPrefix(name, "^~"):
		l.Name, l.noRegex = name[2:], true
	case strings.HasPrefix(name, "~*"):
		return l.setRegex(b, name[2:], true)
	case strings.HasPrefix(name, "~"):
		return l.setRegex(b, name[1:], false)
	default:
		l.Name = name
		l.isNamed = strings.HasPrefix(name, "@")
	}
	return nil
}

func (l *Location) setRegex(b *Builder, pattern string, caseless bool) error {
	re, err := b.CompileRegex(pattern, caseless)
	if err != nil {
		return err
	}
	l.Name, l.re = pattern, re
	return nil
}

// checkNesting applies nginx's rules for a location inside a location.
func checkNesting(parent, l *Location) error {
	switch {
	case parent.exact:
		return conf.Errorf("location \"%s\" cannot be inside the exact location \"%s\"", l.Name, parent.Name)
	case parent.isNamed:
		return conf.Errorf("location \"%s\" cannot be inside the named location \"%s\"", l.Name, parent.Name)
	case l.isNamed:
		return conf.Errorf("named location \"%s\" can be on the server level only", l.Name)
	case l.re == nil && !strings.HasPrefix(l.Name, parent.Name):
		return conf.Errorf("location \"%s\" is outside location \"%s\"", l.Name, parent.Name)
	}
	return nil
}

// finishLocations builds the indexes of all locations below l.
func (b *Builder) finishLocations(l *Location) {
	l.find = newLocationIndex(l.children)
	for _, c := range l.children {
		if c.AutoRedirect {
			c.escaped = EscapeURI(nil, []byte(c.Name), EscapePath)
		}
		b.finishLocations(c)
	}
}
