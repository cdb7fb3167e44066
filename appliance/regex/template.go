package regex

import "strconv"

// Template is a compiled replacement text: literal text and groups as $1 or
// ${1}; $$ is a dollar sign. It is immutable.
type Template struct {
	parts []templatePart
}

// templatePart is a literal text followed by a group.
type templatePart struct {
	text  string
	group int // -1: none
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
			return nil, badName(text)
		}
		if text[i] == '$' {
			lit = append(lit, '$')
			i++
			continue
		}
		group, next, err := templateGroup(text, i)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, templatePart{string(lit), group})
		lit = lit[:0]
		i = next
	}
	if len(lit) > 0 {
		t.parts = append(t.parts, templatePart{string(lit), -1})
	}
	return t, nil
}

// templateGroup reads the group after a dollar sign at i.
func templateGroup(text string, i int) (group, next int, err error) {
	braced := text[i] == '{'
	if braced {
		i++
	}
	start := i
	numbered := i < len(text) && isDigit(text[i])
	for i < len(text) && (isDigit(text[i]) || !numbered && isWordByte(text[i])) {
		i++
	}
	name := text[start:i]
	switch {
	case braced && start < len(text) && (i >= len(text) || text[i] != '}'):
		return 0, 0, &TemplateError{"the closing bracket in \"" + name + "\" variable is missing"}
	case name == "":
		return 0, 0, badName(text)
	case !numbered:
		return 0, 0, &TemplateError{"attempt to use named capturing variable \"" + name + "\" (named captures not supported yet)"}
	case braced:
		i++
	}
	if group, err = strconv.Atoi(name); err != nil || group > maxGroups {
		return 0, 0, badName(text)
	}
	return group, i, nil
}

func badName(text string) error {
	return &TemplateError{"lua script: invalid capturing variable name found in \"" + text + "\""}
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

// AppendTo appends the text with the groups of a match in s. A group that is
// not set, or does not exist, is empty.
func (t *Template) AppendTo(dst, s []byte, caps []int) []byte {
	for i := range t.parts {
		p := &t.parts[i]
		dst = append(dst, p.text...)
		if g := 2 * p.group; g >= 0 && g+1 < len(caps) && caps[g] >= 0 && caps[g] <= caps[g+1] {
			dst = append(dst, s[caps[g]:caps[g+1]]...)
		}
	}
	return dst
}
