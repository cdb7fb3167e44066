package ranges

import (
	"math"

	"weir/appliance/http"
)

// span is the bytes [start, end) of the body.
type span struct{ start, end int64 }

// multiOverhead is what a part of a multipart answer is counted as costing,
// when max_ranges does not limit the number of parts; slack is how much longer
// than the body such an answer may be. Both are nginx's.
const (
	multiOverhead = 256
	slack         = 4096
)

// parse reads the list behind "bytes=" for a body of length bytes, and appends
// its ranges to dst. OK: there are ranges; Declined: send the whole body; 416:
// no range lies within the body, or the list is malformed.
func parse(dst []span, list []byte, length int64, most int) ([]span, http.Code) {
	p := reader{b: list}
	var total int64
	for left := most; ; {
		s, ok := p.rangeOf(length)
		if !ok {
			return dst, http.StatusRangeNotSatisfiable
		}
		switch {
		case s.start < s.end:
			if total > math.MaxInt64-(s.end-s.start) {
				return dst, http.StatusRangeNotSatisfiable
			}
			total += s.end - s.start
			if left == 0 {
				return dst, http.Declined
			}
			left--
			dst = append(dst, s)
		case s.start == 0: // bytes=-0, or any range of an empty body
			return dst, http.Declined
		}
		if len(p.b) == 0 {
			break
		}
		p.b = p.b[1:] // rangeOf has stopped at a comma
	}
	n := int64(len(dst))
	switch {
	case n == 0:
		return dst, http.StatusRangeNotSatisfiable
	case n == 1:
		return dst, http.OK
	case total > length:
		return dst, http.Declined
	case most == math.MaxInt32 && total+n*multiOverhead > length+slack:
		return dst, http.Declined
	}
	return dst, http.OK
}

// reader takes a list of ranges apart from the front.
type reader struct{ b []byte }

// rangeOf reads one range up to its comma or the end of the list.
func (p *reader) rangeOf(length int64) (s span, ok bool) {
	p.spaces()
	suffix := p.at('-')
	if !suffix {
		if s.start, ok = p.number(); !ok {
			return s, false
		}
		p.spaces()
		if !p.at('-') {
			return s, false
		}
		p.b = p.b[1:]
		p.spaces()
		if p.ended() {
			s.end = length
			return s, true
		}
	} else {
		p.b = p.b[1:]
	}
	n, ok := p.number()
	if !ok {
		return s, false
	}
	p.spaces()
	if !p.ended() {
		return s, false
	}
	if suffix {
		return span{max(0, length-n), length}, true
	}
	if n >= length {
		s.end = length
	} else {
		s.end = n + 1
	}
	return s, true
}

func (p *reader) at(c byte) bool { return len(p.b) > 0 && p.b[0] == c }

func (p *reader) ended() bool { return len(p.b) == 0 || p.b[0] == ',' }

func (p *reader) spaces() {
	for p.at(' ') {
		p.b = p.b[1:]
	}
}

// number reads digits; it fails when there are none or they overflow.
func (p *reader) number() (n int64, ok bool) {
	i := 0
	for i < len(p.b) && p.b[i]-'0' < 10 {
		d := int64(p.b[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
		i++
	}
	p.b = p.b[i:]
	return n, i > 0
}
