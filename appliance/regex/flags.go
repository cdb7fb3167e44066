package regex

// Flags are the options of Compile. The names follow PCRE2's option names.
type Flags uint32

// The compile options.
const (
	// Caseless ignores the case of letters (/i).
	Caseless Flags = 1 << iota
	// Multiline lets ^ and $ match at every line (/m).
	Multiline
	// DotAll lets . match a newline (/s).
	DotAll
	// Extended ignores white space and # comments in the pattern (/x).
	Extended
	// ExtendedMore also ignores space and tab inside classes (/xx).
	ExtendedMore
	// Ungreedy inverts the greediness of quantifiers (?U).
	Ungreedy
	// Anchored allows a match only at the start offset.
	Anchored
	// EndAnchored allows a match only up to the end of the subject.
	EndAnchored
	// DollarEndOnly makes $ match at the very end only, not before a last newline.
	DollarEndOnly
	// NoAutoCapture makes plain parentheses non-capturing (?n).
	NoAutoCapture
	// DupNames allows several groups of one name (?J).
	DupNames
	// UTF treats pattern and subject as UTF-8.
	UTF
	// UCP makes \d \w \s \b and POSIX classes use Unicode properties.
	UCP
	// NoUTFCheck skips the validity check of UTF-8 subjects.
	NoUTFCheck
	// FirstLine requires the match to begin before or at the first newline.
	FirstLine
	// Literal takes the whole pattern as a literal string.
	Literal
	// AllowEmptyClass makes [] a class that never matches, as in ECMAScript.
	AllowEmptyClass
	// AltBSUX handles \u, \U and \x as ECMAScript does.
	AltBSUX
	// ExtraAltBSUX is AltBSUX plus \u{hhh}.
	ExtraAltBSUX
	// MatchUnsetBackref lets a reference to an unset group match the empty string.
	MatchUnsetBackref
	// NoStartOptimize switches the search prefilters off, which verbs can observe.
	NoStartOptimize
	// AllowLookaroundBSK allows \K inside look-around.
	AllowLookaroundBSK
	// BadEscapeIsLiteral takes an unknown escape as the literal character.
	BadEscapeIsLiteral
	// AltVerbNames interprets backslashes in the names of verbs.
	AltVerbNames
	// MatchWord requires a word boundary at both ends of the match.
	MatchWord
	// MatchLine requires line boundaries at both ends of the match.
	MatchLine
	// NewlineCR makes CR alone the newline. Without a Newline flag it is LF.
	NewlineCR
	// NewlineCRLF makes the pair CR LF the newline.
	NewlineCRLF
	// NewlineAnyCRLF makes CR, LF and CR LF newlines.
	NewlineAnyCRLF
	// NewlineAny makes every Unicode newline a newline.
	NewlineAny
	// NewlineNUL makes a zero byte the newline.
	NewlineNUL
	// BSRAnyCRLF makes \R match CR, LF and CR LF only.
	BSRAnyCRLF
)

// extra options that only the pattern itself can set (letters r and a of an
// option group); they travel with Flags inside the parser.
type extraFlags uint8

const (
	xCaselessRestrict extraFlags = 1 << iota // (?r) ASCII and others never fold together
	xASCIIDigitBS                            // (?aD) \d stays ASCII under UCP
	xASCIISpaceBS                            // (?aS) \s
	xASCIIWordBS                             // (?aW) \w
	xASCIIPosix                              // (?aP) POSIX classes
	xASCIIDigit                              // (?aT) [:digit:] and [:xdigit:]
)

const xASCIIAll = xASCIIDigitBS | xASCIISpaceBS | xASCIIWordBS | xASCIIPosix | xASCIIDigit

// newline is the newline convention of a pattern.
type newline uint8

const (
	nlLF newline = iota
	nlCR
	nlNUL
	nlCRLF // from here on CR LF is one newline
	nlAnyCRLF
	nlAny
	nlAnyUTF // nlAny of UTF-8 text
)

// newlineOf returns the convention that the flags ask for.
func newlineOf(f Flags) newline {
	switch {
	case f&NewlineCR != 0:
		return nlCR
	case f&NewlineCRLF != 0:
		return nlCRLF
	case f&NewlineAnyCRLF != 0:
		return nlAnyCRLF
	case f&NewlineAny != 0:
		return nlAny
	case f&NewlineNUL != 0:
		return nlNUL
	}
	return nlLF
}
