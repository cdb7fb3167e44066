package http

import (
	"weir/netio/buf"
	"weir/netio/http1"
)

// Bits of Request.Buffered.
const (
	bufferedCopy   uint8 = 1 << iota // the copy filter holds links
	BufferedModule                   // a module's filter holds links
	BufferedHeld                     // a filter waits for an event that is not the client's, see Held
)

// buildFilters chains the modules' filters around the core's.
func (b *Builder) buildFilters() {
	header := HeaderFilter(sendHeader)
	body := BodyFilter(sendBody)
	ms := b.gen.modules
	for i := len(ms) - 1; i >= 0; i-- {
		if f := ms[i].HeaderFilter; f != nil {
			header = f(b, header)
		}
		if f := ms[i].BodyFilter; f != nil {
			body = f(b, body)
		}
	}
	b.gen.headerFilter, b.gen.bodyFilter = header, body
}

// SendHeader passes the response header through the filters to the client.
// It returns OK, Again when it is queued behind other output, Error, or a
// status when a filter wants another response.
func (r *Request) SendHeader() Code {
	if r.postAction {
		return OK
	}
	if r.headerSent {
		r.Log(LogAlert, "header already sent")
		return Error
	}
	if r.gate == gateRefused {
		return r.refused
	}
	if r.errStatus != 0 {
		r.Out.Status = int(r.errStatus)
		r.Out.StatusLine = nil
	}
	return r.gen.headerFilter(r)
}

// sendHeader is the end of the header filter chain: subrequests have no
// header on the wire.
func sendHeader(r *Request) Code {
	if r.headerSent {
		return OK
	}
	r.headerSent = true
	if r != r.main {
		return OK
	}
	if r.isHead() {
		r.headerOnly = true
	}
	if r.Version < 1000 {
		return OK
	}
	switch r.Out.Status {
	case int(StatusOK), int(StatusPartialContent):
	case int(StatusNotModified):
		r.headerOnly = true
	case int(StatusNoContent):
		r.headerOnly = true
		r.Out.ContentType, r.Out.Charset = nil, nil
		r.Out.LastModified = -1
		r.Out.ContentLength = -1
	default: // a file that stands for an error does not tell its age
		r.Out.LastModified = -1
	}
	return r.c.stream.SendHeader(r)
}

// isHead reports whether the client has asked for the header alone.
func (r *Request) isHead() bool { return r.Method == http1.MethodHead }

// sendBody is the end of the body filter chain.
func sendBody(r *Request, in *Chain) Code { return r.c.stream.Send(r, in) }

// Output passes a part of the response body through the filters. Links with
// buf.Last end the response of the main request, LastInChain that of a
// subrequest. OK: taken and sent, or held for more; Again: the client is
// slow, the write handler will be called; Error: the connection is dead.
func (r *Request) Output(in *Chain) Code {
	if r.postAction {
		r.w.Buffers.DoneChain(in)
		return OK
	}
	if r.gate != gateOpen {
		if rc, on := r.outputGated(in); !on {
			return rc
		}
	}
	rc := r.gen.bodyFilter(r, in)
	if rc == Error {
		r.c.SetError()
	}
	return rc
}

// Last is the flag that ends the body of r.
func (r *Request) Last() buf.Flags {
	if r == r.main {
		return buf.Last | buf.LastInChain
	}
	return buf.LastInChain
}

// OutputBytes sends b as the whole rest of the body. b must stay valid until
// the request ends.
func (r *Request) OutputBytes(b []byte) Code {
	l := r.Link()
	l.Mem = b
	l.Flags = r.Last()
	return r.OutputLink(l)
}

// OutputLink is Output for a single link.
func (r *Request) OutputLink(l *buf.Link) Code {
	// A local Chain would be allocated, since filters are called through
	// pointers. Filters leave nothing in the chain they are given.
	r.one = Chain{}
	r.one.Append(l)
	return r.Output(&r.one)
}

// SendLast ends the body.
func (r *Request) SendLast() Code { return r.OutputBytes(nil) }

// Flush has everything sent that filters hold back.
func (r *Request) Flush() Code {
	l := r.Link()
	l.Flags = buf.Flush
	return r.OutputLink(l)
}

// SendResponse sends a whole response with a constant body: status, content
// type (empty for none) and bytes, which must stay valid until the request
// ends. It discards the request body.
func (r *Request) SendResponse(status Code, contentType, body []byte) Code {
	if rc := r.DiscardBody(); rc != OK {
		return rc
	}
	r.Out.Status = int(status)
	if status == StatusNoContent {
		r.headerOnly = true
	}
	if len(contentType) > 0 {
		r.Out.ContentType = contentType
	} else if rc := r.SetContentType(); rc != OK {
		return rc
	}
	r.Out.ContentLength = int64(len(body))
	rc := r.SendHeader()
	if rc == Error || rc > OK || r.headerOnly {
		return rc
	}
	return r.OutputBytes(body)
}

// Refuse gives up the response whose header is on its way, for one with the
// given status. A header filter calls it before anything was sent and returns
// what it returns; the handler finalizes the request with that.
func (r *Request) Refuse(status Code) Code {
	r.Out.reset()
	return status
}

// Redirect prepares a response with a Location. A target that begins with a
// slash is made absolute when sent, as absolute_redirect says.
func (r *Request) Redirect(status Code, target []byte) {
	r.Out.Headers.SetID(http1.HeaderLocation, target)
	r.Out.Status = int(status)
}

// Headers that the core adds or removes by itself.
const (
	hostID    = http1.HeaderHost
	refererID = http1.HeaderReferer
)

// AcceptRanges marks the response as one that ranges can be asked of.
func (r *Request) AcceptRanges() {
	r.Out.Headers.SetID(http1.HeaderAcceptRanges, bytesWord)
}

var bytesWord = []byte("bytes")
