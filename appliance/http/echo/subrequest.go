package echo

import (
	"strconv"

	"weir/appliance/http"
	"weir/netio/http1"
)

// location is echo_location and echo_location_async.
func (e *run) location(c *locConf, s *step) http.Code {
	r := e.r
	o, ok := target(r, s.arg(r, 0))
	if !ok {
		return http.Error
	}
	if len(s.args) > 1 {
		o.Args = s.arg(r, 1)
	}
	_, rc := e.start(c, o, s.op == opLocation)
	return rc
}

// target begins the description of a subrequest to uri.
func target(r *http.Request, uri []byte) (o http.SubrequestOptions, ok bool) {
	o.URI, o.Args, ok = http.SplitURI(r.Copy(uri))
	o.Flags = http.SubOwnVariables
	return o, ok
}

// start sends the header and makes a subrequest, which is nil when the
// commands do not go on (HEAD) or a code says why. wait: Again, until it ends.
func (e *run) start(c *locConf, o http.SubrequestOptions, wait bool) (*http.Request, http.Code) {
	r := e.r
	switch rc := e.sendHeader(c); {
	case rc == http.Error || rc > http.OK:
		return nil, rc
	case r.HeaderOnly() && wait:
		return nil, ended
	case r.HeaderOnly():
		return nil, http.OK
	}
	if wait {
		o.Done = subrequestDone
	}
	sub := r.Subrequest(o)
	if sub == nil {
		return nil, http.Error
	}
	if !wait {
		return sub, http.OK
	}
	e.sub, e.waiting = sub, true
	return sub, http.Again
}

// subrequestDone has the parent go on. It is called again for a subrequest
// whose output had to wait, and for one with an error page.
func subrequestDone(sub *http.Request, _ any, rc http.Code) http.Code {
	r := sub.Parent()
	e := state.Get(r)
	if e == nil {
		return http.Error
	}
	if e.sub != sub {
		return rc
	}
	e.sub, e.waiting = nil, false
	r.SetWriteHandler(resume)
	if c := r.Client(); sub != c.Active() { // its output has to wait, the parent does not
		c.Post(r)
	}
	return rc
}

// extras are what the options of echo_subrequest say.
type extras struct {
	args, body, file []byte
	hasArgs          bool
}

// subrequest is echo_subrequest and echo_subrequest_async.
func (e *run) subrequest(c *locConf, s *step) http.Code {
	r := e.r
	o, ok := target(r, s.arg(r, 1))
	if !ok {
		return http.Error
	}
	x, rc := options(r, s)
	if rc != http.OK {
		return rc
	}
	if x.hasArgs {
		o.Args = x.args
	}
	o.MethodName = s.arg(r, 0)
	o.Method = http1.LookupMethod(o.MethodName)
	var file *http.TempFile
	if len(x.body) == 0 && len(x.file) > 0 {
		var err error
		if file, err = http.OpenBodyFile(r.Generation().Cycle.Path(string(x.file))); err != nil {
			r.Logf(http.LogErr, "%s", err)
			return http.Error
		}
	}
	sub, rc := e.start(c, o, s.op == opSubrequest)
	if sub == nil {
		if file != nil {
			file.Release()
		}
		return rc
	}
	if o.Method == http1.MethodHead {
		sub.SetHeaderOnly(true)
	}
	switch {
	case len(x.body) > 0:
		sub.SetBody(x.body)
	case file != nil:
		sub.SetBodyFile(file)
	default:
		return rc
	}
	sub.OwnHeaders()
	sub.In.SetID(http1.HeaderContentLength, strconv.AppendInt(r.Alloc(20)[:0], sub.ContentLength, 10))
	return rc
}

// options reads what stands behind method and path.
func options(r *http.Request, s *step) (x extras, rc http.Code) {
	for i := 2; i < len(s.args); i++ {
		name := s.arg(r, i)
		var to *[]byte
		switch string(name) {
		case "-q":
			to, x.hasArgs = &x.args, i+1 < len(s.args)
		case "-b":
			to = &x.body
		case "-f":
			to = &x.file
		default:
			r.Logf(http.LogErr, "unknown option for echo_subrequest*: %s", name)
			return x, http.Error
		}
		i++
		*to = s.arg(r, i)
	}
	return x, http.OK
}
