package http

// What scripts ask of a request beyond what modules in Go need: variables by
// names that are known only at run time, and the request as it came.

// LookupVariable finds the definition of a variable by its name in lower
// case, nil where no variable of that name can exist. That of a prefix
// variable is made for the caller, who may keep it as long as the generation.
func (g *Generation) LookupVariable(name string) *Variable {
	if d := g.varByName[name]; d != nil {
		return d
	}
	p := longestPrefix(g.varPrefixes, name)
	if p == nil {
		return nil
	}
	d := *p
	d.Name, d.index = name, -1
	d.Flags = d.Flags&^VarPrefix | VarOfPrefix
	if d.Compile != nil {
		d.Data = d.Compile(name[len(p.Name):])
	}
	return &d
}

// VarOf returns the value of a variable by its definition. A variable that
// the configuration does not use is worked out into scratch.
func (r *Request) VarOf(d *Variable, scratch *Value) *Value {
	if d.index >= 0 {
		return r.Var(d.index)
	}
	*scratch = Value{}
	if d.Get == nil {
		scratch.Missing()
		return scratch
	}
	d.Get(r, scratch, d)
	return scratch
}

// UnsetVar takes the value of a variable away.
func (r *Request) UnsetVar(index int) {
	d := r.gen.vars[index]
	if d.Set != nil {
		d.Set(r, nil, d)
		return
	}
	r.vars[index] = Value{Flags: NotFound}
}

// SetArgs replaces the query string; b must stay valid until the request ends.
func (r *Request) SetArgs(b []byte) { setArgs(r, b, nil) }

// Discarding reports whether the request body is being thrown away.
func (r *Request) Discarding() bool { return r.discarding }

// OwnHeader makes the request header one that may be changed: it no longer
// shares the connection's buffer.
func (r *Request) OwnHeader() { r.In.own() }

// SetContentTypeText sets the content type of the response from text that may
// name a charset: that is then the response's, and no other is added.
func (r *Request) SetContentTypeText(b []byte) {
	r.Out.ContentType, r.Out.Charset = b, nil
}

// SubrequestsLeft is how many levels of subrequests r may still have.
func (r *Request) SubrequestsLeft() int { return int(r.subreqs) }

// FinishData is what SubrequestOptions.Data of a subrequest was.
func (r *Request) FinishData() any { return r.finishData }

// SetHeaderSent says that the response header has been taken, for filters
// that keep a subrequest's response for themselves.
func (r *Request) SetHeaderSent() { r.headerSent = true }

// CopyVariables gives r, which has variables of its own, the values those of
// from have now.
func (r *Request) CopyVariables(from *Request) { copy(r.vars, from.vars) }
