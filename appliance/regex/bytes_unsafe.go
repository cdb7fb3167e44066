package regex

import "unsafe"

// stringBytes returns the bytes of a string without a copy. Nothing may write
// to them; they live as long as the string. The package only reads subjects.
func stringBytes(s string) []byte {
	return unsafe.Slice(unsafe.StringData(s), len(s))
}

// MatchString is Match on a string.
func (m *Matcher) MatchString(re *Regex, s string, from int, opt MatchOptions, caps []int) ([]int, error) {
	return m.Match(re, stringBytes(s), from, opt, caps)
}

// StartString is Start on a string.
func (it *Iter) StartString(m *Matcher, re *Regex, s string, from int, opt MatchOptions, rule EmptyRule) {
	it.Start(m, re, stringBytes(s), from, opt, rule)
}

// AppendString is AppendTo with a match in a string.
func (t *Template) AppendString(dst []byte, s string, caps []int) []byte {
	return t.AppendTo(dst, stringBytes(s), caps)
}
