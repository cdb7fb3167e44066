package refdoc

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"weir/appliance/stdmodules"
	"weir/lua/phase"
)

// folder is where the reference lives, as seen from here.
const folder = "../../docs/reference"

func TestTheReferenceIsWhatTheTablesSay(t *testing.T) {
	for name, want := range Files() {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Errorf("%v; run make generate", err)
			continue
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is out of date; run make generate", name)
		}
	}
}

func TestEveryDirectiveIsDocumented(t *testing.T) {
	if err := stdmodules.Table().Check(); err != nil {
		t.Error(err)
	}
}

func TestSyntaxNamesArgumentsOnly(t *testing.T) {
	for _, e := range stdmodules.Table().All() {
		if strings.ContainsAny(e.Syntax, "{;") {
			t.Errorf("%s: Syntax %q: block and semicolon are added", e.Name, e.Syntax)
		}
	}
}

func TestEveryVariableIsDocumented(t *testing.T) {
	seen := make(map[string]string)
	for _, m := range stdmodules.Modules() {
		for _, v := range m.Variables {
			if len(v.Doc) < 5 || !strings.HasSuffix(v.Doc, ".") {
				t.Errorf("%s: $%s: %q is no sentence", m.Name, v.Name, v.Doc)
			}
			if other := seen[v.Name]; other != "" {
				t.Errorf("$%s is defined by %s and %s", v.Name, other, m.Name)
			}
			seen[v.Name] = m.Name
		}
	}
}

func TestSectionsAreByModule(t *testing.T) {
	list := sections(stdmodules.Table())
	if list[0].title != "main" {
		t.Errorf("the first section is %q", list[0].title)
	}
	rows := 0
	titles := make(map[string]bool)
	for _, s := range list {
		if titles[s.title] {
			t.Errorf("two sections are called %q", s.title)
		}
		titles[s.title] = true
		rows += len(s.names)
		if !bytes.Contains(s.text, []byte("\n### "+s.names[0]+"\n")) {
			t.Errorf("%s does not show %s", s.title, s.names[0])
		}
	}
	if want := len(stdmodules.Table().All()); rows != want {
		t.Errorf("got %d rows, want %d", rows, want)
	}
	if !titles["http_core"] || !titles["http_map"] {
		t.Errorf("got %v", titles)
	}
}

func TestEveryLuaFunctionIsDocumented(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range phase.Families() {
		for _, table := range f.Tables {
			for _, r := range table.Funcs {
				name := table.Path + " " + r.Name
				if len(r.Doc) < 5 || !strings.HasSuffix(r.Doc, ".") {
					t.Errorf("%s: %q is no sentence", name, r.Doc)
				}
				if !strings.HasPrefix(r.Args, "(") || !strings.HasSuffix(r.Args, ")") {
					t.Errorf("%s: arguments %q", name, r.Args)
				}
				if r.In == 0 {
					t.Errorf("%s may be called nowhere", name)
				}
				if table.Module {
					name = "require " + name
				}
				if seen[name] {
					t.Errorf("%s is defined twice", name)
				}
				seen[name] = true
			}
		}
	}
	if len(seen) < 100 {
		t.Errorf("got %d functions", len(seen))
	}
}

func TestRemarksAreOnNamesThatAreBuiltIn(t *testing.T) {
	count := 0
	check := func(gs []group, state func(title string) func(name string) int) {
		for _, g := range gs {
			seen := make(map[string]bool)
			for _, name := range g.names {
				if seen[name] {
					t.Errorf("%s: %s is there twice", g.title, name)
				}
				seen[name] = true
				count++
			}
			for name, remark := range g.remarks {
				if !seen[name] || state(g.title)(name) == missing || !strings.HasSuffix(remark, ".") {
					t.Errorf("%s: the remark on %s, %q, is no sentence about something that is built in", g.title, name, remark)
				}
			}
		}
	}
	table, families := stdmodules.Table(), phase.Families()
	check(groups(openrestyNames, "directives"), func(string) func(string) int { return directiveState(table) })
	check(groups(openrestyNames, "functions"), func(title string) func(string) int { return functionState(families, title) })
	if count < 1000 {
		t.Errorf("got %d names", count)
	}
}
