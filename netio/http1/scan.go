package http1

import (
	"encoding/binary"
	"math/bits"
)

// The scanners below look at eight bytes at a time. In each of them the lowest
// flagged byte of a word is exact: borrows of the subtraction travel upwards,
// so a false flag can only stand above a true one.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// indexColon returns the index of the first ':' in b at or after i, or len(b).
func indexColon(b []byte, i int) int {
	s := b[i:]
	for ; len(s) >= 8; s = s[8:] {
		x := binary.LittleEndian.Uint64(s) ^ ':'*ones
		if m := (x - ones) & ^x & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for k, c := range s {
		if c == ':' {
			return i + k
		}
	}
	return len(b)
}

// indexControl returns the index of the first byte below 0x20 or equal to 0x7f
// in b at or after i, or len(b).
func indexControl(b []byte, i int) int {
	s := b[i:]
	for ; len(s) >= 8; s = s[8:] {
		w := binary.LittleEndian.Uint64(s)
		x := w ^ 0x7f*ones
		if m := ((w-' '*ones)&^w | (x-ones)&^x) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for k, c := range s {
		if c < ' ' || c == 0x7f {
			return i + k
		}
	}
	return len(b)
}

// Classes of bytes, one bit per question that is asked of a byte.
const (
	classMethod     = 1 << iota // A-Z, '_', '-'
	classDigit                  // 0-9
	classScheme                 // letters, digits, '+', '-', '.'
	classHost                   // reg-name without '.': unreserved, sub-delims, '%'
	classPath                   // needs no attention in a path
	classUnderscore             // '_'
	classOddName                // flagged when it stands in a field name
	classNoName                 // never part of a field name
)

// class is the table of classes.
var class = buildClass()

func buildClass() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if c >= 'A' && c <= 'Z' || c == '_' || c == '-' {
			t[i] |= classMethod
		}
		if digit {
			t[i] |= classDigit
		}
		if letter || digit || c == '+' || c == '-' || c == '.' {
			t[i] |= classScheme
		}
		if letter || digit || indexString("-_~!$&'()*+,;=%", c) {
			t[i] |= classHost
		}
		if c > ' ' && c != 0x7f && !indexString("/.%?#+", c) {
			t[i] |= classPath
		}
		switch {
		case letter || digit || c == '-':
		case c == '_':
			t[i] |= classUnderscore
		case c <= ' ' || c == 0x7f || c == ':':
			t[i] |= classNoName
		default:
			t[i] |= classOddName
		}
	}
	return t
}

func indexString(s string, c byte) bool {
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}
