package phase

import (
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/lua/api"
	"weir/lua/ngx"
	"weir/netio/buf"
)

// With lua_phase_io relaxed the scripts of set, filters, log and balancer run on light threads of their own, each in
// an api.Ctx beside the request's. One that ends without waiting costs nothing more; one that waits has its phase
// wait, each in its own way:
//
//	set            the rewrite program stays at the directive (rewrite.Append)
//	header_filter  the output gate of the core closes: HoldHeader .. ReleaseHeader, RefuseHeader
//	body_filter    this part of the body and those behind it queue here, in a bodyGate
//	log            the connection goes on, the request stays: HoldLog .. ReleaseLog
//	balancer       the try waits: Again .. Exchange.Chosen

// relaxed reports whether scripts of the request's location may wait in every phase.
func relaxed(r *http.Request) bool { return api.Locations.Of(r).Relaxed.V }

// succeeded reports whether an aside has run without an error; one is logged.
func succeeded(a *api.Ctx) bool {
	if !a.Failed {
		return true
	}
	if err := a.Err(); err != nil {
		a.Log(http.LogErr, "failed to run "+a.Phase.Context()+": "+ngx.ErrorWithTrace(err))
	}
	return false
}

// runRelaxed is setter.run. Again: the script waits, and the program with it; setDone has it asked again.
func (s *setter) runRelaxed(c *api.Ctx) http.Code {
	r, a := c.R, c.Setting
	switch {
	case a == nil:
		fn, _ := s.script.load(c)
		if fn == nil {
			return http.StatusInternalServerError
		}
		a = c.Aside(api.Set)
		a.Args = ngx.EvalArgs(r, s.args)
		a.OnDone = setDone
		if !a.RunAside(fn, 1, takeResult) {
			c.Setting = a
			ngx.WatchClient(r)
			r.SetWriteHandler(ngx.Writable)
			return http.Again
		}
	case !a.Over:
		return http.Again
	}
	c.Setting = nil
	ok, result := succeeded(a), a.Result
	a.Close()
	if !ok {
		return http.StatusInternalServerError
	}
	r.SetVar(s.index, result)
	return http.Declined
}

// setDone goes on with the phases, which ask the program again.
func setDone(a *api.Ctx) {
	r := a.R
	r.SetWriteHandler((*http.Request).RunPhases)
	r.RunPhases()
}

// relaxedHeader is headerFilter.
func relaxedHeader(c *api.Ctx, sc *code, next http.HeaderFilter) http.Code {
	fn, _ := sc.load(c)
	if fn == nil {
		return http.Error
	}
	a := c.Aside(api.HeaderFilter)
	a.OnDone = headerDone
	if !a.RunAside(fn, 0, nil) {
		return c.R.HoldHeader()
	}
	to, on := headerVerdict(c, succeeded(a), a.Exited, http.Code(a.ExitCode))
	a.Close()
	switch {
	case on:
		return next(c.R)
	case to == http.Error:
		return to
	}
	return c.R.Refuse(to)
}

// headerDone goes on with a header whose filter has waited.
func headerDone(a *api.Ctx) {
	c, r := a.Base(), a.R
	to, on := headerVerdict(c, succeeded(a), a.Exited, http.Code(a.ExitCode))
	a.Close()
	switch {
	case on:
		r.ReleaseHeader(main.Of(r.Generation()).nextHeader)
	case to == http.Error:
		r.RefuseHeader(to)
	default:
		r.RefuseHeader(r.Refuse(to))
	}
}

// bodyGate is what body_filter_by_lua holds of a request's body: the part its script works on and, while that waits,
// those that came since. It belongs to the request's context.
type bodyGate struct {
	c       *api.Ctx
	script  *code
	in      buf.Chain
	queue   []buf.Chain
	waiting bool
}

// relaxedBody is bodyFilter.
func relaxedBody(c *api.Ctx, sc *code, in *http.Chain, next http.BodyFilter) http.Code {
	g, _ := c.BodyGate.(*bodyGate)
	if g == nil {
		g = &bodyGate{c: c, script: sc}
		c.BodyGate = g
		c.OnClose(g)
	}
	if g.waiting {
		g.queue = append(g.queue, *in)
		*in = buf.Chain{}
		return http.Again
	}
	return g.filter(in, next)
}

// filter runs the script on a part of the body and passes on what it leaves. Again may mean that the script waits.
func (g *bodyGate) filter(in *buf.Chain, next http.BodyFilter) http.Code {
	c := g.c
	if c.SeenLast {
		c.R.Worker().Buffers.DoneChain(in)
		return http.OK
	}
	fn, _ := g.script.load(c)
	if fn == nil {
		return http.Error
	}
	g.in = *in
	*in = buf.Chain{}
	a := c.Aside(api.BodyFilter)
	a.InChain = &g.in
	a.OnDone = bodyDone
	if !a.RunAside(fn, 1, takeCode) {
		g.waiting = true
		c.R.HoldBody()
		return http.Again
	}
	return g.pass(a, next)
}

// pass hands on what a script that is over has left of its part.
func (g *bodyGate) pass(a *api.Ctx, next http.BodyFilter) http.Code {
	ok := succeeded(a) && a.Result == nil
	a.Close()
	c := g.c
	switch {
	case !ok:
		return http.Error
	case g.in.Empty():
		return http.OK
	case g.in.Flags()&(buf.Last|buf.LastInChain) != 0:
		c.SeenLast = true
	}
	return next(c.R, &g.in)
}

// bodyDone goes on with a part of the body whose script has waited, then with those behind it.
func bodyDone(a *api.Ctx) {
	c, r := a.Base(), a.R
	g := c.BodyGate.(*bodyGate)
	next := main.Of(r.Generation()).nextBody
	g.waiting = false
	rc := g.pass(a, next)
	for rc != http.Error && len(g.queue) > 0 {
		in := g.queue[0]
		g.queue[0] = buf.Chain{}
		g.queue = g.queue[1:]
		if rc = g.filter(&in, next); g.waiting {
			return
		}
	}
	if rc != http.Error {
		g.queue = nil
		r.ReleaseBody()
		return
	}
	r.Client().SetError()
	r.Finalize(http.Error)
}

// Clean implements api.Cleaner: the request has ended, whatever still waited.
func (g *bodyGate) Clean() {
	p := g.c.R.Worker().Buffers
	p.DoneChain(&g.in)
	for i := range g.queue {
		p.DoneChain(&g.queue[i])
	}
	g.queue = nil
}

// relaxedLog is logPhase.
func relaxedLog(c *api.Ctx, sc *code) {
	fn, _ := sc.load(c)
	if fn == nil {
		return
	}
	a := c.Aside(api.Log)
	a.OnDone = logDone
	if !a.RunAside(fn, 0, nil) {
		a.R.HoldLog()
		return
	}
	succeeded(a)
	a.Close()
}

func logDone(a *api.Ctx) {
	r := a.R
	succeeded(a)
	a.Close()
	r.ReleaseLog()
}

// chooseRelaxed is balancer.Choose. Again: the script waits.
func (b *balancer) chooseRelaxed(c *api.Ctx, x *upstream.Exchange) http.Code {
	fn, _ := b.script.load(c)
	if fn == nil {
		return http.Error
	}
	a := c.Aside(api.Balancer)
	a.OnDone = balancerDone
	if !a.RunAside(fn, 0, nil) {
		return http.Again
	}
	return balancerVerdict(a, x)
}

// balancerDone goes on with a try whose script has waited.
func balancerDone(a *api.Ctx) {
	x := upstream.Of(a.R)
	x.Chosen(balancerVerdict(a, x))
}

// balancerVerdict closes an aside of balancer_by_lua and says what it means for the try.
func balancerVerdict(a *api.Ctx, x *upstream.Exchange) http.Code {
	c, ok, left, to := a.Base(), succeeded(a), a.Exited, http.Code(a.ExitCode)
	a.Close()
	return verdict(c, x, ok, left, to)
}
