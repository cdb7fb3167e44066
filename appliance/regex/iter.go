package regex

import "unicode/utf8"

// EmptyRule says how an iteration goes on after an empty match.
type EmptyRule uint8

const (
	// EmptyPerl searches on from the same place for a match that is not empty
	// there, as Perl's /g does.
	EmptyPerl EmptyRule = iota
	// EmptyStep moves one character on, as OpenResty's gmatch and gsub do.
	EmptyStep
)

// Iter walks over the matches of a subject, as gmatch and gsub do. The zero
// value is ready for Start.
type Iter struct {
	re    *Regex
	m     *Matcher
	s     []byte
	caps  []int
	opt   MatchOptions
	rule  EmptyRule
	pos   int
	retry bool // the last match was empty
	done  bool
}

// Start begins a walk from an offset. The subject must not change until the
// walk ends.
func (it *Iter) Start(m *Matcher, re *Regex, s []byte, from int, opt MatchOptions, rule EmptyRule) {
	*it = Iter{re: re, m: m, s: s, caps: it.caps, opt: opt, rule: rule, pos: from}
}

// Pos returns the offset where the next search begins.
func (it *Iter) Pos() int { return it.pos }

// Next returns the captures of the next match, nil at the end. The slice is
// valid until the next call.
func (it *Iter) Next() ([]int, error) {
	if it.done {
		return nil, nil
	}
	opt := it.opt
	if it.retry {
		opt.Flags |= NotEmptyAtStart
	}
	caps, err := it.m.Match(it.re, it.s, it.pos, opt, it.caps)
	if caps == nil {
		it.done = true
		return nil, err
	}
	it.caps = caps
	start, end := caps[0], caps[1]
	it.retry = false
	it.opt.Flags |= NoCheckUTF // the subject has been checked
	next := max(end, it.pos)
	switch {
	case next == it.pos && start != it.pos, start >= end && it.rule == EmptyStep:
		// No progress: an empty match, or \K in a look-around.
		if next >= len(it.s) {
			it.done = true
			break
		}
		next = it.re.step(it.s, next)
	case start == end:
		it.done = start >= len(it.s)
		it.retry = true
	}
	it.pos = next
	return caps, nil
}

// step returns the offset of the next character; CR LF counts as one where it
// is a newline.
func (re *Regex) step(s []byte, at int) int {
	if s[at] == '\r' && at+1 < len(s) && s[at+1] == '\n' && re.nl >= nlCRLF {
		return at + 2
	}
	at++
	if re.flags&UTF != 0 {
		for at < len(s) && !utf8.RuneStart(s[at]) {
			at++
		}
	}
	return at
}
