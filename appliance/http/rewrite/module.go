package rewrite

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

var (
	main http.MainSlot[mainConf]
	loc  http.LocSlot[locConf]
	// waiting is the program that an instruction of another module holds up.
	waiting http.Slot[position]
)

// mainConf is used only while the configuration is read.
type mainConf struct {
	// outer is the program that the directives of the `if` block being read
	// belong to.
	outer *program
}

// locConf is what a server or location says.
type locConf struct {
	program program // empty in `if` blocks: theirs is that of the block around
	log     conf.Opt[bool]
	warn    conf.Opt[bool]
}

const (
	inRewrite = conf.Server | conf.ServerIf | conf.Location | conf.LocationIf
	inLevels  = conf.HTTP | inRewrite
)

// Module is the rewrite module.
var Module = http.Module{
	Name:  "http_rewrite",
	Main:  http.NewMain(&main, nil, nil),
	Loc:   http.NewLoc(&loc, nil, merge),
	State: http.NewState(&waiting),
	Directives: []conf.Directive{
		{Name: "rewrite", In: inRewrite, Args: conf.Take23, Set: setRewrite, Syntax: "regex replacement [flag]",
			Doc: "Changes the path of requests that match an expression, or redirects them."},
		{Name: "return", In: inRewrite, Args: conf.Take12, Set: setReturn, Syntax: "code [text] | code URL | URL",
			Doc: "Ends processing with a status, a text or a redirect; 444 closes the connection."},
		{Name: "break", In: inRewrite, Args: conf.NoArgs, Set: setBreak,
			Doc: "Ends the rewrite directives of this level."},
		{Name: "if", In: inRewrite, Args: conf.OneMore | conf.HasBlock, Set: setIf, Syntax: "(condition)",
			Doc: "Applies the directives of the block when the condition holds."},
		{Name: "set", In: inRewrite, Args: conf.Take2, Set: setVariable, Syntax: "$variable value",
			Doc: "Sets a variable."},
		{Name: "rewrite_log", In: inLevels, Args: conf.FlagArg, Default: "off", Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.log }),
			Doc: "Logs what rewrite and if do to the error log at level notice."},
		{Name: "uninitialized_variable_warn", In: inLevels, Args: conf.FlagArg, Default: "on", Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.warn }),
			Doc: "Logs a warning when a variable is used before it was set."},
	},
	Handlers: []http.PhaseHandler{
		{Phase: http.ServerRewrite, Run: rewriteServer, Used: used},
		{Phase: http.Rewrite, Run: rewriteLocation, Used: used},
	},
}

func merge(_ *http.Builder, p, c *locConf) error {
	c.log.Merge(p.log, false)
	c.warn.Merge(p.warn, true)
	return nil
}

// used leaves the handlers out of configurations without any program.
func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if len(loc.In(l).program) > 0 {
			return true
		}
	}
	return false
}

func rewriteServer(r *http.Request) http.Code { return run(r, loc.Of(r)) }

// rewriteLocation skips requests outside of locations: the server's program
// has run already.
func rewriteLocation(r *http.Request) http.Code {
	if r.Location() == r.Server().Root() {
		return http.Declined
	}
	return run(r, loc.Of(r))
}

// run executes a program. A program that ends the request finalizes it here,
// since the phase engine takes OK for "go on".
func run(r *http.Request, c *locConf) http.Code {
	var rc http.Code
	if waits(r) {
		rc = waiting.Get(r).resume(r) // the location may be that of an `if` block by now
	} else if len(c.program) == 0 {
		return http.Declined
	} else {
		rc = c.program.run(r, c.log.V)
	}
	if rc == http.Declined || rc == http.Again && waits(r) { // else it is a response that the client takes slowly
		return rc
	}
	r.Finalize(rc)
	return http.Done
}

// waits reports whether an instruction of the program of r has to wait.
func waits(r *http.Request) bool {
	w := waiting.Get(r)
	return w != nil && w.program != nil
}
