package headersmore

import (
	"bytes"
	"slices"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
)

var loc http.LocSlot[locConf]

const contexts = conf.HTTP | conf.Server | conf.Location | conf.LocationIf

// Module is the headers-more module.
var Module = http.Module{
	Name: "http_headers_more_filter",
	Directives: []conf.Directive{
		{Name: "more_set_headers", In: contexts, Args: conf.OneMore, Set: setter(kind{}), Syntax: "[-a] [-s 'status ...'] [-t 'type ...'] 'name: value' ...",
			Doc: "Sets fields of the response; one without a value is removed, and -a adds one beside those there are."},
		{Name: "more_clear_headers", In: contexts, Args: conf.OneMore, Set: setter(kind{clear: true}), Syntax: "[-s 'status ...'] [-t 'type ...'] name ...",
			Doc: "Removes fields of the response; a name may end with an asterisk."},
		{Name: "more_set_input_headers", In: contexts, Args: conf.OneMore, Set: setter(kind{input: true}), Syntax: "[-r] [-t 'type ...'] 'name: value' ...",
			Doc: "Sets fields of the request, with -r only those that are there."},
		{Name: "more_clear_input_headers", In: contexts, Args: conf.OneMore, Set: setter(kind{input: true, clear: true}), Syntax: "[-t 'type ...'] name ...",
			Doc: "Removes fields of the request; a name may end with an asterisk."},
	},
	Loc:      http.NewLoc(&loc, nil, merge),
	Handlers: []http.PhaseHandler{{Phase: http.Rewrite, Run: changeInput, Used: func(b *http.Builder) bool { return used(b, true) }}},
	HeaderFilter: func(b *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		if !used(b, false) {
			return next
		}
		return func(r *http.Request) http.Code {
			c := loc.Of(r)
			for i := range c.output {
				if d := &c.output[i]; d.appliesTo(r.Out.Status, http.MediaType(r.Out.ContentType)) {
					d.changeOutput(r)
				}
			}
			return next(r)
		}
	},
}

// locConf is what a location says, what its parents say first.
type locConf struct {
	output, input []directive
}

// merge runs the parent's directives ahead of the location's own.
func merge(_ *http.Builder, p, c *locConf) error {
	c.output = slices.Concat(p.output, c.output)
	c.input = slices.Concat(p.input, c.input)
	return nil
}

func used(b *http.Builder, input bool) bool {
	for _, l := range b.Locations() {
		c := loc.In(l)
		if input && c.input != nil || !input && c.output != nil {
			return true
		}
	}
	return false
}

// appliesTo applies -s and -t.
func (d *directive) appliesTo(status int, mediaType []byte) bool {
	if d.statuses != nil && !slices.Contains(d.statuses, status) {
		return false
	}
	return d.types == nil || slices.ContainsFunc(d.types, func(t []byte) bool { return bytes.Equal(t, mediaType) })
}

// changeInput is the phase handler.
func changeInput(r *http.Request) http.Code {
	c := loc.Of(r)
	if r.Version < 1000 {
		return http.Declined
	}
	for i := range c.input {
		d := &c.input[i]
		if d.types != nil && !d.appliesTo(0, r.In.Get(http1.HeaderContentType)) {
			continue
		}
		for j := range d.fields {
			if !d.fields[j].changeInput(r, d.only) {
				return http.StatusInternalServerError
			}
		}
	}
	return http.Declined
}

// changeInput changes one field of the request; false: the value is one that
// the field cannot have.
func (f *field) changeInput(r *http.Request, only bool) bool {
	value := f.eval(r)
	switch {
	case len(value) == 0 && f.wildcard:
		r.In.ClearPrefix(f.prefix())
	case len(value) == 0:
		r.ClearRequestHeader(f.name)
	case only && r.In.Next(f.name, 0) < 0:
	case !fits(r, f.name, value):
	default:
		return r.SetRequestHeader(f.name, value)
	}
	return true
}

// changeOutput changes the response.
func (d *directive) changeOutput(r *http.Request) {
	for i := range d.fields {
		f := &d.fields[i]
		value := f.eval(r)
		switch {
		case len(value) == 0 && f.wildcard:
			r.Out.Headers.ClearPrefix(f.prefix())
		case len(value) == 0 && d.add:
		case len(value) == 0:
			r.ClearResponseHeader(f.name)
		case !fits(r, f.name, value):
		case d.add:
			r.Out.Headers.Add(f.name, value)
		case !r.SetResponseHeader(f.name, value):
			r.Logf(http.LogErr, "header \"%s\" cannot be \"%s\"", f.name, value)
		}
	}
}

// fits reports whether value can stand in a field; it logs when not.
func fits(r *http.Request, name, value []byte) bool {
	if bytes.ContainsAny(value, "\r\n\x00") {
		r.Logf(http.LogErr, "header \"%s\" left out: its value has a line break or a NUL byte", name)
		return false
	}
	return true
}

// eval is the value for r, nil for a field that is removed.
func (f *field) eval(r *http.Request) []byte {
	if f.value == nil {
		return nil
	}
	return f.value.Eval(r)
}

// prefix is the name without its asterisk.
func (f *field) prefix() []byte { return f.name[:len(f.name)-1] }
