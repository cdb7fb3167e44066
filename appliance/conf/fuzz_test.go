package conf

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func isLua(name string) bool { return strings.HasSuffix(name, "_by_lua_block") }

// FuzzParse checks that no text makes the parser panic or loop, that an error has a place,
// and that what can be read is read again from its print. Files come from a small fixed set,
// one of which includes another.
func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txtar")
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(a.Files[0].Data), "daemon off;")
	}
	files := map[string]string{
		"/conf/a": "a b;\n",
		"/conf/b": "include a; include b; types { c d; }",
		"/conf/c": "server {",
	}
	f.Fuzz(func(t *testing.T, text, globals string) {
		p := newParser(Options{Prefix: "/conf", RawBlock: isLua, Globals: globals})
		p.read = func(path string) ([]byte, *Error) {
			if text, ok := files[path]; ok {
				return []byte(text), nil
			}
			return nil, sysError("open", path, syscall.ENOENT)
		}
		p.glob = func(pattern string) []string {
			if globMatch(pattern, "/conf/a") {
				return []string{"/conf/a"}
			}
			return nil
		}
		tree, err := p.tree("/conf/nginx.conf", []byte(text))
		if err != nil {
			for _, e := range err.(Errors) {
				if e.File == "" || (e.Line == 0) != (e.File == CommandLine) {
					t.Errorf("error %q has no place", e)
				}
			}
			return
		}
		printed := tree.String()
		again, err := ParseString("printed", printed, Options{RawBlock: isLua})
		if err != nil {
			if strings.Contains(err.Error(), "too long parameter") {
				return // quotes may make a word longer
			}
			t.Fatalf("print is not read back: %v\n%s", err, printed)
		}
		sameItems(t, tree.Items, again.Items)
		if second := again.String(); second != printed {
			t.Errorf("print of the print differs:\n%s\nfrom\n%s", second, printed)
		}
	})
}

// sameItems compares all of the items but their places.
func sameItems(t *testing.T, a, b []*Item) {
	t.Helper()
	if len(a) != len(b) {
		t.Fatalf("got %d items, want %d", len(b), len(a))
	}
	for i, x := range a {
		y := b[i]
		if x.Name != y.Name || strings.Join(x.Args, "\x00") != strings.Join(y.Args, "\x00") ||
			len(x.Args) != len(y.Args) || x.HasBlock != y.HasBlock || x.Raw != y.Raw {
			t.Fatalf("got item %q %q %t %q, want %q %q %t %q",
				y.Name, y.Args, y.HasBlock, y.Raw, x.Name, x.Args, x.HasBlock, x.Raw)
		}
		sameItems(t, x.Block, y.Block)
	}
}

// FuzzLuaBlock checks that the body of a Lua block ends at its brace: the body read again,
// with a brace behind it, is the same body.
func FuzzLuaBlock(f *testing.F) {
	for _, seed := range []string{"a = {} }", "[[ } ]] }", "--[=[ } ]=] }", `"\}" '}' }`, "-- }\n}", "\"\\z \n }\" }"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lx := lexer{text: []byte(text), line: 1}
		body, err := lx.luaBlock()
		if err != nil {
			return
		}
		if !strings.HasPrefix(text, body+"}") {
			t.Fatalf("body %q is not what stands before the brace in %q", body, text)
		}
		if want := 1 + strings.Count(body, "\n"); lx.line != want {
			t.Errorf("got line %d, want %d", lx.line, want)
		}
		lx = lexer{text: []byte(body + "}"), line: 1}
		if again, err := lx.luaBlock(); err != nil || again != body {
			t.Errorf("got %q, %v, want %q", again, err, body)
		}
	})
}

// FuzzValues checks that no value makes a parser of values panic, and that what is accepted
// is not negative.
func FuzzValues(f *testing.F) {
	for _, seed := range []string{"0", "1k", "9223372036854775807", "1h30m", "1y2M3w4d5h6m7s", "10ms", "1 ", "99999999999999y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		size, ok1 := ParseSize(s)
		offset, ok2 := ParseOffset(s)
		sec, ok3 := ParseTime(s, true)
		msec, ok4 := ParseTime(s, false)
		for i, v := range []int64{size, offset, sec, msec} {
			if v < 0 {
				t.Errorf("value %d of %q is %d", i, s, v)
			}
		}
		if ok1 && !ok2 {
			t.Errorf("%q is a size but not an offset", s)
		}
		if ok1 && ok2 && size != offset {
			t.Errorf("%q is %d as a size and %d as an offset", s, size, offset)
		}
		if ok3 && ok4 && msec != 1000*sec {
			t.Errorf("%q is %d s and %d ms", s, sec, msec)
		}
	})
}
