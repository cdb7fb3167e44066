package http1

import (
	"bytes"

	"weir/netio/buf"
)

// Response is a parsed response head. All spans are offsets into the buffer
// that was parsed.
type Response struct {
	Line       buf.Span // the whole status line without its line end
	StatusLine buf.Span // code and reason, as "404 Not Found"
	Reason     buf.Span // may be empty
	Status     uint16   // 100 to 999
	Major      uint8    // always 1
	Minor      uint8
	Fields
}

// AtLeast11 reports whether the response's version is HTTP/1.1 or a later 1.x.
func (r *Response) AtLeast11() bool { return r.Major == 1 && r.Minor >= 1 }

// ResponseParser reads the head of a response: Line until it is Done, then
// Headers until it is Done. After an interim response (1xx) the caller resets
// it at Pos and goes on.
type ResponseParser struct {
	lines
}

// Headers parses what b holds of the header fields and appends them to
// r.Fields. It returns More, Done, BadHeader, LineTooLong or TooManyFields.
// Further status lines among the fields are ignored, as in nginx.
func (p *ResponseParser) Headers(b []byte, r *Response) Result {
	return p.fields(b, &r.Fields, true)
}

const statusPrefix = "HTTP/1."

// Line parses the status line. It returns More, Done, BadStatusLine or
// LineTooLong. Bytes that cannot begin a status line are reported without
// waiting for the line's end. r is written only when the line is complete, and
// then cleared first.
//
// As in nginx the reason may be missing, more than one space may stand before
// the code, and the code may have a decimal part ("403.1"), which goes to
// StatusLine. Unlike nginx, versions other than 1.x are BadStatusLine.
func (p *ResponseParser) Line(b []byte, r *Response) Result {
	if p.scan-p.line < len(statusPrefix) {
		n := min(len(b)-p.line, len(statusPrefix))
		if string(b[p.line:p.line+n]) != statusPrefix[:n] {
			p.at = p.line
			return BadStatusLine
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
		return BadStatusLine
	}
	if !parseStatusLine(b, p.line, end, r) {
		p.at = p.line
		return BadStatusLine
	}
	p.line, p.scan = next, next
	return Done
}

// parseStatusLine parses the line in b[start:end], which has no LF.
func parseStatusLine(b []byte, start, end int, r *Response) bool {
	line := b[start:end]
	if len(line) < len("HTTP/1.1 200") || !hasPrefix(line, statusPrefix) ||
		class[line[7]]&classDigit == 0 || line[8] != ' ' {
		return false
	}
	i := 9
	for i < len(line) && line[i] == ' ' {
		i++
	}
	if i+3 > len(line) || !allDigits(line[i:i+3]) || line[i] == '0' {
		return false
	}
	code := i
	i += 3
	reason := i
	if i < len(line) {
		switch line[i] {
		case ' ':
			reason = i + 1
		case '.':
		default:
			return false
		}
	}
	for j := indexControl(line, i); j < len(line); j = indexControl(line, j+1) {
		if line[j] != '\t' {
			return false
		}
	}
	*r = Response{
		Line:       span(start, end),
		StatusLine: span(start+code, end),
		Reason:     span(start+reason, end),
		Status:     uint16(line[code]-'0')*100 + uint16(line[code+1]-'0')*10 + uint16(line[code+2]-'0'),
		Major:      1,
		Minor:      line[7] - '0',
		Fields:     Fields{Headers: r.Headers[:0]},
	}
	return true
}
