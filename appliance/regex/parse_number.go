package regex

import "strings"

// escapeN reads \N, \N{U+hhh} and refuses \N{name}.
func (p *parser) escapeN(class bool) (escaped, *Error) {
	n := escaped{kind: escType, r: 'N'}
	if p.peek(0) != '{' {
		return n, nil
	}
	i := p.skipBlanks(p.pos + 1)
	if strings.HasPrefix(p.src[i:], "U+") {
		i += 2
		if p.opt&UTF != 0 {
			p.pos = i
			return p.hexBraced()
		}
		for i < len(p.src) && hexValue(p.src[i]) >= 0 {
			i++
		}
		i = p.skipBlanks(i)
		if i < len(p.src) && p.src[i] == '}' {
			i++
		}
		p.pos = i
		return n, p.fail(errNUTF)
	}
	if !class {
		save := p.pos
		p.pos++
		_, _, ok, err := p.repeatCounts()
		p.pos = save
		if err != nil {
			return n, err
		}
		if ok {
			return n, nil
		}
	}
	p.pos++
	return n, p.fail(errPerlEscape)
}

func hexValue(b byte) int {
	switch {
	case isDigit(b):
		return int(b - '0')
	case b|32 >= 'a' && b|32 <= 'f':
		return int(b|32) - 'a' + 10
	}
	return -1
}

func (p *parser) checkCodePoint(r rune) *Error {
	if p.opt&UTF != 0 && r >= 0xd800 && r <= 0xdfff {
		return p.fail(errSurrogate)
	}
	return nil
}

// escapeU reads ECMAScript's \u where it is enabled.
func (p *parser) escapeU(class bool) (escaped, *Error) {
	if p.opt&(AltBSUX|ExtraAltBSUX) == 0 {
		return escaped{}, p.fail(errPerlEscape)
	}
	r := rune(0)
	if p.peek(0) == '{' && p.opt&ExtraAltBSUX != 0 {
		i := p.pos + 1
		for ; i < len(p.src) && hexValue(p.src[i]) >= 0; i++ {
			if r > 0xfffffff>>4 {
				p.pos = i
				return escaped{}, p.fail(errUCodeBig)
			}
			r = r<<4 | rune(hexValue(p.src[i]))
		}
		if i == p.pos+1 || i >= len(p.src) || p.src[i] != '}' {
			if class {
				return escaped{r: 'u'}, nil
			}
			p.pos++
			return escaped{kind: escBraceU}, nil
		}
		p.pos = i + 1
	} else {
		if len(p.src)-p.pos < 4 {
			return escaped{r: 'u'}, nil
		}
		for i := range 4 {
			h := hexValue(p.src[p.pos+i])
			if h < 0 {
				return escaped{r: 'u'}, nil
			}
			r = r<<4 | rune(h)
		}
		p.pos += 4
	}
	if r > p.limit() {
		return escaped{}, p.fail(errUCodeBig)
	}
	return escaped{r: r}, p.checkCodePoint(r)
}

// escapeDigit reads a back-reference or an octal code.
func (p *parser) escapeDigit(c rune, class bool) (escaped, *Error) {
	if !class && c != '0' {
		i, n, ok, _ := p.number(p.pos-1, -1, maxGroups, 0)
		if !ok {
			n = 1 << 30
		}
		if n < 10 || c >= '8' || n <= p.bracount {
			p.pos = i
			if n > maxGroups {
				return escaped{}, p.fail(errGroupNumBig)
			}
			return escaped{kind: escBackref, n: n}, nil
		}
	}
	if c >= '8' {
		return escaped{r: c}, nil
	}
	r := c - '0'
	for n := 0; n < 2 && !p.eof() && p.src[p.pos] >= '0' && p.src[p.pos] <= '7'; n++ {
		r = r*8 + rune(p.src[p.pos]-'0')
		p.pos++
	}
	if r > 0xff && p.opt&UTF == 0 {
		return escaped{}, p.fail(errOctalBig)
	}
	return escaped{r: r}, nil
}

// escapeO reads \o{ddd}.
func (p *parser) escapeO() (escaped, *Error) {
	if p.peek(0) != '{' {
		return escaped{}, p.fail(errOctalBrace)
	}
	p.pos = p.skipBlanks(p.pos + 1)
	if p.eof() || p.src[p.pos] == '}' {
		return escaped{}, p.fail(errDigitsMissing)
	}
	return p.braced(errOctalDigits, 3, func(b byte) int {
		if b >= '0' && b <= '7' {
			return int(b - '0')
		}
		return -1
	})
}

// escapeX reads \xhh and \x{hhh}.
func (p *parser) escapeX() (escaped, *Error) {
	if p.opt&(AltBSUX|ExtraAltBSUX) != 0 {
		if len(p.src)-p.pos < 2 || hexValue(p.src[p.pos]) < 0 || hexValue(p.src[p.pos+1]) < 0 {
			return escaped{r: 'x'}, nil
		}
		r := rune(hexValue(p.src[p.pos])<<4 | hexValue(p.src[p.pos+1]))
		p.pos += 2
		return escaped{r: r}, nil
	}
	if p.peek(0) == '{' {
		p.pos = p.skipBlanks(p.pos + 1)
		return p.hexBraced()
	}
	if p.eof() || hexValue(p.src[p.pos]) < 0 {
		return escaped{}, p.fail(errDigitsMissing)
	}
	r := rune(hexValue(p.src[p.pos]))
	p.pos++
	if !p.eof() && hexValue(p.src[p.pos]) >= 0 {
		r = r<<4 | rune(hexValue(p.src[p.pos]))
		p.pos++
	}
	return escaped{r: r}, nil
}

func (p *parser) hexBraced() (escaped, *Error) {
	if p.eof() || p.src[p.pos] == '}' {
		return escaped{}, p.fail(errDigitsMissing)
	}
	return p.braced(errHexDigits, 4, hexValue)
}

// braced reads digits of the given width up to a closing brace.
func (p *parser) braced(bad, shift int, value func(byte) int) (escaped, *Error) {
	r, over := rune(0), false
	for !p.eof() && value(p.src[p.pos]) >= 0 {
		if !over {
			r = r<<shift | rune(value(p.src[p.pos]))
			over = r > p.limit()
		}
		p.pos++
	}
	p.pos = p.skipBlanks(p.pos)
	if over {
		for !p.eof() && value(p.src[p.pos]) >= 0 {
			p.pos++
		}
		return escaped{}, p.fail(errCodePointBig)
	}
	if err := p.checkCodePoint(r); err != nil {
		return escaped{}, err
	}
	if p.eof() || p.src[p.pos] != '}' {
		p.skipChar()
		return escaped{}, p.fail(bad)
	}
	p.pos++
	return escaped{r: r}, nil
}

// number reads an unsigned number at i, or a signed one relative to sign when
// that is not negative. It returns the position after it.
func (p *parser) number(i, sign, limit, tooBig int) (int, int, bool, *Error) {
	s := byte(0)
	if sign >= 0 && i < len(p.src) && (p.src[i] == '+' || p.src[i] == '-') {
		s = p.src[i]
		if s == '+' {
			limit -= sign
		}
		i++
	}
	if i >= len(p.src) || !isDigit(p.src[i]) {
		return i, 0, false, nil
	}
	n := 0
	for i < len(p.src) && isDigit(p.src[i]) {
		n = n*10 + int(p.src[i]-'0')
		i++
		if n > limit {
			for i < len(p.src) && isDigit(p.src[i]) {
				i++
			}
			return i, n, false, p.failAt(tooBig, i)
		}
	}
	if s == 0 {
		return i, n, true, nil
	}
	if n == 0 {
		return i, 0, false, p.failAt(errRelativeZero, i)
	}
	if s == '+' {
		return i, n + sign, true, nil
	}
	if n > sign {
		return i, 0, false, p.failAt(errNoSuchGroup, i)
	}
	return i, sign + 1 - n, true, nil
}
