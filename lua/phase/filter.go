package phase

import (
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/ngx"
	"weir/lua/vm"
	"weir/netio/buf"
)

// aside runs the script of a phase that may not wait. It reports whether it ran without an error; one is logged.
func aside(c *api.Ctx, sc *code, push func(c *api.Ctx, l *vm.State) int, nres int, take func(c *api.Ctx, l *vm.State, n int)) bool {
	fn, _ := sc.load(c)
	if fn == nil {
		return false
	}
	err := c.Env().CallAside(c, sc.phase, fn, push, nres, take)
	if err == nil {
		return true
	}
	c.Log(http.LogErr, "failed to run "+sc.phase.Context()+": "+ngx.ErrorWithTrace(err))
	return false
}

// run is set_by_lua: its place in the rewrite module's program.
func (s *setter) run(r *http.Request) http.Code {
	c := api.For(r)
	if relaxed(r) {
		return s.runRelaxed(c)
	}
	outer := c.Args
	c.Args = ngx.EvalArgs(r, s.args)
	c.Result = nil
	ok := aside(c, s.script, nil, 1, takeResult)
	c.Args = outer
	if !ok {
		return http.StatusInternalServerError
	}
	r.SetVar(s.index, c.Result)
	return http.Declined
}

// takeResult keeps what set_by_lua returned; anything but text and numbers is the empty string.
func takeResult(c *api.Ctx, l *vm.State, n int) {
	v := l.Arg(l.Top())
	if n == 0 || !v.IsString() && !v.IsNumber() {
		c.Result = []byte{}
		return
	}
	c.Result = c.R.CopyString(v.Text())
}

// headerFilter runs header_filter_by_lua.
func headerFilter(r *http.Request, next http.HeaderFilter) http.Code {
	lc := loc.Of(r)
	if lc.scripts[atBodyFilter] != nil {
		r.NeedInMemory()
	}
	sc := lc.scripts[atHeaderFilter]
	if sc == nil {
		return next(r)
	}
	c := api.For(r)
	if relaxed(r) {
		return relaxedHeader(c, sc, next)
	}
	exited, code := c.Exited, c.ExitCode
	c.Exited = false
	ok := aside(c, sc, nil, 0, nil)
	left, to := c.Exited, http.Code(c.ExitCode)
	c.Exited, c.ExitCode = exited, code
	to, on := headerVerdict(c, ok, left, to)
	switch {
	case on:
		return next(r)
	case to == http.Error:
		return to
	}
	return r.Refuse(to)
}

// headerVerdict is what the end of header_filter_by_lua means: on with the header, or Error, or the status of another
// response. left says that it called ngx.exit, with to.
func headerVerdict(c *api.Ctx, ok, left bool, to http.Code) (rc http.Code, on bool) {
	switch {
	case !ok:
		return http.Error, false
	case !left || to == http.OK || int(to) == c.HeaderExit: // of the response that an earlier exit has asked for
		return http.OK, true
	case to == http.Error:
		return http.Error, false
	}
	c.HeaderExit = int(to)
	c.R.Worker().Buffers.DoneChain(&c.Held)
	c.HeadersSet, c.MimeSet = false, false
	return to, false
}

// bodyFilter runs body_filter_by_lua on each part of a response.
func bodyFilter(r *http.Request, in *http.Chain, next http.BodyFilter) http.Code {
	sc := loc.Of(r).scripts[atBodyFilter]
	if sc == nil || r.HeaderOnly() || in.Empty() {
		return next(r, in)
	}
	c := api.For(r)
	if relaxed(r) {
		return relaxedBody(c, sc, in, next)
	}
	if c.SeenLast {
		r.Worker().Buffers.DoneChain(in)
		return next(r, in)
	}
	outer := c.InChain
	c.InChain = in
	c.Result = nil
	ok := aside(c, sc, nil, 1, takeCode)
	c.InChain = outer
	if !ok || c.Result != nil {
		return http.Error
	}
	if in.Empty() {
		return http.OK
	}
	if in.Flags()&(buf.Last|buf.LastInChain) != 0 {
		c.SeenLast = true
	}
	return next(r, in)
}

// takeCode looks at what body_filter_by_lua returned: ngx.ERROR, or a status of an error, ends the response.
func takeCode(c *api.Ctx, l *vm.State, n int) {
	if f, ok := l.Arg(l.Top()).AsNumber(); n > 0 && ok && (int(f) == int(http.Error) || f >= 300) {
		c.Result = []byte{}
	}
}

// logPhase runs log_by_lua.
func logPhase(r *http.Request) http.Code {
	switch sc := loc.Of(r).scripts[atLog]; {
	case sc == nil:
	case relaxed(r):
		relaxedLog(api.For(r), sc)
	default:
		aside(api.For(r), sc, nil, 0, nil)
	}
	return http.OK
}
