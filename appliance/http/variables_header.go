package http

import (
	"bytes"
	"strings"

	"weir/netio/http1"
)

// fieldName is what variables of header fields look for: the name in lower
// case with underscores for dashes, and its ID if it is well-known.
type fieldName struct {
	name []byte
	id   http1.HeaderID
}

func field(name string) any {
	return &fieldName{
		name: []byte(strings.ReplaceAll(name, "-", "_")),
		id:   http1.LookupHeader([]byte(strings.ReplaceAll(name, "_", "-"))),
	}
}

// compileField prepares $http_NAME and its like.
func compileField(rest string) any { return field(rest) }

func compileBytes(rest string) any {
	b := []byte(rest)
	return &b
}

// is reports whether f is a field of that name. Fields with an ID have no
// underscore in their name, so the ID decides for them.
func (n *fieldName) is(h *Headers, f *http1.Header) bool {
	if f.Flags&fieldDeleted != 0 {
		return false
	}
	if f.ID != http1.HeaderUnknown {
		return f.ID == n.id
	}
	if f.Name.Len() != len(n.name) {
		return false
	}
	for i, c := range f.Name.Of(h.block) {
		c = lower(c)
		if c == '-' {
			c = '_'
		}
		if c != n.name[i] {
			return false
		}
	}
	return true
}

// joined is the value of all fields called n: that of the only one as it is,
// else all of them with sep and a space between.
func (h *Headers) joined(r *Request, n *fieldName, sep byte, v *Value) {
	count, size, first := 0, 0, 0
	for i := range h.list {
		f := &h.list[i]
		if !n.is(h, f) {
			continue
		}
		if count == 0 {
			first = i
		}
		count++
		size += f.Value.Len() + 2
	}
	switch count {
	case 0:
		v.Missing()
		return
	case 1:
		f := &h.list[first]
		v.Is(h.block[f.Value.Off:f.Value.End:f.Value.End])
		return
	}
	out := r.Alloc(size)[:0]
	for i := first; i < len(h.list); i++ {
		f := &h.list[i]
		if !n.is(h, f) {
			continue
		}
		if len(out) > 0 || i > first {
			out = append(out, sep, ' ')
		}
		out = append(out, f.Value.Of(h.block)...)
	}
	v.Is(out)
}

func varHeaderIn(r *Request, v *Value, d *Variable) { r.In.joined(r, d.Data.(*fieldName), ',', v) }

func varCookies(r *Request, v *Value, d *Variable) { r.In.joined(r, d.Data.(*fieldName), ';', v) }

// varHeaderOut copies what it finds: a later filter may overwrite the field in
// its place.
func varHeaderOut(r *Request, v *Value, d *Variable) {
	r.Out.Headers.joined(r, d.Data.(*fieldName), ',', v)
	v.B = r.Copy(v.B)
}

func varTrailerOut(r *Request, v *Value, d *Variable) {
	r.Out.Trailers.joined(r, d.Data.(*fieldName), ',', v)
	v.B = r.Copy(v.B)
}

// varCookie finds a cookie by name, compared without case as nginx does.
func varCookie(r *Request, v *Value, d *Variable) {
	name := *d.Data.(*[]byte)
	h := r.In
	if !h.Has(http1.HeaderCookie) {
		v.Missing()
		return
	}
	for i := int(h.first[http1.HeaderCookie]) - 1; i < len(h.list); i++ {
		f := &h.list[i]
		if f.ID != http1.HeaderCookie || f.Flags&fieldDeleted != 0 {
			continue
		}
		if val, ok := cookieIn(f.Value.Of(h.block), name); ok {
			v.Is(val)
			return
		}
	}
	v.Missing()
}

// cookieIn finds name in one Cookie field.
func cookieIn(line, name []byte) (val []byte, ok bool) {
	for len(line) > 0 {
		if len(line) > len(name) && equalFold(line[:len(name)], name) {
			rest := bytes.TrimLeft(line[len(name):], " ")
			if len(rest) > 0 && rest[0] == '=' {
				rest = bytes.TrimLeft(rest[1:], " ")
				if i := bytes.IndexByte(rest, ';'); i >= 0 {
					rest = rest[:i]
				}
				return rest, true
			}
		}
		i := bytes.IndexByte(line, ';')
		if i < 0 {
			break
		}
		line = bytes.TrimLeft(line[i+1:], " ")
	}
	return nil, false
}

// varArg finds an argument of the query string. Its name is compared without
// case, its value is not decoded, as in nginx.
func varArg(r *Request, v *Value, d *Variable) {
	if val, ok := argIn(r.Args, *d.Data.(*[]byte)); ok {
		v.Is(val)
		return
	}
	v.Missing()
}

func argIn(args, name []byte) (val []byte, ok bool) {
	if len(name) == 0 {
		return nil, false
	}
	for len(args) > 0 {
		arg, rest := args, []byte(nil)
		if i := bytes.IndexByte(args, '&'); i >= 0 {
			arg, rest = args[:i], args[i+1:]
		}
		if len(arg) > len(name) && arg[len(name)] == '=' && equalFold(arg[:len(name)], name) {
			return arg[len(name)+1:], true
		}
		args = rest
	}
	return nil, false
}

// Arg finds an argument of the query string as $arg_NAME does.
func (r *Request) Arg(name []byte) (val []byte, ok bool) { return argIn(r.Args, name) }

// Cookie finds a cookie as $cookie_NAME does; nil if there is none.
func (r *Request) Cookie(name []byte) []byte {
	h := r.In
	for i := range h.list {
		f := &h.list[i]
		if f.ID != http1.HeaderCookie || f.Flags&fieldDeleted != 0 {
			continue
		}
		if val, ok := cookieIn(f.Value.Of(h.block), name); ok {
			return val
		}
	}
	return nil
}

func varContentLength(r *Request, v *Value, _ *Variable) {
	if s := r.In.Get(http1.HeaderContentLength); s != nil {
		v.Is(s)
		return
	}
	switch {
	case !r.readingBody && r.ContentLength >= 0:
		r.number(v, r.ContentLength)
	case r.readingBody || r.ChunkedBody: // known later, perhaps
		v.Flags = NoCacheable
		v.Missing()
	default:
		v.Missing()
	}
}
