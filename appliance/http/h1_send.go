package http

import (
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/http1"
)

// Texts of the response header.
const (
	crlf          = "\r\n"
	textKeepAlive = "Connection: keep-alive\r\n"
	textClose     = "Connection: close\r\n"
	textUpgrade   = "Connection: upgrade\r\n"
	textChunked   = "Transfer-Encoding: chunked\r\n"
)

// SendHeader implements Stream: it writes the response header of r into one
// buffer at the end of the output. A response that has a body waits for it,
// so that both leave in one write.
func (h *h1Conn) SendHeader(r *Request) Code {
	h.frame(r)
	size := 512 + len(r.Out.Headers.block) + 8*len(r.Out.Headers.list) + len(r.Out.StatusLine) + len(r.Out.ContentType)
	b := h.w.Buffers.Get(max(size+smallBody, headBuffer))
	b = h.appendHead(b, r)
	if r.debug {
		r.traceReply(b)
	}
	r.headerSize = int64(len(b))
	l := h.w.Buffers.Link()
	l.Mem, l.Data = b, b
	if r.headerOnly {
		l.Flags = buf.Last
	}
	var ch Chain
	ch.Append(l)
	if r.headerOnly {
		return h.write(r, &ch, buf.Last)
	}
	h.out.AppendChain(&ch)
	h.headLink = l
	return OK
}

// smallBody is how much of a body is copied behind the header, so that a
// small response is one plain send.
const smallBody = 2 << 10

// frame decides how the body is delimited and whether the connection stays.
func (h *h1Conn) frame(r *Request) {
	o := &r.Out
	status := o.Status
	if h.w.exiting && r.loc.core.keepaliveMin.V == 0 {
		r.keepalive = false
	}
	if status == int(StatusSwitchingProtocols) {
		r.keepalive = false
		return
	}
	if status < 200 || status == int(StatusNoContent) || status == int(StatusNotModified) || r.Method == http1.MethodHead {
		return
	}
	if o.ContentLength >= 0 && o.Trailers.Count() == 0 && !r.expectTrailers {
		return
	}
	switch {
	case r.Version < 1001:
		if o.ContentLength < 0 {
			r.keepalive = false
		}
	case r.loc.core.chunkedEncoding.V:
		r.chunked = true
		o.ContentLength = -1
	case o.ContentLength < 0:
		r.keepalive = false
	}
}

// appendHead writes status line and fields in nginx's order.
func (h *h1Conn) appendHead(b []byte, r *Request) []byte {
	o := &r.Out
	b = append(b, "HTTP/1.1 "...)
	b = appendStatus(b, o)
	if !o.NoServer && !o.Headers.Has(http1.HeaderServer) {
		b = append(b, r.serverField()...)
	}
	if !o.NoDate && !o.Headers.Has(http1.HeaderDate) {
		b = append(b, "Date: "...)
		b = append(b, h.w.Loop.HTTPDate()...)
		b = append(b, crlf...)
	}
	if len(o.ContentType) > 0 {
		b = append(b, "Content-Type: "...)
		b = append(b, o.ContentType...)
		if len(o.Charset) > 0 {
			b = append(b, "; charset="...)
			b = append(b, o.Charset...)
		}
		b = append(b, crlf...)
	}
	if o.ContentLength >= 0 {
		b = append(b, "Content-Length: "...)
		b = itoa(b, o.ContentLength)
		b = append(b, crlf...)
	}
	if o.LastModified != -1 && !o.Headers.Has(http1.HeaderLastModified) {
		b = append(b, "Last-Modified: "...)
		b = AppendHTTPTime(b, o.LastModified)
		b = append(b, crlf...)
	}
	location := o.Headers.Get(http1.HeaderLocation)
	absolute := len(location) > 0 && location[0] == '/' && r.loc.core.absoluteRedirect.V && !o.KeepLocation
	if absolute {
		b = append(b, "Location: "...)
		b = r.appendOrigin(b)
		b = append(b, location...)
		b = append(b, crlf...)
	}
	if r.chunked {
		b = append(b, textChunked...)
	}
	b = h.appendConnection(b, r)
	return append(appendFields(b, &o.Headers, absolute), crlf...)
}

func appendStatus(b []byte, o *ResponseHead) []byte {
	switch {
	case len(o.StatusLine) > 0:
		b = append(b, o.StatusLine...)
	case StatusLine(o.Status) != "":
		b = append(b, StatusLine(o.Status)...)
	default:
		b = itoa(b, int64(o.Status))
		b = append(b, ' ')
	}
	return append(b, crlf...)
}

func (h *h1Conn) appendConnection(b []byte, r *Request) []byte {
	switch {
	case r.Out.Status == int(StatusSwitchingProtocols):
		return append(b, textUpgrade...)
	case !r.keepalive:
		return append(b, textClose...)
	}
	b = append(b, textKeepAlive...)
	if sec := r.loc.core.keepaliveHeader.V; sec > 0 {
		b = append(b, "Keep-Alive: timeout="...)
		b = itoa(b, sec)
		b = append(b, crlf...)
	}
	return b
}

// appendFields writes the fields of a list as they are.
func appendFields(b []byte, hs *Headers, skipLocation bool) []byte {
	for i := range hs.list {
		f := &hs.list[i]
		if f.Flags&fieldDeleted != 0 || skipLocation && f.ID == http1.HeaderLocation {
			continue
		}
		b = append(b, f.Name.Of(hs.block)...)
		b = append(b, ": "...)
		b = append(b, f.Value.Of(hs.block)...)
		b = append(b, crlf...)
	}
	return b
}

// Send implements Stream.
func (h *h1Conn) Send(r *Request, in *Chain) Code {
	flags := in.Flags()
	if h.headLink != nil && !r.chunked {
		h.joinSmall(in)
	}
	if r.chunked && !r.headerOnly {
		h.chunk(r, in)
	}
	return h.write(r, in, flags)
}

// joinSmall copies a small first body link behind the header.
func (h *h1Conn) joinSmall(in *Chain) {
	l, head := in.Head, h.headLink
	h.headLink = nil
	if l == nil || l.File != nil || l.Pipe != nil || len(l.Mem) > smallBody || len(l.Mem) > cap(head.Mem)-len(head.Mem) {
		return
	}
	head.Mem = append(head.Mem, l.Mem...)
	head.Data = head.Mem
	head.Flags |= l.Flags
	in.Pop()
	h.w.Buffers.Done(l)
}

// chunk frames in as one chunk, and the end of the body as the last chunk
// with the trailer fields.
func (h *h1Conn) chunk(r *Request, in *Chain) {
	size := in.Size()
	flags := in.Flags()
	if size > 0 {
		l := h.text(24)
		l.Mem = http1.AppendChunkHeader(l.Mem, size)
		l.Data = l.Mem
		in.Prepend(l)
	}
	if flags&buf.Last == 0 {
		if size > 0 {
			l := h.text(2)
			l.Mem = append(l.Mem, crlf...)
			l.Flags = flags & buf.Flush
			in.Append(l)
		}
		return
	}
	t := &r.Out.Trailers
	l := h.text(16 + len(t.block) + 4*len(t.list))
	if size > 0 {
		l.Mem = append(l.Mem, crlf...)
	}
	l.Mem = append(l.Mem, "0\r\n"...)
	l.Mem = append(appendFields(l.Mem, t, false), crlf...)
	l.Data = l.Mem
	l.Flags = buf.Last
	in.Append(l)
}

// text returns a link with an empty buffer of its own for n bytes.
func (h *h1Conn) text(n int) *buf.Link {
	l := h.w.Buffers.Link()
	l.Mem = h.w.Buffers.Get(n)
	l.Data = l.Mem
	return l
}

// write queues in and sends what there is, unless it is little and more is to
// come (postpone_output), or limit_rate says wait. flags are those of in
// before it was framed.
func (h *h1Conn) write(r *Request, in *Chain, flags buf.Flags) Code {
	h.out.AppendChain(in)
	if flags&(buf.Last|buf.LastInChain|buf.Flush) != 0 {
		h.flushOut = true
	}
	if h.out.Empty() {
		return OK
	}
	lc := r.loc.core
	if h.flags&clientDelayed != 0 {
		h.flags |= clientBuffered
		return Again
	}
	if !h.flushOut && flags&buf.Recycled == 0 && h.flags&clientBuffered == 0 && h.out.Size() < lc.postponeOutput.V {
		return OK
	}
	h.headLink = nil
	limit := lc.sendfileMaxChunk.V
	rate := r.rate(lc)
	if rate > 0 {
		allowed, wait := r.allowance(rate, h.net.Sent-h.sentBefore)
		if wait > 0 {
			h.flags |= clientBuffered
			h.Delay(wait)
			return Again
		}
		if limit == 0 || allowed < limit {
			limit = allowed
		}
	}
	n, err := h.net.Send(&h.out, limit)
	r.sent += n
	if err != nil && err != conn.ErrAgain {
		h.SetError()
		h.logSendError(r, err)
		return Error
	}
	if !h.out.Empty() {
		h.flags |= clientBuffered
		switch {
		case err != nil: // Writable follows
		case rate > 0:
			h.Delay(max(1, n*1000/rate))
		default:
			h.goOnWriting()
		}
		return Again
	}
	h.flags &^= clientBuffered
	h.flushOut = false
	return OK
}

// goOnWriting has the rest written when the other connections have had their
// turn: sendfile_max_chunk ended the write, not the client.
func (h *h1Conn) goOnWriting() {
	if h.flags&clientWriting == 0 {
		h.flags |= clientWriting
		h.w.Loop.Defer((*writeTask)(h))
	}
}

// writeTask is the deferred call of goOnWriting. The connection may have been
// closed, and be another one, in between: then the flag is clear.
type writeTask h1Conn

// Run implements poll.Task.
func (t *writeTask) Run() {
	h := (*h1Conn)(t)
	if h.flags&clientWriting == 0 {
		return
	}
	h.flags &^= clientWriting
	if h.state == h1Busy {
		h.event(false)
	}
}

// logSendError reports a write that failed: info for a client that went away.
func (h *h1Conn) logSendError(r *Request, err error) {
	r.Logf(LogInfo, "send() failed (%s)", errnoText(err))
}

// rate returns the limit in bytes per second, 0 for none.
func (r *Request) rate(lc *coreLoc) int64 {
	if !r.limitRateSet {
		r.limitRateSet = true
		if lc.limitRate.V != nil {
			r.limitRate = parseRate(lc.limitRate.V.Eval(r))
		}
	}
	if r.limitRate > 0 && !r.limitAfterSet {
		r.limitAfterSet = true
		if lc.limitRateAfter.V != nil {
			r.limitAfter = parseRate(lc.limitRateAfter.V.Eval(r))
		}
	}
	return r.limitRate
}

// allowance returns how many bytes may be sent now, or how long to wait.
func (r *Request) allowance(rate, sent int64) (limit, waitMS int64) {
	now := r.c.w.Loop.NowMS()
	seconds := (now-r.startMS)/1000 + 1
	limit = rate*seconds - (sent - r.limitAfter)
	if limit <= 0 {
		return 0, max(1, -limit*1000/rate+1)
	}
	return limit, 0
}

// SendContinue implements Stream. What a full socket does not take goes ahead
// of the response.
func (h *h1Conn) SendContinue(*Request) Code {
	l := h.text(32)
	l.Mem = append(l.Mem, "HTTP/1.1 100 Continue\r\n\r\n"...)
	l.Data = l.Mem
	var ch Chain
	ch.Append(l)
	if _, err := h.net.Send(&ch, 0); err != nil && err != conn.ErrAgain {
		h.w.Buffers.DoneChain(&ch)
		h.SetError()
		return Error
	}
	h.out.AppendChain(&ch)
	return OK
}

// ReadBody implements Stream.
func (h *h1Conn) ReadBody(r *Request, p []byte) (int, Code) {
	if r.ChunkedBody {
		return h.readChunked(r, p)
	}
	return h.readLength(r, p)
}

// readLength reads a body of known length; r.bodyLeft counts down. It never
// reads past its end, so the next request stays in the socket or in head.
func (h *h1Conn) readLength(r *Request, p []byte) (int, Code) {
	if int64(len(p)) > r.bodyLeft {
		p = p[:r.bodyLeft]
	}
	if len(p) == 0 {
		return 0, Done
	}
	n := 0
	if h.pos < len(h.head) {
		n = copy(p, h.head[h.pos:])
		h.pos += n
	} else {
		var err error
		if n, err = h.net.Recv(p); n == 0 {
			return 0, bodyFault(err)
		}
	}
	r.bodyLeft -= int64(n)
	r.length += int64(n)
	if r.bodyLeft == 0 {
		return n, Done
	}
	return n, OK
}

// bodyFault turns a Recv without bytes into a Code.
func bodyFault(err error) Code {
	if err == conn.ErrAgain {
		return Again
	}
	return Error
}

// readChunked decodes chunks out of what was read behind the head, then out
// of raw.
func (h *h1Conn) readChunked(r *Request, p []byte) (int, Code) {
	n := 0
	for n < len(p) {
		in, fromHead := h.head[h.pos:], true
		if len(in) == 0 {
			in, fromHead = h.raw[h.rawPos:], false
		}
		if len(in) == 0 {
			if n > 0 {
				return n, OK
			}
			if h.raw == nil {
				h.raw = h.w.Buffers.Get(16 << 10)
			}
			m, err := h.net.Recv(h.raw[:cap(h.raw)])
			h.raw, h.rawPos = h.raw[:m], 0
			if m == 0 {
				return 0, bodyFault(err)
			}
			continue
		}
		if room := len(p) - n; len(in) > room {
			in = in[:room] // data never grows when decoded
		}
		data, used, res := r.chunks.Next(in)
		n += copy(p[n:], data.Of(in))
		r.length += int64(used)
		if fromHead {
			h.pos += used
		} else {
			h.rawPos += used
		}
		switch {
		case res == http1.Done:
			return n, Done
		case res != http1.More:
			r.Log(LogErr, "client sent invalid chunked body")
			return n, StatusBadRequest
		}
	}
	return n, OK
}
