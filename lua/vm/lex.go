package vm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

type token int

// Tokens above the single characters.
const (
	tkAnd token = iota + 257
	tkBreak
	tkDo
	tkElse
	tkElseif
	tkEnd
	tkFalse
	tkFor
	tkFunction
	tkGoto
	tkIf
	tkIn
	tkLocal
	tkNil
	tkNot
	tkOr
	tkRepeat
	tkReturn
	tkThen
	tkTrue
	tkUntil
	tkWhile
	tkConcat
	tkDots
	tkEq
	tkGe
	tkLe
	tkNe
	tkLabel
	tkNumber
	tkName
	tkString
	tkEOF
)

var tokenNames = [...]string{"and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if",
	"in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
	"..", "...", "==", ">=", "<=", "~=", "::", "<number>", "<name>", "<string>", "<eof>"}

var keywords = func() map[string]token {
	m := make(map[string]token)
	for t := tkAnd; t <= tkWhile; t++ {
		m[tokenNames[t-tkAnd]] = t
	}
	return m
}()

// SyntaxError is what compiling a chunk fails with; its text is LuaJIT's.
type SyntaxError struct{ Msg string }

func (e *SyntaxError) Error() string { return e.Msg }

// lexer cuts a chunk into tokens. Errors are panics with *SyntaxError, caught by Compile.
type lexer struct {
	src    string
	pos    int // of the byte after ch
	ch     int // current byte, -1 at the end
	line   int
	last   int // line of the token before
	tok    token
	start  int // of the current token, for messages
	str    string
	num    float64
	ahead  token // tkNone (0) or the token after tok
	aStr   string
	aNum   float64
	source string
	buf    []byte
}

func newLexer(src, chunk string) *lexer {
	lx := &lexer{src: src, source: chunk, line: 1, last: 1}
	lx.next1()
	if lx.ch == 0xef && len(src) >= 3 && src[1] == 0xbb && src[2] == 0xbf {
		lx.pos = 3
		lx.next1()
	}
	if lx.ch == '#' {
		for lx.ch != '\n' && lx.ch != '\r' && lx.ch >= 0 {
			lx.next1()
		}
		if lx.ch >= 0 {
			lx.newline()
		}
	}
	return lx
}

func (lx *lexer) next1() {
	if lx.pos < len(lx.src) {
		lx.ch = int(lx.src[lx.pos])
	} else {
		lx.ch = -1
	}
	lx.pos++
}

func (lx *lexer) newline() {
	old := lx.ch
	lx.next1()
	if (lx.ch == '\n' || lx.ch == '\r') && lx.ch != old {
		lx.next1()
	}
	lx.line++
}

func tokenText(t token) string {
	if t < tkAnd {
		if t < 32 {
			return fmt.Sprintf("char(%d)", int(t))
		}
		return string([]byte{byte(t)})
	}
	return tokenNames[t-tkAnd]
}

// fail reports an error at line, near the token t (0: no token).
func (lx *lexer) fail(line int, msg string, near string) {
	msg = fmt.Sprintf("%s:%d: %s", chunkID(lx.source), line, msg)
	if near != "" {
		msg += " near '" + near + "'"
	}
	panic(&SyntaxError{msg})
}

// nearText is the text of a token for messages: names, strings and numbers as they stand in the source.
func (lx *lexer) nearText(t token) string {
	if t == tkName || t == tkString || t == tkNumber {
		end := min(lx.pos-1, len(lx.src))
		if lx.ahead != 0 {
			if t == tkName || t == tkString {
				return lx.str
			}
			return formatNumber(lx.num)
		}
		s := lx.src[min(lx.start, end):end]
		for i := 0; i < len(s); i++ {
			if s[i] == 0 {
				return s[:i]
			}
		}
		return s
	}
	return tokenText(t)
}

// errNear reports an error near the current token.
func (lx *lexer) errNear(msg string) { lx.fail(lx.line, msg, lx.nearText(lx.tok)) }

// errLex reports an error inside a token: what was read of it is shown.
func (lx *lexer) errLex(msg string, t token) {
	lx.tok = t
	if t == tkEOF {
		lx.fail(lx.line, msg, "<eof>")
	}
	lx.ahead = 0
	lx.fail(lx.line, msg, lx.nearText(t))
}

func (lx *lexer) errToken(t token) { lx.errNear("'" + tokenText(t) + "' expected") }

// next reads the next token into tok.
func (lx *lexer) next() {
	lx.last = lx.line
	if lx.ahead != 0 {
		lx.tok, lx.str, lx.num, lx.ahead = lx.ahead, lx.aStr, lx.aNum, 0
		return
	}
	lx.tok = lx.scan()
}

// peek returns the token after the current one.
func (lx *lexer) peek() token {
	if lx.ahead == 0 {
		t, s, n := lx.tok, lx.str, lx.num
		a := lx.scan()
		lx.aStr, lx.aNum = lx.str, lx.num
		lx.tok, lx.str, lx.num = t, s, n
		lx.ahead = a
	}
	return lx.ahead
}

func isAlpha(c int) bool { return c|32 >= 'a' && c|32 <= 'z' || c == '_' || c >= 128 }
func isDigit(c int) bool { return c >= '0' && c <= '9' }

func (lx *lexer) scan() token {
	for {
		lx.start = lx.pos - 1
		c := lx.ch
		switch {
		case isAlpha(c):
			for isAlpha(lx.ch) || isDigit(lx.ch) {
				lx.next1()
			}
			lx.str = lx.src[lx.start : lx.pos-1]
			if t, ok := keywords[lx.str]; ok {
				return t
			}
			return tkName
		case isDigit(c):
			return lx.number()
		}
		switch c {
		case -1:
			return tkEOF
		case '\n', '\r':
			lx.newline()
			continue
		case ' ', '\t', '\v', '\f':
			lx.next1()
			continue
		case '-':
			lx.next1()
			if lx.ch != '-' {
				return '-'
			}
			lx.next1()
			lx.comment()
			continue
		case '[':
			lx.next1()
			save := lx.pos
			if sep := lx.longSep(); sep >= 0 {
				lx.str = lx.longString(sep, true)
				return tkString
			} else if sep == -1 {
				lx.pos = save - 1
				lx.next1()
				return '['
			}
			lx.errLex("invalid long string delimiter", tkString)
		case '=', '<', '>', '~':
			lx.next1()
			if lx.ch != '=' {
				return token(c)
			}
			lx.next1()
			return map[int]token{'=': tkEq, '<': tkLe, '>': tkGe, '~': tkNe}[c]
		case ':':
			lx.next1()
			if lx.ch != ':' {
				return ':'
			}
			lx.next1()
			return tkLabel
		case '"', '\'':
			lx.quoted(c)
			return tkString
		case '.':
			lx.next1()
			if lx.ch == '.' {
				lx.next1()
				if lx.ch == '.' {
					lx.next1()
					return tkDots
				}
				return tkConcat
			}
			if isDigit(lx.ch) {
				return lx.number()
			}
			return '.'
		default:
			lx.next1()
			return token(c)
		}
	}
}

func (lx *lexer) comment() {
	if lx.ch == '[' {
		lx.next1()
		if sep := lx.longSep(); sep >= 0 {
			lx.longString(sep, false)
			return
		}
	}
	for lx.ch != '\n' && lx.ch != '\r' && lx.ch >= 0 {
		lx.next1()
	}
}

// longSep reads "=*[" after a bracket: the number of signs, -1 for none and no bracket, -2 for signs without one.
func (lx *lexer) longSep() int {
	n := 0
	for lx.ch == '=' {
		lx.next1()
		n++
	}
	if lx.ch == '[' {
		return n
	}
	if n == 0 {
		return -1
	}
	return -2
}

func (lx *lexer) longString(sep int, keep bool) string {
	lx.next1()
	if lx.ch == '\n' || lx.ch == '\r' {
		lx.newline()
	}
	b := lx.buf[:0]
	for {
		switch lx.ch {
		case -1:
			if keep {
				lx.errLex("unfinished long string", tkEOF)
			}
			lx.errLex("unfinished long comment", tkEOF)
		case ']':
			start := lx.pos - 1
			lx.next1()
			n := 0
			for lx.ch == '=' {
				lx.next1()
				n++
			}
			if lx.ch == ']' && n == sep {
				lx.next1()
				lx.buf = b
				if !keep {
					return ""
				}
				return string(b)
			}
			if keep {
				b = append(b, lx.src[start:lx.pos-1]...)
			}
		case '\n', '\r':
			lx.newline()
			b = append(b, '\n')
		default:
			if keep {
				b = append(b, byte(lx.ch))
			}
			lx.next1()
		}
	}
}

// errString reports an error inside a quoted string: what has been read of it is shown, escapes replaced.
func (lx *lexer) errString(msg string, b []byte) {
	near := lx.src[lx.start:lx.start+1] + string(b)
	if i := strings.IndexByte(near, 0); i >= 0 {
		near = near[:i]
	}
	lx.fail(lx.line, msg, near)
}

func (lx *lexer) quoted(q int) {
	lx.next1()
	b := lx.buf[:0]
	for lx.ch != q {
		switch lx.ch {
		case -1:
			lx.errLex("unfinished string", tkEOF)
		case '\n', '\r':
			lx.errString("unfinished string", b)
		case '\\':
			lx.next1()
			b = lx.escape(b)
		default:
			b = append(b, byte(lx.ch))
			lx.next1()
		}
	}
	lx.next1()
	lx.buf = b
	lx.str = string(b)
}

func hexVal(c int) int {
	switch {
	case isDigit(c):
		return c - '0'
	case c|32 >= 'a' && c|32 <= 'f':
		return c | 32 - 'a' + 10
	}
	return -1
}

func (lx *lexer) escape(b []byte) []byte {
	c := lx.ch
	switch c {
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		b = append(b, map[int]byte{'a': 7, 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9, 'v': 11}[c])
	case 'x':
		lx.next1()
		hi := hexVal(lx.ch)
		if hi < 0 {
			lx.errString("invalid escape sequence", b)
		}
		lx.next1()
		lo := hexVal(lx.ch)
		if lo < 0 {
			lx.errString("invalid escape sequence", b)
		}
		b = append(b, byte(hi<<4|lo))
	case 'u':
		return lx.escapeU(b)
	case 'z':
		lx.next1()
		for {
			switch lx.ch {
			case '\n', '\r':
				lx.newline()
			case ' ', '\t', '\v', '\f':
				lx.next1()
			default:
				return b
			}
		}
	case '\n', '\r':
		lx.newline()
		return append(b, '\n')
	case '\\', '"', '\'':
		b = append(b, byte(c))
	case -1:
		return b
	default:
		if !isDigit(c) {
			lx.errString("invalid escape sequence", b)
		}
		n := 0
		for i := 0; i < 3 && isDigit(lx.ch); i++ {
			n = n*10 + lx.ch - '0'
			lx.next1()
		}
		if n > 255 {
			lx.errString("invalid escape sequence", b)
		}
		return append(b, byte(n))
	}
	lx.next1()
	return b
}

func (lx *lexer) escapeU(b []byte) []byte {
	bad := func() { lx.errString("invalid escape sequence", b) }
	lx.next1()
	if lx.ch != '{' {
		bad()
	}
	lx.next1()
	n, digits := 0, 0
	for ; lx.ch != '}'; digits++ {
		d := hexVal(lx.ch)
		if d < 0 {
			bad()
		}
		n = n<<4 | d
		if n >= 0x110000 {
			bad()
		}
		lx.next1()
	}
	if digits == 0 || n >= 0xd800 && n < 0xe000 {
		bad()
	}
	lx.next1()
	return utf8.AppendRune(b, rune(n))
}

// number reads a numeric literal, which takes in all that could belong to one, as LuaJIT's lexer.
func (lx *lexer) number() token {
	exp := 'e'
	if lx.src[lx.start] == '0' && lx.start+1 < len(lx.src) && lx.src[lx.start+1]|32 == 'x' {
		exp = 'p'
	}
	prev := 0
	for isAlpha(lx.ch) || isDigit(lx.ch) || lx.ch == '.' ||
		(lx.ch == '-' || lx.ch == '+') && prev|32 == int(exp) {
		prev = lx.ch
		lx.next1()
	}
	f, ok := parseNumber(lx.src[lx.start : lx.pos-1])
	if !ok {
		lx.errLex("malformed number", tkNumber)
	}
	lx.num = f
	return tkNumber
}

// parseNumber converts the text of a number, decimal or hexadecimal with optional fraction and exponent; spaces
// around it are allowed, underscores are not.
func parseNumber(s string) (float64, bool) {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if len(s) == 0 {
		return 0, false
	}
	t := s
	neg := false
	if t[0] == '-' || t[0] == '+' {
		neg = t[0] == '-'
		t = t[1:]
	}
	if len(t) == 0 {
		return 0, false
	}
	// Short runs of digits, by far the most common, need no general conversion.
	if len(t) <= 15 {
		n := int64(0)
		i := 0
		for i < len(t) && isDigit(int(t[i])) {
			n = n*10 + int64(t[i]-'0')
			i++
		}
		if i == len(t) {
			if neg {
				return -float64(n), true
			}
			return float64(n), true
		}
	}
	if len(t) > 2 && t[0] == '0' && t[1]|32 == 'x' {
		f, ok := parseHex(t[2:])
		if neg {
			f = -f
		}
		return f, ok
	}
	if c := t[0] | 32; c == 'i' || c == 'n' {
		return parseInfNaN(t, neg)
	}
	for i := 0; i < len(t); i++ {
		if c := t[i]; !isDigit(int(c)) && c != '.' && c|32 != 'e' && c != '-' && c != '+' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && err.(*strconv.NumError).Err != strconv.ErrRange {
		return 0, false
	}
	if neg {
		f = -f
	}
	return f, true
}
