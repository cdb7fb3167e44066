package echo

import (
	"weir/appliance/http"
	"weir/netio/buf"
)

// headerFilter prepares a response that text is put around: its length is not
// known any more.
func headerFilter(r *http.Request, next http.HeaderFilter) http.Code {
	c := loc.Of(r)
	if c.before == nil && c.after == nil {
		if e := state.Get(r); e != nil {
			e.noFilter = true
		}
		return next(r)
	}
	stateOf(r)
	r.Out.ContentLength = -1
	r.ClearRanges()
	return next(r)
}

// bodyFilter sends echo_before_body ahead of the first part of a body and
// echo_after_body behind its last.
func bodyFilter(r *http.Request, in *http.Chain, next http.BodyFilter) http.Code {
	if in.Empty() || r.HeaderOnly() {
		return next(r, in)
	}
	e := state.Get(r)
	if e == nil || e.noFilter {
		return next(r, in)
	}
	c := loc.Of(r)
	if !e.began {
		e.began = true
		if rc := e.around(c.before, next); rc != http.OK {
			return http.Error
		}
	}
	if c.after == nil {
		e.noFilter = true
		return next(r, in)
	}
	last := false
	for l := in.Head; l != nil; l = l.Next {
		if l.Flags&(buf.Last|buf.LastInChain) != 0 {
			l.Flags = l.Flags&^(buf.Last|buf.LastInChain) | buf.Sync
			last = true
		}
	}
	if rc := next(r, in); rc == http.Error || rc > http.OK || !last {
		return rc
	}
	if rc := e.around(c.after, next); rc != http.OK {
		return http.Error
	}
	e.noFilter = true
	l := r.Link()
	l.Flags = r.Last()
	if r.IsSubrequest() {
		l.Flags |= buf.Sync
	}
	e.extra.Append(l)
	return next(r, &e.extra)
}

// around sends the text of echo_before_body or echo_after_body directives.
func (e *run) around(steps []step, next http.BodyFilter) http.Code {
	for i := range steps {
		text := steps[i].text(e.r)
		if len(text) == 0 {
			continue
		}
		l := e.r.Link()
		l.Mem = text
		e.extra.Append(l)
		if rc := next(e.r, &e.extra); rc == http.Error || rc > http.OK {
			return rc
		}
	}
	return http.OK
}
