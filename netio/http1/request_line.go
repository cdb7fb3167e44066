package http1

import (
	"bytes"

	"weir/netio/buf"
)

// Line parses the request line. It returns More, Done, BadMethod, BadRequest,
// BadVersion, BadMethod09, BadHost or LineTooLong. Empty lines before it are
// skipped (RFC 9112 section 2.2); LineStart is behind them, so that a buffer full
// of empty lines can be emptied. A byte that cannot
// begin a request is reported without waiting for the line's end.
//
// Stricter than nginx: exactly one space stands between the parts, the minor
// version is one digit. As in nginx the asterisk form is BadRequest. r is
// written only when the line is complete, and then cleared first.
func (p *RequestParser) Line(b []byte, r *Request) Result {
	if p.scan == p.line {
		if res := p.skipEmpty(b); res != Done {
			return res
		}
	}
	k := bytes.IndexByte(b[p.scan:], '\n')
	if k < 0 {
		return p.more(b)
	}
	end := p.scan + k
	next := end + 1
	if p.opt.MaxLine > 0 && next-p.line > p.opt.MaxLine {
		return LineTooLong
	}
	if end > p.line && b[end-1] == '\r' {
		end--
	} else if !p.opt.AllowBareLF {
		p.at = end
		return BadRequest
	}
	if res := parseRequestLine(b, p.line, end, r); res != Done {
		return res
	}
	p.line, p.scan = next, next
	return Done
}

// skipEmpty moves to the first byte of the request line. Done means that it is
// there and can begin a method.
func (p *RequestParser) skipEmpty(b []byte) Result {
	for i := p.line; i < len(b); {
		c := b[i]
		switch {
		case class[c]&classMethod != 0:
			p.line, p.scan = i, i
			return Done
		case c == '\n' && p.opt.AllowBareLF:
			i++
		case c == '\r' && i+1 == len(b):
			p.line, p.scan = i, i
			return More
		case c == '\r' && b[i+1] == '\n':
			i += 2
		case c == '\r' || c == '\n':
			p.at = i
			return BadRequest
		default:
			p.at = i
			return BadMethod
		}
	}
	p.line, p.scan = len(b), len(b)
	return More
}

// parseRequestLine parses the line in b[start:end], which has no LF.
func parseRequestLine(b []byte, start, end int, r *Request) Result {
	headers := r.Headers[:0]
	*r = Request{}
	r.Headers = headers
	r.Line = span(start, end)
	line := b[start:end]
	n := 0
	for n < len(line) && class[line[n]]&classMethod != 0 {
		n++
	}
	if n == len(line) || line[n] != ' ' {
		return BadMethod
	}
	r.MethodName = span(start, start+n)
	r.Method = LookupMethod(line[:n])

	from := start + n + 1
	to, res := parseVersion(b, from, end, r)
	if res != Done {
		return res
	}
	switch {
	case from == to:
		return BadRequest
	case r.Method == MethodConnect:
		return connectTarget(b, from, to, r)
	case b[from] == '/':
		r.Target = span(from, to)
		return parsePath(b, from, to, r)
	}
	return absoluteTarget(b, from, to, r)
}

// parseVersion parses the version behind the target that begins at from, and
// returns where the target ends.
func parseVersion(b []byte, from, end int, r *Request) (to int, res Result) {
	if rest := b[from:end]; len(rest) > 9 && string(rest[len(rest)-9:len(rest)-1]) == " HTTP/1." {
		if minor := rest[len(rest)-1] - '0'; minor <= 9 {
			r.Protocol = span(end-8, end)
			r.Major, r.Minor = 1, minor
			return end - 9, Done
		}
	}
	k := bytes.IndexByte(b[from:end], ' ')
	if k < 0 {
		if r.Method != MethodGet {
			return 0, BadMethod09
		}
		r.Minor = 9
		return end, Done
	}
	return 0, versionFault(b[from+k+1 : end])
}

// versionFault tells a version that is only too high from a malformed one.
func versionFault(v []byte) Result {
	if !hasPrefix(v, "HTTP/") {
		return BadRequest
	}
	major, minor, found := bytes.Cut(v[5:], []byte{'.'})
	if !found || !allDigits(major) || !allDigits(minor) || major[0] == '0' {
		return BadRequest
	}
	if len(major) == 1 && major[0] == '1' {
		return BadRequest // 1.10 is not a version: RFC 9112 section 2.3 has one digit
	}
	return BadVersion
}

// parsePath splits b[from:to], which begins with '/', into path and query and
// finds out what the path needs. Bytes above 0x7f pass, as in nginx.
func parsePath(b []byte, from, to int, r *Request) Result {
	t := b[from:to]
	dot := -1
	end := len(t)
	for i := 0; i < len(t); i++ {
		c := t[i]
		if class[c]&classPath != 0 {
			continue
		}
		switch c {
		case '/':
			dot = -1
			if i+1 < len(t) && (t[i+1] == '/' || t[i+1] == '.') {
				r.Flags |= ComplexURI
			}
		case '.':
			dot = i
		case '%':
			r.Flags |= QuotedURI
		case '+':
			r.Flags |= PlusInURI
		case '?', '#':
			end = i
			if res := parseQuery(b, from+i, to, r); res != Done {
				return res
			}
			i = len(t)
		default:
			return BadRequest
		}
	}
	r.Path = span(from, from+end)
	if dot >= 0 && !r.NeedsNormalize() {
		r.Ext = span(from+dot+1, from+end)
	}
	return Done
}

// parseQuery checks the rest of a target from its '?' or '#' on.
func parseQuery(b []byte, from, to int, r *Request) Result {
	end := to
	for i, c := range b[from:to] {
		switch {
		case c <= ' ' || c == 0x7f:
			return BadRequest
		case c == '#' && end == to:
			r.Flags |= FragmentInURI
			end = from + i
		}
	}
	if end > from {
		r.Query = span(from+1, end)
	}
	return Done
}

// absoluteTarget parses scheme "://" authority [path] [query].
func absoluteTarget(b []byte, from, to int, r *Request) Result {
	i := from
	for i < to && class[b[i]]&classScheme != 0 {
		i++
	}
	if c := b[from] | 0x20; c < 'a' || c > 'z' || !hasPrefix(b[i:to], "://") {
		return BadRequest
	}
	r.Flags |= AbsoluteForm
	r.Scheme = span(from, i)
	slash := i + 1 // stands for a path that is not there, as in nginx
	i += 3
	host := i
	for i < to && b[i] != '/' && b[i] != '?' {
		i++
	}
	if !r.setAuthority(b, host, i) {
		return BadHost
	}
	switch {
	case i == to:
		r.Path = span(slash, slash+1)
		r.Target = r.Path
	case b[i] == '?':
		r.Flags |= EmptyPath
		r.Path = span(slash, slash+1)
		r.Target = span(i, to)
		return parseQuery(b, i, to, r)
	default:
		r.Target = span(i, to)
		return parsePath(b, i, to, r)
	}
	return Done
}

// connectTarget parses host ":" port, the only target that CONNECT has.
func connectTarget(b []byte, from, to int, r *Request) Result {
	if r.Major == 0 || !r.setAuthority(b, from, to) || r.Port.Empty() {
		return BadRequest
	}
	r.Flags |= AuthorityForm
	slash := int(r.Protocol.Off) + len("HTTP")
	r.Path = span(slash, slash+1)
	r.Target = r.Path
	return Done
}

// setAuthority sets Host and Port from the authority in b[from:to]. As in nginx
// a name has only letters, digits, '-' and '.' here, fewer bytes than in a Host
// field.
func (r *Request) setAuthority(b []byte, from, to int) bool {
	a, ok := ParseAuthority(b[from:to])
	if !ok {
		return false
	}
	r.Host = span(from+int(a.Host.Off), from+int(a.Host.End))
	r.Port = span(from+int(a.Port.Off), from+int(a.Port.End))
	host := r.Host.Of(b)
	if host[0] == '[' {
		return true
	}
	for _, c := range host {
		if class[c]&classScheme == 0 || c == '+' {
			return false
		}
	}
	return true
}

func span(from, to int) buf.Span { return buf.Span{Off: uint32(from), End: uint32(to)} }

// allDigits reports whether v is a non-empty run of decimal digits.
func allDigits(v []byte) bool {
	for _, c := range v {
		if class[c]&classDigit == 0 {
			return false
		}
	}
	return len(v) > 0
}
