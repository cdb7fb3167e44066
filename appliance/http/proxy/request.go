package proxy

import (
	"strconv"

	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/http1"
)

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

// handle is the content handler of locations with proxy_pass.
func handle(r *http.Request) http.Code {
	c := locSlot.Of(r)
	if c.pass == nil { // an `if` gave the handler, and a later one without proxy_pass the configuration
		r.Log(http.LogAlert, "no upstream configuration")
		return http.StatusInternalServerError
	}
	x := upstream.Take(r, &c.up, c)
	x.Schema, x.Secure = plain, c.pass.https
	if c.pass.value != nil {
		if !c.eval(x) {
			return http.StatusInternalServerError
		}
	}
	if x.Secure {
		x.Schema = secure
	}
	if !c.up.RequestBuffering.V && c.body.V == nil && c.up.PassRequestBody.V && r == r.Main() && r.HasBody() &&
		r.Body() == nil && (!r.ChunkedBody || c.version.V >= 1001) && (r.ChunkedBody || !c.program.unframed) {
		x.Unbuffered = true
	}
	return x.Start()
}

// eval works out a proxy_pass with variables.
func (c *locConf) eval(x *upstream.Exchange) bool {
	text := string(c.pass.value.Eval(x.R))
	rest, https, ok := cutScheme(text)
	if !ok {
		x.R.Logf(http.LogErr, "invalid URL prefix in \"%s\"", text)
		return false
	}
	u, err := upstream.ParseURL(rest, usualPort(https), true)
	if err != nil {
		x.R.Logf(http.LogErr, "%s in upstream \"%s\"", err, rest)
		return false
	}
	if len(u.URI) > 0 && u.URI[0] == '?' {
		u.URI = "/" + u.URI
	}
	x.Target, x.Secure = &u, https
	return true
}

// urlOf is the address the request goes to.
func urlOf(x *upstream.Exchange, c *locConf) *upstream.URL {
	if x.Target != nil {
		return x.Target
	}
	return &c.pass.url
}

func hostOf(x *upstream.Exchange, c *locConf) string {
	if x.Target != nil {
		return x.Target.HostHeader(usualPort(x.Secure))
	}
	return c.pass.host
}

// headRoom is the buffer a request head is written into: larger ones move.
const headRoom = 2 << 10

// Request implements upstream.Protocol.
func (c *locConf) Request(x *upstream.Exchange) http.Code {
	r := x.R
	w := writer{pool: r.Worker().Buffers}
	w.b = w.pool.Get(headRoom)
	method := r.MethodName
	if c.method.V != nil {
		method = c.method.V.Eval(r)
	}
	x.Head = http1.EqualFold(method, "head")
	body := c.frameBody(x)
	w.target(method)
	w.text(" ")
	from := len(w.b)
	c.writeURI(&w, x)
	to := len(w.b)
	if from == to {
		r.Log(http.LogErr, "zero length URI to proxy")
		w.pool.Put(w.b)
		return http.Error
	}
	if c.version.V >= 1001 {
		w.text(" HTTP/1.1\r\n")
	} else {
		w.text(" HTTP/1.0\r\n")
	}
	c.program.run(&w, x, c)
	if c.up.PassRequestHeaders.V {
		c.program.copyFields(&w, r.In)
	}
	w.text("\r\n")
	w.bytes(body)
	x.SetHead(w.b, w.b[from:to])
	return http.OK
}

// frameBody decides which body is sent and how it is delimited. It returns the
// one of proxy_set_body.
func (c *locConf) frameBody(x *upstream.Exchange) []byte {
	switch {
	case c.body.V != nil:
		body := c.body.V.Eval(x.R)
		x.BodyLength, x.NoBody = int64(len(body)), true
		return body
	case !c.up.PassRequestBody.V, c.program.unframed && !(x.Unbuffered && x.R.ChunkedBody):
		x.NoBody = true
	default:
		c.length(x)
	}
	return nil
}

// length finds out how the body that is passed is delimited.
func (c *locConf) length(x *upstream.Exchange) {
	r := x.R
	switch {
	case x.Unbuffered && r.ChunkedBody:
		x.ChunkedOut = true
	case x.Unbuffered:
		x.BodyLength = r.ContentLength
	case r.Body().Size() > 0:
		x.BodyLength = r.Body().Size()
	case r == r.Main():
		x.BodyLength = r.ContentLength
		if r.ChunkedBody {
			x.BodyLength = 0
		}
		if x.BodyLength > 0 { // announced, and thrown away by somebody
			x.BodyLength = -1
		}
	}
}

// writeURI writes the request target: the client's own when the path was not
// changed and proxy_pass names none, else the mapped path.
func (c *locConf) writeURI(w *writer, x *upstream.Exchange) {
	r := x.R
	uri := urlOf(x, c).URI
	switch {
	case x.Target != nil && uri != "":
		w.target([]byte(uri))
		return
	case uri == "" && r.ValidURI:
		w.bytes(r.UnparsedURI)
		return
	}
	rest := r.URI
	if r.ValidLocation() {
		if uri != "" {
			rest = rest[min(len(c.pass.location), len(rest)):]
		}
		w.text(uri)
	}
	if r.QuotedURI || r.Internal() {
		w.room(3 * len(rest))
		w.b = http.EscapeURI(w.b, rest, http.EscapePath)
	} else {
		w.target(rest)
	}
	if len(r.Args) > 0 {
		w.text("?")
		w.target(r.Args)
	}
}
