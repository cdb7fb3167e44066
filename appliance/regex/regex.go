package regex

import (
	"sort"
	"sync"
)

// Name is a named group.
type Name struct {
	// Name is the name without its delimiters.
	Name string
	// Index is the number of the group.
	Index int
}

// Regex is a compiled pattern. It is immutable and safe for concurrent use.
type Regex struct {
	pattern string
	flags   Flags // as given, plus what the pattern itself sets
	prog    *program
	nfa     func() *nfa // built at the first need; nil: the pattern has none
	names   []Name
	nl      newline
	search  search
	dfaErr  *MatchError // why DFA mode refuses the pattern; nil: it does not
	limit   int         // (*LIMIT_MATCH=), 0: none
	opt     MatchOption
}

// Compile compiles a pattern. An error is an *Error.
func Compile(pattern string, flags Flags) (*Regex, error) {
	p := &parser{src: pattern, opt: flags, nl: newlineOf(flags), bsrAny: flags&BSRAnyCRLF == 0}
	root, err := p.tree()
	if err != nil {
		return nil, err
	}
	start := p.start
	re := &Regex{pattern: pattern, flags: start, nl: p.nl, limit: p.limitMatch, names: sortedNames(p.names)}
	if start&EndAnchored != 0 {
		re.opt |= EndAnchoredMatch
	}
	if p.notEmpty {
		re.opt |= NotEmpty
	}
	if p.notEmptyAt {
		re.opt |= NotEmptyAtStart
	}
	re.dfaErr = dfaRefuses(root)
	s := simplifier{utf: start&UTF != 0, verbs: p.hasVerb}
	root = s.node(root)
	p.opt = start
	if re.prog, err = newCompiler(p).program(root); err != nil {
		return nil, err
	}
	re.search = planSearch(p, root, re.prog.code)
	if start&NoStartOptimize == 0 && !p.hasVerb && !p.hasScan {
		utf := start&UTF != 0
		re.nfa = sync.OnceValue(func() *nfa { return newNFA(root, utf) })
	} else {
		re.nfa = func() *nfa { return nil }
	}
	return re, nil
}

// dfaRefuses returns the error that PCRE2's DFA matching gives for a pattern.
func dfaRefuses(n *node) *MatchError {
	switch {
	case n.op == nBackref, n.op == nKeep, n.op == nScan, n.op == nVerb && verbKind(n.kind) != vMark, n.op == nCall && n.cond != nil:
		return ErrDFAItem
	case n.op == nCond && (condKind(n.kind) == cGroup || condKind(n.kind) == cRecursion && n.n >= 0):
		return ErrDFACond
	}
	var err *MatchError
	n.each(func(s *node) {
		if err == nil {
			err = dfaRefuses(s)
		}
	})
	return err
}

// MustCompile is Compile for patterns that are known to be good; it panics on
// an error.
func MustCompile(pattern string, flags Flags) *Regex {
	re, err := Compile(pattern, flags)
	if err != nil {
		panic("BUG: " + pattern + ": " + err.Error())
	}
	return re
}

// sortedNames returns the names as PCRE2's name table has them: by bytes, and
// equal names by number.
func sortedNames(groups []namedGroup) []Name {
	out := make([]Name, len(groups))
	for i, g := range groups {
		out[i] = Name{g.name, g.n}
	}
	sort.SliceStable(out, func(i, j int) bool {
		if out[i].Name != out[j].Name {
			return out[i].Name < out[j].Name
		}
		return out[i].Index < out[j].Index
	})
	return out
}

// String returns the pattern.
func (re *Regex) String() string { return re.pattern }

// NumCaptures returns the number of capturing groups, group 0 excluded.
func (re *Regex) NumCaptures() int { return re.prog.ncap }

// Names returns the named groups in the order of PCRE2's name table. The slice
// must not be changed.
func (re *Regex) Names() []Name { return re.names }

// Flags returns the options in force at the start of the pattern.
func (re *Regex) Flags() Flags { return re.flags }
