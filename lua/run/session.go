package run

import (
	"bufio"
	"fmt"
	"strings"

	"weir/lua/vm"
)

// session reads lines, runs them and prints their values, until the end of input. A line that begins with "=" or is
// an expression is printed; one that is incomplete is continued on the next.
func session(v *vm.VM, in lineReader, out *bufio.Writer) {
	fmt.Fprintln(out, "weir lua: the language of LuaJIT 2.1; end with Ctrl-D")
	text := ""
	for {
		prompt := "> "
		if text != "" {
			prompt = ">> "
		}
		line, err := in.readLine(prompt)
		if err != nil {
			fmt.Fprintln(out)
			return
		}
		text += line + "\n"
		p, err := compileLine(text)
		if err != nil && strings.HasSuffix(err.Error(), "near '<eof>'") {
			continue
		}
		text = ""
		if err != nil {
			fmt.Fprintln(out, err)
			continue
		}
		results, err := call(v, p, nil)
		if err != nil {
			fmt.Fprintln(out, err)
		} else if len(results) > 0 {
			show(v, results, out)
		}
	}
}

// compileLine compiles a line as an expression, or else as statements.
func compileLine(text string) (*vm.Proto, error) {
	expr := strings.TrimPrefix(strings.TrimSpace(text), "=")
	if p, err := vm.Compile("return "+expr, "=stdin"); err == nil && expr != "" {
		return p, nil
	}
	return vm.Compile(text, "=stdin")
}

// show prints values as print does.
func show(v *vm.VM, values []vm.Value, out *bufio.Writer) {
	l := v.Main()
	l.Push(v.Globals().GetString("print"))
	for _, x := range values {
		l.Push(x)
	}
	if _, e := l.PCall(len(values), 0); e != nil {
		fmt.Fprintln(out, e.Text)
	}
}
