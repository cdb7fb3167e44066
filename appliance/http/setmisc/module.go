package setmisc

import (
	"sync/atomic"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/rewrite"
)

var (
	main  http.MainSlot[mainConf]
	loc   http.LocSlot[locConf]
	local http.WorkerSlot[scratch]
)

const (
	inRewrite = conf.Server | conf.ServerIf | conf.Location | conf.LocationIf
	inLevels  = conf.HTTP | inRewrite
)

// Module is the set-misc module.
var Module = http.Module{
	Name:       "http_set_misc",
	Directives: append(fromTable(), others...),
	Main:       http.NewMain(&main, nil, nil),
	Loc:        http.NewLoc(&loc, nil, merge),
	Local:      http.NewLocal(&local, func(*http.Worker) *scratch { return new(scratch) }),
}

// mainConf is what the http block says.
type mainConf struct {
	lists map[string][][]byte // upstream_list
}

// locConf is what a location says.
type locConf struct {
	padding  conf.Opt[bool]
	alphabet conf.Opt[string]
	digits   *[256]byte   // of the alphabet; notDigit for other bytes
	rotated  atomic.Int64 // last value of set_rotate plus 1; 0: none yet
}

func merge(_ *http.Builder, p, c *locConf) error {
	c.padding.Merge(p.padding, true)
	c.alphabet.Merge(p.alphabet, "0123456789abcdefghijklmnopqrstuv")
	c.digits = digitsOf(c.alphabet.V)
	return nil
}

// scratch holds the arguments of the function that runs.
type scratch struct{ args [3][]byte }

var others = []conf.Directive{
	{Name: "set_hashed_upstream", In: inRewrite, Args: conf.Take3, Set: setHashedUpstream, Syntax: "$variable list key",
		Doc: "Sets a variable to the backend of an upstream_list that a key belongs to."},
	{Name: "upstream_list", In: inLevels, Args: conf.TwoMore, Set: setList, Syntax: "name backend ...",
		Doc: "Names the backends that set_hashed_upstream chooses from."},
	{Name: "set_base32_padding", In: inLevels, Args: conf.FlagArg, Default: "on", Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.padding }),
		Doc: "Says whether set_encode_base32 fills up with equals signs."},
	{Name: "set_misc_base32_padding", In: inLevels, Args: conf.FlagArg,
		Set: conf.Deprecated("set_base32_padding", conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.padding })),
		Doc: "Is the old name of set_base32_padding."},
	{Name: "set_base32_alphabet", In: inLevels, Args: conf.Take1, Default: `"0123456789abcdefghijklmnopqrstuv"`,
		Set: conf.After(conf.Str(func(c *locConf) *conf.Opt[string] { return &c.alphabet }), checkAlphabet),
		Doc: "Sets the 32 digits of base32."},
}

func checkAlphabet(_ *conf.Cx, it *conf.Item) error {
	if n := len(it.Args[0]); n != 32 {
		return conf.Errorf("\"set_base32_alphabet\" directive takes an alphabet of %d bytes but 32 expected", n)
	}
	return nil
}

// fromTable makes the directives of the functions.
func fromTable() []conf.Directive {
	var list []conf.Directive
	for i := range functions {
		f := &functions[i]
		list = append(list, conf.Directive{
			Name: f.Name, In: inRewrite, Args: f.takes(), Syntax: f.syntax, Doc: f.doc,
			Set: func(cx *conf.Cx, it *conf.Item) error { return f.compile(cx, it) },
		})
	}
	return list
}

// takes is how many arguments the directive has: the variable, and the
// function's. A function of one argument may work on the variable itself.
func (f *Function) takes() conf.Args {
	n := f.Args
	if f.own {
		n--
	}
	switch {
	case n == 1 && !f.own && !f.explicit:
		return conf.Take12
	case n == 0:
		return conf.Take1
	case n == 1:
		return conf.Take2
	}
	return conf.Take3
}

// compile puts the function into the program being read.
func (f *Function) compile(cx *conf.Cx, it *conf.Item) error {
	index, err := rewrite.TargetVariable(cx, it.Args[0])
	if err != nil {
		return err
	}
	from := it.Args[1:]
	if f.own || len(it.Args) == 1 && f.Args > 0 {
		from = it.Args
	}
	var values []*http.Complex
	for _, text := range from {
		v, err := http.BuilderOf(cx).CompileComplex(text)
		if err != nil {
			return err
		}
		values = append(values, v)
	}
	rewrite.Append(cx, func(r *http.Request) http.Code {
		s := local.Of(r.Worker())
		for i, v := range values {
			s.args[i] = v.Eval(r)
		}
		out, ok := f.Run(r, s.args[:len(values)])
		clear(s.args[:])
		if !ok {
			return http.StatusInternalServerError
		}
		r.SetVar(index, out)
		return http.Declined
	})
	return nil
}
