package conf

// maxToken is the longest token in a file, as written: the size of the buffer in nginx. A
// longer one is nearly always a quote that was not closed. Text of -g has no such limit.
const maxToken = 4096

// ending says how a head of tokens ended.
type ending uint8

const (
	endSemicolon ending = iota // ";"
	endOpen                    // "{"
	endClose                   // "}", without tokens before it
	endFile                    // end of the text, without tokens before it
)

// lexer splits the text of one file into tokens.
type lexer struct {
	text  []byte
	param bool // the text of -g

	pos  int
	line int // line of text[pos]; when an item is done, the line of its last byte
}

// token is a word as written, with the line of its first byte. The text is without quotes.
type token struct {
	text []byte
	line int
}

// lexState says what the next byte may be. Within a word a backslash keeps the next byte
// from ending it, and "{" right after "$" does not end it either.
type lexState uint8

const (
	betweenWords lexState = iota // spaces, comments, a first byte, or an ending
	inPlain                      // until a space, ";" or "{"
	inDouble                     // until "
	inSingle                     // until '
	afterQuote                   // a space, an ending, or ")" which begins a word
)

// head reads tokens up to the next ";", "{" or "}". The error's sentence carries no place,
// its line is lx.line.
func (lx *lexer) head() (words []token, end ending, err *Error) {
	var (
		state   = betweenWords
		start   = lx.pos // of the word or comment being read
		first   = lx.line
		escaped bool // the byte before was a backslash
		dollar  bool // "$" was read, and since then at most "{"
	)
	for {
		if lx.pos == len(lx.text) {
			return words, endFile, lx.atEnd(len(words) > 0 || state != betweenWords)
		}
		if lx.pos-start >= maxToken && !lx.param {
			lx.line = first
			return words, endFile, tooLong(state, lx.text[start:])
		}
		ch := lx.text[lx.pos]
		lx.pos++
		if ch == '\n' {
			lx.line++
		}
		if escaped {
			escaped = false
			continue
		}
		if state == afterQuote {
			switch {
			case isSpace(ch):
				state = betweenWords
				continue
			case ch == ';':
				return words, endSemicolon, nil
			case ch == '{':
				return words, endOpen, nil
			case ch != ')':
				return words, endFile, unexpected(ch)
			}
			state = betweenWords
		}
		if state == betweenWords {
			start, first = lx.pos-1, lx.line
			switch ch {
			case ' ', '\t', '\r', '\n':
			case ';', '{':
				if len(words) == 0 {
					return words, endFile, unexpected(ch)
				}
				if ch == ';' {
					return words, endSemicolon, nil
				}
				return words, endOpen, nil
			case '}':
				if len(words) > 0 {
					return words, endFile, newError(`unexpected "}"`)
				}
				return nil, endClose, nil
			case '#':
				if err := lx.comment(); err != nil {
					return words, endFile, err
				}
			case '"':
				state, start = inDouble, lx.pos
			case '\'':
				state, start = inSingle, lx.pos
			default:
				state, escaped, dollar = inPlain, ch == '\\', ch == '$'
			}
			continue
		}
		if ch == '{' && dollar {
			continue
		}
		dollar = ch == '$'
		switch {
		case ch == '\\':
			escaped = true
			continue
		case state == inDouble && ch == '"', state == inSingle && ch == '\'':
			state = afterQuote
		case state == inPlain && (isSpace(ch) || ch == ';' || ch == '{'):
			state = betweenWords
		default:
			continue
		}
		words = append(words, token{lx.text[start : lx.pos-1], first})
		if ch == ';' {
			return words, endSemicolon, nil
		}
		if ch == '{' {
			return words, endOpen, nil
		}
	}
}

// atEnd is the end of the text; pending says that a head was begun.
func (lx *lexer) atEnd(pending bool) *Error {
	switch {
	case !pending:
		return nil
	case lx.param:
		return newError(`unexpected end of parameter, expecting ";"`)
	}
	return newError(`unexpected end of file, expecting ";" or "}"`)
}

// comment skips to the end of the line, which it leaves to the caller. Comments are bound by
// maxToken too, as in nginx.
func (lx *lexer) comment() *Error {
	start := lx.pos - 1
	for lx.pos < len(lx.text) && lx.text[lx.pos] != '\n' {
		if lx.pos-start >= maxToken && !lx.param {
			return tooLong(betweenWords, lx.text[start:])
		}
		lx.pos++
	}
	return nil
}

func tooLong(state lexState, text []byte) *Error {
	switch state {
	case inDouble:
		return newError(`too long parameter, probably missing terminating """ character`)
	case inSingle:
		return newError(`too long parameter, probably missing terminating "'" character`)
	}
	return newError(`too long parameter "%s..." started`, text[:min(10, len(text))])
}

func unexpected(ch byte) *Error {
	return newError(`unexpected "%s"`, []byte{ch})
}

func isSpace(ch byte) bool {
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n'
}

// unescape resolves the escapes of a word: \" \' \\ and \t \r \n. A backslash before
// anything else stays.
func unescape(word []byte) string {
	out := make([]byte, 0, len(word))
	for i := 0; i < len(word); i++ {
		ch := word[i]
		if ch == '\\' && i+1 < len(word) {
			switch word[i+1] {
			case '"', '\'', '\\':
				i++
				ch = word[i]
			case 't':
				i++
				ch = '\t'
			case 'r':
				i++
				ch = '\r'
			case 'n':
				i++
				ch = '\n'
			}
		}
		out = append(out, ch)
	}
	return string(out)
}
