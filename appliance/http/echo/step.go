package echo

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

type opcode uint8

const (
	opStart opcode = iota // the header goes out, and with it what echo_before_body says
	opEcho
	opDuplicate
	opFlush
	opSleep
	opResetTimer
	opReadBody
	opRequestBody
	opLocation
	opLocationAsync
	opSubrequest
	opSubrequestAsync
	opForeach
	opEnd
	opExec
)

// step is one command of a location.
type step struct {
	op      opcode
	newline bool // of echo: no -n
	args    []*http.Complex
}

// writes tells which commands send something by themselves. A subrequest that
// comes before any of them is preceded by opStart: the text of
// echo_before_body belongs ahead of it.
func (op opcode) writes() bool {
	return op == opEcho || op == opDuplicate || op == opFlush || op == opRequestBody
}

func (op opcode) subrequest() bool {
	return op >= opLocation && op <= opSubrequestAsync
}

// command is the setter of a command of the content handler.
func command(op opcode) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		c := conf.Target[locConf](cx)
		s, err := newStep(cx, op, it.Args)
		if err != nil {
			return err
		}
		if op.subrequest() && !c.wrote {
			c.steps = append(c.steps, step{op: opStart})
		}
		c.wrote = c.wrote || op.writes() || op.subrequest()
		c.steps = append(c.steps, s)
		http.ScopeOf(cx).Location().Handler = handle
		return nil
	}
}

// around is the setter of echo_before_body and echo_after_body.
func around(field func(*locConf) *[]step) conf.Setter {
	return func(cx *conf.Cx, it *conf.Item) error {
		s, err := newStep(cx, opEcho, it.Args)
		if err != nil {
			return err
		}
		steps := field(conf.Target[locConf](cx))
		*steps = append(*steps, s)
		return nil
	}
}

// newStep compiles the arguments. Those in front that begin with a dash are
// options, up to "--" or the first that is none or has variables; the only one
// that means something is -n, and unknown ones are ignored.
func newStep(cx *conf.Cx, op opcode, args []string) (step, error) {
	s := step{op: op, newline: true}
	b := http.BuilderOf(cx)
	options := 0
	for expecting := true; expecting && len(args) > 0; {
		word := args[0]
		switch {
		case len(word) < 2 || word[0] != '-' || http.HasVariables(word):
			expecting = false
			continue
		case word[1] == '-':
			expecting = false
		case options == 0 && word == "-n":
			s.newline = false
		}
		options++
		args = args[1:]
	}
	for _, text := range args {
		v, err := b.CompileComplex(text)
		if err != nil {
			return s, err
		}
		s.args = append(s.args, v)
	}
	return s, nil
}

// text evaluates the arguments as echo sends them.
func (s *step) text(r *http.Request) []byte {
	if len(s.args) == 1 && !s.newline {
		return s.args[0].Eval(r)
	}
	n := len(s.args) + 1
	var few [8][]byte
	values := few[:0]
	for _, a := range s.args {
		v := a.Eval(r)
		n += len(v)
		values = append(values, v)
	}
	out := r.Alloc(n)[:0]
	for i, v := range values {
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, v...)
	}
	if s.newline {
		out = append(out, '\n')
	}
	return out
}

// arg evaluates argument i, empty where there are fewer.
func (s *step) arg(r *http.Request, i int) []byte {
	if i >= len(s.args) {
		return nil
	}
	return s.args[i].Eval(r)
}
