package http

import (
	"bytes"

	"weir/netio/http1"
)

// SetResponseHeader gives the response one field called name, in place of all
// there are by that name, and does what follows from it where the core knows
// the field: Content-Type and Content-Length are not kept in the list. name and
// value must stay valid until the request ends. It returns false for a value
// that the field cannot have; then nothing has changed.
func (r *Request) SetResponseHeader(name, value []byte) bool {
	o := &r.Out
	switch http1.LookupHeader(name) {
	case http1.HeaderContentType:
		o.ContentType, o.Charset = value, nil
		o.Headers.Del(name)
		return true
	case http1.HeaderContentLength:
		n, ok := http1.ParseContentLength(value)
		if ok {
			o.ContentLength = n
			o.Headers.Del(name)
		}
		return ok
	case http1.HeaderServer:
		o.NoServer = false
	case http1.HeaderDate:
		o.NoDate = false
	}
	o.Headers.Replace(name, value)
	return true
}

// ClearResponseHeader removes all fields called name from the response, also
// those that the core would write by itself.
func (r *Request) ClearResponseHeader(name []byte) {
	o := &r.Out
	switch http1.LookupHeader(name) {
	case http1.HeaderContentType:
		o.ContentType, o.Charset = nil, nil
	case http1.HeaderContentLength:
		o.ContentLength = -1
	case http1.HeaderLastModified:
		o.LastModified = -1
	case http1.HeaderAcceptRanges:
		r.allowRanges = false
	case http1.HeaderServer:
		o.NoServer = true
	case http1.HeaderDate:
		o.NoDate = true
	}
	o.Headers.Del(name)
	o.Headers.delPlain(name)
}

// SetRequestHeader gives the request one field called name, in place of all
// there are by that name, and does what follows from it: Host changes $host,
// Connection may end keepalive, Content-Length counts unless the body is still
// to be read. It returns false for a value that the field cannot have;
// then nothing has changed.
func (r *Request) SetRequestHeader(name, value []byte) bool {
	switch http1.LookupHeader(name) {
	case http1.HeaderHost:
		a, ok := http1.ParseAuthority(value)
		if !ok {
			return false
		}
		r.HostName = r.Copy(a.Host.Of(value))
		toLower(r.HostName)
	case http1.HeaderConnection:
		if http1.ConnectionTokens(value)&http1.TokenClose != 0 {
			r.keepalive = false
		}
	case http1.HeaderContentLength:
		n, ok := http1.ParseContentLength(value)
		if !ok {
			return false
		}
		r.setLength(n)
	}
	r.In.Replace(name, value)
	return true
}

// ClearRequestHeader removes all fields called name from the request. Without
// its Content-Length a request has no body: the client's is thrown away.
func (r *Request) ClearRequestHeader(name []byte) {
	switch http1.LookupHeader(name) {
	case http1.HeaderHost:
		r.HostName = nil
	case http1.HeaderContentLength:
		r.setLength(-1)
	}
	r.In.Del(name)
}

// setLength changes the length of the request body. While the client's body
// has not been read its framing depends on it: then the body can only be
// dropped.
func (r *Request) setLength(n int64) {
	if r == r.main && r.body == nil && r.HasBody() && (n >= 0 || r.DiscardBody() != OK) {
		return
	}
	r.ContentLength = n
}

// Replace gives the first field called name another value, keeping its place,
// and removes the others; without any it appends one.
func (h *Headers) Replace(name, value []byte) {
	h.own()
	i := h.Next(name, 0)
	if i < 0 {
		h.Add(name, value)
		return
	}
	for j := h.Next(name, i+1); j >= 0; j = h.Next(name, j+1) {
		h.DelAt(j)
	}
	f := &h.list[i]
	f.Value.Off = uint32(len(h.block))
	h.block = append(h.block, value...)
	f.Value.End = uint32(len(h.block))
	if f.ID == http1.HeaderUnknown { // it may have been a plain one
		if f.ID = http1.LookupHeader(name); f.ID != http1.HeaderUnknown {
			h.first[f.ID] = uint16(i + 1)
		}
	}
}

// delPlain removes the fields called name that were added by AddPlain.
func (h *Headers) delPlain(name []byte) {
	for i := h.Next(name, 0); i >= 0; i = h.Next(name, i+1) {
		h.DelAt(i)
	}
}

// ClearPrefix removes all fields whose names begin with prefix, compared
// without case.
func (h *Headers) ClearPrefix(prefix []byte) {
	for i := range h.list {
		if name, _, _, ok := h.Field(i); ok && len(name) >= len(prefix) && bytes.EqualFold(name[:len(prefix)], prefix) {
			h.DelAt(i)
		}
	}
}
