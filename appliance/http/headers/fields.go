package headers

import (
	"strings"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/buf"
	"weir/netio/http1"
)

// field is an add_header or add_trailer directive.
type field struct {
	name   []byte
	value  *http.Complex
	always bool
	how    how
}

// how says what becomes of fields of that name that the response has already.
type how uint8

const (
	addPlain     how = iota // they stay; the core does not look at this one
	addKnown                // they stay; the core knows all of them
	replace                 // this one, or none if its value is empty, takes their place
	lastModified            // replace, and it is the time of the response
)

var special = map[string]how{
	"cache-control": addKnown, "link": addKnown, "etag": replace, "last-modified": lastModified,
}

func setField(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	f, err := newField(cx, it)
	if err != nil {
		return err
	}
	f.how = special[strings.ToLower(it.Args[0])]
	c.headers = append(c.headers, f)
	return nil
}

func setTrailer(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[locConf](cx)
	f, err := newField(cx, it)
	if err != nil {
		return err
	}
	c.trailers = append(c.trailers, f)
	return nil
}

func newField(cx *conf.Cx, it *conf.Item) (*field, error) {
	v, err := http.BuilderOf(cx).CompileComplex(it.Args[1])
	if err != nil {
		return nil, err
	}
	f := &field{name: []byte(it.Args[0]), value: v}
	if len(it.Args) == 3 {
		if it.Args[2] != "always" {
			return nil, conf.Errorf("invalid parameter \"%s\"", it.Args[2])
		}
		f.always = true
	}
	return f, nil
}

// ordinary reports whether a status gets fields without always.
func ordinary(status int) bool {
	switch status {
	case 200, 201, 204, 206, 301, 302, 303, 304, 307, 308:
		return true
	}
	return false
}

// addFields is the header filter.
func addFields(r *http.Request) {
	if r.IsSubrequest() {
		return
	}
	c := loc.Of(r)
	all := ordinary(r.Out.Status)
	if all && c.expires.kind > expiresOff {
		c.expires.apply(r)
	}
	for _, f := range c.headers {
		if all || f.always {
			f.add(r)
		}
	}
	for _, f := range c.trailers {
		if all || f.always {
			r.ExpectTrailers()
			break
		}
	}
}

// add adds the field to the response header. Fields without a value are left
// out.
func (f *field) add(r *http.Request) {
	v := f.value.Eval(r)
	h := &r.Out.Headers
	if f.how == lastModified {
		r.Out.LastModified = -1
		if len(v) > 0 {
			r.Out.LastModified = http.ParseHTTPTime(v)
		}
	}
	switch {
	case f.how >= replace:
		h.Del(f.name)
		if len(v) > 0 {
			h.Add(f.name, v)
		}
	case len(v) == 0:
	case f.how == addKnown:
		h.Add(f.name, v)
	default:
		h.AddPlain(f.name, v)
	}
}

// addTrailers is the body filter: with the end of the body the trailer's
// fields are known.
func addTrailers(r *http.Request, in *http.Chain) {
	if !r.TrailersExpected() || r.IsSubrequest() || r.HeaderOnly() || in.Flags()&buf.Last == 0 {
		return
	}
	all := ordinary(r.Out.Status)
	for _, f := range loc.Of(r).trailers {
		if !all && !f.always {
			continue
		}
		if v := f.value.Eval(r); len(v) > 0 {
			r.Out.Trailers.AddPlain(f.name, v)
		}
	}
}

const (
	expiresID      = http1.HeaderExpires
	cacheControlID = http1.HeaderCacheControl
)
