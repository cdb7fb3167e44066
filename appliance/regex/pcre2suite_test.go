package regex

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// The runner of PCRE2's own test files. They are not part of this repository:
// WEIR_PCRE2_TESTDATA names a directory that holds them.

func TestPCRE2sOwnSuiteGivesTheExpectedOutput(t *testing.T) {
	dir := os.Getenv("WEIR_PCRE2_TESTDATA")
	if dir == "" {
		t.Skip("WEIR_PCRE2_TESTDATA is not set: PCRE2's testinput files are not looked for")
	}
	for _, f := range []struct {
		name string
		want float64 // per cent
		dfa  bool
	}{
		{"1", 98, false}, {"2", 85, false}, {"4", 0, false}, {"5", 0, false}, {"6", 0, true},
	} {
		t.Run("testinput"+f.name, func(t *testing.T) {
			r := suiteRun{t: t, dfa: f.dfa, m: NewMatcher()}
			if err := r.file(dir, f.name); err != nil {
				t.Skip(err)
			}
			share := 100 * float64(r.good) / float64(max(r.asked, 1))
			t.Logf("testinput%s: %d of %d as expected (%.2f %%), %d left out: %v", f.name, r.good, r.asked, share, r.skipped, r.why)
			if share < f.want {
				t.Errorf("testinput%s: got %.2f %%, want %.0f %%", f.name, share, f.want)
			}
		})
	}
}

// suiteRun is the state of one file.
type suiteRun struct {
	t       *testing.T
	m       *Matcher
	dfa     bool
	asked   int
	good    int
	skipped int
	why     map[string]int
	shown   int

	defPattern, defSubject string
}

func (r *suiteRun) skip(why string) {
	r.skipped++
	if r.why == nil {
		r.why = map[string]int{}
	}
	r.why[why]++
}

// check counts one question.
func (r *suiteRun) check(pattern, subject string, want, got []string) {
	r.asked++
	if strings.Join(want, "\n") == strings.Join(got, "\n") {
		r.good++
		return
	}
	if r.shown++; r.shown <= showLimit() {
		r.t.Logf("pattern %q\nsubject %q\nwant %q\ngot  %q", pattern, subject, want, got)
	}
}

// showLimit is how many differences a run shows.
func showLimit() int {
	n, err := strconv.Atoi(os.Getenv("WEIR_PCRE2_SHOW"))
	if err != nil {
		return 5
	}
	return n
}

// echo pairs every input line with the output lines that follow its echo.
type echoed struct {
	line string
	out  []string
}

func readSuite(dir, n string) ([]echoed, error) {
	in, err := os.ReadFile(filepath.Join(dir, "testinput"+n))
	if err != nil {
		return nil, err
	}
	out, err := os.ReadFile(filepath.Join(dir, "testoutput"+n))
	if err != nil {
		return nil, err
	}
	ins := strings.Split(string(in), "\n")
	outs := strings.Split(string(out), "\n")
	var list []echoed
	j := 0
	for i, line := range ins {
		if j >= len(outs) || outs[j] != line {
			return nil, fmt.Errorf("testoutput%s line %d is not the echo of testinput line %d", n, j+1, i+1)
		}
		j++
		e := echoed{line: line}
		for i+1 < len(ins) && j < len(outs) && outs[j] != ins[i+1] {
			e.out = append(e.out, outs[j])
			j++
		}
		list = append(list, e)
	}
	return list, nil
}

func (r *suiteRun) file(dir, n string) error {
	lines, err := readSuite(dir, n)
	if err != nil {
		return err
	}
	for i := 0; i < len(lines); {
		l := lines[i].line
		switch {
		case strings.TrimSpace(l) == "":
			i++
		case l[0] == '#':
			if mods, ok := strings.CutPrefix(l, "#pattern "); ok {
				r.defPattern += "," + mods
			}
			if mods, ok := strings.CutPrefix(l, "#subject "); ok {
				r.defSubject += "," + mods
			}
			i++
		default:
			i = r.pattern(lines, i)
		}
	}
	return nil
}

// pattern handles one pattern and its subjects; it returns the next line.
func (r *suiteRun) pattern(lines []echoed, i int) int {
	delim := lines[i].line[0]
	text := lines[i].line[1:]
	end := closing(text, delim)
	for end < 0 && i+1 < len(lines) {
		i++
		text += "\n" + lines[i].line
		end = closing(text, delim)
	}
	if end < 0 {
		return i + 1
	}
	mods := text[end+1:]
	pat := text[:end]
	if strings.HasPrefix(mods, "\\") {
		pat += "\\"
		mods = mods[1:]
	}
	out := lines[i].out
	i++
	p := suitePattern{text: pat}
	p.modifiers(r.defPattern)
	p.modifiers(strings.TrimSpace(mods))
	re, bad := r.compile(&p, out)
	for ; i < len(lines) && strings.TrimSpace(lines[i].line) != ""; i++ {
		l := strings.TrimSpace(lines[i].line)
		if strings.HasPrefix(l, "\\=") && !strings.HasPrefix(lines[i].line, "    \\=") {
			continue // "\= Expect no match"
		}
		if lines[i].line[0] == '#' {
			continue
		}
		if bad && p.refused {
			r.asked++ // the pattern should have compiled: every subject is wrong
			continue
		}
		if bad || re == nil {
			r.skip("no pattern")
			continue
		}
		r.subject(&p, re, l, lines[i].out)
	}
	return i
}

// closing finds the unescaped delimiter.
func closing(s string, delim byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		} else if s[i] == delim {
			return i
		}
	}
	return -1
}

// suitePattern is a pattern with its modifiers.
type suitePattern struct {
	text    string
	flags   Flags
	global  bool
	alt     bool
	mark    bool
	hex     bool
	expand  bool
	refused bool   // it should compile and does not
	why     string // a reason to leave it out
}

var suiteFlags = map[string]Flags{
	"caseless": Caseless, "multiline": Multiline, "dotall": DotAll, "extended": Extended, "extended_more": ExtendedMore | Extended,
	"ungreedy": Ungreedy, "anchored": Anchored, "endanchored": EndAnchored, "dollar_endonly": DollarEndOnly,
	"no_auto_capture": NoAutoCapture, "dupnames": DupNames, "utf": UTF, "ucp": UCP, "firstline": FirstLine,
	"literal": Literal, "allow_empty_class": AllowEmptyClass, "alt_bsux": AltBSUX, "extra_alt_bsux": ExtraAltBSUX,
	"match_unset_backref": MatchUnsetBackref, "no_start_optimize": NoStartOptimize, "start_optimize_off": NoStartOptimize,
	"optimization_none":    NoStartOptimize,
	"allow_lookaround_bsk": AllowLookaroundBSK, "bad_escape_is_literal": BadEscapeIsLiteral, "alt_verbnames": AltVerbNames,
	"match_word": MatchWord, "match_line": MatchLine, "no_utf_check": NoUTFCheck,
	"newline=cr": NewlineCR, "newline=crlf": NewlineCRLF, "newline=anycrlf": NewlineAnyCRLF, "newline=any": NewlineAny,
	"newline=nul": NewlineNUL, "newline=lf": 0, "bsr=anycrlf": BSRAnyCRLF, "bsr=unicode": 0,
}

var suiteLetters = map[byte]Flags{
	'i': Caseless, 'm': Multiline, 's': DotAll, 'x': Extended, 'U': Ungreedy, 'A': Anchored, 'n': NoAutoCapture, 'J': DupNames,
	'I': 0, 'B': 0,
}

// harmless modifiers change nothing that is compared.
var suiteHarmless = map[string]bool{
	"": true, "info": true, "bincode": true, "fullbincode": true, "aftertext": true, "allaftertext": true,
	"no_auto_possess": true, "auto_possess_off": true, "no_dotstar_anchor": true, "dotstar_anchor_off": true,
	"jit": true, "jitverify": true, "no_jit": true, "auto_possess": true, "start_optimize": true,
	"dotstar_anchor": true, "optimization_full": true, "stackguard=0": true, "memory": true, "framesize": true,
	"allvector": false, "allcaptures": false,
}

func (p *suitePattern) modifiers(mods string) {
	first := true
	for m := range strings.SplitSeq(mods, ",") {
		m = strings.TrimSpace(m)
		f, known := suiteFlags[m]
		if off, ok := strings.CutPrefix(m, "-"); ok {
			p.flags &^= suiteFlags[off]
			if off == "mark" {
				p.mark = false
			}
			continue
		}
		switch {
		case known:
			p.flags |= f
		case suiteHarmless[m]:
		case m == "g" || m == "global":
			p.global = true
		case m == "mark":
			p.mark = true
		case m == "altglobal":
			p.alt = true
		case m == "hex":
			p.hex = true
		case m == "expand":
			p.expand = true
		case first && p.letters(m):
		default:
			p.why = "modifier " + strings.SplitN(m, "=", 2)[0]
		}
		if m != "" {
			first = false
		}
	}
}

func (p *suitePattern) letters(m string) bool {
	f, global := Flags(0), false
	for i := range len(m) {
		switch l, ok := suiteLetters[m[i]]; {
		case m[i] == 'g':
			global = true
		case m[i] == 'x' && i+1 < len(m) && m[i+1] == 'x':
			f |= ExtendedMore
		case ok:
			f |= l
		default:
			return false
		}
	}
	p.flags |= f
	p.global = p.global || global
	return true
}

// compile compiles and, where an error is expected, compares it.
func (r *suiteRun) compile(p *suitePattern, out []string) (*Regex, bool) {
	if p.hex {
		text, ok := unhex(p.text)
		if !ok {
			r.skip("hex")
			return nil, true
		}
		p.text = text
	}
	if p.expand {
		p.text = expandRepeats(p.text)
	}
	if p.why != "" {
		r.skip(p.why)
		return nil, true
	}
	want := ""
	for _, l := range out {
		if strings.HasPrefix(l, "Failed: error") {
			want = l
		}
	}
	re, err := Compile(p.text, p.flags)
	switch {
	case want == "" && err == nil:
		return re, false
	case want == "":
		r.check(p.text, "", nil, []string{err.Error()})
		p.refused = true
		return nil, true
	}
	got := "compiled"
	if err != nil {
		e := err.(*Error)
		got = fmt.Sprintf("Failed: error %d at offset %d: %s", e.Code, e.Offset, e.Msg)
	}
	r.check(p.text, "", []string{want}, []string{got})
	return nil, true
}

func unhex(s string) (string, bool) {
	var out []byte
	for i := 0; i < len(s); {
		switch {
		case s[i] == ' ' || s[i] == '\n' || s[i] == '\t':
			i++
		case s[i] == '\'' || s[i] == '"':
			j := strings.IndexByte(s[i+1:], s[i])
			if j < 0 {
				return "", false
			}
			out = append(out, s[i+1:i+1+j]...)
			i += j + 2
		default:
			if i+2 > len(s) {
				return "", false
			}
			b, err := strconv.ParseUint(s[i:i+2], 16, 8)
			if err != nil {
				return "", false
			}
			out = append(out, byte(b))
			i += 2
		}
	}
	return string(out), true
}

// expandRepeats writes \[text]{n} out.
func expandRepeats(s string) string {
	for {
		i := strings.Index(s, "\\[")
		if i < 0 {
			return s
		}
		j := strings.Index(s[i:], "]{")
		if j < 0 {
			return s
		}
		k := strings.IndexByte(s[i+j:], '}')
		if k < 0 {
			return s
		}
		n, err := strconv.Atoi(s[i+j+2 : i+j+k])
		if err != nil || n < 0 {
			return s
		}
		s = s[:i] + strings.Repeat(s[i+2:i+j], n) + s[i+j+k+1:]
	}
}

// subjectOptions are the modifiers of one subject.
type subjectOptions struct {
	opt    MatchOptions
	from   int
	global bool
	alt    bool
	dfa    bool
	mark   bool
	why    string
}

func (so *subjectOptions) modifiers(mods string) {
	for m := range strings.SplitSeq(mods, ",") {
		m = strings.TrimSpace(m)
		name, val, _ := strings.Cut(m, "=")
		switch name {
		case "", "aftertext", "allaftertext", "no_jit", "zero_terminate", "null_context", "ovector", "copy", "get", "offset_limit", "getall", "copy_matched_subject", "callout_none", "find_limits", "jitstack", "heap_limit", "memory", "disable_recurseloop_check", "no_utf_check", "dfa_shortest2":
			if name == "ovector" || name == "disable_recurseloop_check" || name == "find_limits" || name == "offset_limit" || name == "get" || name == "copy" || name == "getall" || name == "no_utf_check" {
				so.why = "subject " + name
			}
		case "mark":
			so.mark = true
		case "-mark":
			so.mark = false
		case "dfa":
			so.dfa = true
		case "notbol":
			so.opt.Flags |= NotBOL
		case "noteol":
			so.opt.Flags |= NotEOL
		case "notempty":
			so.opt.Flags |= NotEmpty
		case "notempty_atstart":
			so.opt.Flags |= NotEmptyAtStart
		case "anchored":
			so.opt.Flags |= AnchoredMatch
		case "endanchored":
			so.opt.Flags |= EndAnchoredMatch
		case "g", "global":
			so.global = true
		case "altglobal":
			so.alt = true
		case "offset":
			if so.from, _ = strconv.Atoi(val); so.from < 0 {
				so.why = "negative offset"
			}
		default:
			so.why = "subject " + name
		}
	}
}

func (r *suiteRun) subject(p *suitePattern, re *Regex, line string, out []string) {
	data, mods, ok := unescapeSubject(line, p.flags&UTF != 0 || re.flags&UTF != 0)
	if !ok {
		r.skip("subject escape")
		return
	}
	so := subjectOptions{global: p.global, alt: p.alt, mark: p.mark}
	so.modifiers(strings.TrimSpace(r.defSubject))
	so.modifiers(mods)
	if so.why != "" || so.alt {
		r.skip(so.why)
		return
	}
	if so.dfa != r.dfa {
		r.skip("dfa")
		return
	}
	var want []string
	for _, l := range out {
		switch {
		case strings.HasPrefix(l, "No match"):
			want = append(want, "No match")
			if _, after, ok0 := strings.Cut(l, "mark = "); ok0 {
				want[len(want)-1] += " mark " + after
			}
		case strings.HasPrefix(l, "Partial"):
			r.skip("partial")
			return
		case strings.HasPrefix(l, "MK: "):
			want = append(want, l)
		case strings.HasPrefix(l, "Failed:"):
			want = append(want, l)
		case len(l) > 3 && l[2] == ':' && (l[0] == ' ' || l[0] >= '0' && l[0] <= '9'):
			if r.dfa && l[:3] != " 0:" {
				continue
			}
			want = append(want, l)
		case len(l) > 4 && l[3] == ':' && l[0] >= '1' && l[0] <= '9':
			want = append(want, l)
		}
	}
	r.check(p.text, line, want, r.match(re, data, so))
}

// match runs a subject and prints as pcre2test does.
func (r *suiteRun) match(re *Regex, data []byte, so subjectOptions) []string {
	if r.dfa {
		so.opt.Flags |= Longest
	}
	var it Iter
	it.Start(r.m, re, data, so.from, so.opt, EmptyPerl)
	utf := re.flags&UTF != 0
	var got []string
	for {
		caps, err := it.Next()
		switch {
		case err != nil:
			e := err.(*MatchError)
			return append(got, fmt.Sprintf("Failed: error %d: %s", e.Code, e.Msg))
		case caps == nil:
			if len(got) == 0 {
				got = append(got, "No match")
				if mk, ok := r.m.Mark(); ok && so.mark {
					got[0] += " mark " + printable([]byte(mk), utf)
				}
			}
			return got
		}
		last := 0
		for i := 0; i < len(caps); i += 2 {
			if caps[i] >= 0 {
				last = i
			}
		}
		for i := 0; i <= min(last, 28); i += 2 { // pcre2test shows 15 pairs
			text := "<unset>"
			if caps[i] >= 0 {
				text = printable(data[caps[i]:max(caps[i], caps[i+1])], utf)
			}
			got = append(got, fmt.Sprintf("%2d: %s", i/2, text))
		}
		if mk, ok := r.m.Mark(); ok && so.mark && r.m.mark >= 0 {
			got = append(got, "MK: "+printable([]byte(mk), utf))
		}
		if !so.global {
			return got
		}
	}
}

// printable writes text as pcre2test does.
func printable(b []byte, utf bool) string {
	var out strings.Builder
	for len(b) > 0 {
		r, n := rune(b[0]), 1
		if utf {
			r, n = utf8.DecodeRune(b)
		}
		switch {
		case r >= 32 && r < 127:
			out.WriteRune(r)
		case utf:
			fmt.Fprintf(&out, "\\x{%02x}", r)
		default:
			fmt.Fprintf(&out, "\\x%02x", r)
		}
		b = b[n:]
	}
	return out.String()
}

// unescapeSubject decodes a data line of pcre2test.
func unescapeSubject(s string, utf bool) (data []byte, mods string, ok bool) {
	s = expandRepeats(s)
	for i := 0; i < len(s); {
		c := s[i]
		i++
		if c != '\\' {
			data = append(data, c)
			continue
		}
		if i >= len(s) {
			break // a backslash at the end makes an empty line
		}
		c = s[i]
		i++
		switch c {
		case '=':
			return data, s[i:], true
		case 'a':
			data = append(data, 7)
		case 'b':
			data = append(data, 8)
		case 'e':
			data = append(data, 27)
		case 'f':
			data = append(data, 12)
		case 'n':
			data = append(data, 10)
		case 'r':
			data = append(data, 13)
		case 't':
			data = append(data, 9)
		case 'v':
			data = append(data, 11)
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := int(c - '0')
			for k := 0; k < 2 && i < len(s) && s[i] >= '0' && s[i] <= '7'; k++ {
				n = n*8 + int(s[i]-'0')
				i++
			}
			data = appendCode(data, rune(n), utf)
		case 'o', 'x', 'N':
			if c == 'N' {
				if !strings.HasPrefix(s[i:], "{U+") {
					return nil, "", false
				}
				s = s[:i] + "{" + s[i+3:]
			}
			base, bits := 16, 2
			if c == 'o' {
				base = 8
			}
			if i < len(s) && s[i] == '{' {
				j := strings.IndexByte(s[i:], '}')
				if j < 0 {
					return nil, "", false
				}
				v, err := strconv.ParseUint(s[i+1:i+j], base, 32)
				if err != nil || v > 0x7fffffff || !utf && v > 255 {
					return nil, "", false
				}
				i += j + 1
				data = appendCode(data, rune(v), utf)
				continue
			}
			n, k := 0, 0
			for k < bits && i < len(s) && hexValue(s[i]) >= 0 {
				n = n<<4 | hexValue(s[i])
				i++
				k++
			}
			data = append(data, byte(n))
		default:
			data = append(data, c)
		}
	}
	return data, "", true
}

func appendCode(data []byte, r rune, utf bool) []byte {
	if utf && r > 127 {
		if r >= 0xd800 && r < 0xe000 {
			return append(data, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f|0x80, 0x80|byte(r)&0x3f)
		}
		return utf8.AppendRune(data, r)
	}
	return append(data, byte(r))
}
