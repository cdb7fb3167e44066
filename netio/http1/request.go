package http1

import "weir/netio/buf"

// RequestFlags describe the request target.
type RequestFlags uint16

const (
	// AbsoluteForm: the target had a scheme and an authority.
	AbsoluteForm RequestFlags = 1 << iota
	// AuthorityForm: the target of CONNECT. Path and Target are "/", as in nginx.
	AuthorityForm
	// EmptyPath: the absolute target has a query and no path. Path is "/",
	// Target begins with '?'.
	EmptyPath
	// ComplexURI: the path has "//" or "/." and must be normalised.
	ComplexURI
	// QuotedURI: the path has a '%' escape and must be normalised.
	QuotedURI
	// PlusInURI: the path has a '+'.
	PlusInURI
	// FragmentInURI: the target has a '#', which ends Path or Query.
	FragmentInURI
)

// Request is a parsed request head. All spans are offsets into the buffer that
// was parsed.
type Request struct {
	Line       buf.Span // the whole request line without its line end ($request)
	MethodName buf.Span
	Target     buf.Span // in origin form, as sent ($request_uri)
	Scheme     buf.Span // of an absolute target, else empty
	Host       buf.Span // of an absolute or CONNECT target, as ParseAuthority gives it
	Port       buf.Span // digits behind Host, may be empty
	Path       buf.Span // as sent; take it through Normalize when NeedsNormalize
	Query      buf.Span // behind '?', without it ($args)
	Ext        buf.Span // of Path, behind the last '.'; empty when NeedsNormalize
	Protocol   buf.Span // "HTTP/1.1"; empty in HTTP/0.9
	Flags      RequestFlags
	Method     Method
	Major      uint8 // 1, or 0 for HTTP/0.9
	Minor      uint8
	Fields
}

// NeedsNormalize reports whether Path is not yet the URI that locations are
// matched against.
func (r *Request) NeedsNormalize() bool { return r.Flags&(ComplexURI|QuotedURI) != 0 }

// AtLeast11 reports whether the request's version is HTTP/1.1 or a later 1.x.
func (r *Request) AtLeast11() bool { return r.Major == 1 && r.Minor >= 1 }

// RequestParser reads the head of a request: Line until it is Done, then, unless
// the request turns out to be HTTP/0.9, Fields until it is Done.
//
//	p.Reset(start, opt)
//	for each read { res = p.Line(b, &r) ; More: read on; Done: stop }
//	for each read { res = p.Headers(b, &r) ... }
//	body begins at p.Pos()
type RequestParser struct {
	lines
}

// Headers parses what b holds of the header fields and appends them to
// r.Fields. It returns More, Done, BadHeader, LineTooLong or TooManyFields.
func (p *RequestParser) Headers(b []byte, r *Request) Result {
	return p.fields(b, &r.Fields, false)
}
