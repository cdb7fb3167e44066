package ranges

import (
	"bytes"
	"strconv"

	"weir/appliance/http"
	"weir/netio/http1"
)

var bytesUnit = []byte("bytes")

// header is the header filter.
func header(r *http.Request, next http.HeaderFilter) http.Code {
	allowed, single := r.RangesAllowed()
	most := r.Location().MaxRanges()
	if !allowed || r.Out.Status != int(http.StatusOK) || r.IsSubrequest() || r.Out.ContentLength == -1 ||
		most == 0 || r.Version < 1000 {
		return next(r)
	}
	list, ok := wanted(r)
	if !ok {
		return whole(r, next)
	}
	if single {
		most = 1
	}
	a := local.Of(r.Worker()).take()
	r.Cleanup(put, a)
	var rc http.Code
	a.length, a.offset = r.Out.ContentLength, r.Out.ContentOffset
	a.spans, rc = parse(a.spans, list, a.length, most)
	switch rc {
	case http.OK:
	case http.StatusRangeNotSatisfiable:
		var room [40]byte
		v := strconv.AppendInt(append(room[:0], "bytes */"...), a.length, 10)
		r.Out.Headers.SetID(http1.HeaderContentRange, v)
		r.Out.ContentLength = -1
		return rc
	default:
		return whole(r, next)
	}
	state.Set(r, a)
	r.Out.Status = int(http.StatusPartialContent)
	r.Out.StatusLine = nil
	if len(a.spans) == 1 {
		a.singleHeader(r)
	} else {
		a.multiHeader(r)
	}
	return next(r)
}

// whole sends the whole body and says that ranges could be had.
func whole(r *http.Request, next http.HeaderFilter) http.Code {
	r.Out.Headers.SetID(http1.HeaderAcceptRanges, bytesUnit)
	return next(r)
}

// wanted returns the list of the Range field behind "bytes=". ok is false when
// there is none, or If-Range says that the client's part is of another body.
func wanted(r *http.Request) (list []byte, ok bool) {
	v := r.In.Get(http1.HeaderRange)
	if len(v) < len("bytes=")+1 || !bytes.EqualFold(v[:len("bytes=")], bytesEquals) {
		return nil, false
	}
	list = v[len("bytes="):]
	cond := r.In.Get(http1.HeaderIfRange)
	if cond == nil {
		return list, true
	}
	if n := len(cond); n >= 2 && cond[n-1] == '"' {
		return list, bytes.Equal(cond, r.Out.Headers.Get(http1.HeaderETag))
	}
	return list, r.Out.LastModified != -1 && http.ParseHTTPTime(cond) == r.Out.LastModified
}

var bytesEquals = []byte("bytes=")

// appendSpan writes "0-99/1234".
func (a *answer) appendSpan(b []byte, s span) []byte {
	b = append(strconv.AppendInt(b, s.start, 10), '-')
	b = append(strconv.AppendInt(b, s.end-1, 10), '/')
	return strconv.AppendInt(b, a.length, 10)
}

func (a *answer) singleHeader(r *http.Request) {
	s := a.spans[0]
	var room [72]byte
	r.Out.Headers.SetID(http1.HeaderContentRange, a.appendSpan(append(room[:0], "bytes "...), s))
	r.Out.ContentLength = s.end - s.start
	r.Out.ContentOffset = s.start
}

// multiHeader makes the head that all parts share:
//
//	CR LF --00000000000000000001 CR LF
//	Content-Type: image/jpeg CR LF
//	Content-Range: bytes
func (a *answer) multiHeader(r *http.Request) {
	o := &r.Out
	a.w.boundary++
	a.boundary = a.w.boundary
	b := r.Alloc(96 + len(o.ContentType) + len(o.Charset))[:0]
	b = append(appendBoundary(append(b, "\r\n--"...), a.boundary), "\r\n"...)
	if len(o.ContentType) > 0 {
		b = append(append(b, "Content-Type: "...), o.ContentType...)
		if len(o.Charset) > 0 {
			b = append(append(b, "; charset="...), o.Charset...)
		}
		b = append(b, "\r\n"...)
	}
	a.head = append(b, "Content-Range: bytes "...)

	t := append(r.Alloc(64)[:0], "multipart/byteranges; boundary="...)
	o.ContentType = appendBoundary(t, a.boundary)
	o.Charset = nil
	total := int64(len("\r\n--") + boundaryLen + len("--\r\n"))
	var room [72]byte
	for _, s := range a.spans {
		total += int64(len(a.head)+len(a.appendSpan(room[:0], s))+len("\r\n\r\n")) + s.end - s.start
	}
	o.ContentLength = total
	o.Headers.DelID(http1.HeaderContentRange)
}

// boundaryLen is how many digits a boundary has.
const boundaryLen = 20

func appendBoundary(dst []byte, n uint64) []byte {
	var digits [boundaryLen]byte
	for i := boundaryLen - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
	return append(dst, digits[:]...)
}
