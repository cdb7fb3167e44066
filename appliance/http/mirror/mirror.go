package mirror

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

var (
	loc   http.LocSlot[locConf]
	state http.Slot[stage]
)

// stage says how far a request with a body has come. Its two values are
// shared: setting one allocates nothing.
type stage struct{ rc http.Code }

var (
	reading = stage{http.Done}     // the body is being read
	started = stage{http.Declined} // the copies are under way
	failed  = stage{http.StatusInternalServerError}
)

// Module is the module of the mirror directive.
var Module = http.Module{
	Name: "http_mirror",
	Directives: []conf.Directive{
		{Name: "mirror", In: contexts, Args: conf.Take1, Set: setMirror, Default: "off", Syntax: "uri | off",
			Doc: "Sends a copy of each request to the given path; the answers are ignored."},
		{Name: "mirror_request_body", In: contexts, Args: conf.FlagArg, Default: "on",
			Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.body }),
			Doc: "Reads the request body first, so that copies have it, too."},
	},
	Loc:      http.NewLoc(&loc, nil, merge),
	State:    http.NewState(&state),
	Handlers: []http.PhaseHandler{{Phase: http.Precontent, Run: run, Used: used}},
}

const contexts = conf.HTTP | conf.Server | conf.Location

type locConf struct {
	to   [][]byte
	off  bool
	body conf.Opt[bool]
}

func merge(_ *http.Builder, p, c *locConf) error {
	if c.to == nil && !c.off {
		c.to, c.off = p.to, p.off
	}
	c.body.Merge(p.body, true)
	return nil
}

func used(b *http.Builder) bool {
	for _, l := range b.Locations() {
		if loc.In(l).to != nil {
			return true
		}
	}
	return false
}

func setMirror(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	if it.Args[0] == "off" {
		if c.to != nil || c.off {
			return conf.Tail("is duplicate")
		}
		c.off = true
		return nil
	}
	if c.off {
		return conf.Tail("is duplicate")
	}
	c.to = append(c.to, []byte(it.Args[0]))
	return nil
}

// run starts the copies, behind the request body where they are to have it.
func run(r *http.Request) http.Code {
	c := loc.Of(r)
	if r.IsSubrequest() || c.to == nil {
		return http.Declined
	}
	if !c.body.V {
		return start(r, c).rc
	}
	if s := state.Get(r); s != nil {
		return s.rc
	}
	state.Set(r, &reading)
	rc := r.ReadBody(bodyRead)
	if rc >= http.StatusSpecialResponse {
		return rc
	}
	r.Finalize(http.Done)
	return http.Done
}

// bodyRead goes on behind the request body.
func bodyRead(r *http.Request) {
	state.Set(r, start(r, loc.Of(r)))
	r.PreserveBody()
	r.SetWriteHandler((*http.Request).RunPhases)
	r.RunPhases()
}

// start makes the subrequests that are the copies.
func start(r *http.Request, c *locConf) *stage {
	for _, uri := range c.to {
		s := r.Subrequest(http.SubrequestOptions{
			URI: uri, Args: r.Args, Flags: http.SubBackground,
			Method: r.Method, MethodName: r.MethodName,
		})
		if s == nil {
			return &failed
		}
		s.SetHeaderOnly(true)
	}
	return &started
}
