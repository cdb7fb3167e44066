package http

import (
	"bytes"

	"weir/netio/http1"
)

// maxSubrequests bounds the depth of nested subrequests, maxURIChanges the
// number of internal redirects, as nginx does.
const (
	maxSubrequests = 50
	maxURIChanges  = 10
)

// readingHead ends the log lines about header fields.
const readingHead = " while reading client request headers"

// begin makes r the request that c reads now.
func (r *Request) begin(c *Client, srv *Server) {
	r.c = c
	r.main = r
	r.srv, r.loc = srv, srv.root
	r.count = 1
	r.subreqs = maxSubrequests
	r.uriChanges = maxURIChanges + 1
	r.arena = &r.ownArena
	r.In = &r.in
	r.ContentLength = -1
	r.Version = 1000 // until the request line says otherwise
	r.read, r.write = nothing, nothing
	r.chooseLog()
	loop := c.w.Loop
	r.startMS = loop.NowMS()
	r.startSec, r.startMsec = loop.Wall()
}

// setLine takes over the parsed request line: method, target, version.
func (r *Request) setLine(block []byte) Code {
	h := &r.head
	r.RequestLine = h.Line.Of(block)
	r.Method = h.Method
	r.MethodName = h.MethodName.Of(block)
	r.UnparsedURI = h.Target.Of(block)
	r.Args = h.Query.Of(block)
	r.Protocol = h.Protocol.Of(block)
	if h.Major == 0 {
		r.Version = 9
	} else {
		r.Version = int(h.Major)*1000 + int(h.Minor)
	}
	r.PlusInURI = h.Flags&http1.PlusInURI != 0
	r.QuotedURI = h.Flags&http1.QuotedURI != 0
	r.ValidURI = h.Flags&http1.EmptyPath == 0
	path := h.Path.Of(block)
	if !h.NeedsNormalize() {
		r.URI = path
		r.Exten = h.Ext.Of(block)
	} else {
		uri, n, res := http1.Normalize(r.Alloc(len(path) + 1)[:0], path, r.srv.core.mergeSlashes.V)
		if res != http1.Done {
			r.Log(LogInfo, "client sent invalid request while reading client request line")
			r.URI = path[:0] // nginx's $uri is empty then, and missing for a line it cannot read
			return StatusBadRequest
		}
		r.URI = uri
		r.Exten = n.Ext.Of(uri)
	}
	if h.Method == http1.MethodConnect {
		r.Log(LogInfo, "client sent CONNECT method"+readingHead)
		return StatusNotAllowed
	}
	if h.Host.Empty() {
		return OK
	}
	return r.setHost(h.Host.Of(block))
}

// moveLine is setLine again after the head went into a larger buffer: all that
// was taken from the line pointed into the one before. It cannot fail where it
// did not the first time.
func (r *Request) moveLine(block []byte) {
	r.srv = r.c.server()
	r.loc = r.srv.root
	_ = r.setLine(block)
}

// keepBadLine saves a request line that cannot be parsed, for the logs.
func (r *Request) keepBadLine(block []byte) {
	line := block[r.headStart:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = bytes.TrimSuffix(line[:i], []byte{'\r'})
	}
	r.RequestLine = line
}

// setHost notes the host asked for, in lower case, and chooses the server.
func (r *Request) setHost(host []byte) Code {
	for _, c := range host {
		if c-'A' < 26 {
			host = r.Copy(host)
			toLower(host)
			break
		}
	}
	r.HostName = host
	a := r.c.addr
	if a.names.empty() {
		return OK
	}
	v := a.names.find(r, host)
	if r.c.sni != nil && string(host) != r.c.tls.Info.ServerName {
		if v == nil {
			v = a.Default
		}
		if r.gen.security.Verifies(v) {
			r.Log(LogInfo, "client attempted to request the server name different from the one that was negotiated")
			return StatusMisdirectedRequest
		}
	}
	if v != nil {
		r.srv, r.loc = v, v.root
	}
	return OK
}

// noHost gives requests without a host to the server named "", if any.
func (r *Request) noHost() Code {
	if len(r.HostName) > 0 {
		return OK
	}
	return r.setHost(nil)
}

func toLower(b []byte) {
	for i, c := range b {
		b[i] = lower(c)
	}
}

// process checks the head as a whole and starts the phases.
func (r *Request) process(block []byte) {
	h := &r.head
	r.In.adopt(block, h.Headers)
	if h.Odd != 0 {
		r.dropInvalid()
	}
	if rc := r.checkHead(block); rc != OK {
		r.keepalive = false
		r.lingering = true
		r.Finalize(rc)
		return
	}
	r.start()
}

// dropInvalid removes fields with invalid names, where so configured.
func (r *Request) dropInvalid() {
	cs := r.srv.core
	if !cs.ignoreInvalid.V {
		return
	}
	bad := http1.HeaderInvalid
	if !cs.underscores.V {
		bad |= http1.HeaderUnderscore
	}
	for i := range r.In.list {
		if f := &r.In.list[i]; f.Flags&bad != 0 {
			r.Logf(LogInfo, "client sent invalid header line: \"%s: %s\""+readingHead, f.Name.Of(r.In.block), f.Value.Of(r.In.block))
			r.In.DelAt(i)
		}
	}
}

// checkHead applies what RFC 9112 and nginx ask of a complete head: a host,
// one length, no coding besides chunked, no method that could be abused.
func (r *Request) checkHead(block []byte) Code {
	if r.head.Major == 0 {
		return r.noHost()
	}
	body, res := http1.CheckRequest(block, &r.head)
	if res != http1.Done {
		return r.badFraming(res)
	}
	if host := r.In.Get(http1.HeaderHost); host != nil && r.head.Host.Empty() {
		a, ok := http1.ParseAuthority(host)
		if !ok {
			r.Log(LogInfo, "client sent invalid host header"+readingHead)
			return StatusBadRequest
		}
		if rc := r.setHost(a.Host.Of(host)); rc != OK {
			return rc
		}
	} else if rc := r.noHost(); rc != OK {
		return rc
	}
	r.ContentLength, r.ChunkedBody = body.Length, body.Chunked
	if body.Chunked {
		r.chunks.Reset(http1.ChunkedOptions{})
	}
	if r.Method == http1.MethodTrace {
		r.Log(LogInfo, "client sent TRACE method"+readingHead)
		return StatusNotAllowed
	}
	r.setKeepaliveFromHead()
	return OK
}

func (r *Request) badFraming(res http1.Result) Code {
	if res == http1.UnknownCoding {
		r.Logf(LogInfo, "client sent unknown \"Transfer-Encoding\": \"%s\""+readingHead, r.In.Get(http1.HeaderTransferEncoding))
		return StatusNotImplemented
	}
	r.Logf(LogInfo, "client sent %s"+readingHead, res)
	return StatusBadRequest
}

// setKeepaliveFromHead decides from version and Connection whether the
// client wants the connection kept (RFC 9112 section 9.3).
func (r *Request) setKeepaliveFromHead() {
	v := r.In.Get(http1.HeaderConnection)
	if v == nil {
		r.keepalive = r.Version >= 1001
		return
	}
	t := http1.ConnectionTokens(v)
	if r.head.Repeated.Has(http1.HeaderConnection) {
		name := []byte("Connection")
		for i := r.In.Next(name, 0); i >= 0; i = r.In.Next(name, i+1) {
			t |= http1.ConnectionTokens(r.In.list[i].Value.Of(r.In.block))
		}
	}
	switch {
	case t&http1.TokenClose != 0:
		r.keepalive = false
	case t&http1.TokenKeepAlive != 0:
		r.keepalive = true
	default:
		r.keepalive = r.Version >= 1001
	}
}

// start runs the phases of a client's request from the beginning.
func (r *Request) start() {
	r.read = blockReading
	r.lingering = r.ContentLength > 0 || r.ChunkedBody
	r.phase = 0
	r.write = runPhases
	if r.c.addr.TLS {
		if rc := r.checkTLS(); rc != OK {
			r.Finalize(rc)
			return
		}
	}
	runPhases(r)
}

// sized returns s with length n; new elements are zero, as all of s is when a
// request begins.
func sized[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:n]
	}
	return make([]T, n, n+8)
}

// useLocation applies what a location says about the connection.
func (r *Request) useLocation() {
	lc := r.loc.core
	if lc.limitExceptLoc != nil && lc.limitExcept&(1<<r.Method) != 0 {
		r.loc = lc.limitExceptLoc
		lc = r.loc.core
	}
	r.chooseLog()
	if r.keepalive {
		r.keepalive = r.mayKeepAlive(lc)
	}
	if r.loc.Handler != nil { // an `if` block without one leaves that of the location around
		r.content = r.loc.Handler
	}
}

func (r *Request) mayKeepAlive(lc *coreLoc) bool {
	switch {
	case lc.keepaliveTimeout.V == 0:
		return false
	case int(r.c.requests) >= lc.keepaliveRequests.V:
		return false
	case r.c.w.Loop.NowMS()-r.c.started > lc.keepaliveTime.V:
		return false
	}
	if lc.keepaliveDisable.V == 0 {
		return true
	}
	ua := r.In.Get(http1.HeaderUserAgent)
	switch {
	case lc.keepaliveDisable.V&disableMSIE6 != 0 && r.Method == http1.MethodPost && isMSIE6(ua):
		return false
	case lc.keepaliveDisable.V&disableSafari != 0 && isSafari(ua):
		return false
	}
	return true
}

var (
	textMSIE   = []byte("MSIE ")
	textSV1    = []byte("SV1")
	textOpera  = []byte("Opera")
	textGecko  = []byte("Gecko/")
	textChrome = []byte("Chrome/")
	textSafari = []byte("Safari/")
	textMacOS  = []byte("Mac OS X")
)

// isMSIE6 tells Internet Explorer up to 6 before Service Pack 2.
func isMSIE6(ua []byte) bool {
	i := bytes.Index(ua, textMSIE)
	if i < 0 || i+7 >= len(ua) || ua[i+6] != '.' || bytes.Contains(ua, textOpera) {
		return false
	}
	switch ua[i+5] {
	case '4', '5':
		return true
	case '6':
		return !bytes.Contains(ua[i+8:], textSV1)
	}
	return false
}

// isSafari tells Safari of macOS from browsers that claim to be it.
func isSafari(ua []byte) bool {
	return bytes.Contains(ua, textSafari) && bytes.Contains(ua, textMacOS) && !bytes.Contains(ua, textMSIE) &&
		!bytes.Contains(ua, textOpera) && !bytes.Contains(ua, textGecko) && !bytes.Contains(ua, textChrome)
}
