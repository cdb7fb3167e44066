package http

import (
	"weir/appliance/conf"
	"weir/appliance/regex"
)

// Regex is a compiled expression of the configuration. Named groups become
// variables.
type Regex struct {
	Pattern string
	re      *regex.Regex
	names   []regexName
}

type regexName struct {
	index   int // of the variable
	capture int
}

type regexKey struct {
	pattern  string
	caseless bool
}

// CompileRegex compiles an expression in PCRE2 syntax. Equal expressions are
// compiled once per configuration.
func (b *Builder) CompileRegex(pattern string, caseless bool) (*Regex, error) {
	key := regexKey{pattern, caseless}
	if re := b.regexes[key]; re != nil {
		return re, nil
	}
	var flags regex.Flags
	if caseless {
		flags |= regex.Caseless
	}
	re, err := regex.Compile(pattern, flags)
	if err != nil {
		if e, ok := err.(*regex.Error); ok {
			return nil, regexError(pattern, e)
		}
		return nil, conf.Errorf("%s", err)
	}
	x := &Regex{Pattern: pattern, re: re}
	for _, n := range re.Names() {
		d, err := b.DefineVariable(n.Name, VarChangeable)
		if err != nil {
			return nil, err
		}
		x.names = append(x.names, regexName{index: d.index, capture: n.Index})
	}
	b.regexes[key] = x
	return x, nil
}

// regexError is nginx's sentence for an expression that does not compile.
func regexError(pattern string, e *regex.Error) error {
	if e.Offset >= len(pattern) {
		return conf.Errorf("pcre2_compile() failed: %s in \"%s\"", e.Msg, pattern)
	}
	return conf.Errorf("pcre2_compile() failed: %s in \"%s\" at \"%s\"", e.Msg, pattern, pattern[e.Offset:])
}

// NumCaptures is the number of groups of the expression, without group 0.
func (x *Regex) NumCaptures() int { return x.re.NumCaptures() }

// MatchRegex matches subject and, when it matches, makes the groups available
// to Capture and sets the variables of named groups. subject must stay valid
// until the request ends. A match that exceeds the step limit is logged and
// counts as no match.
func (r *Request) MatchRegex(x *Regex, subject []byte) bool {
	caps, err := r.w.matcher.Match(x.re, subject, 0, regex.MatchOptions{}, r.w.caps)
	if err != nil {
		r.Logf(LogAlert, "%s on \"%s\" using \"%s\"", err, subject, x.Pattern)
		return false
	}
	if caps == nil {
		return false
	}
	r.w.caps = caps
	r.SetCaptures(caps, subject)
	for _, n := range x.names {
		if i := 2 * n.capture; i+1 < len(caps) && caps[i] >= 0 {
			r.vars[n.index] = Value{B: subject[caps[i]:caps[i+1]], Flags: Valid}
		} else {
			r.vars[n.index] = Value{Flags: Valid}
		}
	}
	return true
}

// Matches is MatchRegex without side effects on captures or variables.
func (r *Request) Matches(x *Regex, subject []byte) bool { return r.w.Matches(x, subject) }

// Matches reports whether subject matches; for uses without a request.
func (w *Worker) Matches(x *Regex, subject []byte) bool {
	caps, err := w.matcher.Match(x.re, subject, 0, regex.MatchOptions{}, w.caps)
	if caps != nil {
		w.caps = caps
	}
	return err == nil && caps != nil
}
