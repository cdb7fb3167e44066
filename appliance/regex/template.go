package regex

import "strconv"

// Template is a compiled replacement text: literal text and groups as $1,
// ${1} or ${name}; $$ is a dollar sign. It is immutable.
type Template struct {
	parts []templatePart
}

// templatePart is a literal text followed by a group.
type templatePart struct {
	text  string
	group int    // -1: none
	name  string // "": by number
}

// TemplateError is a replacement text that does not compile.
type TemplateError struct {
	// Msg says what is wrong, in OpenResty's words.
	Msg string
}

// Error returns the text.
func (e *TemplateError) Error() string { return e.Msg }

// CompileTemplate compiles a replacement text.
func CompileTemplate(text string) (*Template, error) {
	t := &Template{}
	var lit []byte
	for i := 0; i < len(text); {
		if text[i] != '$' {
			lit = append(lit, text[i])
			i++
			continue
		}
		i++
		if i >= len(text) {
			return nil, &TemplateError{"invalid capturing variable name found in \"" + text + "\""}
		}
		if text[i] == '$' {
			lit = append(lit, '$')
			i++
			continue
		}
		p, next, err := templateGroup(text, i)
		if err != nil {
			return nil, err
		}
		p.text = string(lit)
		lit = lit[:0]
		t.parts = append(t.parts, p)
		i = next
	}
	if len(lit) > 0 {
		t.parts = append(t.parts, templatePart{text: string(lit), group: -1})
	}
	return t, nil
}

// templateGroup reads the group after a dollar sign at i.
func templateGroup(text string, i int) (p templatePart, next int, err error) {
	braced := text[i] == '{'
	if braced {
		i++
	}
	start := i
	for i < len(text) && isWordByte(text[i]) && (braced || isDigit(text[i])) {
		i++
	}
	name := text[start:i]
	if braced {
		if i >= len(text) || text[i] != '}' {
			return p, 0, &TemplateError{"the closing bracket in \"" + name + "\" variable is missing"}
		}
		i++
	}
	if name == "" {
		return p, 0, &TemplateError{"invalid capturing variable name found in \"" + text + "\""}
	}
	if !isDigit(name[0]) {
		return templatePart{name: name}, i, nil
	}
	n, convErr := strconv.Atoi(name)
	if convErr != nil || n > maxGroups {
		return p, 0, &TemplateError{"invalid capturing variable name found in \"" + text + "\""}
	}
	return templatePart{group: n}, i, nil
}

// Literal returns the text of a template without groups.
func (t *Template) Literal() (string, bool) {
	switch {
	case len(t.parts) == 0:
		return "", true
	case len(t.parts) == 1 && t.parts[0].group < 0:
		return t.parts[0].text, true
	}
	return "", false
}

// AppendTo appends the text with the groups of a match of re in s. A group
// that is not set, or does not exist, is empty.
func (t *Template) AppendTo(dst []byte, re *Regex, s []byte, caps []int) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.text...)
		g := p.group
		if p.name != "" {
			g = re.setGroup(p.name, caps)
		}
		if g >= 0 && 2*g+1 < len(caps) && caps[2*g] >= 0 {
			dst = append(dst, s[caps[2*g]:caps[2*g+1]]...)
		}
	}
	return dst
}

// setGroup returns the first set group of a name, or -1.
func (re *Regex) setGroup(name string, caps []int) int {
	for _, n := range re.names {
		if n.Name == name && 2*n.Index+1 < len(caps) && caps[2*n.Index] >= 0 {
			return n.Index
		}
	}
	return -1
}
