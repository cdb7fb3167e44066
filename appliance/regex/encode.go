package regex

import (
	"unicode"
	"unicode/utf8"
)

func isLetter(r rune) bool { return unicode.IsLetter(r) }

// appendChar appends a character as the mode writes it: a byte, or UTF-8.
func (p *parser) appendChar(dst []byte, r rune) []byte {
	if p.opt&UTF != 0 {
		return utf8.AppendRune(dst, r)
	}
	return append(dst, byte(r))
}
