package rewrite

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
)

// programOf is the program that the directive being read belongs to.
func programOf(cx *conf.Cx) *program {
	if cx.In&(conf.ServerIf|conf.LocationIf) != 0 {
		return main.In(http.BuilderOf(cx)).outer
	}
	return &conf.Target[locConf](cx).program
}

// Append adds an instruction of another module at the place of the directive
// being read, which stands in a server, a location or an `if` block: set_*
// directives belong to the same program as `set`. run returns Declined to go
// on; Again waits: the program stays where it is until Request.RunPhases, and
// run is asked again then. Anything else ends the program and finalizes the
// request.
func Append(cx *conf.Cx, run func(r *http.Request) http.Code) {
	p := &loc.In(http.ScopeOf(cx).Location()).program
	if cx.In&(conf.ServerIf|conf.LocationIf) != 0 {
		p = main.In(http.BuilderOf(cx)).outer
	}
	*p = append(*p, instruction{kind: opCall, call: run})
}

// TargetVariable defines the variable that a directive assigns to, written
// with its dollar sign, as `set` does, and returns its index.
func TargetVariable(cx *conf.Cx, arg string) (index int, err error) {
	name, ok := strings.CutPrefix(arg, "$")
	if !ok {
		return 0, conf.Errorf("invalid variable name \"%s\"", arg)
	}
	if name == "" {
		return 0, conf.Errorf("invalid variable name \"$\"")
	}
	d, err := http.BuilderOf(cx).DefineVariable(name, http.VarChangeable|http.VarWeak)
	if err != nil {
		return 0, err
	}
	if d.Get == nil {
		d.Get = uninitialized
	}
	return d.Index(), nil
}

// isURL reports whether text, without a status before it, asks for a redirect.
func isURL(text string) bool {
	return strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "$scheme")
}

// setRewrite reads rewrite regex replacement [flag].
func setRewrite(cx *conf.Cx, it *conf.Item) error {
	text := it.Args[1]
	if text == "" {
		return conf.Errorf("empty replacement")
	}
	b := http.BuilderOf(cx)
	re, err := b.CompileRegex(it.Args[0], false)
	if err != nil {
		return err
	}
	w := &rewriteOp{re: re, addArgs: true}
	if s, cut := strings.CutSuffix(text, "?"); cut { // drops the request's own arguments
		text, w.addArgs = s, false
	}
	last := false
	if isURL(text) {
		w.status, last = http.StatusFound, true
	}
	switch flag := it.Arg(2); {
	case len(it.Args) == 2:
	case flag == "last":
		last = true
	case flag == "break":
		w.stay, last = true, true
	case flag == "redirect":
		w.status, last = http.StatusFound, true
	case flag == "permanent":
		w.status, last = http.StatusMovedPermanently, true
	default:
		return conf.Errorf("invalid parameter \"%s\"", flag)
	}
	path, query, hasArgs := strings.Cut(text, "?")
	w.hasArgs = hasArgs
	if w.status != 0 { // one URL: the question mark is part of its text
		path, query = text, ""
	}
	if w.path, err = b.CompileComplex(path); err != nil {
		return err
	}
	if w.args, err = b.CompileComplex(query); err != nil {
		return err
	}
	p := programOf(cx)
	*p = append(*p, instruction{kind: opRewrite, rewrite: w, last: last})
	return nil
}

// setReturn reads return code [text] and return URL.
func setReturn(cx *conf.Cx, it *conf.Item) error {
	in := instruction{kind: opReturn}
	text := ""
	status, ok := conf.ParseNum(it.Args[0])
	switch {
	case !ok && len(it.Args) == 1 && isURL(it.Args[0]):
		in.status, text = http.StatusFound, it.Args[0]
	case !ok || status > 999:
		return conf.Errorf("invalid return code \"%s\"", it.Args[0])
	default:
		in.status, text = http.Code(status), it.Arg(1)
	}
	var err error
	if in.value, err = http.BuilderOf(cx).CompileComplex(text); err != nil {
		return err
	}
	p := programOf(cx)
	*p = append(*p, in)
	return nil
}

func setBreak(cx *conf.Cx, _ *conf.Item) error {
	p := programOf(cx)
	*p = append(*p, instruction{kind: opBreak})
	return nil
}

// setVariable reads set $variable value.
func setVariable(cx *conf.Cx, it *conf.Item) error {
	index, err := TargetVariable(cx, it.Args[0])
	if err != nil {
		return err
	}
	v, err := http.BuilderOf(cx).CompileComplex(it.Args[1])
	if err != nil {
		return err
	}
	p := programOf(cx)
	*p = append(*p, instruction{kind: opSet, index: index, value: v})
	return nil
}

// uninitialized is the value of a variable whose `set` has not run.
func uninitialized(r *http.Request, v *http.Value, d *http.Variable) {
	if loc.Of(r).warn.V {
		r.Logf(http.LogWarn, "using uninitialized \"%s\" variable", d.Name)
	}
	v.Is(empty)
}

var empty = []byte{}

// setIf compiles the condition, then the block behind it.
func setIf(cx *conf.Cx, it *conf.Item) error {
	b := http.BuilderOf(cx)
	p := programOf(cx)
	in, err := condition(b, it.Args)
	if err != nil {
		return err
	}
	at := len(*p)
	*p = append(*p, in)
	m := main.In(b)
	outside := m.outer
	m.outer = p
	inside := conf.LocationIf
	if cx.In&(conf.Server|conf.ServerIf) != 0 {
		inside = conf.ServerIf
	}
	l, err := b.Block(cx, it, inside)
	m.outer = outside
	(*p)[at].next = len(*p)
	if inside == conf.LocationIf { // `if` of a server only guards its directives
		(*p)[at].loc = l
	}
	return err
}

// condition compiles what stands in parentheses behind `if`. The parentheses
// are part of the first and last argument, or stand by themselves.
func condition(b *http.Builder, args []string) (in instruction, err error) {
	bad := func(arg string) (instruction, error) {
		return in, conf.Errorf("invalid condition \"%s\"", arg)
	}
	words := append([]string(nil), args...)
	first, last := 0, len(words)-1
	if !strings.HasPrefix(words[first], "(") {
		return bad(words[first])
	}
	if words[first] = words[first][1:]; words[first] == "" && last > 0 {
		first++
	}
	if !strings.HasSuffix(words[last], ")") {
		return bad(words[last])
	}
	if words[last] = strings.TrimSuffix(words[last], ")"); words[last] == "" && last > first {
		last--
	}
	words = words[first : last+1]
	in.kind = opIf
	switch w := words[0]; {
	case len(w) > 1 && w[0] == '$':
		return in, compare(b, &in, words)
	case len(w) == 2 && w[0] == '-', len(w) == 3 && w[:2] == "!-":
		if len(words) != 2 {
			return bad(w)
		}
		in.negate = w[0] == '!'
		switch w[len(w)-1] {
		case 'f':
			in.test = testFile
		case 'd':
			in.test = testDir
		case 'e':
			in.test = testExists
		case 'x':
			in.test = testExec
		default:
			return bad(w)
		}
		in.value, err = b.CompileComplex(words[1])
		return in, err
	}
	return bad(words[0])
}

// compare compiles $variable [operator value].
func compare(b *http.Builder, in *instruction, words []string) (err error) {
	if len(words) != 1 && len(words) != 3 {
		return conf.Errorf("invalid condition \"%s\"", words[0])
	}
	in.index = b.VariableIndex(words[0][1:])
	if len(words) == 1 {
		in.test = testTrue
		return nil
	}
	switch op := words[1]; op {
	case "=", "!=":
		in.test, in.negate = testEqual, op[0] == '!'
		in.value, err = b.CompileComplex(words[2])
	case "~", "~*", "!~", "!~*":
		in.test, in.negate = testRegex, op[0] == '!'
		in.re, err = b.CompileRegex(words[2], strings.HasSuffix(op, "*"))
	default:
		err = conf.Errorf("unexpected \"%s\" in condition", op)
	}
	return err
}
