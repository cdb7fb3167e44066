package conf_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	. "weir/appliance/conf"
)

var update = flag.Bool("update", false, "rewrite the goldens of testdata")

// A golden is an archive: files to read, of which nginx.conf is the configuration and
// "globals" the text of -g, then "want", a dump of the items, or "err", all that a parse
// and a walk of the test table complain of. $DIR stands for the directory of the files.
type golden struct {
	path    string
	archive *txtar.Archive
	dir     string
	globals string
}

func goldens(t *testing.T) []*golden {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	var out []*golden
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, &golden{path: path, archive: a})
	}
	return out
}

func (g *golden) name() string {
	return strings.TrimSuffix(filepath.Base(g.path), ".txtar")
}

// unpack writes the input files to a fresh directory.
func (g *golden) unpack(t *testing.T) {
	t.Helper()
	g.dir = t.TempDir()
	for _, f := range g.archive.Files {
		switch f.Name {
		case "want", "err":
			continue
		case "globals":
			g.globals = strings.TrimSuffix(string(f.Data), "\n")
			continue
		}
		path := filepath.Join(g.dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// Line ends and bytes that an archive cannot hold are written as <CR> and the like.
		data := bytes.ReplaceAll(f.Data, []byte("<CR>"), []byte("\r"))
		data = bytes.ReplaceAll(data, []byte("<LONG>"), bytes.Repeat([]byte("x"), 4100))
		data = bytes.ReplaceAll(data, []byte("<NO EOL>\n"), nil)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// section returns "want" or "err", whichever the golden ends with.
func (g *golden) section(t *testing.T) *txtar.File {
	t.Helper()
	f := &g.archive.Files[len(g.archive.Files)-1]
	if f.Name != "want" && f.Name != "err" {
		t.Fatalf("%s ends with section %q, want \"want\" or \"err\"", g.path, f.Name)
	}
	return f
}

// read parses and walks the golden and returns what both complain of.
func (g *golden) read(t *testing.T) (tree *Tree, parseErr, walkErr error) {
	t.Helper()
	table := testTable()
	tree, parseErr = Parse(filepath.Join(g.dir, "nginx.conf"), Options{
		Prefix:   g.dir,
		Globals:  g.globals,
		RawBlock: table.RawBlock,
	})
	if tree == nil {
		return nil, parseErr, parseErr
	}
	cx := &Cx{Table: table, Prefix: g.dir, ConfPrefix: g.dir}
	return tree, parseErr, cx.Walk(tree.Items, Main, &settings{})
}

func (g *golden) relative(text string) string {
	return strings.ReplaceAll(text, g.dir, "$DIR")
}

func TestGoldensReadAsWritten(t *testing.T) {
	for _, g := range goldens(t) {
		t.Run(g.name(), func(t *testing.T) {
			g.unpack(t)
			want := g.section(t)
			tree, parseErr, walkErr := g.read(t)
			var got string
			if want.Name == "err" {
				if walkErr == nil {
					t.Fatal("got no error")
				}
				got = g.relative(walkErr.Error()) + "\n"
			} else {
				if parseErr != nil {
					t.Fatalf("got parse error %v", parseErr)
				}
				var b strings.Builder
				dump(&b, tree.Items, 0)
				got = g.relative(b.String())
			}
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(g.path, txtar.Format(g.archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if got != string(want.Data) {
				t.Errorf("got:\n%swant:\n%s", got, want.Data)
			}
		})
	}
}

// dump writes items with their places: FILE LINE[-END[-CLOSE]] words.
func dump(b *strings.Builder, items []*Item, depth int) {
	for _, it := range items {
		fmt.Fprintf(b, "%s%s %d", strings.Repeat("  ", depth), filepath.Base(it.File), it.Line)
		if it.HasBlock {
			fmt.Fprintf(b, "-%d-%d", it.End, it.Close)
		} else if it.End != it.Line {
			fmt.Fprintf(b, "-%d", it.End)
		}
		fmt.Fprintf(b, " %q", append([]string{it.Name}, it.Args...))
		if it.RawLine != 0 {
			fmt.Fprintf(b, " from %d: %q", it.RawLine, it.Raw)
		}
		b.WriteByte('\n')
		dump(b, it.Block, depth+1)
	}
}

// TestErrorsAreThoseOfNginx holds the first error of each golden against the nginx of the
// machine, if there is one.
func TestErrorsAreThoseOfNginx(t *testing.T) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("no nginx on this machine")
	}
	const modules = "/usr/lib/nginx/modules/"
	lua := ""
	if _, err := os.Stat(modules + "ngx_http_lua_module.so"); err == nil {
		lua = "load_module " + modules + "ndk_http_module.so; load_module " + modules + "ngx_http_lua_module.so; "
	}
	for _, g := range goldens(t) {
		if g.section(t).Name != "err" || bytes.Contains(g.archive.Comment, []byte("departs from nginx")) {
			continue
		}
		t.Run(g.name(), func(t *testing.T) {
			g.unpack(t)
			if lua == "" && strings.Contains(g.name(), "lua") {
				t.Skip("no Lua module on this machine")
			}
			_, _, walkErr := g.read(t)
			got, _, _ := strings.Cut(walkErr.Error(), "\n")
			out, _ := exec.Command(nginx, "-t", "-q", "-p", g.dir+"/", "-e", "stderr", "-c", "nginx.conf",
				"-g", lua+g.globals).CombinedOutput()
			want := firstEmerg(string(out))
			if got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// firstEmerg returns the first error nginx printed, without its prefix.
func firstEmerg(out string) string {
	for line := range strings.Lines(out) {
		if _, msg, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "[emerg] "); ok {
			_, after, isLogged := strings.Cut(msg, "#")
			if _, rest, ok := strings.Cut(after, ": "); isLogged && ok && msg[0] >= '0' && msg[0] <= '9' {
				msg = rest
			}
			return msg
		}
	}
	return out
}
