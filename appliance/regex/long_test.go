package regex

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestLongSubjectsKeepUp compares on 8 KB of text, where the search counts more
// than the start of a match.
func TestLongSubjectsKeepUp(t *testing.T) {
	if os.Getenv("WEIR_REGEX_COMPARE") == "" {
		t.Skip("WEIR_REGEX_COMPARE is not set: no comparison with pcre2test")
	}
	if _, err := exec.LookPath("pcre2test"); err != nil {
		t.Skip("pcre2test is not installed")
	}
	text := strings.Repeat("The gateway reads the request line, then each header field, and hands the body to the handler in parts. ", 80)
	for _, p := range []string{
		`(?i)(?:union\s+select|<script|\.\./|etc/passwd)`, `[a-z]+ing\b`, `needle`, `(?:` + hundredWords() + `)!`, `(\w+)\s+\1`, `\d+\.\d+`, `(?i)needle`,
		`\b(?:` + hundredWords() + `)\b`, `(?:` + hundredWords() + `)`, `"([^"]*)"`, `(?s)<script.*?>`,
		`^.*?Needle`, `[^,]*,[^,]*,[^,]*;`, `x?y?z?needle`,
	} {
		weir := measureWeir(p, text)
		interp := pcre2TimeTurns(t, p, text, "", 2000)
		jit := pcre2TimeTurns(t, p, text, "jit", 2000)
		t.Logf("%-50.50s weir %9.0f ns  interpreter %9.0f  JIT %9.0f  go %9.0f", p, weir, interp, jit, measureGo(p, text))
	}
}
