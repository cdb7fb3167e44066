package http

import (
	"bytes"
	"strconv"
	"strings"

	"weir/appliance/conf"
	"weir/netio/http1"
)

// errorPage is one status of an error_page directive.
type errorPage struct {
	status    int
	overwrite int // -1: keep the status; 0: that of the page
	target    *Complex
	args      []byte
}

// setErrorPage reads error_page code ... [=[response]] uri.
func setErrorPage(cx *conf.Cx, it *conf.Item) error {
	c := conf.Target[coreLoc](cx)
	args := it.Args
	n := len(args)
	uri := args[n-1]
	overwrite, codes := -1, args[:n-1]
	if last := codes[len(codes)-1]; strings.HasPrefix(last, "=") {
		if len(codes) < 2 {
			return conf.Errorf("invalid number of arguments in \"%s\" directive", it.Name)
		}
		codes = codes[:len(codes)-1]
		overwrite = 0
		if last != "=" {
			v, err := strconv.Atoi(last[1:])
			if err != nil {
				return conf.Errorf("invalid value \"%s\"", last)
			}
			overwrite = v
		}
	}
	p := errorPage{overwrite: overwrite}
	text := uri
	if !HasVariables(uri) && strings.HasPrefix(uri, "/") {
		if path, query, found := strings.Cut(uri, "?"); found {
			text, p.args = path, []byte(query)
		}
	}
	var err error
	if p.target, err = BuilderOf(cx).CompileComplex(text); err != nil {
		return err
	}
	for _, s := range codes {
		code, err := strconv.Atoi(s)
		if err != nil {
			return conf.Errorf("invalid value \"%s\"", s)
		}
		if code == 499 {
			return conf.Errorf("value \"%s\" cannot be used in \"error_page\" directive", s)
		}
		if code < 300 || code > 599 {
			return conf.Errorf("value \"%s\" must be between 300 and 599", s)
		}
		q := p
		q.status = code
		if q.overwrite < 0 && (code == int(StatusHTTPToHTTPS) || code == int(StatusCertificateError) || code == int(StatusNoCertificate) || code == int(StatusRequestHeaderTooLarge)) {
			q.overwrite = int(StatusBadRequest)
		}
		c.errorPages = append(c.errorPages, &q)
	}
	return nil
}

// specialResponse answers r with status rc: by an error page of the
// configuration, or by a built-in one. What it returns is to be finalized.
func (r *Request) specialResponse(rc Code) Code {
	if r.debug {
		r.trace("http special response: %d, \"%s?%s\"", rc, r.URI, r.Args)
	}
	r.errStatus = rc
	switch rc {
	case StatusBadRequest, StatusRequestTooLarge, StatusURITooLarge, StatusHTTPToHTTPS, StatusCertificateError, StatusNoCertificate,
		StatusInternalServerError, StatusNotImplemented, StatusRequestHeaderTooLarge, StatusVersionNotSupported:
		r.keepalive = false
	}
	if r.lingering {
		switch rc {
		case StatusBadRequest, StatusHTTPToHTTPS, StatusCertificateError, StatusNoCertificate, StatusRequestHeaderTooLarge:
			r.lingering = r.lingering && r.loc.core.lingering.V != LingerOff
		}
	}
	r.Out.ContentType, r.Out.Charset = nil, nil
	lc := r.loc.core
	if !r.errorPage && lc.errorPages != nil && r.uriChanges != 0 {
		if !lc.recursiveErrors.V {
			r.errorPage = true
		}
		for _, p := range lc.errorPages {
			if p.status == int(rc) {
				return r.sendErrorPage(p)
			}
		}
	}
	r.expectTested = true
	if r.DiscardBody() != OK {
		r.keepalive = false
	}
	if lc.msieRefresh.V && (rc == StatusMovedPermanently || rc == StatusFound) && r.isOldIE() {
		return r.refreshPage()
	}
	return r.builtinPage(rc)
}

// refreshPage is msie_refresh's stand-in for a redirect: a page that says where
// to go.
func (r *Request) refreshPage() Code {
	h := &r.Out.Headers
	target := h.Get(http1.HeaderLocation)
	body := r.Alloc(128 + 3*len(target))[:0]
	body = append(body, "<html><head><meta http-equiv=\"Refresh\" content=\"0; URL="...)
	body = EscapeURI(body, target, EscapeRefresh)
	body = append(body, "\"></head><body></body></html>\r\n"...)
	h.DelID(http1.HeaderLocation)
	r.errStatus = StatusOK
	return r.sendPage(body)
}

// sendErrorPage redirects to the page of the configuration, internally for
// paths and @names, by a 302 (or the given status) for URLs.
func (r *Request) sendErrorPage(p *errorPage) Code {
	if p.overwrite != 0 && p.overwrite != int(StatusOK) {
		r.expectTested = true // the client is told the outcome, not to go on
	}
	if p.overwrite >= 0 {
		r.errStatus = Code(p.overwrite)
		if p.overwrite == 0 {
			r.errStatus = 0
		}
	}
	uri := p.target.Eval(r)
	if len(uri) > 0 && uri[0] == '/' {
		args := p.args
		if i := bytes.IndexByte(uri, '?'); i >= 0 && !isConstant(p.target) {
			uri, args = uri[:i], uri[i+1:]
		}
		if r.Method != http1.MethodHead {
			r.Method, r.MethodName = http1.MethodGet, methodGET
		}
		return r.InternalRedirect(uri, args)
	}
	if len(uri) > 0 && uri[0] == '@' {
		return r.NamedRedirect(string(uri))
	}
	r.expectTested = true
	if r.DiscardBody() != OK {
		r.keepalive = false
	}
	status := p.overwrite
	if status != 301 && status != 303 && status != 307 && status != 308 {
		status = 302
	}
	r.errStatus = Code(status)
	r.Redirect(Code(status), uri)
	if r.loc.core.msieRefresh.V && r.isOldIE() {
		return r.refreshPage()
	}
	return r.builtinPage(Code(status))
}

func isConstant(c *Complex) bool {
	_, ok := c.Constant()
	return ok
}

// pageTitles are the titles that differ from the status line, as nginx has them.
var pageTitles = map[Code]string{
	StatusFound:                 "302 Found",
	StatusUnauthorized:          "401 Authorization Required",
	StatusRequestHeaderTooLarge: "400 Request Header Or Cookie Too Large",
	StatusCertificateError:      "400 The SSL certificate error",
	StatusNoCertificate:         "400 No required SSL certificate was sent",
	StatusHTTPToHTTPS:           "400 The plain HTTP request was sent to HTTPS port",
}

var pageTexts = map[Code]string{
	StatusRequestHeaderTooLarge: "<center>Request Header Or Cookie Too Large</center>\r\n",
	StatusCertificateError:      "<center>The SSL certificate error</center>\r\n",
	StatusNoCertificate:         "<center>No required SSL certificate was sent</center>\r\n",
	StatusHTTPToHTTPS:           "<center>The plain HTTP request was sent to HTTPS port</center>\r\n",
}

// builtinPage sends the page of a status.
func (r *Request) builtinPage(rc Code) Code {
	lc := r.loc.core
	if rc == StatusCreated || rc == StatusNoContent {
		return r.emptyResponse(rc)
	}
	title, ok := pageTitles[rc]
	if !ok {
		title = StatusLine(int(rc))
		if rc == StatusFound { // nginx's page and its status line do not agree
			title = "302 Found"
		}
	}
	_, own := pageTexts[rc] // nginx's own codes stand for a 400
	status := rc
	if own {
		status = StatusBadRequest
	}
	if r.errStatus == rc || r.errStatus == 0 || own {
		r.errStatus = 0
		r.Out.Status = int(status)
	}
	r.Out.StatusLine = nil
	if title == "" || rc == StatusNotModified {
		return r.emptyResponse(Code(r.Out.Status))
	}
	body := r.w.appendPage(r.Alloc(1024)[:0], lc, title, pageTexts[rc])
	if lc.msiePadding.V && rc >= 400 && r.isOldIE() {
		body = append(body, msiePad...)
	}
	return r.sendPage(body)
}

// sendPage sends a page of the server's own.
func (r *Request) sendPage(body []byte) Code {
	r.Out.ContentType = textHTML
	r.Out.ContentLength = int64(len(body))
	r.Out.LastModified = -1
	r.clearEntity()
	rc := r.SendHeader()
	if rc == Error || r.headerOnly {
		return rc
	}
	l := r.Link()
	l.Mem = body
	l.Flags = r.Last()
	return r.OutputLink(l)
}

// emptyResponse sends a status without a page.
func (r *Request) emptyResponse(rc Code) Code {
	if r.errStatus == rc {
		r.errStatus = 0
	}
	r.Out.Status = int(rc)
	r.Out.ContentLength = 0
	r.Out.LastModified = -1
	r.clearEntity()
	rc = r.SendHeader()
	if rc == Error || r.headerOnly {
		return rc
	}
	return r.SendLast()
}

// clearEntity drops fields that described another body.
func (r *Request) clearEntity() {
	h := &r.Out.Headers
	r.allowRanges = false
	h.DelID(http1.HeaderAcceptRanges)
	h.DelID(http1.HeaderETag)
	h.DelID(http1.HeaderLastModified)
}

// isOldIE reports whether the client is a browser that hides short pages.
func (r *Request) isOldIE() bool {
	ua := r.In.Get(http1.HeaderUserAgent)
	return bytes.Contains(ua, []byte("MSIE ")) && !bytes.Contains(ua, []byte("Opera")) && r.Version >= 1000
}

var textHTML = []byte("text/html")

var msiePad = []byte(strings.Repeat("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n", 6))

// appendPage writes an error page.
func (w *Worker) appendPage(b []byte, lc *coreLoc, title, text string) []byte {
	b = append(b, "<html>\r\n<head><title>"...)
	b = append(b, title...)
	b = append(b, "</title></head>\r\n<body>\r\n<center><h1>"...)
	if i := strings.IndexByte(title, ' '); text != "" && i > 0 {
		b = append(b, "400 Bad Request"...)
	} else {
		b = append(b, title...)
	}
	b = append(b, "</h1></center>\r\n"...)
	b = append(b, text...)
	b = append(b, "<hr><center>"...)
	b = append(b, w.serverName(lc)...)
	return append(b, "</center>\r\n</body>\r\n</html>\r\n"...)
}

// serverFields caches the Server field lines of a worker.
type serverFields struct {
	fields [2][3]string
	names  [2][3]string
}

// nginxVersion is the version whose behaviour and tests weir follows.
const nginxVersion = "1.31.3"

func (w *Worker) serverName(lc *coreLoc) string {
	s := &w.names.names[lc.identity][lc.tokens.V]
	if *s == "" {
		switch {
		case lc.identity == IdentityNginx && lc.tokens.V == TokensOff:
			*s = "nginx"
		case lc.identity == IdentityNginx:
			*s = "nginx/" + nginxVersion
		case lc.tokens.V == TokensOff:
			*s = "weir"
		default:
			*s = "weir/" + w.Process.Version
		}
	}
	return *s
}

// serverField is the whole Server line.
func (r *Request) serverField() string {
	lc := r.loc.core
	w := r.w
	s := &w.names.fields[lc.identity][lc.tokens.V]
	if *s == "" {
		*s = "Server: " + w.serverName(lc) + crlf
	}
	return *s
}

// dropChallenge removes what an access module that said no asked of the
// client, because another one said yes.
func (r *Request) dropChallenge() {
	r.Out.Headers.DelID(http1.HeaderWWWAuthenticate)
	r.Out.Headers.DelID(http1.HeaderProxyAuthenticate)
}
