package ngx

import (
	"strconv"
	"strings"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/http1"
)

// headerName is a name as Lua wrote it, ready for the wire.
type headerName struct {
	wire []byte // underscores as hyphens where wanted, control bytes escaped
	id   http1.HeaderID
}

// nameOf prepares the name of a header, once per VM.
func nameOf(l *vm.State, name string, hyphens bool) headerName {
	s := coreState.Of(l)
	key := name
	if !hyphens {
		key = "\x00" + name
	}
	if h, ok := s.names[key]; ok {
		return h
	}
	wire := []byte(escapeHeader(name, true))
	if hyphens {
		for i, ch := range wire {
			if ch == '_' {
				wire[i] = '-'
			}
		}
	}
	h := headerName{wire: wire, id: http1.LookupHeader(wire)}
	if len(s.names) >= maxNames {
		clear(s.names)
	}
	s.names[strings.Clone(key)] = h
	return h
}

// escapeHeader escapes what would end a header's name or value.
func escapeHeader(s string, isName bool) string {
	bad := func(ch byte) bool {
		if isName {
			return ch <= ' ' || ch == ':' || ch >= 0x7f || strings.IndexByte("\"(),/;<=>?@[\\]{}", ch) >= 0
		}
		return ch < ' ' && ch != '\t' || ch == 0x7f
	}
	i := 0
	for i < len(s) && !bad(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	const hex = "0123456789ABCDEF"
	b := []byte(s[:i])
	for ; i < len(s); i++ {
		if ch := s[i]; bad(ch) {
			b = append(b, '%', hex[ch>>4], hex[ch&15])
		} else {
			b = append(b, ch)
		}
	}
	return string(b)
}

// headerKey is the name that Lua gives, as text.
func headerKey(l *vm.State, n int) string {
	v := l.Arg(n)
	if s, ok := v.AsString(); ok {
		return s
	}
	return v.Text()
}

func headerGet(l *vm.State) int {
	c := api.Of(l)
	r := requestOnly(l, c)
	h := nameOf(l, headerKey(l, 2), api.Locations.Of(r).TransformUnderscores.V)
	out := &r.Out
	switch h.id {
	case http1.HeaderContentLength:
		if out.ContentLength >= 0 {
			return l.Ret(vm.String(strconv.FormatInt(out.ContentLength, 10)))
		}
	case http1.HeaderContentType:
		if len(out.ContentType) > 0 {
			l.PushBytes(contentType(r))
			return 1
		}
	case http1.HeaderLastModified:
		if out.LastModified >= 0 {
			return l.Ret(vm.String(string(http.AppendHTTPTime(nil, out.LastModified))))
		}
	}
	var first []byte
	var list *vm.Table
	for i, n := out.Headers.Next(h.wire, 0), 0; i >= 0; i = out.Headers.Next(h.wire, i+1) {
		_, value, _, _ := out.Headers.Field(i)
		n++
		switch {
		case n == 1:
			first = value
		case n == 2:
			list = l.VM().NewTable(4, 0)
			list.SetInt(1, vm.String(string(first)))
			fallthrough
		default:
			list.SetInt(n, vm.String(string(value)))
		}
	}
	switch {
	case list != nil:
		return l.Ret(list.Value())
	case first == nil:
		return l.Ret(vm.Nil)
	}
	l.PushBytes(first)
	return 1
}

// contentType is the type with its charset, as it will be sent.
func contentType(r *http.Request) []byte {
	t := r.Out.ContentType
	if len(r.Out.Charset) > 0 && !strings.Contains(string(t), "charset=") {
		t = append(append(append([]byte(nil), t...), "; charset="...), r.Out.Charset...)
	}
	return t
}

// requestOnly returns the request; without one the function may not be used.
func requestOnly(l *vm.State, c *api.Ctx) *http.Request {
	if c.R == nil {
		if c.Phase == api.Init {
			l.Errorf("no request found")
		}
		l.Errorf("API disabled in the current context")
	}
	return c.R
}

func headerSet(l *vm.State) int {
	SetResponseHeader(l, headerKey(l, 2), l.Arg(3), true)
	return 0
}

// SetResponseHeader sets a field of the response, or removes it with nil; without override it adds another one.
func SetResponseHeader(l *vm.State, name string, v vm.Value, override bool) {
	c := api.Of(l)
	r := requestOnly(l, c)
	if v.IsNil() && !override {
		l.Errorf("invalid header value")
	}
	if c.HeaderSent() {
		c.Log(http.LogErr, "attempt to set ngx.header.HEADER after sending out response headers")
		return
	}
	h := nameOf(l, name, api.Locations.Of(r).TransformUnderscores.V)
	c.Base().HeadersSet = true
	t := v.AsTable()
	if t == nil || t.Len() == 0 {
		if t != nil {
			if !override {
				return
			}
			v = vm.Nil
		}
		setHeader(l, c, h, textOf(l, v), v.IsNil(), override)
		return
	}
	for i := 1; i <= t.Len(); i++ {
		setHeader(l, c, h, textOf(l, t.GetInt(i)), false, override && i == 1)
	}
}

// textOf is the text of a value with tostring's metamethod.
func textOf(l *vm.State, v vm.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if v.IsNil() {
		return ""
	}
	if t := v.AsTable(); t != nil && t.Metatable() != nil {
		if mm := t.Metatable().GetString("__tostring"); !mm.IsNil() {
			l.Push(mm)
			l.Push(v)
			l.Call(1, 1)
			return l.Pop1().Text()
		}
	}
	return v.Text()
}

func setHeader(l *vm.State, c *api.Ctx, h headerName, value string, clearIt, override bool) {
	r := c.R
	out := &r.Out
	value = escapeHeader(value, false)
	none := clearIt || value == ""
	switch h.id {
	case http1.HeaderContentType:
		c.Base().MimeSet = true
		if none {
			out.ContentType, out.Charset = nil, nil
			return
		}
		r.SetContentTypeText(r.CopyString(value))
		return
	case http1.HeaderContentLength:
		out.Headers.DelID(h.id)
		out.ContentLength = -1
		if !none {
			n, err := strconv.ParseUint(value, 10, 63)
			if err != nil {
				l.Errorf("failed to set header")
			}
			out.ContentLength = int64(n)
		}
		return
	case http1.HeaderLastModified:
		out.LastModified = -1
		if t := http.ParseHTTPTime([]byte(value)); !none && t >= 0 {
			out.LastModified = t
			return
		}
	case http1.HeaderServer:
		out.NoServer = none
	case http1.HeaderDate:
		out.NoDate = none
	case http1.HeaderLocation:
		out.KeepLocation = strings.HasPrefix(value, "/")
	}
	if none {
		if override {
			out.Headers.Del(h.wire)
		}
		return
	}
	if override || single(h.id) {
		out.Headers.Del(h.wire)
	}
	out.Headers.AddAs(h.id, h.wire, []byte(value))
}

// single are the fields that a response has at most one of: the last value wins.
func single(id http1.HeaderID) bool {
	switch id {
	case http1.HeaderServer, http1.HeaderDate, http1.HeaderContentEncoding, http1.HeaderLocation,
		http1.HeaderLastModified, http1.HeaderContentRange, http1.HeaderAcceptRanges, http1.HeaderExpires, http1.HeaderETag:
		return true
	}
	return false
}

var respFuncs = []api.Func{
	{Name: "get_headers", In: api.Request, Args: "(max?, raw?)", Doc: "Returns the response header as a table, at most max fields.", Run: respHeaders},
}

func setRespStatus(l *vm.State) int {
	c := api.Of(l)
	r := requestOnly(l, c)
	if c.HeaderSent() {
		c.Log(http.LogErr, "attempt to set ngx.status after sending out response headers")
		return 0
	}
	r.Out.Status = l.CheckInt(1)
	r.Out.StatusLine = nil
	if s := l.OptString(2, ""); s != "" {
		r.Out.StatusLine = r.CopyString(strconv.Itoa(r.Out.Status) + " " + s)
	}
	return 0
}

// maxHeaders is how many fields get_headers returns unless told otherwise.
const maxHeaders = 100

// limit reads the argument of functions that return at most so many fields: nil is the default, 0 is no bound.
func limit(l *vm.State, n int) int {
	v := l.OptInt(n, maxHeaders)
	if v < 0 {
		v = maxHeaders
	}
	if v == 0 {
		return 1 << 30
	}
	return v
}

func respHeaders(l *vm.State) int {
	c := api.Of(l)
	r := requestOnly(l, c)
	max, raw := limit(l, 1), l.Arg(2).Truthy()
	t := l.VM().NewTable(0, 8)
	n := 0
	add := func(name, value string) { addField(t, headerField(name, raw), vm.String(value)) }
	if len(r.Out.ContentType) > 0 {
		add("Content-Type", string(contentType(r)))
	}
	if r.Out.ContentLength >= 0 {
		add("Content-Length", strconv.FormatInt(r.Out.ContentLength, 10))
	}
	connection := "close"
	switch {
	case r.Out.Status == int(http.StatusSwitchingProtocols):
		connection = "upgrade"
	case r.Keepalive():
		connection = "keep-alive"
	}
	add("Connection", connection)
	if c.HeaderSent() && r.Out.ContentLength < 0 && r.Version >= 1001 && !r.HeaderOnly() {
		add("Transfer-Encoding", "chunked")
	}
	if r.Out.LastModified >= 0 {
		add("Last-Modified", string(http.AppendHTTPTime(nil, r.Out.LastModified)))
	}
	for i := range r.Out.Headers.Len() {
		if name, value, _, ok := r.Out.Headers.Field(i); ok {
			if n++; n <= max { // what the core keeps apart does not count
				add(string(name), string(value))
			}
		}
	}
	return headersResult(l, t, n > max, raw, c)
}

// headersResult returns a table of headers, and that it was cut.
func headersResult(l *vm.State, t *vm.Table, cut, raw bool, c *api.Ctx) int {
	if !raw {
		t.SetMetatable(l.VM(), coreState.Of(l).headersMT)
	}
	l.Push(t.Value())
	if cut {
		l.PushString("truncated")
		return 2
	}
	return 1
}

func headerField(name string, raw bool) string {
	if raw {
		return name
	}
	return strings.ToLower(name)
}

// addField stores a value under a name; several make a list.
func addField(t *vm.Table, name string, v vm.Value) {
	old := t.GetString(name)
	if old.IsNil() {
		t.SetString(name, v)
		return
	}
	list := old.AsTable()
	if list == nil {
		list = vm.NewTable(2, 0)
		list.SetInt(1, old)
		t.SetString(name, list.Value())
	}
	list.SetInt(list.Len()+1, v)
}

// headersIndex finds a header whatever the case of the name, with underscores for hyphens.
func headersIndex(l *vm.State) int {
	t := l.CheckTable(1)
	key, ok := l.Arg(2).AsString()
	if !ok {
		return l.Ret(vm.Nil)
	}
	key = strings.ToLower(key)
	v := t.GetString(key)
	if v.IsNil() && strings.IndexByte(key, '_') >= 0 {
		v = t.GetString(strings.ReplaceAll(key, "_", "-"))
	}
	return l.Ret(v)
}
