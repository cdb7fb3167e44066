package http

import (
	"weir/netio/http1"
)

// FinalStatus is the status as it is logged: that of an error being answered,
// else that of the response; 9 for a request without a version, 0 for none.
func (r *Request) FinalStatus() int {
	switch {
	case r.errStatus != 0:
		return int(r.errStatus)
	case r.Out.Status != 0:
		return r.Out.Status
	case r.Version == 9:
		return 9
	}
	return 0
}

// AppendStatus appends a status in at least three digits.
func AppendStatus(dst []byte, status int) []byte {
	if status < 1000 {
		return append(dst, byte('0'+status/100), byte('0'+status/10%10), byte('0'+status%10))
	}
	return itoa(dst, int64(status))
}

func varStatus(r *Request, v *Value, _ *Variable) {
	v.Is(r.arena.Keep(AppendStatus(r.arena.Scratch(20), r.FinalStatus())))
}

// BytesSent is how many bytes were sent to the client for this request.
func (r *Request) BytesSent() int64 { return r.main.sent }

// BodyBytesSent is BytesSent without the response header.
func (r *Request) BodyBytesSent() int64 { return max(r.main.sent-r.main.headerSize, 0) }

// Length is how many bytes the client sent for this request: line, header and
// as much of the body as was read.
func (r *Request) Length() int64 { return r.length }

func varBytesSent(r *Request, v *Value, _ *Variable)     { r.number(v, r.BytesSent()) }
func varBodyBytesSent(r *Request, v *Value, _ *Variable) { r.number(v, r.BodyBytesSent()) }

// The variables of fields that the core writes by itself follow what it will
// write, or has written.

func varSentContentType(r *Request, v *Value, _ *Variable) {
	o := &r.Out
	if len(o.ContentType) == 0 {
		v.Missing()
		return
	}
	if !r.headerSent || len(o.Charset) == 0 {
		v.Is(o.ContentType)
		return
	}
	b := append(r.arena.Scratch(len(o.ContentType)+len(charsetParam)+len(o.Charset)), o.ContentType...)
	v.Is(r.arena.Keep(append(append(b, charsetParam...), o.Charset...)))
}

const charsetParam = "; charset="

func varSentContentLength(r *Request, v *Value, _ *Variable) {
	if r.Out.ContentLength < 0 {
		v.Missing()
		return
	}
	r.number(v, r.Out.ContentLength)
}

func varSentLocation(r *Request, v *Value, _ *Variable) {
	location := r.Out.Headers.Get(http1.HeaderLocation)
	switch {
	case location == nil:
		v.Missing()
	case r.headerSent && len(location) > 0 && location[0] == '/' && r.loc.core.absoluteRedirect.V && !r.Out.KeepLocation:
		b := r.appendOrigin(r.arena.Scratch(len(location) + 300))
		v.Is(r.arena.Keep(append(b, location...)))
	default:
		v.Is(r.Copy(location))
	}
}

func varSentLastModified(r *Request, v *Value, _ *Variable) {
	if s := r.Out.Headers.Get(http1.HeaderLastModified); s != nil {
		v.Is(r.Copy(s))
		return
	}
	if r.Out.LastModified < 0 {
		v.Missing()
		return
	}
	v.Is(r.arena.Keep(AppendHTTPTime(r.arena.Scratch(32), r.Out.LastModified)))
}

var (
	wordUpgrade   = []byte("upgrade")
	wordKeepAlive = []byte("keep-alive")
	wordClose     = []byte("close")
	wordChunked   = []byte("chunked")
)

func varSentConnection(r *Request, v *Value, _ *Variable) {
	switch {
	case r.Out.Status == int(StatusSwitchingProtocols):
		v.Is(wordUpgrade)
	case r.keepalive:
		v.Is(wordKeepAlive)
	default:
		v.Is(wordClose)
	}
}

func varSentKeepAlive(r *Request, v *Value, _ *Variable) {
	sec := r.loc.core.keepaliveHeader.V
	if !r.keepalive || sec <= 0 {
		v.Missing()
		return
	}
	v.Is(r.arena.Keep(itoa(append(r.arena.Scratch(32), "timeout="...), sec)))
}

func varSentTransferEncoding(r *Request, v *Value, _ *Variable) {
	if !r.chunked {
		v.Missing()
		return
	}
	v.Is(wordChunked)
}
