package ngx

import (
	"strconv"
	"strings"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/buf"
	"weir/netio/http1"
)

// Location is the family of subrequests.
var Location = api.Family{
	Name:   "ngx.location",
	Doc:    "Subrequests to the server's own locations.",
	Tables: []api.Table{{Path: "ngx.location", Funcs: captureFuncs}},
}

var captureFuncs = []api.Func{
	{Name: "capture", In: api.Captures, Args: "(uri, options?)", Doc: "Makes a subrequest and returns its response.", Run: captureOne},
	{Name: "capture_multi", In: api.Captures, Args: "({{uri, options?}, ...})", Doc: "Makes subrequests at once and returns their responses when all are there.", Run: captureMulti},
}

// capture is the response of one subrequest.
type capture struct {
	group  *captures
	r      *http.Request
	status int
	body   []byte
	ended  bool // the end of the body was seen
	done   bool
}

// captures are the subrequests a light thread waits for.
type captures struct {
	c       *api.Ctx
	thread  *api.Thread
	list    []*capture
	pending int
}

// Abandon implements api.Waiter: the subrequests end by themselves, nobody wants them.
func (g *captures) Abandon() { g.thread = nil }

func captureOne(l *vm.State) int {
	if n := l.Top(); n != 1 && n != 2 {
		l.Errorf("expecting one or two arguments")
	}
	l.CheckString(1)
	query := vm.NewTable(2, 0)
	query.SetInt(1, l.Arg(1))
	if l.Top() == 2 {
		query.SetInt(2, l.Arg(2))
	}
	list := vm.NewTable(1, 0)
	list.SetInt(1, query.Value())
	return runCaptures(l, list)
}

func captureMulti(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("only one argument is expected, but got %d", n)
	}
	return runCaptures(l, l.CheckTable(1))
}

func runCaptures(l *vm.State, list *vm.Table) int {
	c := api.Of(l)
	n := list.Len()
	if n == 0 {
		l.Errorf("at least one subrequest should be specified")
	}
	g := &captures{c: c}
	var queries []*query
	for i := range n {
		queries = append(queries, readQuery(l, c, list.GetInt(i+1), i))
	}
	for _, q := range queries {
		if !g.start(q) {
			l.Errorf("failed to issue subrequest: -1")
		}
	}
	g.thread = c.Thread()
	g.thread.Subrequests += g.pending
	c.Subrequests += g.pending
	c.Park(l, g)
	for _, x := range g.list {
		l.Push(x.result(l).Value())
	}
	return len(g.list)
}

// query is one subrequest as Lua asks for it.
type query struct {
	path, args      []byte
	method          int
	body            []byte
	hasBody         bool
	forward         bool // always_forward_body
	share, copyVars bool
	vars, headers   *vm.Table
	ctx             *vm.Table
}

func readQuery(l *vm.State, c *api.Ctx, v vm.Value, index int) *query {
	if v.IsNil() {
		l.Errorf("only array-like tables are allowed")
	}
	t := v.AsTable()
	if t == nil {
		l.Errorf("the query argument %d is not a table, but a %s", index, v.TypeName())
	}
	n := t.Len()
	if n != 1 && n != 2 {
		l.Errorf("query argument %d expecting one or two arguments", index)
	}
	q := &query{method: constants["HTTP_GET"]}
	var extra []byte
	if n == 2 {
		o := t.GetInt(2).AsTable()
		if o == nil {
			l.Errorf("expecting table as the 2nd argument for subrequest %d, but got %s", index, t.GetInt(2).TypeName())
		}
		extra = q.options(l, c, o)
	}
	uri, ok := t.GetInt(1).AsString()
	if !ok {
		uri = t.GetInt(1).Text()
	}
	if q.path, q.args, ok = splitURI(c.R, uri); !ok {
		l.Errorf("unsafe uri in argument #1: %s", uri)
	}
	switch {
	case len(extra) == 0:
	case len(q.args) == 0:
		q.args = extra
	default:
		q.args = append(append(append([]byte(nil), q.args...), '&'), extra...)
	}
	return q
}

// options reads the table of options; it returns the arguments to add.
func (q *query) options(l *vm.State, c *api.Ctx, o *vm.Table) (args []byte) {
	table := func(name string) *vm.Table {
		v := o.GetString(name)
		if !v.IsNil() && !v.IsTable() {
			l.Errorf("Bad %s option value", name)
		}
		return v.AsTable()
	}
	flag := func(name string) bool {
		v := o.GetString(name)
		if !v.IsNil() && v.Type() != vm.TypeBool {
			l.Errorf("Bad %s option value", name)
		}
		return v.Truthy()
	}
	switch v := o.GetString("args"); {
	case v.IsTable():
		args = encodeArgs(l, v.AsTable(), nil)
	case v.IsString(), v.IsNumber():
		args = c.R.CopyString(v.Text())
	case !v.IsNil():
		l.Errorf("Bad args option value")
	}
	q.vars, q.headers = table("vars"), table("headers")
	if q.vars != nil {
		eachText(q.vars, func(_ string, v vm.Value) {
			if !v.IsString() && !v.IsNumber() {
				l.Errorf("attempt to use bad variable value type %s", v.TypeName())
			}
		})
	}
	q.share, q.copyVars = flag("share_all_vars"), flag("copy_all_vars")
	q.forward = o.GetString("always_forward_body").Truthy()
	if v := o.GetString("method"); !v.IsNil() {
		f, ok := v.AsNumber()
		if !ok {
			l.Errorf("Bad http request method")
		}
		q.method = int(f)
		if _, _, ok := methodOf(q.method); !ok {
			c.Log(http.LogErr, "unsupported HTTP method: "+strconv.Itoa(q.method))
			l.Errorf("failed to adjust the subrequest: -1")
		}
	}
	if v := o.GetString("ctx"); !v.IsNil() {
		if q.ctx = v.AsTable(); q.ctx == nil {
			l.Errorf("Bad ctx option value type %s, expected a Lua table", v.TypeName())
		}
	}
	if v := o.GetString("body"); !v.IsNil() {
		if !v.IsString() && !v.IsNumber() {
			l.Errorf("Bad http request body")
		}
		q.body, q.hasBody = c.R.CopyString(v.Text()), true
	}
	return args
}

// start makes the subrequest of a query.
func (g *captures) start(q *query) bool {
	r := g.c.R
	name, method, _ := methodOf(q.method)
	x := &capture{group: g}
	flags := http.SubBackground
	if !q.share {
		flags |= http.SubOwnVariables
	}
	if r.SubrequestsLeft() == 0 {
		r.Logf(http.LogErr, "lua subrequests cycle while processing \"%s\"", r.URI)
		return false
	}
	s := r.Subrequest(http.SubrequestOptions{URI: q.path, Args: q.args, Flags: flags, Done: captured, Data: x,
		Method: method, MethodName: name})
	if s == nil {
		return false
	}
	x.r = s
	g.list = append(g.list, x)
	g.pending++
	if q.copyVars && !q.share {
		s.CopyVariables(r)
	}
	s.OwnHeaders()
	q.setBody(r, s)
	if q.headers != nil {
		setHeaders(s, q.headers)
	}
	if q.vars != nil && !setVars(g.c, s, q.vars) {
		return false
	}
	if q.ctx != nil {
		api.For(s).NgxCtx = q.ctx
	}
	return true
}

// setBody gives the subrequest its body: its own, the parent's with POST and PUT, or none.
func (q *query) setBody(r, s *http.Request) {
	post := q.method == constants["HTTP_POST"] || q.method == constants["HTTP_PUT"]
	switch {
	case q.hasBody:
		s.SetBody(q.body)
	case !q.forward && !post:
		s.SetBody(nil)
		s.ContentLength = -1
		s.In.DelID(http1.HeaderContentLength)
		s.In.DelID(http1.HeaderTransferEncoding)
		return
	case r.Body() == nil || s.Body() == nil:
		return
	default:
		s.ContentLength = r.Body().Size()
	}
	s.In.DelID(http1.HeaderTransferEncoding)
	s.In.SetID(http1.HeaderContentLength, strconv.AppendInt(nil, s.Body().Size(), 10))
}

func eachText(t *vm.Table, f func(k string, v vm.Value)) {
	for pos := uint32(0); ; {
		k, v, next, ok := t.Iter(pos)
		if !ok {
			return
		}
		pos = next
		f(k.Text(), v)
	}
}

func setHeaders(s *http.Request, t *vm.Table) {
	eachText(t, func(k string, v vm.Value) {
		if list := v.AsTable(); list != nil {
			for i := 1; i <= list.Len(); i++ {
				SetRequestHeader(s, k, list.GetInt(i).Text(), false, i == 1)
			}
			return
		}
		SetRequestHeader(s, k, v.Text(), false, true)
	})
}

func setVars(c *api.Ctx, s *http.Request, t *vm.Table) (ok bool) {
	ok = true
	eachText(t, func(k string, v vm.Value) {
		d := s.Generation().LookupVariable(strings.ToLower(k))
		switch {
		case d == nil || d.Index() < 0 && d.Set == nil:
			c.Log(http.LogErr, "variable \""+k+"\" cannot be assigned a value (maybe you forgot to define it first?) ")
			ok = false
		case d.Flags&http.VarChangeable == 0:
			c.Log(http.LogErr, "variable \""+k+"\" not changeable")
			ok = false
		case d.Set != nil:
			d.Set(s, s.CopyString(v.Text()), d)
		default:
			s.SetVar(d.Index(), s.CopyString(v.Text()))
		}
	})
	return ok
}

// captured is told that a subrequest is being finalized; an error page would not be seen by anybody.
func captured(s *http.Request, data any, rc http.Code) http.Code {
	x := data.(*capture)
	if x.done {
		return http.OK
	}
	x.done = true
	x.status = s.Out.Status
	if x.status == 0 {
		switch {
		case rc == http.OK:
			x.status = int(http.StatusOK)
		case rc == http.Error:
			x.status = int(http.StatusInternalServerError)
		case rc >= 100:
			x.status = int(rc)
		}
	} else if rc >= http.StatusSpecialResponse && !s.HeaderSent() {
		x.status = int(rc)
	}
	if s.HeaderOnly() || !s.HeaderSent() {
		x.ended = true
	}
	g := x.group
	if g.pending--; g.pending == 0 && g.thread != nil {
		g.thread.Subrequests -= len(g.list)
		g.c.Subrequests -= len(g.list)
		g.thread.Wake()
	}
	if rc == http.StatusClose || rc == http.StatusRequestTimeout || rc == http.StatusClientClosedRequest {
		return rc
	}
	return http.OK
}

// result is the response as Lua gets it.
func (x *capture) result(l *vm.State) *vm.Table {
	t := l.VM().NewTable(0, 4)
	t.SetString("status", vm.Int(x.status))
	t.SetString("truncated", vm.Bool(!x.ended))
	t.SetString("body", vm.String(string(x.body)))
	h := l.VM().NewTable(0, 8)
	out := &x.r.Out
	for i := range out.Headers.Len() {
		if name, value, _, ok := out.Headers.Field(i); ok {
			addField(h, string(name), vm.String(string(value)))
		}
	}
	if len(out.ContentType) > 0 {
		h.SetString("Content-Type", vm.String(string(contentType(x.r))))
	}
	if out.ContentLength >= 0 {
		h.SetString("Content-Length", vm.Number(float64(out.ContentLength)))
	}
	if out.LastModified >= 0 {
		switch http.Code(out.Status) {
		case http.StatusOK, http.StatusPartialContent, http.StatusNotModified, http.StatusNoContent:
			h.SetString("Last-Modified", vm.String(string(http.AppendHTTPTime(nil, out.LastModified))))
		}
	}
	t.SetString("header", h.Value())
	return t
}

// Capture is the filter that keeps the responses of captured subrequests. It stands behind header_filter_by_lua and
// body_filter_by_lua, before the filters that prepare a response for the client.
var Capture = http.Module{
	Name: "http_lua_capture",
	HeaderFilter: func(_ *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		return func(r *http.Request) http.Code {
			if !r.IsSubrequest() {
				return next(r)
			}
			if _, ok := r.FinishData().(*capture); !ok {
				return next(r)
			}
			r.NeedInMemory()
			r.SetHeaderSent()
			if r.Method == http1.MethodHead {
				r.SetHeaderOnly(true)
			}
			return http.OK
		}
	},
	BodyFilter: func(_ *http.Builder, next http.BodyFilter) http.BodyFilter {
		return func(r *http.Request, in *http.Chain) http.Code {
			if !r.IsSubrequest() {
				return next(r, in)
			}
			x, ok := r.FinishData().(*capture)
			if !ok {
				return next(r, in)
			}
			x.take(r, in)
			return http.OK
		}
	},
}

// Captured reports whether r is a subrequest of ngx.location.
func Captured(r *http.Request) bool {
	_, ok := r.FinishData().(*capture)
	return ok && r.IsSubrequest()
}

func (x *capture) take(r *http.Request, in *http.Chain) {
	for ln := in.Head; ln != nil; ln = ln.Next {
		if !x.done {
			x.body = append(x.body, ln.Mem...)
		}
		if ln.Flags&(buf.Last|buf.LastInChain) != 0 {
			x.ended = true
		}
	}
	r.Worker().Buffers.DoneChain(in)
}
