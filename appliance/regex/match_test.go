package regex

import (
	"fmt"
	"strings"
	"testing"
)

// show renders a match as "0=abc 1=b 2=-".
func show(s string, caps []int) string {
	if caps == nil {
		return "no match"
	}
	var out strings.Builder
	for i := 0; i < len(caps); i += 2 {
		if i > 0 {
			out.WriteString(" ")
		}
		if caps[i] < 0 {
			out.WriteString(fmt.Sprintf("%d=-", i/2))
			continue
		}
		out.WriteString(fmt.Sprintf("%d=%s", i/2, s[caps[i]:caps[i+1]]))
	}
	return out.String()
}

func TestAMatchGivesPerlsCaptures(t *testing.T) {
	tests := []struct {
		pattern string
		flags   Flags
		subject string
		want    string
	}{
		{`abc`, 0, "xxabcyy", "0=abc"},
		{`^/api/v(\d+)/(.*)$`, 0, "/api/v12/users/7", "0=/api/v12/users/7 1=12 2=users/7"},
		{`(a|ab)(c|bcd)(d*)`, 0, "abcd", "0=abcd 1=a 2=bcd 3="},
		{`(?i)CHROME|firefox`, 0, "Mozilla Firefox/3", "0=Firefox"},
		{`\.(gif|jpg|png)$`, 0, "/a/b.png", "0=.png 1=png"},
		{`(?<=foo)bar`, 0, "xbar foobar", "0=bar"},
		{`(?<!foo)bar`, 0, "foobar xbar", "0=bar"},
		{`(\w+)\s+\1`, 0, "the the cat", "0=the the 1=the"},
		{`(?>a+)b`, 0, "aaab", "0=aaab"},
		{`(?>a+)ab`, 0, "aaab", "no match"},
		{`a++b`, 0, "aaab", "0=aaab"},
		{`\((?:[^()]++|(?R))*\)`, 0, "x(a(b)c)", "0=(a(b)c)"},
		{`^(?:(a)|b)(?(1)c|d)$`, 0, "ac", "0=ac 1=a"},
		{`^(?:(a)|b)(?(1)c|d)$`, 0, "bd", "0=bd 1=-"},
		{`foo\Kbar`, 0, "foobar", "0=bar"},
		{`(?|(a)|(b))c`, 0, "bc", "0=bc 1=b"},
		{`(a*)*`, 0, "b", "0= 1="},
		{`(|a)+`, 0, "aa", "0= 1="},
		{`a(*COMMIT)b|ac`, 0, "ac", "no match"},
		{`(?:a(*THEN)b|ac)`, 0, "ac", "0=ac"},
		{`\d{2,3}?4`, 0, "12344", "0=1234"},
		{`x*?y`, 0, "xxxy", "0=xxxy"},
		{`[[:alpha:]_][\w-]*`, 0, "1foo-bar!", "0=foo-bar"},
		{`\x{e9}+`, UTF, "caf\u00e9\u00e9", "0=\u00e9\u00e9"},
		{`.`, 0, "\u00e9", "0=\xc3"},
		{`(?s).+`, UTF, "\u00e9\n\u00e8", "0=\u00e9\n\u00e8"},
		{`[^a]+$`, UTF | Caseless, "Ab\u00e9", "0=b\u00e9"},
		{`(foo|foobar|fob)x`, 0, "foobarx", "0=foobarx 1=foobar"},
		{`\R`, 0, "a\r\nb", "0=\r\n"},
		{`\bfoo\b`, 0, "xfoo foo", "0=foo"},
		{`a*\Q+\E`, 0, "xaa+", "0=aa+"},
		{"(?x)a* # many\n +a", 0, "aaa", "no match"},
		{`a+(?#one)?`, 0, "aaa", "0=a"},
		{`(?m)^b$`, 0, "a\nb\nc", "0=b"},
	}
	m := NewMatcher()
	for _, tt := range tests {
		re, err := Compile(tt.pattern, tt.flags)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		caps, err := m.Match(re, []byte(tt.subject), 0, MatchOptions{}, nil)
		if err != nil {
			t.Errorf("%s on %q: %v", tt.pattern, tt.subject, err)
			continue
		}
		if got := show(tt.subject, caps); got != tt.want {
			t.Errorf("%s on %q: got %s, want %s", tt.pattern, tt.subject, got, tt.want)
		}
	}
}
