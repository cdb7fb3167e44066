package conf

import "strings"

// printItems writes items as configuration text, four spaces to a level.
func printItems(b *strings.Builder, items []*Item, depth int) {
	for _, it := range items {
		if it.Err != nil {
			continue
		}
		indent(b, depth)
		printWord(b, it.Name)
		for _, arg := range it.Args {
			b.WriteByte(' ')
			printWord(b, arg)
		}
		switch {
		case !it.HasBlock:
			b.WriteString(";\n")
		case it.RawLine != 0:
			b.WriteString(" {" + it.Raw + "}\n")
		default:
			b.WriteString(" {\n")
			printItems(b, it.Block, depth+1)
			indent(b, depth)
			b.WriteString("}\n")
		}
	}
}

func indent(b *strings.Builder, depth int) {
	for range depth {
		b.WriteString("    ")
	}
}

// printWord writes a word so that the lexer reads it back: bare when it may stand so, else
// in double quotes.
func printWord(b *strings.Builder, word string) {
	if isBare(word) {
		b.WriteString(word)
		return
	}
	b.WriteByte('"')
	for i := 0; i < len(word); i++ {
		if word[i] == '"' || word[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(word[i])
	}
	b.WriteByte('"')
}

// isBare tells whether a word needs no quotes.
func isBare(word string) bool {
	if word == "" || word[0] == '#' || word[0] == '}' {
		return false
	}
	for i := 0; i < len(word); i++ {
		switch ch := word[i]; {
		case ch == '{' && i > 0 && word[i-1] == '$':
		case isSpace(ch), ch == ';', ch == '{', ch == '"', ch == '\'', ch == '\\':
			return false
		}
	}
	return true
}
