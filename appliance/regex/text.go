package regex

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// wordTable holds the word characters of the C locale.
var wordTable = *setWord.bytes(256)

// lowerTable maps ASCII capitals to small letters.
var lowerTable = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for i := 'A'; i <= 'Z'; i++ {
		t[i] = byte(i) + 32
	}
	return
}()

// equalFold tells whether s begins with str, which is lower case, in any case.
func equalFold(s []byte, str string) bool {
	s = s[:len(str)]
	for i, c := range s {
		if lowerTable[c] != str[i] {
			return false
		}
	}
	return true
}

// nextOK tells whether what follows a loop can match at p.
func (in *inst) nextOK(s []byte, p int) bool {
	if p < len(s) {
		return in.next[s[p]]
	}
	return in.flag&fEndX != 0
}

// giveBack returns the last position in low..p where what follows the loop can
// match, or -1.
func giveBack(s []byte, in *inst, low, p int) int {
	if p < low {
		return -1
	}
	if p == len(s) {
		if in.flag&fEndX != 0 {
			return p
		}
		p--
	}
	if in.flag&fNextByte != 0 {
		if p < low {
			return -1
		}
		if i := bytes.LastIndexByte(s[low:p+1], in.b); i >= 0 {
			return low + i
		}
		return -1
	}
	next := in.next
	for ; p >= low; p-- {
		if next[s[p]] {
			return p
		}
	}
	return -1
}

// giveBackUTF is giveBack by characters.
func giveBackUTF(s []byte, in *inst, low, p int) int {
	for p >= low {
		if in.nextOK(s, p) {
			return p
		}
		if p == low {
			return -1
		}
		p = prevChar(s, p)
	}
	return -1
}

// prevChar returns the start of the character before p, which is above 0.
func prevChar(s []byte, p int) int {
	p--
	for i := 0; i < 3 && p > 0 && !utf8.RuneStart(s[p]); i++ {
		p--
	}
	return p
}

// lazyNext takes one more byte into a lazy loop and goes on until what follows
// can match. It returns the position or -1; f.b counts what may still be taken.
func lazyNext(s []byte, in *inst, f *frame, p int) int {
	for {
		if p >= len(s) || !in.set[s[p]] {
			return -1
		}
		p++
		if f.b > 0 {
			f.b--
		}
		if in.next == nil || in.nextOK(s, p) {
			return p
		}
		if f.b == 0 {
			return -1
		}
	}
}

// match returns the length of the character at p if it is in the set, or 0.
func (e *ext) match(s []byte, p int) int {
	if p >= len(s) {
		return 0
	}
	c := s[p]
	if c < utf8.RuneSelf {
		return b2i(e.ascii[c])
	}
	if c >= 0xc2 && c < 0xe0 && p+1 < len(s) && s[p+1]&0xc0 == 0x80 {
		return 2 * int(e.low[c&31]>>(s[p+1]&63)&1)
	}
	r, n := utf8.DecodeRune(s[p:])
	if e.set.has(r) {
		return n
	}
	return 0
}

// holdsSlot tells whether a call hands the group of a capture slot back.
func (e *ext) holdsSlot(slot int) bool {
	for _, g := range e.list {
		if slot>>1 == int(g) {
			return true
		}
	}
	return false
}

// stepBack returns the position n characters before p, or -1.
func stepBack(s []byte, p, n int, utf bool) int {
	if !utf {
		if p < n {
			return -1
		}
		return p - n
	}
	for ; n > 0; n-- {
		if p == 0 {
			return -1
		}
		p = prevChar(s, p)
	}
	return p
}

// newlineHere returns the length of the newline at p, or 0.
func newlineHere[T string | []byte](s T, p int, nl newline) int {
	c := s[p]
	crlf := c == '\r' && p+1 < len(s) && s[p+1] == '\n'
	switch nl {
	case nlLF:
		return b2i(c == '\n')
	case nlCR:
		return b2i(c == '\r')
	case nlNUL:
		return b2i(c == 0)
	case nlCRLF:
		return 2 * b2i(crlf)
	}
	switch {
	case crlf:
		return 2
	case c == '\n' || c == '\r':
		return 1
	case nl >= nlAny && (c == '\v' || c == '\f'), nl == nlAny && c == 0x85:
		return 1
	case nl == nlAnyUTF && c == 0xc2 && p+1 < len(s) && s[p+1] == 0x85:
		return 2
	case nl == nlAnyUTF && c == 0xe2 && p+2 < len(s) && s[p+1] == 0x80 && s[p+2]&^1 == 0xa8:
		return 3
	}
	return 0
}

// afterNewline tells whether p, which is above 0, follows a newline. Between CR
// and LF it does, where CR alone is a newline too.
func afterNewline(s []byte, p int, nl newline) bool {
	c := s[p-1]
	switch nl {
	case nlLF:
		return c == '\n'
	case nlCR:
		return c == '\r'
	case nlNUL:
		return c == 0
	case nlCRLF:
		return p >= 2 && c == '\n' && s[p-2] == '\r'
	}
	switch {
	case c == '\n' || c == '\r':
		return true
	case nl == nlAny:
		return c == '\v' || c == '\f' || c == 0x85
	case nl == nlAnyUTF:
		p = prevChar(s, p)
		return newlineHere(s, p, nl) > 0
	}
	return false
}

// atEnd tells whether p is at the end or before a newline that ends s.
func atEnd(s []byte, p int, nl newline) bool {
	if p == len(s) {
		return true
	}
	if nl == nlLF {
		return p == len(s)-1 && s[p] == '\n'
	}
	n := newlineHere(s, p, nl)
	return n > 0 && p+n == len(s)
}

// wordAround tells whether the characters before and after p are of words.
func wordAround(s []byte, p int, flag uint16) (before, after bool) {
	word := func(r rune) bool {
		if flag&fUCP != 0 {
			return r == '_' || wordUCP().has(r)
		}
		return r < utf8.RuneSelf && isWordByte(byte(r))
	}
	if flag&fUTF == 0 {
		return p > 0 && word(rune(s[p-1])), p < len(s) && word(rune(s[p]))
	}
	if p > 0 {
		r, _ := utf8.DecodeRune(s[prevChar(s, p):])
		before = word(r)
	}
	if p < len(s) {
		r, _ := utf8.DecodeRune(s[p:])
		after = word(r)
	}
	return before, after
}

// backref returns the length of the text at pos that repeats a group, or -1.
func (m *Matcher) backref(in *inst, regs []int32, s []byte, pos int) int {
	for _, g := range in.ext.list {
		if regs[2*g+1] < 0 {
			continue
		}
		ref := s[regs[2*g]:max(regs[2*g+1], regs[2*g])]
		switch {
		case in.flag&fFold == 0:
			if len(s)-pos >= len(ref) && string(s[pos:pos+len(ref)]) == string(ref) {
				return len(ref)
			}
		case in.flag&fUTF != 0:
			return equalFoldUTF(s[pos:], ref)
		case len(s)-pos >= len(ref):
			for i, c := range ref {
				if lowerTable[c] != lowerTable[s[pos+i]] {
					return -1
				}
			}
			return len(ref)
		}
		return -1
	}
	if in.ext.hasAll {
		return 0
	}
	return -1
}

// equalFoldUTF returns how many bytes of s repeat ref in any case, or -1.
func equalFoldUTF(s, ref []byte) int {
	n := 0
	for len(ref) > 0 {
		a, k := utf8.DecodeRune(ref)
		ref = ref[k:]
		if n >= len(s) {
			return -1
		}
		b, j := utf8.DecodeRune(s[n:])
		if a != b {
			r := unicode.SimpleFold(a)
			for r != a && r != b {
				r = unicode.SimpleFold(r)
			}
			if r != b {
				return -1
			}
		}
		n += j
	}
	return n
}
