package ngx

import (
	"strconv"
	"strings"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/http1"
)

var reqFuncs = []api.Func{
	{Name: "start_time", In: api.Request, Args: "()", Doc: "Returns when the request's first byte came, in seconds.", Run: startTime},
	{Name: "http_version", In: api.Request, Args: "()", Doc: "Returns the version of HTTP as a number.", Run: httpVersion},
	{Name: "raw_header", In: api.Request, Args: "(without_request_line?)", Doc: "Returns the request header as it came.", Run: rawHeader},
	{Name: "get_method", In: api.Request, Args: "()", Doc: "Returns the request method.", Run: getMethod},
	{Name: "set_method", In: api.Request, Args: "(method)", Doc: "Changes the request method to one of ngx.HTTP_*.", Run: setMethod},
	{Name: "set_uri", In: api.Request, Args: "(uri, jump?, binary?)", Doc: "Changes the path; with jump the location is chosen anew.", Run: setURI},
	{Name: "set_uri_args", In: api.Request, Args: "(args)", Doc: "Changes the query string.", Run: setURIArgs},
	{Name: "get_uri_args", In: api.Request, Args: "(max?, table?)", Doc: "Returns the query arguments as a table.", Run: getURIArgs},
	{Name: "get_post_args", In: api.Request, Args: "(max?)", Doc: "Returns the arguments of a form in the request body.", Run: getPostArgs},
	{Name: "get_headers", In: api.Request, Args: "(max?, raw?)", Doc: "Returns the request header as a table.", Run: getHeaders},
	{Name: "set_header", In: api.Request, Args: "(name, value)", Doc: "Sets a field of the request header.", Run: func(l *vm.State) int {
		setReqHeader(l, true)
		return 0
	}},
	{Name: "clear_header", In: api.Request, Args: "(name)", Doc: "Removes a field of the request header.", Run: clearReqHeader},
	{Name: "is_internal", In: api.Request, Args: "()", Doc: "Reports whether the request is internal.", Run: func(l *vm.State) int {
		return l.Ret(vm.Bool(requestOnly(l, api.Of(l)).Internal()))
	}},
}

func startTime(l *vm.State) int {
	sec, ms := requestOnly(l, api.Of(l)).StartWall()
	return l.Ret(vm.Number(float64(sec) + float64(ms)/1000))
}

func httpVersion(l *vm.State) int {
	switch v := requestOnly(l, api.Of(l)).Version; v {
	case 9:
		return l.Ret(vm.Number(0.9))
	case 1000:
		return l.Ret(vm.Number(1))
	case 1001:
		return l.Ret(vm.Number(1.1))
	case 2000:
		return l.Ret(vm.Number(2))
	case 3000:
		return l.Ret(vm.Number(3))
	}
	return l.Ret(vm.Nil)
}

func rawHeader(l *vm.State) int {
	if l.Top() > 1 {
		l.Errorf("expecting 0 or 1 arguments, but seen %d", l.Top())
	}
	r := requestOnly(l, api.Of(l)).Main()
	raw := r.RawHead()
	if l.Arg(1).Truthy() {
		if i := strings.IndexByte(string(raw), '\n'); i >= 0 {
			raw = raw[i+1:]
		}
	}
	l.PushBytes(raw)
	return 1
}

func getMethod(l *vm.State) int {
	r := requestOnly(l, api.Of(l))
	if s := r.Method.String(); s == string(r.MethodName) { // the usual ones need not be copied
		return l.Ret(vm.String(s))
	}
	l.PushBytes(r.MethodName)
	return 1
}

// methodOf finds a method by its ngx.HTTP_* number.
func methodOf(n int) (name []byte, m http1.Method, ok bool) {
	for i, s := range methodNames {
		if n == 2<<i {
			return []byte(s), http1.LookupMethod([]byte(s)), true
		}
	}
	return nil, 0, false
}

var methodNames = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH",
	"LOCK", "UNLOCK", "PATCH", "TRACE"}

func setMethod(l *vm.State) int {
	r := requestOnly(l, api.Of(l))
	n, ok := l.Arg(1).AsNumber()
	if !ok {
		l.Errorf("bad method number")
	}
	name, m, ok := methodOf(int(n))
	if !ok {
		l.Errorf("unsupported HTTP method: %s", l.Arg(1).Text())
	}
	r.Method, r.MethodName = m, name
	return 0
}

// unsafeByte finds a byte that a URI must not have.
func unsafeByte(s string) (byte, bool) {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c == 0x7f {
			return c, true
		}
	}
	return 0, false
}

func setURI(l *vm.State) int {
	c := api.Of(l)
	n := l.Top()
	if n < 1 || n > 3 {
		l.Errorf("expecting 1, 2 or 3 arguments but seen %d", n)
	}
	r := requestOnly(l, c)
	uri := l.CheckString(1)
	if uri == "" {
		l.Errorf("attempt to use zero-length uri")
	}
	if b, bad := unsafeByte(uri); bad && !(n == 3 && checkBool(l, 3)) {
		l.Errorf("unsafe byte \"0x%02x\" in uri \"%s\" (maybe you want to set the 'binary' argument?)", b, EscapeLog(uri))
	}
	jump := n >= 2 && checkBool(l, 2)
	if jump {
		if c.Phase&(api.Rewrite|api.ServerRewrite) == 0 {
			c.Deny(l, api.Rewrite|api.ServerRewrite)
		}
		abortable(l, c)
	}
	r.SetInternal(true)
	path := r.CopyString(uri)
	if jump {
		r.RewriteURI(path)
		c.Jumped = true
		c.Leave(l)
	}
	r.SetURI(path)
	r.KeepLocation()
	return 0
}

func checkBool(l *vm.State, n int) bool {
	if v := l.Arg(n); v.Type() != vm.TypeBool {
		l.ArgError(n, "boolean expected, got "+v.TypeName())
	}
	return l.Arg(n).Truthy()
}

func setURIArgs(l *vm.State) int {
	if l.Top() != 1 {
		l.Errorf("expecting 1 argument but seen %d", l.Top())
	}
	r := requestOnly(l, api.Of(l))
	var args []byte
	switch v := l.Arg(1); {
	case v.IsNumber():
		args = r.CopyString(v.Text())
	case v.IsString():
		args = appendEscaped(nil, v.Text(), &argBytes)
	case v.IsTable():
		args = encodeArgs(l, v.AsTable(), nil)
	default:
		l.ArgError(1, "string, number, or table expected, but got "+v.TypeName())
	}
	r.SetArgs(args)
	r.ValidURI = false
	return 0
}

// argBytes are what a query string given as text must not hold.
var argBytes = setOf(" ", true, false)

func getURIArgs(l *vm.State) int {
	r := requestOnly(l, api.Of(l))
	max := limit(l, 1)
	t := l.Arg(2).AsTable()
	if t == nil {
		t = l.VM().NewTable(0, 4)
	} else {
		t.Clear()
	}
	cut := len(r.Args) > 0 && decodeArgs(t, string(r.Args), max)
	l.Push(t.Value())
	if cut {
		l.PushString("truncated")
		return 2
	}
	return 1
}

func getPostArgs(l *vm.State) int {
	if n := l.Top(); n > 1 {
		l.Errorf("expecting 0 or 1 arguments but seen %d", n)
	}
	r := requestOnly(l, api.Of(l))
	max := limit(l, 1)
	t := l.VM().NewTable(0, 4)
	b := r.Body()
	switch {
	case r.Discarding():
		return l.Ret(t.Value())
	case b == nil:
		l.Errorf("no request body found; maybe you should turn on lua_need_request_body?")
	case b.File != nil:
		return api.Fail(l, "request body in temp file not supported")
	}
	cut := decodeArgs(t, string(b.Bytes()), max)
	l.Push(t.Value())
	if cut {
		l.PushString("truncated")
		return 2
	}
	return 1
}

func getHeaders(l *vm.State) int {
	c := api.Of(l)
	r := requestOnly(l, c)
	max, raw := limit(l, 1), l.Arg(2).Truthy()
	t := l.VM().NewTable(0, r.In.Count())
	n := 0
	for i := range r.In.Len() {
		name, value, id, ok := r.In.Field(i)
		if !ok {
			continue
		}
		if n++; n > max {
			break
		}
		addField(t, lowerName(name, id, raw), vm.String(string(value)))
	}
	return headersResult(l, t, n > max, raw, c)
}

// lowerNames are the well-known names in lower case, so that they need not be made for each request.
var lowerNames = func() (names [http1.HeaderCount]string) {
	for id := range http1.HeaderID(http1.HeaderCount) {
		if id != http1.HeaderUnknown {
			names[id] = strings.ToLower(id.String())
		}
	}
	return names
}()

func lowerName(name []byte, id http1.HeaderID, raw bool) string {
	if raw {
		return string(name)
	}
	if id != http1.HeaderUnknown {
		return lowerNames[id]
	}
	return strings.ToLower(string(name))
}

func setReqHeader(l *vm.State, override bool) {
	c := api.Of(l)
	r := requestOnly(l, c)
	if l.Arg(1).IsNil() {
		l.Errorf("bad 'name' argument: string expected, got nil")
	}
	name := textOf(l, l.Arg(1))
	if r.Version < 1000 { // HTTP/0.9 has no fields
		return
	}
	v := l.Arg(2)
	t := v.AsTable()
	switch {
	case v.IsNil() && !override:
		l.Errorf("bad 'value' argument: string or table expected, got nil")
	case t != nil && t.Len() == 0 && !override:
		l.Errorf("bad 'value' argument: non-empty table expected")
	case v.IsNil(), t != nil && t.Len() == 0:
		SetRequestHeader(r, name, "", true, true)
	case t == nil:
		SetRequestHeader(r, name, textOf(l, v), false, override)
	default:
		for i := 1; i <= t.Len(); i++ {
			SetRequestHeader(r, name, textOf(l, t.GetInt(i)), false, override && i == 1)
		}
	}
}

func clearReqHeader(l *vm.State) int {
	r := requestOnly(l, api.Of(l))
	if l.Arg(1).IsNil() {
		l.Errorf("bad 'name' argument: string expected, got nil")
	}
	SetRequestHeader(r, textOf(l, l.Arg(1)), "", true, true)
	return 0
}

// SetRequestHeader sets or removes a field of the request header, and what the core keeps of it.
func SetRequestHeader(r *http.Request, name, value string, remove, override bool) {
	wire := []byte(escapeHeader(name, true))
	value = escapeHeader(value, false)
	id := http1.LookupHeader(wire)
	r.OwnHeader()
	if override || remove {
		r.In.Del(wire)
	}
	if !remove {
		r.In.AddAs(id, wire, []byte(value))
	}
	switch id {
	case http1.HeaderHost:
		host := strings.ToLower(value)
		if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
			host = host[:i]
		}
		r.HostName = r.CopyString(host)
		r.ForgetVar("host")
	case http1.HeaderContentLength:
		r.ContentLength = -1
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && !remove {
			r.ContentLength = n
		}
	}
}
