package regex

import (
	"unicode"
	"unicode/utf8"
)

// graphemeLen returns the length of the extended grapheme cluster at the start
// of s, which is not empty (Unicode Standard Annex 29).
func graphemeLen(s []byte, utf bool) int {
	if !utf {
		if s[0] == '\r' && len(s) > 1 && s[1] == '\n' {
			return 2
		}
		return 1
	}
	r, n := utf8.DecodeRune(s)
	prev := breakOf(r)
	regional := b2i(prev == gbRegional)
	pict := isPictographic(r)
	for n < len(s) {
		r, k := utf8.DecodeRune(s[n:])
		cur := breakOf(r)
		if !joins(prev, cur) {
			switch {
			case prev == gbZWJ && pict && isPictographic(r):
			case prev == gbRegional && cur == gbRegional && regional%2 == 1:
			default:
				return n
			}
		}
		if cur == gbRegional {
			regional++
		}
		if cur != gbExtend && cur != gbZWJ {
			pict = isPictographic(r)
		}
		prev = cur
		n += k
	}
	return n
}

// graphemeBreak is the Grapheme_Cluster_Break property.
type graphemeBreak uint8

const (
	gbOther graphemeBreak = iota
	gbCR
	gbLF
	gbControl
	gbExtend
	gbZWJ
	gbSpacing
	gbPrepend
	gbRegional
	gbL
	gbV
	gbT
	gbLV
	gbLVT
)

// joins tells whether no cluster ends between a and b.
func joins(a, b graphemeBreak) bool {
	switch {
	case a == gbCR && b == gbLF:
		return true
	case a <= gbControl && a != gbOther || b <= gbControl && b != gbOther:
		return false
	case b == gbExtend || b == gbZWJ || b == gbSpacing || a == gbPrepend:
		return true
	case a == gbL:
		return b == gbL || b == gbV || b == gbLV || b == gbLVT
	case a == gbLV || a == gbV:
		return b == gbV || b == gbT
	case a == gbLVT || a == gbT:
		return b == gbT
	}
	return false
}

// breakOf derives the property from the general category; the standard library
// carries no table of it.
func breakOf(r rune) graphemeBreak {
	switch {
	case r == '\r':
		return gbCR
	case r == '\n':
		return gbLF
	case r < 0x300:
		if r < 32 || r >= 127 && r < 160 || r == 0xad {
			return gbControl
		}
		return gbOther
	case r == 0x200d:
		return gbZWJ
	case r == 0x200c || r >= 0x1f3fb && r <= 0x1f3ff || r >= 0xe0020 && r <= 0xe007f:
		return gbExtend
	case r >= 0x1f1e6 && r <= 0x1f1ff:
		return gbRegional
	case r >= 0x1100 && r <= 0x115f || r >= 0xa960 && r <= 0xa97c:
		return gbL
	case r >= 0x1160 && r <= 0x11a7 || r >= 0xd7b0 && r <= 0xd7c6:
		return gbV
	case r >= 0x11a8 && r <= 0x11ff || r >= 0xd7cb && r <= 0xd7fb:
		return gbT
	case r >= 0xac00 && r <= 0xd7a3:
		if (r-0xac00)%28 == 0 {
			return gbLV
		}
		return gbLVT
	case r >= 0x600 && r <= 0x605 || r == 0x6dd || r == 0x70f || unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return gbPrepend
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Other_Grapheme_Extend):
		return gbExtend
	case unicode.Is(unicode.Mc, r) || r == 0xe33 || r == 0xeb3:
		return gbSpacing
	case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Cc, unicode.Cs):
		return gbControl
	}
	return gbOther
}

// isPictographic approximates Extended_Pictographic by blocks.
func isPictographic(r rune) bool {
	switch {
	case r == 0xa9 || r == 0xae || r == 0x203c || r == 0x2049 || r == 0x2122 || r == 0x2139:
		return true
	case r >= 0x2194 && r <= 0x21aa || r >= 0x231a && r <= 0x23ff && unicode.Is(unicode.So, r):
		return true
	case r >= 0x2600 && r <= 0x27bf && unicode.Is(unicode.So, r) || r >= 0x2b05 && r <= 0x2b55:
		return true
	}
	return r >= 0x1f000 && r <= 0x1faff && !(r >= 0x1f1e6 && r <= 0x1f1ff) && !(r >= 0x1f3fb && r <= 0x1f3ff)
}

// oneScript tells whether the letters of s are of one script, Common and
// Inherited characters aside.
func oneScript(s []byte) bool {
	var script *unicode.RangeTable
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		if script != nil {
			if !unicode.Is(script, r) {
				return false
			}
			continue
		}
		for _, t := range unicode.Scripts {
			if unicode.Is(t, r) {
				script = t
			}
		}
	}
	return true
}
