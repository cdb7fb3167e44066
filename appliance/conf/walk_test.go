package conf_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	. "weir/appliance/conf"
)

func TestEachBlockHasItsScope(t *testing.T) {
	table := testTable()
	tree, err := ParseString("t.conf", `
		http {
			send_timeout 1;
			server { send_timeout 2; location / { send_timeout 3; location /a { send_timeout 4; } } }
			server { location = /x { content_by_lua_block { a() } } }
		}`, Options{RawBlock: table.RawBlock})
	if err != nil {
		t.Fatal(err)
	}
	top := &settings{}
	if err := (&Cx{Table: table}).Walk(tree.Items, Main, top); err != nil {
		t.Fatal(err)
	}
	http := top.inner[0]
	location := http.inner[0].inner[0]
	got := []int64{http.sendTimeout.V, http.inner[0].sendTimeout.V, location.sendTimeout.V, location.inner[0].sendTimeout.V}
	if want := []int64{1000, 2000, 3000, 4000}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := http.inner[1].inner[0].lua.V; got != " a() " {
		t.Errorf("got Lua %q", got)
	}
}

func TestANameMayHaveARowForEachBlock(t *testing.T) {
	var got []string
	row := func(in Context, args Args, what string) Directive {
		return Directive{Name: "server", In: in, Args: args, Set: func(cx *Cx, it *Item) error {
			got = append(got, fmt.Sprint(what, " ", cx.Owner, " ", cx.In))
			return nil
		}}
	}
	table := &Table{}
	table.Add("core", []Directive{row(HTTP, Take0|HasBlock, "virtual")})
	table.Add("upstream", []Directive{row(Upstream, OneMore, "peer")})
	cx := &Cx{Table: table}
	for in, text := range map[Context]string{HTTP: "server { }", Upstream: "server a b;"} {
		tree, _ := ParseString("t.conf", text, Options{})
		if err := cx.Walk(tree.Items, in, nil); err != nil {
			t.Errorf("in %s: %v", in, err)
		}
	}
	if len(got) != 2 {
		t.Errorf("got %q", got)
	}
	tree, _ := ParseString("t.conf", "server a;", Options{})
	err := cx.Walk(tree.Items, HTTP, nil)
	if want := `directive "server" has no opening "{" in t.conf:1`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNumbersOfArguments(t *testing.T) {
	tests := []struct {
		args Args
		want string // "x" where that many arguments are right, from 0 to 9
	}{
		{NoArgs, "x........."},
		{Take1, ".x........"},
		{Take12, ".xx......."},
		{Take13, ".x.x......"},
		{Take23, "..xx......"},
		{Take123, ".xxx......"},
		{Take1234, ".xxxx....."},
		{Take0 | Take7, "x......x.."},
		{FlagArg, ".x........"},
		{OneMore, ".xxxxxxxxx"},
		{TwoMore, "..xxxxxxxx"},
		{AnyArgs, "xxxxxxxxxx"},
	}
	for _, tt := range tests {
		table := &Table{}
		table.Add(nil, []Directive{{Name: "d", In: Main, Args: tt.args, Set: func(*Cx, *Item) error { return nil }}})
		var got strings.Builder
		for n := range 10 {
			tree, _ := ParseString("t.conf", "d"+strings.Repeat(" a", n)+";", Options{})
			if err := (&Cx{Table: table}).Walk(tree.Items, Main, nil); err == nil {
				got.WriteString("x")
			} else {
				got.WriteString(".")
			}
		}
		if got.String() != tt.want {
			t.Errorf("Args %#x: got %s, want %s", tt.args, got.String(), tt.want)
		}
	}
}

func TestErrorsOfSettersArePlaced(t *testing.T) {
	cause := fs.ErrPermission
	tests := []struct {
		name string
		set  Setter
		want string
	}{
		{"a tail becomes a sentence", func(*Cx, *Item) error { return Tail("is odd") }, `"d" directive is odd in t.conf:2`},
		{"a sentence gets its place", func(*Cx, *Item) error { return Errorf("no %q: %w", "x", cause) }, `no "x": permission denied in t.conf:2`},
		{"a foreign error gets its place", func(*Cx, *Item) error { return fmt.Errorf("odd: %w", cause) }, "odd: permission denied in t.conf:2"},
		{"a placed error keeps it", func(_ *Cx, it *Item) error { return it.Block[0].Errorf("inner") }, "inner in t.conf:3"},
		{"an error found at the end of the block is placed there", func(_ *Cx, it *Item) error { return it.CloseErrorf("end") }, "end in t.conf:4"},
		{"lists stay as they are", func(_ *Cx, it *Item) error {
			return Errors{it.Errorf("one"), it.Block[0].CloseErrorf("two")}
		}, "one in t.conf:2\ntwo in t.conf:3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := &Table{}
			table.Add(nil, []Directive{{Name: "d", In: Main, Args: Take0 | HasBlock, Set: tt.set}})
			tree, _ := ParseString("t.conf", "d\n{\n x y;\n}\n", Options{})
			err := (&Cx{Table: table}).Walk(tree.Items, Main, nil)
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if strings.Contains(tt.want, "permission") && !errors.Is(err, cause) {
				t.Errorf("%v does not wrap its cause", err)
			}
		})
	}
}

func TestEntriesCollectTheirErrors(t *testing.T) {
	table := &Table{}
	table.Add(nil, []Directive{{Name: "map", In: Main, Args: Take2 | HasBlock, Set: func(cx *Cx, it *Item) error {
		return cx.Entries(it.Block, func(e *Item) error {
			if len(e.Args) != 1 {
				return Errorf("invalid number of the map parameters")
			}
			return nil
		})
	}}})
	tree, err := ParseString("t.conf", "map $a $b {\n a b;\n c;\n d { }\n e f\n}\n", Options{})
	if tree == nil || err == nil {
		t.Fatal("want a tree and an error")
	}
	err = (&Cx{Table: table}).Walk(tree.Items, Main, nil)
	want := "invalid number of the map parameters in t.conf:3\nunexpected \"{\" in t.conf:4\nunexpected \"}\" in t.conf:6"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestPathsAreBelowTheirPrefix(t *testing.T) {
	cx := &Cx{Prefix: "/p/", ConfPrefix: "/p/conf"}
	for _, tt := range []struct {
		name       string
		confPrefix bool
		want       string
	}{
		{"logs/a", false, "/p/logs/a"},
		{"mime.types", true, "/p/conf/mime.types"},
		{"../x", true, "/p/conf/../x"},
		{"/abs", true, "/abs"},
	} {
		if got := cx.Path(tt.name, tt.confPrefix); got != tt.want {
			t.Errorf("Path(%q, %t): got %s, want %s", tt.name, tt.confPrefix, got, tt.want)
		}
	}
	if got := (&Cx{}).Path("a", false); got != "a" {
		t.Errorf("without a prefix: got %s, want a", got)
	}
}

func TestAMissingTargetIsABug(t *testing.T) {
	defer func() {
		if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "BUG: ") || !strings.Contains(p, `"sendfile"`) {
			t.Errorf("got panic %q, want one that names the directive", p)
		}
	}()
	tree, _ := ParseString("t.conf", "sendfile on;", Options{})
	none := ScopeFunc(func(any) []any { return nil })
	(&Cx{Table: testTable()}).Walk(tree.Items, HTTP, none)
}

func TestFilesAreKeptOnceInOrder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("b", "x; # comment\n")
	write("c", "include b;\n")
	main := write("nginx.conf", "include c;\ninclude b;\n")
	tree, err := Parse(main, Options{Prefix: dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range tree.Files {
		got = append(got, filepath.Base(f.Path)+"="+string(f.Text))
	}
	want := []string{"nginx.conf=include c;\ninclude b;\n", "c=include b;\n", "b=x; # comment\n"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAMissingConfigurationHasNoTree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nginx.conf")
	tree, err := Parse(path, Options{})
	want := `open() "` + path + `" failed (2: No such file or directory)`
	if tree != nil || err == nil || err.Error() != want || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("got %v, %v, want %s", tree, err, want)
	}
	if tree, err := Parse("/dev/zero", Options{}); tree != nil || err == nil {
		t.Errorf("got %v, %v of an endless file", tree, err)
	}
}

func TestSystemErrorsReadAsInNginx(t *testing.T) {
	err := SysError("mkdir", `/a "b"`, &os.PathError{Op: "mkdir", Path: "x", Err: syscall.EACCES})
	if want := `mkdir() "/a "b"" failed (13: Permission denied)`; err.Error() != want || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want %s", err, want)
	}
	if got := ErrnoText(errors.New("odd")); got != "odd" {
		t.Errorf("got %s for an error without a number", got)
	}
}
