package regex

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// diffCase is one pattern with the subjects to compare on.
type diffCase struct {
	pattern  string
	flags    Flags
	mods     string // the flags in pcre2test's words
	subjects []string
}

func randomCase(r *rand.Rand, perl bool) diffCase {
	data := make([]byte, 20+r.IntN(60))
	for i := range data {
		data[i] = byte(r.IntN(256))
	}
	g := generator{data: data, perl: perl}
	c := diffCase{pattern: g.pattern()}
	for _, f := range []struct {
		bit  Flags
		name string
	}{{Caseless, "caseless"}, {Multiline, "multiline"}, {DotAll, "dotall"}, {Ungreedy, "ungreedy"}, {DollarEndOnly, "dollar_endonly"}, {UTF, "utf"}} {
		if r.IntN(6) == 0 && (perl || f.bit != Ungreedy && f.bit != UTF) {
			c.flags |= f.bit
			c.mods += "," + f.name
		}
	}
	if perl {
		for _, f := range []struct {
			bit  Flags
			name string
		}{{FirstLine, "firstline"}, {Anchored, "anchored"}, {EndAnchored, "endanchored"}, {NoAutoCapture, "no_auto_capture"}, {MatchUnsetBackref, "match_unset_backref"},
			{NewlineCRLF, "newline=crlf"}, {NewlineAnyCRLF, "newline=anycrlf"}, {NewlineAny, "newline=any"}, {NewlineCR, "newline=cr"}, {BSRAnyCRLF, "bsr=anycrlf"}, {UCP, "ucp"},
		} {
			if r.IntN(25) == 0 && !(f.bit&(EndAnchored|Anchored|FirstLine) != 0 && strings.Contains(c.pattern, "(*")) {
				c.flags |= f.bit
				c.mods += "," + f.name
				if f.bit&(NewlineCRLF|NewlineAnyCRLF|NewlineAny) != 0 {
					break
				}
			}
		}
	}
	if !strings.Contains(c.pattern, "(*MARK:m)") {
		// Without its mark PCRE2 matches again from the start, unless anchored.
		c.pattern = strings.ReplaceAll(c.pattern, "(*SKIP:m)", "(*SKIP)")
	}
	if strings.Contains(c.pattern, "(*") {
		// What a verb sees depends on the search.
		c.flags |= NoStartOptimize
	}
	for range 4 {
		data := make([]byte, 30)
		for i := range data {
			data[i] = byte(r.IntN(256))
		}
		s := generator{data: data, wide: perl}
		c.subjects = append(c.subjects, s.subject(r.IntN(24)))
	}
	return c
}

// pcre2Answers runs all cases through one pcre2test, without PCRE2's own
// optimizations: in 10.42 two of them lose matches. No answer is nil.
func pcre2Answers(t testing.TB, cases []diffCase, subjectMods string) [][][]string {
	t.Helper()
	var in bytes.Buffer
	for _, c := range cases {
		fmt.Fprintf(&in, "/%x/hex,mark,no_auto_possess,no_start_optimize%s\n", c.pattern, c.mods)
		for _, s := range c.subjects {
			in.WriteString("    ")
			for _, b := range []byte(s) {
				fmt.Fprintf(&in, "\\x%02x", b)
			}
			in.WriteString("\\=match_limit=100000" + subjectMods + "\n")
		}
		in.WriteString("\n")
	}
	cmd := exec.Command("pcre2test", "-q")
	cmd.Stdin = &in
	out, err := cmd.Output()
	if err != nil {
		if bytes.Contains(out, []byte("internal error")) {
			return nil // 10.42 gives itself up on some recursions
		}
		t.Fatalf("pcre2test: %v", err)
	}
	lines := strings.Split(string(out), "\n")
	answers := make([][][]string, len(cases))
	ci, si := -1, -1
	for _, l := range lines {
		switch {
		case strings.HasPrefix(l, "/"):
			ci++
			si = -1
			answers[ci] = make([][]string, len(cases[ci].subjects)+1)
		case strings.HasPrefix(l, "    \\"):
			si++
		case strings.TrimSpace(l) == "":
		default:
			answers[ci][si+1] = append(answers[ci][si+1], l)
		}
	}
	return answers
}

// weirAnswer matches and prints as pcre2test does.
func weirAnswer(m *Matcher, re *Regex, s string) []string {
	caps, err := m.Match(re, []byte(s), 0, MatchOptions{Limit: 1_000_000}, nil)
	var got []string
	switch {
	case err != nil:
		e := err.(*MatchError)
		return []string{fmt.Sprintf("Failed: error %d: %s", e.Code, e.Msg)}
	case caps == nil:
		return append(got, "No match")
	}
	last := 0
	for i := 0; i < len(caps); i += 2 {
		if caps[i] >= 0 {
			last = i
		}
	}
	for i := 0; i <= min(last, 28); i += 2 {
		text := "<unset>"
		if caps[i] >= 0 {
			text = printable([]byte(s)[caps[i]:max(caps[i], caps[i+1])], re.flags&UTF != 0)
		}
		got = append(got, fmt.Sprintf("%2d: %s", i/2, text))
	}
	if mk, ok := m.Mark(); ok && m.mark >= 0 {
		got = append(got, "MK: "+mk)
	}
	return got
}

func seedsOf(t *testing.T, name string, def int) int {
	n, err := strconv.Atoi(os.Getenv(name))
	if err != nil {
		return def
	}
	return n
}

func TestRandomPatternsMatchAsPCRE2Does(t *testing.T) {
	if _, err := exec.LookPath("pcre2test"); err != nil {
		t.Skip("pcre2test is not installed")
	}
	rounds := seedsOf(t, "WEIR_REGEX_ROUNDS", 2)
	base := seedsOf(t, "WEIR_REGEX_SEED", 1)
	m := NewMatcher()
	asked, shown := 0, 0
	for round := range rounds {
		r := rand.New(rand.NewPCG(uint64(base+round), 7))
		cases := make([]diffCase, 500)
		for i := range cases {
			cases[i] = randomCase(r, true)
		}
		answers := pcre2Answers(t, cases, "")
		if answers == nil {
			continue
		}
		for i, c := range cases {
			want := strings.Join(answers[i][0], "\n")
			re, err := Compile(c.pattern, c.flags)
			if (err != nil) != strings.HasPrefix(want, "Failed") {
				if !strings.Contains(want, "lookbehind assertion is not fixed length") {
					t.Errorf("compile %q %s: got %v, want %q", c.pattern, c.mods, err, want)
				}
				continue
			}
			if err != nil {
				continue
			}
			for k, s := range c.subjects {
				want := answers[i][k+1]
				if len(want) > 0 && strings.HasPrefix(want[0], "No match") {
					want = []string{"No match"} // the mark depends on PCRE2's search
				}
				if len(want) == 0 || strings.HasPrefix(want[0], "Failed") {
					continue
				}
				for _, patience := range []int{0, -1 << 20} {
					m.patience = patience
					asked++
					got := weirAnswer(m, re, s)
					if strings.Join(got, "\n") != strings.Join(want, "\n") {
						if shown++; shown <= 15 {
							t.Errorf("/%s/%s on %q (patience %d):\n got %q\nwant %q", c.pattern, c.mods, s, patience, got, want)
						}
					}
				}
			}
		}
	}
	t.Logf("%d matches compared, %d differ", asked, shown)
}

func TestRandomIterationsGoAsPCRE2s(t *testing.T) {
	if _, err := exec.LookPath("pcre2test"); err != nil {
		t.Skip("pcre2test is not installed")
	}
	m := NewMatcher()
	shown, asked := 0, 0
	r := rand.New(rand.NewPCG(uint64(seedsOf(t, "WEIR_REGEX_SEED", 1)), 17))
	for range seedsOf(t, "WEIR_REGEX_ROUNDS", 2) {
		var cases []diffCase
		for len(cases) < 500 {
			c := randomCase(r, true)
			// Marks would have to be told from matches; and until 10.46 the
			// iteration moved the start on after an empty match, which \G,
			// FirstLine and the step over CR LF tell apart.
			moved := c.flags&(FirstLine|Anchored|NewlineCRLF|NewlineAnyCRLF|NewlineAny) != 0 || strings.Contains(c.pattern, `\G`)
			if moved || strings.Contains(c.pattern, "(*") {
				continue
			}
			c.mods += ",global"
			cases = append(cases, c)
		}
		answers := pcre2Answers(t, cases, "")
		if answers == nil {
			continue
		}
		for i, c := range cases {
			re, err := Compile(c.pattern, c.flags)
			if err != nil || re.prog.marksOrCalls {
				continue // pcre2test goes on after a call that PCRE2 gives up
			}
			for k, s := range c.subjects {
				want := strings.Join(answers[i][k+1], "\n")
				if strings.Contains(want, "Failed") || want == "" {
					continue
				}
				asked++
				m.patience = -(asked % 2) << 20
				got := strings.Join(weirIteration(m, re, s), "\n")
				// pcre2test goes on after an error of a second look.
				if got != want && !strings.Contains(got, ErrRecurseLoop.Msg) && !strings.Contains(got, ErrMatchLimit.Msg) {
					if shown++; shown <= 15 {
						t.Errorf("/%s/%s on %q:\n got %q\nwant %q", c.pattern, c.mods, s, got, want)
					}
				}
			}
		}
	}
	t.Logf("%d iterations compared, %d differ", asked, shown)
}

// weirIteration lists all matches as pcre2test's global does.
func weirIteration(m *Matcher, re *Regex, s string) []string {
	var it Iter
	var got []string
	it.Start(m, re, []byte(s), 0, MatchOptions{}, EmptyPerl)
	for {
		caps, err := it.Next()
		switch {
		case err != nil:
			return append(got, err.Error())
		case caps == nil && got == nil:
			return []string{"No match"}
		case caps == nil:
			return got
		}
		last := 0
		for i := 0; i < len(caps); i += 2 {
			if caps[i] >= 0 {
				last = i
			}
		}
		for i := 0; i <= min(last, 28); i += 2 {
			text := "<unset>"
			if caps[i] >= 0 {
				text = printable([]byte(s)[caps[i]:max(caps[i], caps[i+1])], re.flags&UTF != 0)
			}
			got = append(got, fmt.Sprintf("%2d: %s", i/2, text))
		}
	}
}

func TestRandomPatternsGiveTheLongestMatchOfPCRE2sDFA(t *testing.T) {
	if _, err := exec.LookPath("pcre2test"); err != nil {
		t.Skip("pcre2test is not installed")
	}
	m := NewMatcher()
	shown := 0
	r := rand.New(rand.NewPCG(uint64(seedsOf(t, "WEIR_REGEX_SEED", 1)), 13))
	for range seedsOf(t, "WEIR_REGEX_ROUNDS", 2) {
		cases := make([]diffCase, 500)
		for i := range cases {
			cases[i] = randomCase(r, false)
			// PCRE2's DFA lets DollarEndOnly win over Multiline, its interpreter not.
			cases[i].flags &^= DollarEndOnly
			cases[i].mods = strings.ReplaceAll(cases[i].mods, ",dollar_endonly", "")
		}
		answers := pcre2Answers(t, cases, ",dfa")
		for i, c := range cases {
			re, err := Compile(c.pattern, c.flags)
			if err != nil {
				t.Errorf("/%s/: %v", c.pattern, err)
				continue
			}
			for k, s := range c.subjects {
				want := ""
				for _, l := range answers[i][k+1] {
					if want == "" && (l == "No match" || strings.HasPrefix(l, " 0:")) {
						want = l // the first of its matches is the longest
					}
				}
				if want == "" {
					continue
				}
				for _, patience := range []int{0, -1 << 20} {
					m.patience = patience
					got := "No match"
					caps, err := m.Match(re, []byte(s), 0, MatchOptions{Flags: Longest}, nil)
					if caps != nil {
						got = " 0: " + printable([]byte(s)[caps[0]:caps[1]], false)
					}
					if err != nil || got != want {
						if shown++; shown <= 15 {
							t.Errorf("/%s/%s on %q: got %q %v, want %q", c.pattern, c.mods, s, got, err, want)
						}
					}
				}
			}
		}
	}
}

func TestRandomPatternsMatchAsGoDoes(t *testing.T) {
	r := rand.New(rand.NewPCG(uint64(seedsOf(t, "WEIR_REGEX_SEED", 1)), 11))
	m := NewMatcher()
	shown := 0
	for range 1500 * seedsOf(t, "WEIR_REGEX_ROUNDS", 2) {
		c := randomCase(r, false)
		if diff := differsFromGo(m, c); diff != "" {
			if shown++; shown <= 15 {
				t.Error(diff)
			}
		}
	}
}

// differsFromGo compares on the syntax that both have; "" means no difference.
func differsFromGo(m *Matcher, c diffCase) string {
	prefix := ""
	if c.flags&Caseless != 0 {
		prefix += "i"
	}
	if c.flags&Multiline != 0 {
		prefix += "m"
	}
	if c.flags&DotAll != 0 {
		prefix += "s"
	}
	if prefix != "" {
		prefix = "(?" + prefix + ")"
	}
	std, err := regexp.Compile(prefix + c.pattern)
	if err != nil {
		return ""
	}
	re, err := Compile(c.pattern, c.flags|DollarEndOnly)
	if err != nil {
		return fmt.Sprintf("/%s/: %v", c.pattern, err)
	}
	for _, s := range c.subjects {
		want := std.FindStringSubmatchIndex(s)
		if c.flags&Multiline != 0 && strings.Contains(s, "\n") {
			continue // Go's ^ matches after a last newline, PCRE2's does not
		}
		for _, patience := range []int{0, -1 << 20} {
			m.patience = patience
			got, err := m.Match(re, []byte(s), 0, MatchOptions{}, nil)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				return fmt.Sprintf("/%s%s/ on %q (patience %d): got %v %v, want %v", prefix, c.pattern, s, patience, got, err, want)
			}
		}
	}
	return ""
}
