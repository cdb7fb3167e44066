package http1

import "math"

// Body says how the body of a message is delimited.
type Body struct {
	// Length is the value of Content-Length, -1 without one. A request
	// without either has no body; a response ends with the connection.
	Length int64
	// Chunked says that the body is in the chunked coding. Length is -1 then.
	Chunked bool
}

// Singletons are the request fields that nginx refuses to see twice, besides
// Host and those that delimit the body.
var Singletons = SetOf(HeaderIfModifiedSince, HeaderIfUnmodifiedSince, HeaderIfMatch, HeaderIfNoneMatch,
	HeaderIfRange, HeaderContentRange, HeaderExpect, HeaderAuthorization, HeaderProxyAuthorization)

// CheckRequest applies the rules that stand between several fields of a request
// and returns how its body is delimited (RFC 9112 sections 3.2 and 6). b is the
// buffer that was parsed. The result is Done, NoHost, RepeatedHost, RepeatedField,
// BadLength, RepeatedLength, LengthAndCoding, CodingInHTTP10, RepeatedCoding or
// UnknownCoding; the last one is nginx's 501, the others are bad requests. For
// RepeatedField, r.Repeated.Common(&Singletons) tells which one it is.
//
// It does not look into the value of Host: see ParseAuthority.
func CheckRequest(b []byte, r *Request) (Body, Result) {
	switch {
	case r.Repeated.Has(HeaderHost):
		return Body{Length: -1}, RepeatedHost
	case !r.Known.Has(HeaderHost) && r.AtLeast11():
		return Body{Length: -1}, NoHost
	case r.Repeated.Common(&Singletons) != HeaderUnknown:
		return Body{Length: -1}, RepeatedField
	}
	return checkBody(b, &r.Fields, r.AtLeast11())
}

// CheckResponse is CheckRequest for responses. Whether the status or the
// request's method rules a body out is the caller's concern. A Transfer-Encoding
// in an HTTP/1.0 response is as faulty as in a request.
func CheckResponse(b []byte, r *Response) (Body, Result) {
	return checkBody(b, &r.Fields, r.AtLeast11())
}

func checkBody(b []byte, f *Fields, atLeast11 bool) (Body, Result) {
	body := Body{Length: -1}
	if f.Repeated.Has(HeaderContentLength) {
		return body, RepeatedLength
	}
	if v, found := f.Value(b, HeaderContentLength); found {
		n, ok := ParseContentLength(v)
		if !ok {
			return body, BadLength
		}
		body.Length = n
	}
	v, found := f.Value(b, HeaderTransferEncoding)
	if !found {
		return body, Done
	}
	switch {
	case !atLeast11:
		return Body{Length: -1}, CodingInHTTP10
	case f.Repeated.Has(HeaderTransferEncoding):
		return Body{Length: -1}, RepeatedCoding
	case f.Known.Has(HeaderContentLength):
		return Body{Length: -1}, LengthAndCoding
	case !EqualFold(v, "chunked"):
		return body, UnknownCoding
	}
	body.Chunked = true
	return body, Done
}

// ParseContentLength parses a decimal number: digits only, no sign, no list, no
// more than an int64 holds.
func ParseContentLength(v []byte) (n int64, ok bool) {
	if len(v) == 0 {
		return 0, false
	}
	for _, c := range v {
		d := int64(c - '0')
		if d > 9 || n > math.MaxInt64/10 || n*10 > math.MaxInt64-d {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// Tokens are the connection options that the server itself acts on.
type Tokens uint8

const (
	// TokenClose: "close" is among the options.
	TokenClose Tokens = 1 << iota
	// TokenKeepAlive: "keep-alive" is among the options.
	TokenKeepAlive
	// TokenUpgrade: "upgrade" is among the options.
	TokenUpgrade
	// TokenTE: "te" is among the options.
	TokenTE
)

// ConnectionTokens returns which options a Connection field's value has. Where
// there are several fields, the caller joins what each of them gives. Unlike
// nginx, which searches the value for a substring, it compares whole tokens.
func ConnectionTokens(v []byte) (t Tokens) {
	for len(v) > 0 {
		var token []byte
		token, v = NextToken(v)
		switch len(token) {
		case 2:
			if EqualFold(token, "te") {
				t |= TokenTE
			}
		case 5:
			if EqualFold(token, "close") {
				t |= TokenClose
			}
		case 7:
			if EqualFold(token, "upgrade") {
				t |= TokenUpgrade
			}
		case 10:
			if EqualFold(token, "keep-alive") {
				t |= TokenKeepAlive
			}
		}
	}
	return t
}

// NextToken cuts the first element off a comma-separated list and returns it
// without surrounding white space, and the rest of the list. Elements may be
// empty; the list is at its end when rest is empty.
func NextToken(list []byte) (token, rest []byte) {
	i := 0
	for i < len(list) && list[i] != ',' {
		i++
	}
	token = list[:i]
	if i < len(list) {
		i++
	}
	for len(token) > 0 && (token[0] == ' ' || token[0] == '\t') {
		token = token[1:]
	}
	for n := len(token); n > 0 && (token[n-1] == ' ' || token[n-1] == '\t'); n-- {
		token = token[:n-1]
	}
	return token, list[i:]
}

// EqualFold reports whether v equals lower, which must be in lower case,
// without regard to the case of ASCII letters.
func EqualFold(v []byte, lower string) bool {
	if len(v) != len(lower) {
		return false
	}
	for i, c := range v {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
