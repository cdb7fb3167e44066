package phase

import (
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/ngx"
)

// step is the handler of one phase that may wait.
type step struct {
	at    int // in locConf.scripts
	phase api.Phase
}

var (
	serverRewriteStep = step{atServerRewrite, api.ServerRewrite}
	rewriteStep       = step{atRewrite, api.Rewrite}
	accessStep        = step{atAccess, api.Access}
	precontentStep    = step{atPrecontent, api.Precontent}
	contentStep       = step{atContent, api.Content}
)

func serverRewrite(r *http.Request) http.Code { return serverRewriteStep.run(r) }
func access(r *http.Request) http.Code        { return accessStep.run(r) }
func precontent(r *http.Request) http.Code    { return precontentStep.run(r) }
func content(r *http.Request) http.Code       { return contentStep.run(r) }

func rewriteLocation(r *http.Request) http.Code {
	if r.URIChanged() {
		return http.Declined
	}
	return rewriteStep.run(r)
}

// run is the handler: it starts the location's script, or, asked again, collects the outcome of one that waited.
// Declined goes on with the phases; see result for the others.
func (s *step) run(r *http.Request) http.Code {
	sc := loc.Of(r).scripts[s.at]
	if sc == nil {
		return http.Declined
	}
	c := api.For(r)
	if c.Entered&s.phase != 0 {
		if !c.Over {
			return http.Again
		}
		c.Over = false
		c.Entered &^= s.phase
		return s.result(c)
	}
	st := api.Locations.Of(r)
	if st.NeedRequestBody.V && !c.BodyRead && r == r.Main() {
		if rc, ready := s.readBody(c); !ready {
			return rc
		}
	}
	fn, rc := sc.load(c)
	if fn == nil {
		return rc
	}
	c.Entered |= s.phase
	if s.at == atContent {
		c.OnDone = contentDone
	} else {
		c.OnDone = phaseDone
	}
	ngx.WatchClient(r)
	if c.Start(s.phase, fn) {
		c.Entered &^= s.phase
		return s.result(c)
	}
	r.SetWriteHandler(ngx.Writable)
	if s.at == atContent {
		r.Hold()
		return http.Done
	}
	return http.Again
}

// phaseDone goes on with a request whose script had to wait: its handler is asked again.
func phaseDone(c *api.Ctx) {
	c.R.SetWriteHandler((*http.Request).RunPhases)
	c.R.RunPhases()
}

// contentDone is phaseDone of the content phase, whose handler ends the request.
func contentDone(c *api.Ctx) {
	c.Over = false
	c.Entered &^= api.Content
	c.R.SetWriteHandler(nothing)
	c.R.Finalize(contentStep.result(c))
}

func nothing(*http.Request) {}

// readBody reads the request body before the script runs. ready says that it is there.
func (s *step) readBody(c *api.Ctx) (rc http.Code, ready bool) {
	if c.ReadingBody {
		return http.Done, false
	}
	r := c.R
	c.ReadingBody = true
	done := bodyRead
	if s.at == atContent {
		done = contentBodyRead
	}
	rc = r.ReadBody(done)
	if rc != http.Done {
		c.ReadingBody = false
		return rc, false
	}
	if c.BodyRead {
		c.ReadingBody = false
		return http.OK, true
	}
	c.BodyLate = true
	return http.Done, false
}

// bodyRead takes the body that a phase has waited for.
func bodyRead(r *http.Request) {
	c := api.For(r)
	c.BodyRead, c.ReadingBody = true, false
	late := c.BodyLate
	c.BodyLate = false
	if !late {
		r.Finalize(http.Done) // drops ReadBody's reference only
		return
	}
	r.SetWriteHandler((*http.Request).RunPhases)
	r.Finalize(http.Done)
	r.RunPhases()
}

// contentBodyRead is bodyRead of the content phase.
func contentBodyRead(r *http.Request) {
	c := api.For(r)
	c.BodyRead, c.ReadingBody = true, false
	if !c.BodyLate {
		r.Finalize(http.Done)
		return
	}
	c.BodyLate = false
	r.Finalize(content(r))
}

// result is what the end of a script means for its request.
//
//	Declined  on with the next handler (of access: OK, it is granted)
//	Done      the request has gone elsewhere: ngx.exec
//	200       the script has answered: nothing else may
//	other     the status of ngx.exit, or of an error
func (s *step) result(c *api.Ctx) http.Code {
	r := c.R
	switch {
	case c.HeaderExit != 0 && !r.HeaderSent():
		return http.Code(c.HeaderExit)
	case c.Failed:
		if r.HeaderSent() || c.Buffering || c.Subrequests > 0 { // no page while subrequests are under way
			return http.Error
		}
		return http.StatusInternalServerError
	case c.ExecURI != nil:
		return s.exec(c)
	case c.Jumped: // what the script had ends as with an internal redirect
		c.End()
		c.NgxCtx = nil
		return http.Declined
	}
	rc := http.OK
	if c.Exited {
		rc = s.exit(c)
	} else if s.at == atContent {
		if rc := ngx.SendLast(c); rc == http.Error || rc >= http.StatusSpecialResponse {
			return rc
		}
	}
	if s.at == atContent || rc != http.OK && rc != http.Declined {
		return rc
	}
	if r.HeaderSent() || c.Buffering && r.Out.Status != 0 && !c.Held.Empty() {
		if !c.Eof {
			if rc := ngx.SendLast(c); rc == http.Error || rc > http.OK {
				return rc
			}
		}
		return http.StatusOK
	}
	if s.at == atAccess {
		return rc
	}
	return http.Declined
}

// exit is the code of ngx.exit: a response that has been begun is ended, a status without one is answered by an error
// page.
func (s *step) exit(c *api.Ctx) http.Code {
	r, rc := c.R, http.Code(c.ExitCode)
	if !r.HeaderSent() && r.Out.Status == 0 && rc >= http.StatusOK {
		r.Out.Status = int(rc)
	}
	fatal := rc == http.StatusRequestTimeout || rc == http.StatusClientClosedRequest || rc == http.StatusClose
	if c.Buffering && r.Out.Status != 0 && rc != http.Error && !fatal {
		if rc := ngx.SendLast(c); rc == http.Error || rc >= http.StatusSpecialResponse {
			return rc
		}
		return min(rc, http.StatusOK)
	}
	if rc == http.OK && s.at == atContent || rc >= http.StatusOK && rc < http.StatusSpecialResponse && rc != http.StatusNoContent {
		if rc := ngx.SendLast(c); rc == http.Error || rc >= http.StatusSpecialResponse {
			return rc
		}
	}
	if r.HeaderSent() && rc > http.OK && !fatal {
		if s.at == atContent {
			return http.OK
		}
		return http.StatusOK
	}
	return rc
}

// exec goes on with the request in another location, for ngx.exec.
func (s *step) exec(c *api.Ctx) http.Code {
	r, uri, args := c.R, c.ExecURI, c.ExecArgs
	c.ExecURI = nil
	r.SetWriteHandler(nothing)
	r.SetReadHandler(http.BlockReading)
	if uri[0] == '@' {
		if len(args) > 0 {
			r.Logf(http.LogWarn, "query strings %s ignored when exec'ing named location %s", args, uri)
		}
		r.NamedRedirect(string(uri))
	} else {
		r.InternalRedirect(uri, args)
	}
	if s.at != atContent {
		r.Finalize(http.Done)
	}
	return http.Done
}
