package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// message is an HTTP message as it was read: response or request.
type message struct {
	first   string
	headers []header
	body    []byte
}

type header struct{ name, value string }

// values returns the values of all headers with that name, in order.
func (m *message) values(name string) []string {
	var out []string
	for _, h := range m.headers {
		if strings.EqualFold(h.name, name) {
			out = append(out, h.value)
		}
	}
	return out
}

// String shows the message for a failure, a long body cut.
func (m *message) String() string {
	var b strings.Builder
	b.WriteString(m.first + "\n")
	for _, h := range m.headers {
		b.WriteString(h.name + ": " + h.value + "\n")
	}
	b.WriteString("\n" + excerpt(m.body))
	return b.String()
}

func excerpt(b []byte) string {
	if len(b) > 600 {
		return fmt.Sprintf("%s ... (%d bytes)", b[:600], len(b))
	}
	return string(b)
}

// match compares got with a response or backend_got section and returns what
// differs. file reads what "@file PATH" names.
func match(want string, got *message, file func(string) ([]byte, error)) []string {
	var wrong []string
	head, body, hasBody := strings.Cut(want, "\n\n")
	if rest, ok := strings.CutPrefix(want, "\n"); ok { // no first line: only a body
		head, body, hasBody = "", rest, true
	}
	first, headers, _ := strings.Cut(strings.TrimSuffix(head, "\n"), "\n")
	if first != "" && !matchFirst(first, got.first) {
		wrong = append(wrong, fmt.Sprintf("got first line %q, want %q", got.first, first))
	}
	wrong = append(wrong, matchHeaders(lines(headers), got)...)
	if hasBody {
		wrong = append(wrong, matchBody(strings.TrimSuffix(body, "\n"), got.body, file)...)
	}
	return wrong
}

// matchFirst compares a first line: whole, as a pattern, or only its status.
func matchFirst(want, got string) bool {
	if re, ok := strings.CutPrefix(want, "~"); ok {
		return matches(re, got)
	}
	if len(want) == 3 && strings.Trim(want, "0123456789") == "" {
		words := strings.Fields(got)
		return len(words) > 1 && words[1] == want
	}
	return want == got
}

func matchHeaders(want []string, got *message) []string {
	var wrong []string
	type expected struct {
		name   string
		values []string
	}
	var all []*expected
	for _, line := range want {
		if name, ok := strings.CutPrefix(line, "!"); ok {
			if v := got.values(name); v != nil {
				wrong = append(wrong, fmt.Sprintf("got header %s: %q, want none", name, v))
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return append(wrong, fmt.Sprintf("%q is no header to expect", line))
		}
		i := slices.IndexFunc(all, func(e *expected) bool { return strings.EqualFold(e.name, name) })
		if i < 0 {
			i = len(all)
			all = append(all, &expected{name: name})
		}
		all[i].values = append(all[i].values, strings.TrimSpace(value))
	}
	for _, e := range all {
		if v := got.values(e.name); !slices.EqualFunc(e.values, v, matchValue) {
			wrong = append(wrong, fmt.Sprintf("got header %s: %q, want %q", e.name, v, e.values))
		}
	}
	return wrong
}

func matchValue(want, got string) bool {
	if re, ok := strings.CutPrefix(want, "~"); ok {
		return matches(re, got)
	}
	return want == got
}

func matchBody(want string, got []byte, file func(string) ([]byte, error)) []string {
	if re, ok := strings.CutPrefix(want, "~"); ok {
		if !matches("(?s)"+re, string(got)) {
			return []string{fmt.Sprintf("got body %q, want ~%s", excerpt(got), re)}
		}
		return nil
	}
	exact := []byte(want)
	var n int
	if _, err := fmt.Sscanf(want, "@size %d", &n); err == nil {
		exact = pattern(n)
	} else if path, ok := strings.CutPrefix(want, "@file "); ok {
		data, err := file(path)
		if err != nil {
			return []string{err.Error()}
		}
		exact = data
	}
	if bytes.Equal(exact, got) {
		return nil
	}
	if len(exact) < 600 && len(got) < 600 {
		return []string{fmt.Sprintf("got body %q, want %q", got, exact)}
	}
	at := 0
	for at < min(len(exact), len(got)) && exact[at] == got[at] {
		at++
	}
	return []string{fmt.Sprintf("got a body of %d bytes, want %d; they differ from byte %d on", len(got), len(exact), at)}
}

// matches reports whether the pattern is found in text; a bad pattern is never.
func matches(pattern, text string) bool {
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}
