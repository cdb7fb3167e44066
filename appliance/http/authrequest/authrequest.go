package authrequest

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
)

var (
	loc   http.LocSlot[locConf]
	state http.Slot[ask]
	local http.WorkerSlot[freeList]
)

// Module is the module of auth_request.
var Module = http.Module{
	Name: "http_auth_request",
	Directives: []conf.Directive{
		{Name: "auth_request", In: contexts, Args: conf.Take1, Set: setURI, Default: "off", Syntax: "uri | off",
			Doc: "Asks the given path whether a request may go on."},
		{Name: "auth_request_set", In: contexts, Args: conf.Take2, Set: setVariable, Syntax: "$variable value",
			Doc: "Sets a variable of the request from the answer."},
	},
	Loc:          http.NewLoc(&loc, nil, merge),
	State:        http.NewState(&state),
	Local:        http.NewLocal(&local, func(*http.Worker) *freeList { return new(freeList) }),
	Handlers:     []http.PhaseHandler{{Phase: http.Access, Run: run, Used: used}},
	ConfigureArg: "--with-http_auth_request_module",
}

const contexts = conf.HTTP | conf.Server | conf.Location

type locConf struct {
	uri  conf.Opt[string]
	path []byte
	sets []assignment
}

// assignment is one auth_request_set.
type assignment struct {
	index int
	value *http.Complex
}

// ask is the state of a request that has asked.
type ask struct {
	sub    *http.Request
	done   bool
	status http.Code
	home   *freeList // where it goes when the request ends
}

// freeList keeps a worker's unused ask structures.
type freeList []*ask

func (f *freeList) take() *ask {
	n := len(*f) - 1
	if n < 0 {
		return &ask{home: f}
	}
	a := (*f)[n]
	*f = (*f)[:n]
	a.home = f
	return a
}

// release is the cleanup of a request that has asked.
func release(data any) {
	a := data.(*ask)
	f := a.home
	*a = ask{}
	*f = append(*f, a)
}

func merge(_ *http.Builder, p, c *locConf) error {
	c.uri.Merge(p.uri, "off")
	if c.uri.V != "off" {
		c.path = []byte(c.uri.V)
	}
	conf.MergeList(&c.sets, p.sets)
	return nil
}

func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if loc.In(l).path != nil {
			return true
		}
	}
	return false
}

func setURI(cx *conf.Cx, it *conf.Item) error {
	return conf.Str(func(c *locConf) *conf.Opt[string] { return &c.uri })(cx, it)
}

func setVariable(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	name, ok := strings.CutPrefix(it.Args[0], "$")
	if !ok || name == "" {
		return conf.Errorf("invalid variable name \"%s\"", it.Args[0])
	}
	b := http.BuilderOf(cx)
	v, err := b.DefineVariable(name, http.VarChangeable)
	if err != nil {
		return err
	}
	value, err := b.CompileComplex(it.Args[1])
	if err != nil {
		return err
	}
	c.sets = append(c.sets, assignment{v.Index(), value})
	return nil
}

func run(r *http.Request) http.Code {
	c := loc.Of(r)
	if c.path == nil {
		return http.Declined
	}
	a := state.Get(r)
	if a != nil {
		if !a.done {
			return http.Again
		}
		return a.verdict(r, c)
	}
	a = local.Of(r.Worker()).take()
	r.Cleanup(release, a)
	state.Set(r, a)
	a.sub = r.Subrequest(http.SubrequestOptions{
		URI: c.path, Flags: http.SubWaited, Done: answered, Data: a,
	})
	if a.sub == nil {
		return http.Error
	}
	// The answer's body is of no interest; the request's body stays for the
	// handler that serves the request.
	a.sub.DropBody()
	return http.Again
}

// answered notes the status of the answer. It is called again where an error
// page takes the place of an answer; the last status counts.
func answered(sub *http.Request, data any, rc http.Code) http.Code {
	a := data.(*ask)
	a.done = true
	a.status = http.Code(sub.Out.Status)
	return rc
}

// verdict turns the answer into what the access phase does.
func (a *ask) verdict(r *http.Request, c *locConf) http.Code {
	for _, s := range c.sets {
		// Variables of the answer ($upstream_http_..., $sent_http_...) are
		// those of the subrequest.
		r.SetVar(s.index, s.value.Eval(a.sub))
	}
	switch {
	case a.status == http.StatusForbidden:
		return a.status
	case a.status == http.StatusUnauthorized:
		a.passChallenge(r)
		return a.status
	case a.status >= http.StatusOK && a.status < http.StatusSpecialResponse:
		return http.OK
	}
	r.Logf(http.LogErr, "auth request unexpected status: %d", a.status)
	return http.StatusInternalServerError
}

// passChallenge hands the answer's WWW-Authenticate fields on.
func (a *ask) passChallenge(r *http.Request) {
	for _, v := range a.sub.Out.Headers.Values(nil, http1.HeaderWWWAuthenticate) {
		r.Out.Headers.AddID(http1.HeaderWWWAuthenticate, v)
	}
}
