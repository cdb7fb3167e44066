package conf

import (
	"os"
	"slices"
	"strings"
)

// glob returns the names that match a pattern, sorted by bytes, as glob(3) does in the C
// locale: a leading dot must be matched by a dot, names that cannot be read do not match.
// (filepath.Glob differs in both, and in [!x].)
func glob(pattern string) []string {
	dirs := []string{""}
	if strings.HasPrefix(pattern, "/") {
		dirs[0] = "/"
	}
	parts := strings.FieldsFunc(pattern, func(r rune) bool { return r == '/' })
	for i, part := range parts {
		var next []string
		for _, dir := range dirs {
			next = append(next, globPart(dir, part)...)
		}
		if i == len(parts)-1 {
			slices.Sort(next)
			return next
		}
		for j := range next {
			next[j] += "/"
		}
		dirs = next
	}
	return nil
}

// globPart returns the names in dir (with its slash, or "" for the working directory) that
// match one part of a pattern, with dir before them.
func globPart(dir, part string) []string {
	if !strings.ContainsAny(part, "*?[") {
		name := dir + unescapeGlob(part)
		if _, err := os.Stat(name); err != nil {
			return nil
		}
		return []string{name}
	}
	at := dir
	if at == "" {
		at = "."
	}
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if name[0] == '.' && part[0] != '.' {
			continue
		}
		if globMatch(part, name) {
			names = append(names, dir+name)
		}
	}
	return names
}

// globMatch matches a name without slashes. It tries again from the last star only, which
// is enough, so it takes at most len(pattern)*len(name) steps.
func globMatch(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0 // after the last star; what the star has eaten up to
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			p++
			star, from = p, n
			continue
		}
		if p < len(pattern) {
			if width, ok := globByte(pattern[p:], name[n]); ok {
				p += width
				n++
				continue
			}
		}
		if star < 0 {
			return false
		}
		from++
		p, n = star, from
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// globByte matches one byte against the element a pattern begins with, not a star, and
// returns the element's length.
func globByte(pattern string, ch byte) (width int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, true
	case '\\':
		if len(pattern) > 1 {
			return 2, pattern[1] == ch
		}
	case '[':
		if width, ok, closed := globSet(pattern, ch); closed {
			return width, ok
		}
	}
	return 1, pattern[0] == ch
}

// globSet matches a set as [a-z_], [!a-z] or []x]. A set that is not closed is no set.
func globSet(pattern string, ch byte) (width int, ok, closed bool) {
	i := 1
	negated := i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^')
	if negated {
		i++
	}
	for first := true; i < len(pattern); first = false {
		if pattern[i] == ']' && !first {
			return i + 1, ok != negated, true
		}
		low := pattern[i]
		if low == '\\' && i+1 < len(pattern) {
			i++
			low = pattern[i]
		}
		i++
		high := low
		if i+1 < len(pattern) && pattern[i] == '-' && pattern[i+1] != ']' {
			high = pattern[i+1]
			i += 2
		}
		ok = ok || low <= ch && ch <= high
	}
	return 0, false, false
}

func unescapeGlob(part string) string {
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		if part[i] == '\\' && i+1 < len(part) {
			i++
		}
		b.WriteByte(part[i])
	}
	return b.String()
}
