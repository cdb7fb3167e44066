package conf

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNamesMatchPatterns(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*", "abc", true},
		{"*.conf", "a.conf", true},
		{"*.conf", "a.conf~", false},
		{"*.conf", ".conf", true}, // the leading dot is the business of globPart
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxbyy", false},
		{"a**c", "abc", true},
		{"?", "", false},
		{"?b", "ab", true},
		{"[ab]", "b", true},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[^a-c]x", "dx", true},
		{"[]a]", "]", true},
		{"[!]a]", "]", false},
		{"[a-]", "-", true},
		{"[a", "[a", true},
		{"[a", "a", false},
		{`\*`, "*", true},
		{`\*`, "a", false},
		{`[\]]`, "]", true},
		{`a\`, `a\`, true},
		{"", "", true},
		{"", "a", false},
		{"*a*a*a*a*a*a*a*a*b", strings.Repeat("a", 200), false}, // no exponential search
	}
	for _, tt := range tests {
		if got := globMatch(tt.pattern, tt.name); got != tt.want {
			t.Errorf("globMatch(%q, %q): got %t, want %t", tt.pattern, tt.name, got, tt.want)
		}
	}
}

func TestGlobsFindFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.conf", "B.conf", "c.txt", ".h.conf", "d/1/x", "d/2/x", "d/2/y", "d/.3/x", "e[1]/z"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct{ pattern, want string }{
		{"*.conf", "B.conf a.conf"},
		{".*.conf", ".h.conf"},
		{"d/*/x", "d/1/x d/2/x"},
		{"*/2/?", "d/2/x d/2/y"},
		{"d/[2-3]/x", "d/2/x"},
		{`e\[1\]/*`, "e[1]/z"},
		{"none/*", ""},
		{"*.none", ""},
		{"a.conf/*", ""},
	}
	for _, tt := range tests {
		var got []string
		for _, name := range glob(dir + "/" + tt.pattern) {
			got = append(got, strings.TrimPrefix(name, dir+"/"))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("glob(%q): got %q, want %q", tt.pattern, got, tt.want)
		}
	}
	t.Chdir(dir)
	if got := strings.Join(glob("d/*/y"), " "); got != "d/2/y" {
		t.Errorf("relative glob: got %q", got)
	}
}
