package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "a.lua")
	if err := os.WriteFile(script, []byte("print(arg[0]==..., #arg, select('#',...), arg[1])\nreturn 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(dir, "bad.lua")
	os.WriteFile(bad, []byte("local function f() error('boom') end\nprint('before') f()"), 0o600)
	for _, c := range []struct {
		name, stdin string
		args        []string
		code        int
		out, err    string
	}{
		{"one-liner", "", []string{"-e", "print(1+1, arg[1])", "x"}, 0, "2\tx\n", ""},
		{"file with arguments", "", []string{script, "a", "b"}, 0, "false\t2\t2\ta\n", ""},
		{"standard input", "print(io.read and 'ok')", []string{"-"}, 0, "ok\n", ""},
		{"syntax error", "", []string{"-e", "x x"}, 1, "", "weir lua: (command line):1: '=' expected near 'x'\n"},
		{"missing file", "", []string{dir + "/none"}, 1, "", "weir lua: cannot open " + dir + "/none: no such file or directory\n"},
		{"file left open", "", []string{"-e", "f = io.open('" + dir + "/left', 'w') f:write('bytes') print(#io.open('" + dir + "/left'):read('*a'))"}, 0, "0\n", ""},
		{"file left open before", "", []string{"-e", "print(io.open('" + dir + "/left'):read('*a'))"}, 0, "bytes\n", ""},
		{"exit", "", []string{"-e", "print(1) os.exit(7)"}, 7, "1\n", ""},
		{"exit inside pcall", "", []string{"-e", "pcall(os.exit, false)"}, 1, "", ""},
		{"bad flag", "", []string{"--nope"}, 2, "", "weir lua: flag provided but not defined: -nope\n" + usage},
		{"bad engine", "", []string{"--engine", "x", "-e", "y()"}, 2, "", "weir lua: unknown engine \"x\"\n" + usage},
		{"gopher", "", []string{"--engine", "gopher", "-e", "print(1+1)"}, 0, "2\n", ""},
		{"cjson", "", []string{"-e", "print(require'cjson'.encode{1})"}, 0, "[1]\n", ""},
		{"session", "1+1\nx = 5\n=x, 'a'\nfor i=1,2 do\nprint(i) end\nx x\nerror('e',0)\n", nil, 0,
			"weir lua: the language of LuaJIT 2.1; end with Ctrl-D\n> 2\n> > 5\ta\n> >> 1\n2\n> stdin:1: '=' expected near 'x'\n> e\nstack traceback:\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			code := Main(c.args, strings.NewReader(c.stdin), &out, &errOut)
			if code != c.code || !strings.HasPrefix(out.String(), c.out) || c.name != "session" && out.String() != c.out {
				t.Errorf("got %d %q, want %d %q", code, out.String(), c.code, c.out)
			}
			if errOut.String() != c.err {
				t.Errorf("got error output %q, want %q", errOut.String(), c.err)
			}
		})
	}
	var out, errOut bytes.Buffer
	if code := Main([]string{bad}, strings.NewReader(""), &out, &errOut); code != 1 || out.String() != "before\n" ||
		!strings.HasPrefix(errOut.String(), "weir lua: "+bad+":1: boom\nstack traceback:\n\t[C]: in function 'error'\n\t"+bad+":1: in function 'f'\n\t"+bad+":2: in main chunk\n\t[C]: at 0x") {
		t.Errorf("got %d %q %q", code, out.String(), errOut.String())
	}
}

func TestBothEnginesAreCompared(t *testing.T) {
	var out, errOut bytes.Buffer
	if code := Main([]string{"--engine=both", "-e", "for i=1,3 do print(i) end"}, strings.NewReader(""), &out, &errOut); code != 0 || !strings.Contains(errOut.String(), "same output") {
		t.Errorf("got %d %q", code, errOut.String())
	}
	if code := Main([]string{"--engine=both", "-e", "print(1e15)"}, strings.NewReader(""), &out, &errOut); code != 1 || !strings.Contains(errOut.String(), "output differs at line 1") {
		t.Errorf("got %d %q", code, errOut.String())
	}
}
