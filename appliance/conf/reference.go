package conf

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Reference renders the table as Markdown: every directive by name, with syntax, default,
// contexts and doc. Rows of one name stay in the order of addition.
func (t *Table) Reference() []byte {
	return append([]byte("# Directives\n"), reference(slices.Clone(t.entries), "##")...)
}

// ReferenceOf renders the rows of one owner as Reference does, with the given heading marks
// before the names.
func (t *Table) ReferenceOf(owner any, heading string) []byte {
	var entries []Entry
	for _, e := range t.entries {
		if e.Owner == owner {
			entries = append(entries, e)
		}
	}
	return reference(entries, heading)
}

// reference renders entries, which it sorts.
func reference(entries []Entry, heading string) []byte {
	slices.SortStableFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	for i := range entries {
		d := &entries[i].Directive
		if i == 0 || d.Name != entries[i-1].Name {
			fmt.Fprintf(&b, "\n%s %s\n", heading, d.Name)
		}
		b.WriteString("\n| | |\n|---|---|\n")
		for _, syntax := range d.syntaxes() {
			fmt.Fprintf(&b, "| Syntax | %s |\n", code(syntax))
		}
		def := "-"
		if d.Default != "" {
			def = code(d.Name + " " + d.Default + ";")
		}
		fmt.Fprintf(&b, "| Default | %s |\n| Context | %s |\n\n%s\n", def, d.In, d.Doc)
	}
	return b.Bytes()
}

// code renders text as code in a table's cell.
func code(text string) string {
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// syntaxes returns how the directive is written, one line for each form that its numbers
// of arguments make.
func (d *Directive) syntaxes() []string {
	end := ";"
	switch {
	case d.RawBlock:
		end = " { Lua code }"
	case d.Args&HasBlock != 0:
		end = " { ... }"
	}
	forms := d.Args.forms()
	if d.Syntax != "" {
		forms = []string{d.Syntax}
	}
	lines := make([]string, 0, len(forms))
	for _, args := range forms {
		if args != "" {
			args = " " + args
		}
		lines = append(lines, d.Name+args+end)
	}
	return lines
}

// forms returns the arguments in words. Neighbouring numbers make one form with optional
// arguments, others one each.
func (a Args) forms() []string {
	switch {
	case a&AnyArgs != 0:
		return []string{"[value ...]"}
	case a&FlagArg != 0:
		return []string{"on | off"}
	case a&OneMore != 0:
		return []string{"value ..."}
	case a&TwoMore != 0:
		return []string{"value value ..."}
	}
	var forms []string
	for n := 0; n <= maxCounted; n++ {
		if a&(1<<n) == 0 {
			continue
		}
		words := strings.Repeat("value ", n)
		optional := 0
		for n < maxCounted && a&(1<<(n+1)) != 0 {
			n++
			optional++
		}
		words += strings.Repeat("[value ", optional)
		forms = append(forms, strings.TrimSuffix(words, " ")+strings.Repeat("]", optional))
	}
	return forms
}

// Check returns what is wrong with the rows themselves; tests call it. Every row must have
// a name, a block, a setter, a number of arguments and a Doc of full sentences, and no two
// rows of a name may share a block.
func (t *Table) Check() error {
	var errs []error
	for i := range t.entries {
		e := &t.entries[i]
		complain := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("conf: directive %q of %T: %s", e.Name, e.Owner, fmt.Sprintf(format, args...)))
		}
		if e.Name == "" || e.Set == nil || e.In == 0 {
			complain("needs Name, Set and In")
		}
		if e.Args&^HasBlock == 0 {
			complain("Args allows no number of arguments")
		}
		if !isSentence(e.Doc) {
			complain("Doc %q is not a sentence", e.Doc)
		}
		for _, j := range t.byName[e.Name] {
			if both := e.In & t.entries[j].In; j < i && both != 0 {
				complain("stands twice in: %s", both)
			}
		}
	}
	return errors.Join(errs...)
}

// isSentence tells whether text begins like a sentence and ends like one.
func isSentence(text string) bool {
	return len(text) > 1 && strings.HasSuffix(text, ".") && text[0] >= 'A' && text[0] <= 'Z'
}
