package upstream

import (
	"io"

	"weir/appliance/http"
	"weir/netio/conn"
	"weir/netio/http1"
)

// readHead reads and parses until the response head is complete or bytes run
// out.
func (x *Exchange) readHead() {
	if x.requestSent {
		x.action = "reading response header from upstream"
	}
	if x.in == nil {
		x.in = x.ws.w.Buffers.Get(int(x.conf.BufferSize.V))
		x.inMax = int(x.conf.BufferSize.V)
	}
	for {
		n, err := x.c.Recv(x.in[len(x.in):x.inMax])
		if n == 0 {
			x.noHead(err)
			return
		}
		x.state().received += int64(n)
		x.in = x.in[:len(x.in)+n]
		x.gotBytes = true
		switch x.proto.Head(x) {
		case HeadMore:
			if len(x.in) == x.inMax {
				x.logErr("upstream sent too big header")
				x.tryNext(FailInvalidHeader)
				return
			}
		case HeadBad:
			x.tryNext(FailInvalidHeader)
			return
		case HeadDone:
			x.headDone()
			return
		}
	}
}

// noHead handles a receive without bytes.
func (x *Exchange) noHead(err error) {
	if err == conn.ErrAgain {
		return
	}
	if err == io.EOF {
		x.logErr("upstream prematurely closed connection")
	} else {
		x.connError("recv() failed", err)
	}
	x.tryNext(FailError)
}

// nextStatuses are the statuses that may send a request to another peer.
var nextStatuses = [...]struct {
	status uint16
	why    Failure
}{
	{500, Fail500}, {502, Fail502}, {503, Fail503}, {504, Fail504}, {403, Fail403}, {404, Fail404}, {429, Fail429},
}

// headDone acts on a complete response head.
func (x *Exchange) headDone() {
	s := x.state()
	status := x.Response.Status
	s.header = x.ws.w.Loop.NowMS() - x.tryAt
	s.status = int(status)
	if x.R.Debugging() {
		x.debugHead()
	}
	if status >= 300 && (x.nextByStatus() || x.intercept()) {
		return
	}
	if x.redirects() {
		x.accelRedirect()
		return
	}
	x.copyHead()
	x.sendResponse()
}

// debugHead shows the response head as it came.
func (x *Exchange) debugHead() {
	r := &x.Response
	x.R.Debugf("http proxy status %d", r.Status)
	for i := range r.Headers {
		h := &r.Headers[i]
		x.R.Debugf("http proxy header: \"%s: %s\"", h.Name.Of(x.in), h.Value.Of(x.in))
	}
	x.R.Debugf("http proxy header done")
}

// nextByStatus goes to the next peer when the status says so.
func (x *Exchange) nextByStatus() bool {
	for _, n := range nextStatuses {
		if n.status != x.Response.Status {
			continue
		}
		if x.conf.Next.V&n.why == 0 || !x.mayTry(n.why, x.sel.tries > 1) {
			return false
		}
		x.tryNext(n.why)
		return true
	}
	return false
}

// intercept answers by error_page in place of the backend's error.
func (x *Exchange) intercept() bool {
	if !x.conf.InterceptErrors.V || !x.R.Location().HasErrorPage(int(x.Response.Status)) {
		return false
	}
	if x.Response.Status == 401 {
		for i := range x.Response.Headers {
			if h := &x.Response.Headers[i]; h.ID == http1.HeaderWWWAuthenticate {
				x.R.Out.Headers.AddAs(h.ID, h.Name.Of(x.in), h.Value.Of(x.in))
			}
		}
	}
	x.finalize(http.Code(x.Response.Status))
	return true
}

// redirects reports whether X-Accel-Redirect applies.
func (x *Exchange) redirects() bool {
	return x.Response.Known.Has(http1.HeaderXAccelRedirect) && x.conf.Ignore.V&IgnoreRedirect == 0
}

// kept are the fields of a response that an X-Accel-Redirect keeps.
var kept = http1.SetOf(http1.HeaderContentType, http1.HeaderSetCookie, http1.HeaderContentDisposition,
	http1.HeaderCacheControl, http1.HeaderExpires, http1.HeaderAcceptRanges)

// accelRedirect goes on inside the server, where the backend says.
func (x *Exchange) accelRedirect() {
	r := x.R
	x.applyAccel()
	value, _ := x.Response.Value(x.in, http1.HeaderXAccelRedirect)
	uri := r.Copy(value)
	x.settle()
	x.stop()
	r.SetReadHandler(http.BlockReading)
	for i := range x.Response.Headers {
		h := &x.Response.Headers[i]
		if kept.Has(h.ID) {
			x.copyField(h)
		}
	}
	if len(r.Out.ContentType) > 0 {
		r.Out.ContentType = r.Copy(r.Out.ContentType)
	}
	if len(uri) > 0 && uri[0] == '@' {
		rc := r.NamedRedirect(string(uri))
		r.Finalize(rc)
		return
	}
	path, args, ok := http.SplitURI(uri)
	if !ok {
		r.Logf(http.LogErr, "unsafe URI \"%s\" was detected", uri)
		r.Finalize(http.StatusNotFound)
		return
	}
	if r.Method != http1.MethodHead {
		r.Method, r.MethodName = http1.MethodGet, methodGET
	}
	r.Finalize(r.InternalRedirect(path, args))
}

var methodGET = []byte("GET")

// applyAccel acts on the X-Accel fields other than Redirect.
func (x *Exchange) applyAccel() {
	if x.Response.Known.Common(&x.conf.acts) == http1.HeaderUnknown {
		return
	}
	r, ignore := x.R, x.conf.Ignore.V
	if v, ok := x.Response.Value(x.in, http1.HeaderXAccelLimitRate); ok && ignore&IgnoreLimitRate == 0 {
		if n, ok := http1.ParseContentLength(v); ok {
			r.SetLimitRate(n)
		}
	}
	if v, ok := x.Response.Value(x.in, http1.HeaderXAccelBuffering); ok && ignore&IgnoreBuffering == 0 {
		switch {
		case http1.EqualFold(v, "no"):
			x.buffering = false
		case http1.EqualFold(v, "yes"):
			x.buffering = true
		}
	}
	if v, ok := x.Response.Value(x.in, http1.HeaderXAccelCharset); ok && ignore&IgnoreCharset == 0 {
		r.Out.Charset = r.Copy(v)
	}
}

// copyHead turns the backend's head into the response's.
func (x *Exchange) copyHead() {
	x.applyAccel()
	o := &x.R.Out
	for i := range x.Response.Headers {
		h := &x.Response.Headers[i]
		if x.conf.hidden(h.ID, h.Name.Of(x.in)) {
			continue
		}
		x.copyField(h)
	}
	if c := x.conf; c.passOwn {
		o.NoServer = !c.hide.Has(http1.HeaderServer) && !x.Response.Known.Has(http1.HeaderServer)
		o.NoDate = !c.hide.Has(http1.HeaderDate) && !x.Response.Known.Has(http1.HeaderDate)
	}
	o.Status = int(x.Response.Status)
	o.StatusLine = x.Response.StatusLine.Of(x.in)
	o.ContentLength = x.ContentLength
	x.R.DisableNotModified()
	if x.conf.ForceRanges.V {
		x.R.AllowRanges(true)
	}
}

// single are fields that a response has once: others of the same name are
// dropped.
var single = http1.SetOf(http1.HeaderStatus, http1.HeaderContentType, http1.HeaderDate, http1.HeaderLastModified,
	http1.HeaderETag, http1.HeaderExpires, http1.HeaderServer, http1.HeaderLocation, http1.HeaderRefresh, http1.HeaderXAccelExpires,
	http1.HeaderXAccelRedirect, http1.HeaderXAccelLimitRate)

// copyField copies one field of the backend's head.
func (x *Exchange) copyField(h *http1.Header) {
	o := &x.R.Out
	value := h.Value.Of(x.in)
	if x.Response.Repeated.Has(h.ID) && single.Has(h.ID) && x.isRepeat(h) {
		return
	}
	switch h.ID {
	case http1.HeaderContentLength, http1.HeaderConnection, http1.HeaderKeepAlive, http1.HeaderTransferEncoding:
		return
	case http1.HeaderContentType:
		o.ContentType = value
		return
	case http1.HeaderLastModified:
		o.LastModified = http.ParseHTTPTime(value)
	case http1.HeaderAcceptRanges:
		if x.conf.ForceRanges.V {
			return
		}
	case http1.HeaderLocation:
		if v, ok := x.proto.RewriteRedirect(x, value, 0); ok {
			value = v
		} else {
			o.KeepLocation = true
		}
	case http1.HeaderRefresh:
		if at := indexFold(value, "url="); at >= 0 {
			if v, ok := x.proto.RewriteRedirect(x, value, at+4); ok {
				value = v
			}
		}
	case http1.HeaderSetCookie:
		if v, ok := x.proto.RewriteCookie(x, value); ok {
			value = v
		}
	}
	o.Headers.AddAs(h.ID, h.Name.Of(x.in), value)
}

// isRepeat reports whether a field of the same ID came before h, and logs it.
func (x *Exchange) isRepeat(h *http1.Header) bool {
	first := &x.Response.Headers[x.Response.Find(h.ID)]
	if first == h {
		return false
	}
	x.R.Logf(http.LogWarn, "upstream sent duplicate header line: \"%s: %s\", previous value: \"%s: %s\", ignored while %s",
		h.Name.Of(x.in), h.Value.Of(x.in), first.Name.Of(x.in), first.Value.Of(x.in), x.action)
	return true
}

// indexFold finds lower, which is in lower case, in b.
func indexFold(b []byte, lower string) int {
	for i := 0; i+len(lower) <= len(b); i++ {
		if http1.EqualFold(b[i:i+len(lower)], lower) {
			return i
		}
	}
	return -1
}

// sendResponse sends the head to the client and begins with the body.
func (x *Exchange) sendResponse() {
	r := x.R
	rc := r.SendHeader()
	if rc == http.Error || rc > http.OK {
		x.finalize(rc)
		return
	}
	x.headerSent = true
	if x.Upgrade {
		x.beginTunnel()
		return
	}
	if x.bodiless() {
		x.left, x.ended = 0, true
		x.keepalive = !x.Close && x.pos == len(x.in)
	} else {
		x.left = x.ContentLength
	}
	if r.HeaderOnly() && !x.store {
		x.keepalive = x.keepalive || !x.Coded && x.left == 0 && !x.Close && x.pos == len(x.in)
		x.finalize(rc)
		return
	}
	x.beginBody()
}

// bodiless reports whether the response has no body by its status or by the
// request's method (RFC 9112 section 6.3).
func (x *Exchange) bodiless() bool {
	return x.Head || x.Response.Status == 204 || x.Response.Status == 304
}

// whole passes a body that came along with the head, in one write.
func (x *Exchange) whole() {
	r := x.R
	n := x.left
	body := x.in[x.pos:]
	if int64(len(body)) > n {
		x.logWarn("upstream sent more data than specified in \"Content-Length\" header")
		body = body[:n]
	} else {
		x.keepalive = !x.Close
	}
	x.bodyCount = n
	x.ended = true
	x.settle()
	x.stop()
	r.SetReadHandler(http.BlockReading)
	l := r.Link()
	l.Mem = body
	l.Flags = r.Last()
	x.out.Append(l)
	r.Finalize(r.Output(&x.out))
}
