package regex

import "strconv"

// Error is a pattern that does not compile. Code, text and offset are those of
// PCRE2, because users and their test suites read them in nginx's messages.
type Error struct {
	// Code is PCRE2's error number, 101 and up.
	Code int
	// Msg is PCRE2's text of that number.
	Msg string
	// Offset is the byte of the pattern where the parser stopped.
	Offset int
}

// Error returns the text with the offset.
func (e *Error) Error() string {
	return "regex: " + e.Msg + " at offset " + strconv.Itoa(e.Offset)
}

// MatchError is a match that was given up. Code is PCRE2's negative number.
type MatchError struct {
	// Code is PCRE2's error number, below zero.
	Code int
	// Msg is PCRE2's text of that number.
	Msg string
}

// Error returns the text.
func (e *MatchError) Error() string { return e.Msg }

// The errors that Match returns. They are values, compared by identity. A
// subject that is not valid UTF-8 has an error of its own for every fault: see
// MatchError.IsUTF.
var (
	// ErrMatchLimit means that the step budget was used up.
	ErrMatchLimit = &MatchError{-47, "match limit exceeded"}
	// ErrHeapLimit means that the backtracking stack grew past its bound.
	ErrHeapLimit = &MatchError{-63, "heap limit exceeded"}
	// ErrRecurseLoop means a recursion that comes back to the same position.
	ErrRecurseLoop = &MatchError{-52, "nested recursion at the same subject position"}
	// ErrBadOffset means a start offset outside the subject.
	ErrBadOffset = &MatchError{-33, "bad offset value"}
	// ErrBadUTFOffset means a start offset inside a UTF-8 character.
	ErrBadUTFOffset = &MatchError{-36, "bad offset into UTF string"}
	// ErrDFAItem means that DFA mode met an item it does not support.
	ErrDFAItem = &MatchError{-42, "pattern contains an item that is not supported for DFA matching"}
	// ErrDFACond means that DFA mode met a condition it does not support.
	ErrDFACond = &MatchError{-40, "backreference condition or recursion test is not supported for DFA matching"}
	// ErrTooLong means a subject of 2 GiB or more.
	ErrTooLong = &MatchError{-34, "bad option value"}
)

// The compile errors in use, by PCRE2's number less 100.
const (
	errEndBackslash     = 1
	errEndC             = 2
	errUnknownEscape    = 3
	errQuantOrder       = 4
	errQuantBig         = 5
	errNoClassEnd       = 6
	errClassEscape      = 7
	errRangeOrder       = 8
	errNothingToRepeat  = 9
	errAfterParenQ      = 11
	errPosixOutside     = 12
	errCollating        = 13
	errNoParen          = 14
	errNoSuchGroup      = 15
	errNoCommentEnd     = 18
	errTooDeep          = 19
	errTooLarge         = 20
	errUnmatchedParen   = 22
	errNoCondParen      = 24
	errLookbehindLen    = 25
	errRelativeZero     = 26
	errCondBranches     = 27
	errCondAssert       = 28
	errDigitExpected    = 29
	errPosixName        = 30
	errCodePointBig     = 34
	errLookbehindHard   = 35
	errLookbehindC      = 36
	errPerlEscape       = 37
	errCalloutNum       = 38
	errCalloutParen     = 39
	errVerbEscape       = 40
	errAfterP           = 41
	errNameEnd          = 42
	errDupName          = 43
	errNameDigit        = 44
	errPropMalformed    = 46
	errPropUnknown      = 47
	errNameLong         = 48
	errNamesMany        = 49
	errInvalidRange     = 50
	errOctalBig         = 51
	errDefineBranches   = 54
	errOctalBrace       = 55
	errGForm            = 57
	errRecursionParen   = 58
	errVerb             = 60
	errGroupNumBig      = 61
	errNameExpected     = 62
	errOctalDigits      = 64
	errNumberNames      = 65
	errMarkArg          = 66
	errHexDigits        = 67
	errCPrintable       = 68
	errKForm            = 69
	errNInClass         = 71
	errSurrogate        = 73
	errVerbNameLong     = 76
	errUCodeBig         = 77
	errDigitsMissing    = 78
	errVersion          = 79
	errCalloutDelim     = 81
	errCalloutStart     = 82
	errNestOptions      = 84
	errTooComplicated   = 86
	errLookbehindLong   = 87
	errNUTF             = 93
	errOptionHyphen     = 94
	errAlphaAssert      = 95
	errManyGroups       = 97
	errKInLook          = 99
	errVarLookbehind    = 100
	errClassNest        = 107
	errClassOperator    = 108
	errClassNoOperand   = 109
	errClassOperandNext = 110
	errClassNoOperator  = 113
	errClassEmpty       = 114
	errClassNoCloseP    = 115
	errClassChar        = 116
	errGroupExpected    = 117
	errOpenParen        = 118
	errNumberEnd        = 119
)

// errorTexts holds PCRE2's texts; a missing number is an internal error there.
var errorTexts = map[int]string{
	errEndBackslash:     "\\ at end of pattern",
	errEndC:             "\\c at end of pattern",
	errUnknownEscape:    "unrecognized character follows \\",
	errQuantOrder:       "numbers out of order in {} quantifier",
	errQuantBig:         "number too big in {} quantifier",
	errNoClassEnd:       "missing terminating ] for character class",
	errClassEscape:      "escape sequence is invalid in character class",
	errRangeOrder:       "range out of order in character class",
	errNothingToRepeat:  "quantifier does not follow a repeatable item",
	errAfterParenQ:      "unrecognized character after (? or (?-",
	errPosixOutside:     "POSIX named classes are supported only within a class",
	errCollating:        "POSIX collating elements are not supported",
	errNoParen:          "missing closing parenthesis",
	errNoSuchGroup:      "reference to non-existent subpattern",
	errNoCommentEnd:     "missing ) after (?# comment",
	errTooDeep:          "parentheses are too deeply nested",
	errTooLarge:         "regular expression is too large",
	errUnmatchedParen:   "unmatched closing parenthesis",
	errNoCondParen:      "missing closing parenthesis for condition",
	errLookbehindLen:    "length of lookbehind assertion is not limited",
	errRelativeZero:     "a relative value of zero is not allowed",
	errCondBranches:     "conditional subpattern contains more than two branches",
	errCondAssert:       "atomic assertion expected after (?( or (?(?C)",
	errDigitExpected:    "digit expected after (?+",
	errPosixName:        "unknown POSIX class name",
	errCodePointBig:     "character code point value in \\x{} or \\o{} is too large",
	errLookbehindHard:   "lookbehind is too complicated",
	errLookbehindC:      "\\C is not allowed in a lookbehind assertion in UTF-8 mode",
	errPerlEscape:       "PCRE2 does not support \\F, \\L, \\l, \\N{name}, \\U, or \\u",
	errCalloutNum:       "number after (?C is greater than 255",
	errCalloutParen:     "closing parenthesis for (?C expected",
	errVerbEscape:       "invalid escape sequence in (*VERB) name",
	errAfterP:           "unrecognized character after (?P",
	errNameEnd:          "syntax error in subpattern name (missing terminator?)",
	errDupName:          "two named subpatterns have the same name (PCRE2_DUPNAMES not set)",
	errNameDigit:        "subpattern name must start with a non-digit",
	errPropMalformed:    "malformed \\P or \\p sequence",
	errPropUnknown:      "unknown property after \\P or \\p",
	errNameLong:         "subpattern name is too long (maximum 128 code units)",
	errNamesMany:        "too many named subpatterns (maximum 10000)",
	errInvalidRange:     "invalid range in character class",
	errOctalBig:         "octal value is greater than \\377 in 8-bit non-UTF-8 mode",
	errDefineBranches:   "DEFINE subpattern contains more than one branch",
	errOctalBrace:       "missing opening brace after \\o",
	errGForm:            "\\g is not followed by a braced, angle-bracketed, or quoted name/number or by a plain number",
	errRecursionParen:   "(?R (recursive pattern call) must be followed by a closing parenthesis",
	errVerb:             "(*VERB) not recognized or malformed",
	errGroupNumBig:      "subpattern number is too big",
	errNameExpected:     "subpattern name expected",
	errOctalDigits:      "non-octal character in \\o{} (closing brace missing?)",
	errNumberNames:      "different names for subpatterns of the same number are not allowed",
	errMarkArg:          "(*MARK) must have an argument",
	errHexDigits:        "non-hex character in \\x{} (closing brace missing?)",
	errCPrintable:       "\\c must be followed by a printable ASCII character",
	errKForm:            "\\k is not followed by a braced, angle-bracketed, or quoted name",
	errNInClass:         "\\N is not supported in a class",
	errSurrogate:        "disallowed Unicode code point (>= 0xd800 && <= 0xdfff)",
	errVerbNameLong:     "name is too long in (*MARK), (*PRUNE), (*SKIP), or (*THEN)",
	errUCodeBig:         "character code point value in \\u.... sequence is too large",
	errDigitsMissing:    "digits missing after \\x or in \\x{} or \\o{} or \\N{U+}",
	errVersion:          "syntax error or number too big in (?(VERSION condition",
	errCalloutDelim:     "missing terminating delimiter for callout with string argument",
	errCalloutStart:     "unrecognized string delimiter follows (?C",
	errNestOptions:      "(?| and/or (?J: or (?x: parentheses are too deeply nested",
	errTooComplicated:   "regular expression is too complicated",
	errLookbehindLong:   "lookbehind assertion is too long",
	errNUTF:             "\\N{U+dddd} is supported only in Unicode (UTF) mode",
	errOptionHyphen:     "invalid hyphen in option setting",
	errAlphaAssert:      "(*alpha_assertion) not recognized",
	errManyGroups:       "too many capturing groups (maximum 65535)",
	errKInLook:          "\\K is not allowed in lookarounds (but see PCRE2_EXTRA_ALLOW_LOOKAROUND_BSK)",
	errVarLookbehind:    "branch too long in variable-length lookbehind assertion",
	errClassNest:        "extended character class nesting is too deep",
	errClassOperator:    "invalid operator in extended character class",
	errClassNoOperand:   "unexpected operator in extended character class (no preceding operand)",
	errClassOperandNext: "expected operand after operator in extended character class",
	errClassNoOperator:  "unexpected expression in extended character class (no preceding operator)",
	errClassEmpty:       "empty expression in extended character class",
	errClassNoCloseP:    "terminating ] with no following closing parenthesis in (?[...]",
	errClassChar:        "unexpected character in (?[...]) extended character class",
	errGroupExpected:    "expected capture group number or name",
	errOpenParen:        "missing opening parenthesis",
	errNumberEnd:        "syntax error in subpattern number (missing terminator?)",
}

// compileError returns the error of PCRE2's number (less 100) at an offset.
func compileError(code, offset int) *Error {
	return &Error{Code: 100 + code, Msg: errorTexts[code], Offset: offset}
}
