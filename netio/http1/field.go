package http1

import (
	"bytes"

	"weir/netio/buf"
)

// Options are the caller's rules for one message. The zero value is the
// strictest in what it accepts and sets no limits.
type Options struct {
	// AllowBareLF accepts a lone LF where CRLF is due (RFC 9112 section 2.2
	// permits it, nginx does it). A bare CR is never accepted.
	AllowBareLF bool
	// MaxLine is the longest request line, status line or field line, its
	// line end included; 0 means no limit. It is how
	// large_client_header_buffers is applied.
	MaxLine int
	// MaxFields is the largest number of fields in a block; 0 means no limit.
	MaxFields int
}

// lines is the state that all parsers share: which line they are at, and how far
// that line has been searched for its end, so that a sender of single bytes
// costs time linear in what it sends.
type lines struct {
	line int // start of the current line: everything before it is parsed
	scan int // no LF lies in [line, scan)
	at   int // where the last fault was found
	opt  Options
}

// Reset makes p ready for a unit that begins at offset start of the buffer.
func (p *lines) Reset(start int, opt Options) {
	*p = lines{line: start, scan: start, opt: opt}
}

// Pos returns the number of bytes consumed: after Done, the offset of the first
// byte behind the unit.
func (p *lines) Pos() int { return p.line }

// LineStart returns the offset of the line that is not complete yet, or that
// was found faulty.
func (p *lines) LineStart() int { return p.line }

// FaultPos returns the offset of the byte that made the last call fail, for the
// log line. It is exact for BadMethod, BadHeader and line ends, else LineStart.
func (p *lines) FaultPos() int { return max(p.at, p.line) }

// FieldParser reads a block of header or trailer fields up to and including
// its empty line. It is resumable at any byte.
//
// Buffers must be shorter than 4 GiB, as spans are 32 bits wide. When one line
// has several faults, which of them is reported may depend on how its bytes
// were split.
type FieldParser struct {
	lines
}

// Fields parses what b holds of the block and appends to f. It returns More,
// Done, BadHeader, LineTooLong or TooManyFields. b must begin with the bytes
// given at the calls before.
func (p *FieldParser) Fields(b []byte, f *Fields) Result {
	return p.fields(b, f, false)
}

// fields is Fields for both sides; response says that the block is a response's.
func (p *lines) fields(b []byte, f *Fields, response bool) Result {
	if p.scan > p.line && bytes.IndexByte(b[p.scan:], '\n') < 0 {
		return p.more(b) // the line has been looked at: wait for its end
	}
	for p.line < len(b) {
		c := b[p.line]
		if c == '\r' || c == '\n' {
			return p.blockEnd(b, c)
		}
		if c == 'H' && response && hasPrefix(b[p.line:], "HTTP/") {
			// A second status line, as some IIS versions send it: nginx ignores it.
			k := bytes.IndexByte(b[p.line:], '\n')
			if k < 0 {
				return p.more(b)
			}
			p.line += k + 1
			continue
		}
		h := f.next()
		next, res := p.field(b, p.line, h)
		if res != Done {
			if res == More {
				return p.more(b)
			}
			return res
		}
		if p.opt.MaxLine > 0 && next-p.line > p.opt.MaxLine {
			return LineTooLong
		}
		if p.opt.MaxFields > 0 && len(f.Headers) >= p.opt.MaxFields {
			return TooManyFields
		}
		f.commit(h)
		p.line = next
	}
	return p.more(b)
}

// more notes that b ends within the current line.
func (p *lines) more(b []byte) Result {
	p.scan = len(b)
	if p.opt.MaxLine > 0 && len(b)-p.line >= p.opt.MaxLine {
		return LineTooLong
	}
	return More
}

// fault notes where BadHeader was found.
func (p *lines) fault(at int) (int, Result) {
	p.at = at
	return at, BadHeader
}

// blockEnd parses the empty line, whose first byte is c.
func (p *lines) blockEnd(b []byte, c byte) Result {
	i := p.line
	if c == '\r' {
		i++
		if i == len(b) {
			return p.more(b)
		}
	}
	if b[i] != '\n' || c == '\n' && !p.opt.AllowBareLF {
		p.at = p.line
		return BadHeader
	}
	p.line, p.scan = i+1, i+1
	return Done
}

// field parses the field line at offset i into h and returns the offset behind
// it. A line without a colon, which nginx takes for a field with an empty value,
// is a fault here.
func (p *lines) field(b []byte, i int, h *Header) (next int, res Result) {
	colon := indexColon(b, i)
	name := b[i:colon]
	id := HeaderUnknown
	if colon < len(b) {
		id = LookupHeader(name)
	}
	h.ID, h.Flags = id, 0
	if id == HeaderUnknown {
		if bad := nameFlags(name, h); bad >= 0 {
			return p.fault(i + bad)
		}
		if colon == len(b) {
			return 0, More
		}
		if colon == i {
			return p.fault(i)
		}
	}
	h.Name = buf.Span{Off: uint32(i), End: uint32(colon)}

	from := colon + 1
	for from < len(b) && (b[from] == ' ' || b[from] == '\t') {
		from++
	}
	end := indexControl(b, from)
	for end < len(b) && b[end] == '\t' {
		end = indexControl(b, end+1)
	}
	if end == len(b) {
		return 0, More
	}
	next = end + 1
	switch b[end] {
	case '\r':
		if next == len(b) {
			return 0, More
		}
		if b[next] != '\n' {
			return p.fault(end)
		}
		next++
	case '\n':
		if !p.opt.AllowBareLF {
			return p.fault(end)
		}
	default:
		return p.fault(end)
	}
	for end > from && (b[end-1] == ' ' || b[end-1] == '\t') {
		end--
	}
	h.Value = buf.Span{Off: uint32(from), End: uint32(end)}
	return next, Done
}

// nameFlags sets h.Flags for a field name that is not well known and returns
// the index of the first byte that cannot stand in a name, or -1.
func nameFlags(name []byte, h *Header) int {
	var seen uint8
	for _, c := range name {
		seen |= class[c]
	}
	if seen&(classNoName|classOddName|classUnderscore) == 0 {
		return -1
	}
	if seen&classNoName != 0 {
		for i, c := range name {
			if class[c]&classNoName != 0 {
				return i
			}
		}
	}
	if seen&classOddName != 0 {
		h.Flags |= HeaderInvalid
	}
	if seen&classUnderscore != 0 {
		h.Flags |= HeaderUnderscore
	}
	return -1
}

// ClassifyName applies the parser's rules to a field name from elsewhere: an
// HTTP/2 frame, a configuration, a script. ok is false when the name is empty or
// has a control byte, a space or a colon, and so must not get onto the wire.
func ClassifyName(name []byte) (id HeaderID, flags HeaderFlags, ok bool) {
	if id = LookupHeader(name); id != HeaderUnknown {
		return id, 0, true
	}
	var h Header
	bad := nameFlags(name, &h)
	return HeaderUnknown, h.Flags, bad < 0 && len(name) > 0
}

// ValidValue reports whether v may stand in a field value: it has no control
// byte besides tabs.
func ValidValue(v []byte) bool {
	i := indexControl(v, 0)
	for i < len(v) && v[i] == '\t' {
		i = indexControl(v, i+1)
	}
	return i == len(v)
}

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}
