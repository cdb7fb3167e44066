package conf

import "bytes"

// luaBlock reads the body of a raw block, whose "{" was read last, up to the "}" that
// belongs to it, and past it. Braces in strings, long brackets and comments do not count. The
// body is the text between the braces. A quote that is not closed on its line is taken as an
// ordinary character, so that the Lua compiler gets to complain about it.
func (lx *lexer) luaBlock() (body string, err *Error) {
	start, depth, opened := lx.pos, 1, lx.line
	for lx.pos < len(lx.text) {
		rest := lx.text[lx.pos:]
		n := 1
		switch ch := rest[0]; {
		case ch == '{':
			depth++
			opened = lx.line
		case ch == '}':
			if depth--; depth == 0 {
				body = string(lx.text[start:lx.pos])
				lx.pos++
				return body, nil
			}
		case ch == '"' || ch == '\'':
			n = luaString(rest)
		case ch == '[':
			n, err = luaLong(rest)
		case ch == '-' && len(rest) > 1 && rest[1] == '-':
			n, err = luaComment(rest)
		}
		if err != nil {
			return "", err
		}
		lx.line += bytes.Count(rest[:n], newline)
		lx.pos += n
	}
	lx.line = opened
	return "", newError("unexpected end of file, expecting terminating characters for lua code block")
}

var newline = []byte{'\n'}

// luaString returns the length of the string text begins with, 1 when it is not closed.
func luaString(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case text[0]:
			return i + 1
		case '\n':
			return 1
		case '\\':
			i++
			if i < len(text) && text[i] == 'z' { // \z skips white space, line ends included
				for i+1 < len(text) && isLuaSpace(text[i+1]) {
					i++
				}
			} else if i+1 < len(text) && text[i] == '\r' && text[i+1] == '\n' {
				i++
			}
		}
	}
	return 1
}

func isLuaSpace(ch byte) bool { return isSpace(ch) || ch == '\v' || ch == '\f' }

// luaLong returns the length of the long bracket text begins with, 1 when "[" opens none.
func luaLong(text []byte) (int, *Error) {
	n := 1
	for n < len(text) && text[n] == '=' {
		n++
	}
	if n == len(text) || text[n] != '[' {
		return 1, nil
	}
	n++
	closing := append([]byte(nil), text[:n]...)
	closing[0], closing[n-1] = ']', ']'
	i := bytes.Index(text[n:], closing)
	if i < 0 {
		return 0, newError("Lua code block missing the closing long bracket \"%s\", "+
			"the inlined Lua code may be too long", closing)
	}
	return n + i + len(closing), nil
}

// luaComment returns the length of the comment text begins with. The line end after a short
// one is not part of it.
func luaComment(text []byte) (int, *Error) {
	if len(text) > 2 && text[2] == '[' {
		if n, err := luaLong(text[2:]); err != nil || n > 1 {
			return 2 + n, err
		}
	}
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i, nil
	}
	return len(text), nil
}
