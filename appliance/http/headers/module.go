package headers

import (
	"weir/appliance/conf"
	"weir/appliance/http"
)

var loc http.LocSlot[locConf]

// locConf is what a location says.
type locConf struct {
	expires         expires
	headers         []*field // nil: not set here
	trailers        []*field
	headersInherit  conf.Opt[inherit]
	trailersInherit conf.Opt[inherit]
}

// inherit is what becomes of the fields of the block around.
type inherit uint8

const (
	inheritOn    inherit = iota // they count when there are none here
	inheritOff                  // they never count
	inheritMerge                // they come behind those here
)

var inheritWords = []conf.EnumValue[inherit]{
	{Name: "off", Value: inheritOff}, {Name: "on", Value: inheritOn}, {Name: "merge", Value: inheritMerge},
}

const inAny = conf.HTTP | conf.Server | conf.Location | conf.LocationIf

// Module is the headers module.
var Module = http.Module{
	Name: "http_headers_filter",
	Loc:  http.NewLoc(&loc, nil, merge),
	Directives: []conf.Directive{
		{Name: "expires", In: inAny, Args: conf.Take12, Set: setExpires, Syntax: "[modified] time | epoch | max | off", Default: "off",
			Doc: "Sets the Expires and Cache-Control fields of responses."},
		{Name: "add_header", In: inAny, Args: conf.Take23, Set: setField, Syntax: "name value [always]",
			Doc: "Adds a field to the header of responses; with always, whatever their status."},
		{Name: "add_trailer", In: inAny, Args: conf.Take23, Set: setTrailer, Syntax: "name value [always]",
			Doc: "Adds a field to the trailer of responses; with always, whatever their status."},
		{Name: "add_header_inherit", In: inAny, Args: conf.Take1, Default: "on", Syntax: "on | off | merge",
			Set: conf.Enum(func(c *locConf) *conf.Opt[inherit] { return &c.headersInherit }, inheritWords),
			Doc: "Says how add_header of outer blocks is inherited."},
		{Name: "add_trailer_inherit", In: inAny, Args: conf.Take1, Default: "on", Syntax: "on | off | merge",
			Set: conf.Enum(func(c *locConf) *conf.Opt[inherit] { return &c.trailersInherit }, inheritWords),
			Doc: "Says how add_trailer of outer blocks is inherited."},
	},
	HeaderFilter: func(b *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		if !used(b, func(c *locConf) bool { return c.expires.kind > expiresOff || c.headers != nil || c.trailers != nil }) {
			return next
		}
		return func(r *http.Request) http.Code {
			addFields(r)
			return next(r)
		}
	},
	BodyFilter: func(b *http.Builder, next http.BodyFilter) http.BodyFilter {
		if !used(b, func(c *locConf) bool { return c.trailers != nil }) {
			return next
		}
		return func(r *http.Request, in *http.Chain) http.Code {
			addTrailers(r, in)
			return next(r, in)
		}
	},
}

// used reports whether any location of the configuration has what f asks for.
func used(b *http.Builder, f func(c *locConf) bool) bool {
	for _, l := range b.Locations() {
		if f(loc.In(l)) {
			return true
		}
	}
	return false
}

func merge(_ *http.Builder, p, c *locConf) error {
	if c.expires.kind == expiresUnset {
		c.expires = p.expires
		if c.expires.kind == expiresUnset {
			c.expires.kind = expiresOff
		}
	}
	c.headersInherit.Merge(p.headersInherit, inheritOn)
	c.trailersInherit.Merge(p.trailersInherit, inheritOn)
	inheritFields(&c.headers, p.headers, c.headersInherit.V)
	inheritFields(&c.trailers, p.trailers, c.trailersInherit.V)
	return nil
}

func inheritFields(own *[]*field, outer []*field, how inherit) {
	switch {
	case how == inheritOff || outer == nil:
	case *own == nil:
		*own = outer
	case how == inheritMerge:
		*own = append(*own, outer...)
	}
}
