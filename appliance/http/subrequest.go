package http

import (
	"bytes"

	"weir/netio/http1"
)

// postponed is an entry of the list in which a request keeps the order of its
// output: either a subrequest, or links that come behind it.
type postponed struct {
	request *Request
	out     Chain
	next    *postponed
}

// SubrequestFlags say how the output of a subrequest is treated.
type SubrequestFlags uint8

// Flags of Subrequest.
const (
	// SubInMemory keeps the body away from the client: Done gets it.
	SubInMemory SubrequestFlags = 1 << iota
	// SubWaited has the parent wait for the end of the subrequest before its
	// own output continues.
	SubWaited
	// SubBackground starts a subrequest whose output is thrown away.
	SubBackground
	// SubClone lets the subrequest keep the parent's method and body.
	SubClone
	// SubOwnVariables gives the subrequest variables of its own: what it sets,
	// the parent does not see.
	SubOwnVariables
)

// SubrequestOptions describe what Subrequest makes.
type SubrequestOptions struct {
	URI, Args []byte // must stay valid until the main request ends
	Flags     SubrequestFlags
	// Done, if set, is called when the subrequest is finalized, with data;
	// it returns the code to go on with.
	Done func(r *Request, data any, rc Code) Code
	Data any
	// Method and MethodName, if set, replace GET.
	Method     http1.Method
	MethodName []byte
}

// Subrequest starts a request of the server to itself. Its output takes its
// place in the output of r. It begins to run when the current event ends. It
// returns nil, and logs, when the nesting is too deep.
func (r *Request) Subrequest(o SubrequestOptions) *Request {
	m := r.main
	if r.subreqs == 0 {
		r.Logf(LogErr, "subrequests cycle while processing \"%s\"", o.URI)
		return nil
	}
	if m.count >= 65535-1000 {
		r.Logf(LogCrit, "request reference counter overflow while processing \"%s\"", o.URI)
		return nil
	}
	if r.inMemory && o.Flags&SubInMemory == 0 && o.Flags&SubBackground == 0 {
		r.Logf(LogErr, "nested in-memory subrequest \"%s\"", o.URI)
		return nil
	}
	s := r.w.takeRequest(r.gen)
	m.subs = append(m.subs, s)
	s.c, s.main, s.parent = r.c, m, r
	s.srv, s.loc = r.srv, r.srv.root
	s.arena = m.arena
	s.In = r.In
	if o.Flags&SubOwnVariables == 0 {
		s.vars = r.vars
	}
	s.subreqs = r.subreqs - 1
	s.uriChanges = maxURIChanges + 1
	s.internal = true
	s.ContentLength = -1
	s.Method, s.MethodName = http1.MethodGet, methodGET
	if o.MethodName != nil {
		s.Method, s.MethodName = o.Method, o.MethodName
	}
	if o.Flags&SubClone != 0 {
		s.Method, s.MethodName = r.Method, r.MethodName
		s.loc = r.loc
		s.uriBroken = r.uriBroken
	}
	s.body = r.body
	s.bodyShared = true
	s.RequestLine, s.Protocol, s.Version = r.RequestLine, r.Protocol, r.Version
	s.UnparsedURI = r.UnparsedURI
	s.HostName = r.HostName
	s.URI, s.Args = o.URI, o.Args
	s.Exten = extension(s.URI)
	s.inMemory = o.Flags&SubInMemory != 0
	s.waited = o.Flags&SubWaited != 0
	s.background = o.Flags&SubBackground != 0
	s.finish, s.finishData = o.Done, o.Data
	s.read, s.write = nothing, runSubrequest
	s.chooseLog()
	s.startMS, s.startSec, s.startMsec = r.w.Loop.NowMS(), r.w.Loop.Unix(), 0
	_, s.startMsec = r.w.Loop.Wall()
	switch {
	case s.background:
	case r.Held():
		r.held = append(r.held, heldPart{sub: s})
	default:
		r.placeSubrequest(s)
	}
	if s.debug {
		s.trace("http subrequest \"%s?%s\"", s.URI, s.Args)
	}
	m.count++
	r.c.Post(s)
	return s
}

var methodGET = []byte("GET")

// placeSubrequest gives s its place behind the output of r so far.
func (r *Request) placeSubrequest(s *Request) {
	if r.c.active == r && r.postponed == nil {
		r.c.active = s
	}
	s.place.request = s
	appendPostponed(r, &s.place)
	r.c.Post(s)
}

// appendPostponed puts p at the end of the list of r.
func appendPostponed(r *Request, p *postponed) {
	at := &r.postponed
	for *at != nil {
		at = &(*at).next
	}
	*at = p
}

// runSubrequest starts the phases of a subrequest: behind post_read.
func runSubrequest(s *Request) {
	s.phase = s.gen.phaseAt[ServerRewrite]
	s.write = runPhases
	runPhases(s)
}

// Postpone is the filter that keeps the output of subrequests in its place.
// Filters behind it in the module list (compression) see the response as a
// whole, under the main request; those before it see each part by itself.
var Postpone = Module{
	Name: "http_postpone_filter",
	BodyFilter: func(_ *Builder, next BodyFilter) BodyFilter {
		return func(r *Request, in *Chain) Code { return postponeFilter(r, in, next) }
	},
}

// postponeFilter lets only the active request's output through.
func postponeFilter(r *Request, in *Chain, next BodyFilter) Code {
	c := r.c
	if r == r.main && r.postponed == nil && r == c.active { // no subrequests: the usual case
		return next(r, in)
	}
	switch {
	case r.inMemory:
		return collect(r, in)
	case r.background:
		r.w.Buffers.DoneChain(in)
		return OK
	case r != c.active:
		if !in.Empty() {
			postpone(r, in)
		}
		return OK
	case r.postponed == nil:
		if !in.Empty() || c.Buffered() {
			return next(r.main, in)
		}
		return OK
	}
	if !in.Empty() {
		postpone(r, in)
	}
	for r.postponed != nil {
		p := r.postponed
		if p.request != nil {
			// The entry stays the first until that request is done.
			c.active = p.request
			c.Post(p.request)
			return OK
		}
		if !p.out.Empty() && next(r.main, &p.out) == Error {
			return Error
		}
		r.postponed = p.next
	}
	return OK
}

// postpone keeps links behind the subrequests started so far.
func postpone(r *Request, in *Chain) {
	var last *postponed
	for p := r.postponed; p != nil; p = p.next {
		last = p
	}
	if last == nil || last.request != nil {
		last = &postponed{}
		appendPostponed(r, last)
	}
	last.out.AppendChain(in)
}

// collect keeps the output of an in-memory subrequest in r.memory.
func collect(r *Request, in *Chain) Code {
	limit := r.loc.core.subOutput.V
	for l := in.Pop(); l != nil; l = in.Pop() {
		n := int64(len(r.memory)) + l.Size()
		if l.File != nil || l.Pipe != nil || n > limit && len(l.Mem) > 0 {
			r.Logf(LogErr, "too big subrequest response: %d", n)
			r.w.Buffers.Done(l)
			r.w.Buffers.DoneChain(in)
			return Error
		}
		r.memory = append(r.memory, l.Mem...)
		r.w.Buffers.Done(l)
	}
	return OK
}

// ResumePostponed passes on the output of r that waited for its turn, or for the
// client, up to the next subrequest, which goes on then. A write handler of a request that waits
// for something else calls it: the end of a subrequest may have made r the one
// whose turn it is.
func (r *Request) ResumePostponed() Code {
	if r != r.c.active || r.postponed == nil && r.Buffered == 0 && !r.c.Buffered() {
		return OK
	}
	r.one = Chain{}
	return r.Output(&r.one)
}

// Background reports whether r is a subrequest whose output does not go to the
// client.
func (r *Request) Background() bool { return r.background }

// Memory is the body that an in-memory subrequest has collected.
func (r *Request) Memory() []byte { return r.memory }

// OwnHeaders gives subrequest r a request header of its own, equal to the one
// it shares with the main request until then, to be changed.
func (r *Request) OwnHeaders() {
	if r == r.main || r.In == &r.in {
		return
	}
	shared := r.In
	r.In = &r.in
	for i := range shared.list {
		if name, value, id, ok := shared.Field(i); ok {
			r.in.AddAs(id, name, value)
		}
	}
}

// extension is the part of the last path segment behind its last dot.
func extension(uri []byte) []byte {
	i := bytes.LastIndexByte(uri, '.')
	if i < 0 || bytes.IndexByte(uri[i:], '/') >= 0 {
		return nil
	}
	return uri[i+1:]
}

// setURI changes the path and what depends on it.
func (r *Request) setURI(uri []byte) {
	r.URI = uri
	r.Exten = extension(uri)
	r.ValidURI = false
}

// SetURI changes the path of the request, which must be decoded, begin with a
// slash and stay valid until the request ends. $request_uri stays as it was.
func (r *Request) SetURI(uri []byte) {
	r.setURI(uri)
}

// RewriteURI is SetURI that also has the location chosen anew after the
// rewrite phase.
func (r *Request) RewriteURI(uri []byte) {
	r.setURI(uri)
	r.uriChanged = true
}

// URIChanged reports whether RewriteURI was called in this rewrite phase.
func (r *Request) URIChanged() bool { return r.uriChanged }

// KeepLocation has the location stay although the path was rewritten, as
// `break` does.
func (r *Request) KeepLocation() {
	r.uriChanged = false
	r.uriBroken = true
}

// ValidLocation reports whether the location was chosen by the path as it is
// now: only then the part of the path that the location's name matches can be
// replaced by another.
func (r *Request) ValidLocation() bool { return !r.uriBroken }

// InternalRedirect starts processing anew with another path, as error_page
// and X-Accel-Redirect do. It returns Done: the caller passes that on.
func (r *Request) InternalRedirect(uri, args []byte) Code {
	r.uriChanges--
	if r.uriChanges == 0 {
		r.Logf(LogErr, "rewrite or internal redirection cycle while internally redirecting to \"%s\"", uri)
		r.main.count++
		r.Finalize(StatusInternalServerError)
		return Done
	}
	if r.debug {
		r.trace("internal redirect: \"%s?%s\"", uri, args)
	}
	r.setURI(uri)
	r.Args = args
	clear(r.state)
	r.loc = r.srv.root
	r.useLocation()
	r.internal = true
	r.content = nil
	r.uriChanged, r.uriBroken, r.uriBehindAlias = false, false, false
	r.main.count++
	r.phase = r.gen.phaseAt[ServerRewrite]
	r.write = runPhases
	runPhases(r)
	return Done
}

// NamedRedirect goes on in the location @name of the server.
func (r *Request) NamedRedirect(name string) Code {
	r.main.count++
	r.uriChanges--
	if r.uriChanges == 0 {
		r.Logf(LogErr, "rewrite or internal redirection cycle while redirect to named location \"%s\"", name)
		r.Finalize(StatusInternalServerError)
		return Done
	}
	if len(r.URI) == 0 {
		r.Logf(LogErr, "empty URI in redirect to named location \"%s\"", name)
		r.Finalize(StatusInternalServerError)
		return Done
	}
	l := r.srv.named[name]
	if l == nil {
		r.Logf(LogErr, "could not find named location \"%s\"", name)
		r.Finalize(StatusInternalServerError)
		return Done
	}
	r.internal = true
	r.content = nil
	r.uriChanged = false
	clear(r.state)
	r.loc = l
	r.useLocation()
	r.phase = r.gen.phaseAt[Rewrite]
	r.write = runPhases
	runPhases(r)
	return Done
}
