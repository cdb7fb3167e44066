package regex

import "unicode/utf8"

// utfErrors are PCRE2's errors of invalid UTF-8, by number below zero; the
// first is number 3.
var utfErrors = [...]*MatchError{
	{-3, "UTF-8 error: 1 byte missing at end"},
	{-4, "UTF-8 error: 2 bytes missing at end"},
	{-5, "UTF-8 error: 3 bytes missing at end"},
	{-6, "UTF-8 error: 4 bytes missing at end"},
	{-7, "UTF-8 error: 5 bytes missing at end"},
	{-8, "UTF-8 error: byte 2 top bits not 0x80"},
	{-9, "UTF-8 error: byte 3 top bits not 0x80"},
	{-10, "UTF-8 error: byte 4 top bits not 0x80"},
	{-11, "UTF-8 error: byte 5 top bits not 0x80"},
	{-12, "UTF-8 error: byte 6 top bits not 0x80"},
	{-13, "UTF-8 error: 5-byte character is not allowed (RFC 3629)"},
	{-14, "UTF-8 error: 6-byte character is not allowed (RFC 3629)"},
	{-15, "UTF-8 error: code points greater than 0x10ffff are not defined"},
	{-16, "UTF-8 error: code points 0xd800-0xdfff are not defined"},
	{-17, "UTF-8 error: overlong 2-byte sequence"},
	{-18, "UTF-8 error: overlong 3-byte sequence"},
	{-19, "UTF-8 error: overlong 4-byte sequence"},
	{-20, "UTF-8 error: overlong 5-byte sequence"},
	{-21, "UTF-8 error: overlong 6-byte sequence"},
	{-22, "UTF-8 error: isolated byte with 0x80 bit set"},
	{-23, "UTF-8 error: illegal byte (0xfe or 0xff)"},
}

// IsUTF tells whether the error is that the subject is not valid UTF-8.
func (e *MatchError) IsUTF() bool { return e.Code <= -3 && e.Code >= -23 }

// utfError returns the error of the first invalid character of s and where it
// begins.
func utfError(s []byte) (*MatchError, int) {
	for i := 0; i < len(s); {
		_, n := utf8.DecodeRune(s[i:])
		if n > 1 || s[i] < utf8.RuneSelf {
			i += n
			continue
		}
		return utfErrors[utfFault(s[i:])], i
	}
	return nil, 0
}

// utfFault returns the index into utfErrors for the invalid character that s
// begins with. PCRE2 still knows the five- and six-byte forms.
func utfFault(s []byte) int {
	c := s[0]
	if c < 0xc0 {
		return 19
	}
	if c >= 0xfe {
		return 20
	}
	more := 1
	for more < 5 && c&(0x80>>(more+1)) != 0 {
		more++
	}
	if len(s)-1 < more {
		return more - len(s)
	}
	if s[1]&0xc0 != 0x80 {
		return 5
	}
	// The overlong forms and the code points beyond the range show in byte 2;
	// PCRE2 looks at the bytes after it first, except in two-byte characters.
	for k := 2; k <= more; k++ {
		if s[k]&0xc0 != 0x80 {
			return 4 + k
		}
	}
	d := s[1]
	switch {
	case more == 1:
		return 14
	case more == 2 && c == 0xe0 && d&0x20 == 0:
		return 15
	case more == 2:
		return 13
	case more == 3 && c == 0xf0 && d&0x30 == 0:
		return 16
	case more == 3:
		return 12
	case more == 4 && c == 0xf8 && d&0x38 == 0:
		return 17
	case more == 5 && c == 0xfc && d&0x3c == 0:
		return 18
	}
	return 10 + more - 4
}
