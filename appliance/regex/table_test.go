package regex

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestABadPatternGivesPCRE2sTextAndOffset(t *testing.T) {
	tests := []struct {
		pattern string
		flags   Flags
		code    int
		offset  int
		msg     string
	}{
		{`(abc`, 0, 114, 4, "missing closing parenthesis"},
		{`abc)`, 0, 122, 4, "unmatched closing parenthesis"},
		{`a[b`, 0, 106, 3, "missing terminating ] for character class"},
		{`*a`, 0, 109, 1, "quantifier does not follow a repeatable item"},
		{`a**`, 0, 109, 3, "quantifier does not follow a repeatable item"},
		{`a{3,2}`, 0, 104, 5, "numbers out of order in {} quantifier"},
		{`a{65536}`, 0, 105, 7, "number too big in {} quantifier"},
		{`abc\`, 0, 101, 4, `\ at end of pattern`},
		{`\c`, 0, 102, 2, `\c at end of pattern`},
		{`\j`, 0, 103, 2, `unrecognized character follows \`},
		{`[z-a]`, 0, 108, 4, "range out of order in character class"},
		{`[a-\d]`, 0, 150, 5, "invalid range in character class"},
		{`[\d-z]`, 0, 150, 4, "invalid range in character class"},
		{`[[:foo:]]`, 0, 130, 8, "unknown POSIX class name"},
		{`[:alpha:]`, 0, 112, 9, "POSIX named classes are supported only within a class"},
		{`[[.a.]]`, 0, 113, 6, "POSIX collating elements are not supported"},
		{`[\B]`, 0, 107, 3, "escape sequence is invalid in character class"},
		{`(?z)`, 0, 111, 3, "unrecognized character after (? or (?-"},
		{`(?<n`, 0, 142, 4, "syntax error in subpattern name (missing terminator?)"},
		{`(?<>a)`, 0, 162, 3, "subpattern name expected"},
		{`(?<1a>b)`, 0, 144, 4, "subpattern name must start with a non-digit"},
		{`(?<n>a)(?<n>b)`, 0, 143, 12, "two named subpatterns have the same name (PCRE2_DUPNAMES not set)"},
		{`\1`, 0, 115, 2, "reference to non-existent subpattern"},
		{`(?2)(a)`, 0, 115, 3, "reference to non-existent subpattern"},
		{`(?P<n>a)(?P=m)`, 0, 115, 12, "reference to non-existent subpattern"},
		{`(?<=a+)b`, 0, 125, 0, "length of lookbehind assertion is not limited"},
		{`x(?<=a*)b`, 0, 125, 1, "length of lookbehind assertion is not limited"},
		{`(?(1)a|b|c)(d)`, 0, 127, 0, "conditional subpattern contains more than two branches"},
		{`(?(DEFINE)a|b)`, 0, 154, 3, "DEFINE subpattern contains more than one branch"},
		{`(?#abc`, 0, 118, 6, "missing ) after (?# comment"},
		{`\x{110000}`, UTF, 134, 9, `character code point value in \x{} or \o{} is too large`},
		{`\x{d800}`, UTF, 173, 7, "disallowed Unicode code point (>= 0xd800 && <= 0xdfff)"},
		{`\x{zz}`, 0, 167, 4, `non-hex character in \x{} (closing brace missing?)`},
		{`\p{Foo}`, 0, 147, 7, `unknown property after \P or \p`},
		{`\p{L`, 0, 146, 4, `malformed \P or \p sequence`},
		{`\k`, 0, 169, 2, `\k is not followed by a braced, angle-bracketed, or quoted name`},
		{`\g`, 0, 157, 2, `\g is not followed by a braced, angle-bracketed, or quoted name/number or by a plain number`},
		{`(*FOO)a`, 0, 160, 5, "(*VERB) not recognized or malformed"},
		{`\L`, 0, 137, 2, `PCRE2 does not support \F, \L, \l, \N{name}, \U, or \u`},
		{`\400`, 0, 151, 4, `octal value is greater than \377 in 8-bit non-UTF-8 mode`},
		{`(?R`, 0, 158, 3, "(?R (recursive pattern call) must be followed by a closing parenthesis"},
		{strings.Repeat("(", 251) + strings.Repeat(")", 251), 0, 119, 251, "parentheses are too deeply nested"},
		{`(?:(?:ab){1000}){1000}`, 0, 120, 22, "regular expression is too large"},
	}
	for _, tt := range tests {
		_, err := Compile(tt.pattern, tt.flags)
		got := fmt.Sprint(err)
		want := (&Error{tt.code, tt.msg, tt.offset}).Error()
		if got != want {
			t.Errorf("%.60s: got %s, want %s", tt.pattern, got, want)
		}
		if e, ok := err.(*Error); ok && e.Code != tt.code {
			t.Errorf("%.60s: got code %d, want %d", tt.pattern, e.Code, tt.code)
		}
	}
}

func TestDeeplyNestedPatternsCompileInTime(t *testing.T) {
	for _, p := range []string{
		strings.Repeat("(", 200) + "a" + strings.Repeat(")+", 200),
		strings.Repeat("(?:", 200) + "a" + strings.Repeat(")*", 200),
		strings.Repeat("(?:a|", 200) + "b" + strings.Repeat(")", 200),
		strings.Repeat("(?=", 200) + "a" + strings.Repeat(")", 200),
		strings.Repeat("(?:", 12) + "ab" + strings.Repeat("){2}", 12),
		"(?:" + strings.Repeat("a?", 2000) + ")*",
	} {
		start := time.Now()
		if _, err := Compile(p, 0); err != nil {
			t.Errorf("%.20s...: %v", p, err)
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%.20s...: took %v", p, took)
		}
	}
}

func TestIterationFollowsTheEmptyMatchRules(t *testing.T) {
	tests := []struct {
		pattern, subject string
		flags            Flags
		rule             EmptyRule
		want             string
	}{
		{`a*`, "baac", 0, EmptyPerl, "0-0 1-3 3-3 4-4"},
		{`a*`, "baac", 0, EmptyStep, "0-0 1-3 3-3 4-4"},
		{`a*?`, "aa", 0, EmptyPerl, "0-0 0-1 1-1 1-2 2-2"},
		{`a*?`, "aa", 0, EmptyStep, "0-0 1-1 2-2"},
		{`\d`, "1a2", 0, EmptyPerl, "0-1 2-3"},
		{`^`, "a\nb", Multiline, EmptyPerl, "0-0 2-2"},
		{`$`, "ab", 0, EmptyPerl, "2-2"},
		{``, "\u00e9", UTF, EmptyPerl, "0-0 2-2"},
		{``, "", 0, EmptyPerl, "0-0"},
		{`\Ga`, "aab", 0, EmptyPerl, "0-1 1-2"},
		{`(?=(b))|b`, "ab", 0, EmptyPerl, "1-1 1-2"},
	}
	m := NewMatcher()
	var it Iter
	for _, tt := range tests {
		it.Start(m, MustCompile(tt.pattern, tt.flags), []byte(tt.subject), 0, MatchOptions{}, tt.rule)
		var got []string
		for {
			caps, err := it.Next()
			if err != nil {
				t.Fatal(err)
			}
			if caps == nil {
				break
			}
			got = append(got, fmt.Sprintf("%d-%d", caps[0], caps[1]))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s on %q rule %d: got %s, want %s", tt.pattern, tt.subject, tt.rule, s, tt.want)
		}
	}
}

func TestATemplateInsertsGroups(t *testing.T) {
	re := MustCompile(`(?<y>\d{4})-(\d\d)(-x)?`, 0)
	s := []byte("on 2026-11")
	caps, err := NewMatcher().Match(re, s, 0, MatchOptions{}, nil)
	if err != nil || caps == nil {
		t.Fatal(caps, err)
	}
	tests := []struct{ text, want, err string }{
		{"plain", "plain", ""},
		{"$2/$1", "11/2026", ""},
		{"${2}0", "110", ""},
		{"$0", "2026-11", ""},
		{"${y}!", "", `attempt to use named capturing variable "y" (named captures not supported yet)`},
		{"$year", "", `attempt to use named capturing variable "year" (named captures not supported yet)`},
		{"$1x", "2026x", ""},
		{"$$1", "$1", ""},
		{"[$3][$9]", "[][]", ""},
		{"$", "", `lua script: invalid capturing variable name found in "$"`},
		{"${1", "", `the closing bracket in "1" variable is missing`},
		{"${", "", `lua script: invalid capturing variable name found in "${"`},
		{"${1x}", "", `the closing bracket in "1" variable is missing`},
		{"$&", "", `lua script: invalid capturing variable name found in "$&"`},
	}
	for _, tt := range tests {
		tpl, err := CompileTemplate(tt.text)
		if err != nil {
			if err.Error() != tt.err {
				t.Errorf("%s: got error %v, want %q", tt.text, err, tt.err)
			}
			continue
		}
		if got := string(tpl.AppendTo(nil, s, caps)); got != tt.want || tt.err != "" {
			t.Errorf("%s: got %q, want %q %s", tt.text, got, tt.want, tt.err)
		}
	}
}

func TestACacheKeepsAtMostItsBound(t *testing.T) {
	c := NewCache(4)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 50 {
				re, err := c.Get(fmt.Sprintf("a{%d}", (i*w)%9), 0)
				if err != nil || re == nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := c.Len(); n > 4 {
		t.Errorf("got %d patterns, want at most 4", n)
	}
	a, _ := c.Get("xyz", 0)
	b, _ := c.Get("xyz", 0)
	if a != b {
		t.Error("got two patterns, want the kept one")
	}
	if d, _ := c.Get("xyz", Caseless); d == a {
		t.Error("got the pattern of other flags")
	}
	if _, err := c.Get("(", 0); err == nil {
		t.Error("got no error for a bad pattern")
	}
	none := NewCache(0)
	if re, err := none.Get("a", 0); err != nil || re == nil || none.Len() != 0 {
		t.Errorf("got %v, %v and %d kept, want a pattern and none kept", re, err, none.Len())
	}
}

func TestNamesComeInTheOrderOfThePatternTable(t *testing.T) {
	re := MustCompile(`(?<zeta>a)(?'alpha'b)(?P<mid>c)(?<mid>d)`, DupNames)
	want := "[{alpha 2} {mid 3} {mid 4} {zeta 1}]"
	if got := fmt.Sprint(re.Names()); got != want || re.NumCaptures() != 4 {
		t.Errorf("got %s and %d groups, want %s and 4", got, re.NumCaptures(), want)
	}
}

func TestMatchOptionsLimitWhatMatches(t *testing.T) {
	tests := []struct {
		pattern string
		flags   Flags
		subject string
		from    int
		opt     MatchOption
		want    string
	}{
		{`^a`, 0, "a", 0, NotBOL, "no match"},
		{`a$`, 0, "a", 0, NotEOL, "no match"},
		{`a*`, 0, "ba", 0, NotEmpty, "0=a"},
		{`a*`, 0, "ba", 0, NotEmptyAtStart, "0=a"},
		{`a`, 0, "ba", 0, AnchoredMatch, "no match"},
		{`a`, 0, "ba", 1, AnchoredMatch, "0=a"},
		{`a+?`, 0, "aaa", 0, EndAnchoredMatch, "0=aaa"},
		{`\Gb`, 0, "ab", 1, 0, "0=b"},
		{`^b`, 0, "ab", 1, 0, "no match"},
		{`(?<=a)b`, 0, "ab", 1, 0, "0=b"},
		{`a|ab|abc`, 0, "abc", 0, Longest, "0=abc"},
		{`(a|aa)*?`, 0, "aaab", 0, Longest, "0=aaa"},
		{`x*`, 0, "abc", 0, Longest, "0="},
		{`(a+)+\b`, 0, "aaa b", 0, Longest, "0=aaa"},
	}
	m := NewMatcher()
	for _, tt := range tests {
		re := MustCompile(tt.pattern, tt.flags)
		caps, err := m.Match(re, []byte(tt.subject), tt.from, MatchOptions{Flags: tt.opt}, nil)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
		}
		if got := show(tt.subject, caps); got != tt.want {
			t.Errorf("%s on %q from %d with %b: got %s, want %s", tt.pattern, tt.subject, tt.from, tt.opt, got, tt.want)
		}
	}
}

func TestBadSubjectsAreRefused(t *testing.T) {
	m := NewMatcher()
	re := MustCompile(`.`, UTF)
	for s, code := range map[string]int{
		"a\xc3": -3, "\xe2\x82": -3, "\xe2": -4, "\xf0\x9f": -4, "\xf8": -6, "\xfc": -7, "\xc3a": -8, "\xe2\x82a": -9, "\xf0\x9f\x98a": -10,
		"\xf8\x88\x80\x80\x80": -13, "\xfc\x84\x80\x80\x80\x80": -14, "\xf4\x90\x80\x80": -15, "\xed\xa0\x80": -16,
		"\xc0\x80": -17, "\xe0\x80\x80": -18, "\xf0\x80\x80\x80": -19, "\xf8\x80\x80\x80\x80": -20, "\xfc\x80\x80\x80\x80\x80": -21, "a\x80": -22, "a\xffb": -23,
	} {
		_, err := m.Match(re, []byte(s), 0, MatchOptions{}, nil)
		if e, ok := err.(*MatchError); !ok || e.Code != code || !e.IsUTF() {
			t.Errorf("%q: got %v, want code %d", s, err, code)
		}
	}
	if _, err := m.Match(re, []byte("\u00e9"), 1, MatchOptions{}, nil); err != ErrBadUTFOffset {
		t.Errorf("got %v, want %v", err, ErrBadUTFOffset)
	}
	if _, err := m.Match(re, []byte("a"), 2, MatchOptions{}, nil); err != ErrBadOffset {
		t.Errorf("got %v, want %v", err, ErrBadOffset)
	}
	if caps, err := m.Match(re, []byte("\xff"), 0, MatchOptions{Flags: NoCheckUTF}, nil); err != nil || caps == nil {
		t.Errorf("got %v, %v, want a match of the invalid byte", caps, err)
	}
}

func TestOneRegexServesManyWorkers(t *testing.T) {
	re := MustCompile(`(\w+)@(\w+)\.com|(a+)+$`, 0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			m := NewMatcher()
			for range 200 {
				caps, err := m.Match(re, []byte("mail bob@example.com now"), 0, MatchOptions{}, nil)
				if err != nil || show("mail bob@example.com now", caps) != "0=bob@example.com 1=bob 2=example 3=-" {
					t.Errorf("got %v, %v", caps, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
