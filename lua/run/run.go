package run

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"weir/lua/cjson"
	"weir/lua/vm"
)

const usage = `usage: weir lua [options] [FILE [args]]
  -e CODE            run CODE
  -i                 enter the interactive session after running
  --engine ENGINE    weir, gopher (gopher-lua), or both: run on each and compare output and time
  -v                 show the version
  FILE               a script, - for standard input; without FILE and -e: an interactive session
`

// script is what one invocation runs.
type script struct {
	name string   // chunk name
	text string   // source
	file string   // arg[0]
	args []string // arg[1..]
}

// Main runs the command line after "weir lua" and returns the exit status: 0, 1 for an error in a script, 2 for one in
// the command line.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("lua", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	code := flags.String("e", "", "")
	interactive := flags.Bool("i", false, "")
	engine := flags.String("engine", "weir", "")
	version := flags.Bool("v", false, "")
	if err := flags.Parse(args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(stderr, "weir lua: %v\n", err)
		}
		fmt.Fprint(stderr, usage)
		return 2
	}
	if *version {
		fmt.Fprintln(stdout, "weir lua: the language of LuaJIT 2.1 (Lua 5.1)")
		if flags.NArg() == 0 && *code == "" && !*interactive {
			return 0
		}
	}
	var scripts []script
	if *code != "" {
		scripts = append(scripts, script{name: "=(command line)", text: *code, file: "weir", args: flags.Args()})
	}
	if flags.NArg() > 0 && *code == "" {
		s, err := readScript(flags.Arg(0), stdin)
		if err != nil {
			fmt.Fprintf(stderr, "weir lua: %v\n", err)
			return 1
		}
		s.args = flags.Args()[1:]
		scripts = append(scripts, s)
	}
	switch *engine {
	case "weir":
		return runWeir(scripts, *interactive || len(scripts) == 0, stdin, stdout, stderr)
	case "gopher", "both":
		if len(scripts) == 0 {
			fmt.Fprintln(stderr, "weir lua: --engine "+*engine+" needs a script")
			return 2
		}
		if *engine == "gopher" {
			return report(runGopher(scripts[0], stdout), stderr)
		}
		return compare(scripts[0], stdin, stdout, stderr)
	}
	fmt.Fprintf(stderr, "weir lua: unknown engine %q\n%s", *engine, usage)
	return 2
}

func readScript(name string, stdin io.Reader) (script, error) {
	if name == "-" {
		b, err := io.ReadAll(stdin)
		return script{name: "=stdin", text: string(b), file: "-"}, err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return script{}, fmt.Errorf("cannot open %s: %w", name, err)
	}
	return script{name: "@" + name, text: string(b), file: name}, nil
}

// report prints the error of a run and returns the exit status.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "weir lua: %v\n", err)
	return 1
}

// exitCode is the panic that os.exit unwinds with, so that deferred work is done.
type exitCode int

// newVM returns a VM set up as the standalone interpreter's.
func newVM(s script, stdin io.Reader, stdout, stderr io.Writer) *vm.VM {
	v := vm.New()
	v.FullGC, v.Commands = true, shell{}
	v.Stdin, v.Stdout, v.Stderr = stdin, stdout, stderr
	v.Exit = func(code int) { panic(exitCode(code)) }
	v.OpenLibs()
	cjson.Open(v)
	arg := vm.NewTable(len(s.args), 2)
	arg.SetInt(0, vm.String(s.file))
	for i, a := range s.args {
		arg.SetInt(i+1, vm.String(a))
	}
	v.Globals().SetString("arg", arg.Value())
	return v
}

// call runs a function of the host as the bottom frame, which tracebacks show as the C function it is elsewhere.
func call(v *vm.VM, p *vm.Proto, args []string) (results []vm.Value, err error) {
	l := v.Main()
	l.Push(v.NewFunction("main", func(l *vm.State) int {
		l.Push(v.Load(p).Value())
		for _, a := range args {
			l.PushString(a)
		}
		return l.Call(len(args), -1)
	}).Value())
	n, e := l.PCall(0, -1)
	if e != nil {
		return nil, errors.New(e.Traceback)
	}
	for ; n > 0; n-- {
		results = append([]vm.Value{l.Pop1()}, results...)
	}
	return results, nil
}

func runWeir(scripts []script, interactive bool, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	out := bufio.NewWriter(stdout)
	defer out.Flush()
	if os.Getenv("GOGC") == "" {
		// A script's heap is small and its garbage plentiful: collect less often than the default.
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	defer func() {
		if r := recover(); r != nil {
			c, ok := r.(exitCode)
			if !ok {
				panic(r)
			}
			code = int(c)
		}
	}()
	first := script{file: "weir"}
	if len(scripts) > 0 {
		first = scripts[0]
	}
	v := newVM(first, stdin, out, flushFirst{out, stderr})
	defer v.CloseFiles()
	for _, s := range scripts {
		if err := runScript(v, s); err != nil {
			out.Flush()
			return report(err, stderr)
		}
	}
	if interactive {
		session(v, newLineReader(stdin, stdout, out), out)
	}
	return 0
}

func runScript(v *vm.VM, s script) error {
	p, err := vm.Compile(s.text, s.name)
	if err != nil {
		return err
	}
	_, err = call(v, p, s.args)
	return err
}

// flushFirst writes to standard error after what was printed before.
type flushFirst struct {
	out *bufio.Writer
	w   io.Writer
}

func (f flushFirst) Write(b []byte) (int, error) {
	f.out.Flush()
	return f.w.Write(b)
}

// compare runs a script on both engines and tells where their output differs and how long each took.
func compare(s script, stdin io.Reader, stdout, stderr io.Writer) int {
	var ours, theirs bytes.Buffer
	start := time.Now()
	code := runWeir([]script{s}, false, stdin, &ours, &ours)
	t1 := time.Since(start)
	start = time.Now()
	if err := runGopher(s, &theirs); err != nil {
		fmt.Fprintf(&theirs, "weir lua: %v\n", err)
	}
	t2 := time.Since(start)
	stdout.Write(ours.Bytes())
	fmt.Fprintf(stderr, "weir   %12v\ngopher %12v (%.2f times)\n", t1, t2, float64(t2)/float64(t1))
	a, b := bytes.Split(ours.Bytes(), []byte("\n")), bytes.Split(theirs.Bytes(), []byte("\n"))
	for i := range max(len(a), len(b)) {
		var x, y []byte
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if !bytes.Equal(x, y) {
			fmt.Fprintf(stderr, "output differs at line %d:\n  weir   %s\n  gopher %s\n", i+1, x, y)
			return 1
		}
	}
	fmt.Fprintln(stderr, "same output")
	return code
}
