package regex

import (
	"os/exec"
	"strings"
	"testing"
)

// FuzzCompile looks for patterns that break the parser, the compiler or the
// machine. Every result must keep the package's promises.
func FuzzCompile(f *testing.F) {
	for _, g := range gateway {
		f.Add(g.pattern, uint32(0), g.subject)
	}
	for _, p := range []string{
		`(?|(a)|(?<n>b))\k<n>`, `\((?:[^()]++|(?R))*\)`, `(?<=a|bc)\Kd`, `(?(?=x)y|z)`, `[[:^alpha:]\d-]`, `\x{1f600}\p{Lu}\X`, `a{2,3}+?`,
		`(*MARK:x)(*SKIP:x)(?<!a(*ACCEPT)b)`, `(?[ [a-z] - [aeiou] & \w ])`, `(?i-m:x)(?^s:y)`, `\Qa.b\E+`, `(*UTF)(*CRLF)^.\R$`, `(?1)(a|b(?1)c)`, `(*scs:(1)x)(y)`,
		`(((((((((((((a*)*)*)*)*)*)*)*)*)*)*)*)*`, `(?:a{99}){99}`, `\g{-1}\o{101}\N{U+41}\cA`,
	} {
		f.Add(p, uint32(0), "abc")
		f.Add(p, uint32(UTF|UCP|Caseless|Multiline), "aé\nB")
	}
	m := NewMatcher()
	f.Fuzz(func(t *testing.T, pattern string, flags uint32, subject string) {
		if len(pattern) > 200 || len(subject) > 200 {
			return
		}
		re, err := Compile(pattern, Flags(flags))
		if err != nil {
			e := err.(*Error)
			if e.Offset < 0 || e.Offset > len(pattern) || e.Msg == "" {
				t.Fatalf("%q: got %+v, want an offset in the pattern and a text", pattern, e)
			}
			return
		}
		for _, opt := range []MatchOptions{{Limit: 20000}, {Limit: 20000, Flags: Longest}, {Limit: 20000, Flags: NotEmptyAtStart}} {
			caps, err := m.Match(re, []byte(subject), 0, opt, nil)
			if err != nil || caps == nil {
				continue
			}
			for i, c := range caps {
				if c < -1 || c > len(subject) || (c < 0) != (caps[i^1] < 0) {
					t.Fatalf("%q on %q: got offsets %v of %d bytes", pattern, subject, caps, len(subject))
				}
			}
		}
	})
}

// fuzzCase lets the generator make a case of fuzzed bytes.
func fuzzCase(data []byte, perl bool) diffCase {
	g := generator{data: data, perl: perl}
	mods := g.byte()
	c := diffCase{}
	n := len(g.data) * 2 / 3
	pattern := generator{data: g.data[:n], perl: perl}
	c.pattern = pattern.pattern()
	rest := generator{data: g.data[n:], wide: perl}
	c.subjects = []string{rest.subject(len(rest.data))}
	for i, f := range []struct {
		bit  Flags
		name string
	}{{Caseless, ",caseless"}, {Multiline, ",multiline"}, {DotAll, ",dotall"}, {Ungreedy, ",ungreedy"}, {UTF, ",utf"}} {
		if mods&(1<<i) != 0 && (perl || i < 3) {
			c.flags |= f.bit
			c.mods += f.name
		}
	}
	if strings.Contains(c.pattern, "(*") {
		c.flags |= NoStartOptimize
	}
	return c
}

func addSeeds(f *testing.F) {
	f.Add([]byte("\x00the quick brown fox jumps over the lazy dog 0123456789"))
	f.Add([]byte("\x1f\x07\x0a\x08\x00\x01\x05\x03\x0b\x0f\x0c\x02\x09\x06\x04\x0d\x0e\x10\x11\x12\x13\x14\x15\x16"))
	f.Add([]byte{7, 1, 2, 200, 3, 5, 6, 99, 8, 13, 0, 0, 10, 4, 4, 4, 1, 0, 12, 250, 6, 7, 8, 9, 1, 2, 3})
}

// FuzzMatchAsGo compares with the standard library on what both have.
func FuzzMatchAsGo(f *testing.F) {
	addSeeds(f)
	m := NewMatcher()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 150 {
			return
		}
		if diff := differsFromGo(m, fuzzCase(data, false)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzMatchAsPCRE2 compares with pcre2test where it is installed.
func FuzzMatchAsPCRE2(f *testing.F) {
	if _, err := exec.LookPath("pcre2test"); err != nil {
		f.Skip("pcre2test is not installed")
	}
	addSeeds(f)
	m := NewMatcher()
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 150 {
			return
		}
		c := fuzzCase(data, true)
		all := pcre2Answers(t, []diffCase{c}, "")
		if all == nil {
			return
		}
		want := all[0]
		re, err := Compile(c.pattern, c.flags)
		failed := len(want[0]) > 0 && strings.HasPrefix(want[0][0], "Failed")
		if (err != nil) != failed {
			if failed && strings.Contains(want[0][0], "not fixed length") {
				return
			}
			t.Fatalf("/%s/: got %v, want %q", c.pattern, err, want[0])
		}
		if err != nil || len(want[1]) == 0 || strings.HasPrefix(want[1][0], "Failed") {
			return
		}
		w := strings.Join(want[1], "\n")
		if strings.HasPrefix(w, "No match") {
			w = "No match"
		}
		for _, patience := range []int{0, -1 << 20} {
			m.patience = patience
			got := weirAnswer(m, re, c.subjects[0])
			if strings.Contains(got[0], "error -5") {
				continue
			}
			if strings.Join(got, "\n") != w {
				t.Fatalf("/%s/%s on %q (patience %d): got %q, want %q", c.pattern, c.mods, c.subjects[0], patience, got, want[1])
			}
		}
	})
}
