package echo

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

var (
	loc   http.LocSlot[locConf]
	state http.Slot[run]
	local http.WorkerSlot[freeList]
)

const contexts = conf.Location | conf.LocationIf

// Module is the echo module.
var Module = http.Module{
	Name:       "http_echo",
	Directives: directives,
	Variables:  variables,
	Loc:        http.NewLoc(&loc, nil, merge),
	State:      http.NewState(&state),
	Local:      http.NewLocal(&local, func(*http.Worker) *freeList { return new(freeList) }),
	HeaderFilter: func(b *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		if !filters(b) {
			return next
		}
		return func(r *http.Request) http.Code { return headerFilter(r, next) }
	},
	BodyFilter: func(b *http.Builder, next http.BodyFilter) http.BodyFilter {
		if !filters(b) {
			return next
		}
		return func(r *http.Request, in *http.Chain) http.Code { return bodyFilter(r, in, next) }
	},
}

var directives = []conf.Directive{
	{Name: "echo", In: contexts, Args: conf.AnyArgs, Set: command(opEcho), Syntax: "[-n] [text ...]",
		Doc: "Sends its arguments, joined by spaces, and a newline unless -n is given."},
	{Name: "echo_duplicate", In: contexts, Args: conf.Take2, Set: command(opDuplicate), Syntax: "count text",
		Doc: "Sends a text several times."},
	{Name: "echo_flush", In: contexts, Args: conf.NoArgs, Set: command(opFlush),
		Doc: "Sends what was written so far at once."},
	{Name: "echo_sleep", In: contexts, Args: conf.Take1, Set: command(opSleep), Syntax: "seconds",
		Doc: "Waits, to the millisecond, without holding the worker."},
	{Name: "echo_blocking_sleep", In: contexts, Args: conf.Take1, Set: command(opSleep), Syntax: "seconds",
		Doc: "Waits as echo_sleep does: nothing blocks a worker."},
	{Name: "echo_reset_timer", In: contexts, Args: conf.NoArgs, Set: command(opResetTimer),
		Doc: "Has $echo_timer_elapsed count from now."},
	{Name: "echo_read_request_body", In: contexts, Args: conf.NoArgs, Set: command(opReadBody),
		Doc: "Reads the request body, so that $request_body and echo_request_body have it."},
	{Name: "echo_request_body", In: contexts, Args: conf.NoArgs, Set: command(opRequestBody),
		Doc: "Sends the request body, if it has been read."},
	{Name: "echo_location", In: contexts, Args: conf.Take12, Set: command(opLocation), Syntax: "path [arguments]",
		Doc: "Puts the answer of another location here and waits for its end."},
	{Name: "echo_location_async", In: contexts, Args: conf.Take12, Set: command(opLocationAsync), Syntax: "path [arguments]",
		Doc: "Puts the answer of another location here and goes on at once."},
	{Name: "echo_subrequest", In: contexts, Args: conf.TwoMore, Set: command(opSubrequest), Syntax: "method path [-q arguments] [-b body] [-f file]",
		Doc: "Makes a subrequest with a method, arguments and a body of its own and waits for its end."},
	{Name: "echo_subrequest_async", In: contexts, Args: conf.TwoMore, Set: command(opSubrequestAsync), Syntax: "method path [-q arguments] [-b body] [-f file]",
		Doc: "Makes a subrequest as echo_subrequest does and goes on at once."},
	{Name: "echo_foreach_split", In: contexts, Args: conf.TwoMore, Set: command(opForeach), Syntax: "delimiter text",
		Doc: "Runs the commands up to echo_end for each part of a text; $echo_it is the part."},
	{Name: "echo_end", In: contexts, Args: conf.NoArgs, Set: command(opEnd),
		Doc: "Ends the commands of echo_foreach_split."},
	{Name: "echo_exec", In: contexts, Args: conf.Take12, Set: command(opExec), Syntax: "path [arguments] | @name",
		Doc: "Goes on in another location."},
	{Name: "echo_abort_parent", In: contexts, Args: conf.NoArgs, Set: conf.NoOp("it never did anything in nginx either"),
		Doc: "Accepted for compatibility."},
	{Name: "echo_status", In: contexts, Args: conf.Take1, Default: "200", Syntax: "status",
		Set: conf.Num(func(c *locConf) *conf.Opt[int] { return &c.status }, 0, conf.NoMax),
		Doc: "Sets the status of the response that the commands make."},
	{Name: "echo_before_body", In: contexts, Args: conf.AnyArgs, Set: around(func(c *locConf) *[]step { return &c.before }), Syntax: "[-n] [text ...]",
		Doc: "Sends text ahead of what the location answers."},
	{Name: "echo_after_body", In: contexts, Args: conf.AnyArgs, Set: around(func(c *locConf) *[]step { return &c.after }), Syntax: "[-n] [text ...]",
		Doc: "Sends text behind what the location answers."},
}

// locConf is what a location says.
type locConf struct {
	steps  []step // of the content handler
	before []step
	after  []step
	status conf.Opt[int]
	wrote  bool // a command so far writes something
}

func merge(_ *http.Builder, p, c *locConf) error {
	if c.steps == nil {
		c.steps = p.steps
	}
	if c.before == nil {
		c.before = p.before
	}
	if c.after == nil {
		c.after = p.after
	}
	c.status.Merge(p.status, 200)
	return nil
}

// filters reports whether any location puts text around bodies.
func filters(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if c := loc.In(l); c.before != nil || c.after != nil {
			return true
		}
	}
	return false
}
