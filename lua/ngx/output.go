package ngx

import (
	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/buf"
	"weir/netio/conn"
	"weir/netio/http1"
)

var outputFuncs = []api.Func{
	{Name: "say", In: api.Handlers, Args: "(...)", Doc: "Sends its arguments and a newline as part of the response body.", Run: func(l *vm.State) int { return echo(l, true) }},
	{Name: "print", In: api.Handlers, Args: "(...)", Doc: "Sends its arguments as part of the response body.", Run: func(l *vm.State) int { return echo(l, false) }},
	{Name: "flush", In: api.Handlers, Args: "(wait?)", Doc: "Sends what filters hold back; with true it waits until the client has taken it.", Run: flush},
	{Name: "eof", In: api.Handlers, Args: "()", Doc: "Ends the response; Lua goes on.", Run: eof},
	{Name: "send_headers", In: api.Handlers, Args: "()", Doc: "Sends the response header.", Run: sendHeaders},
}

// echo is ngx.say and ngx.print: the arguments are written into one pool buffer that goes out as a link.
func echo(l *vm.State, newline bool) int {
	c := api.Of(l)
	r := c.R
	if msg := cannotWrite(c); msg != "" {
		return api.Fail(l, msg)
	}
	n := l.Top()
	size := 0
	if newline {
		size = 1
	}
	for i := 1; i <= n; i++ {
		size += textSize(l, i)
	}
	if size == 0 {
		if rc := sendHeaderIfNeeded(c); rc == http.Error || rc > http.OK {
			return api.Fail(l, "nginx output filter error")
		}
		return l.Ret(vm.Int(1))
	}
	data := r.Worker().Buffers.Get(size)
	b := data[:0]
	for i := 1; i <= n; i++ {
		b = appendText(b, l.Arg(i))
	}
	if newline {
		b = append(b, '\n')
	}
	rc := send(c, r.Worker().Buffers.BufferLink(data, b))
	if rc == http.Error || rc >= http.StatusSpecialResponse {
		return api.Fail(l, "nginx output filter error")
	}
	return l.Ret(vm.Int(1))
}

// cannotWrite is why no body can be sent, or nothing.
func cannotWrite(c *api.Ctx) string {
	switch {
	case c.RawSocket:
		return "raw request socket acquired"
	case c.R.HeaderOnly():
		return "header only"
	case c.Eof:
		return "seen eof"
	}
	return ""
}

// textSize is how long argument i is as text; other types than say takes are errors.
func textSize(l *vm.State, i int) int {
	v := l.Arg(i)
	if s, ok := v.AsString(); ok {
		return len(s)
	}
	switch v.Type() {
	case vm.TypeNumber:
		return maxNumber
	case vm.TypeNil:
		return 3
	case vm.TypeBool:
		return 5
	case vm.TypeTable:
		return TableSize(l, v.AsTable(), i, false)
	case vm.TypeLightUserdata:
		return 4
	}
	l.ArgError(i, "string, number, boolean, nil, ngx.null, or array table expected, but got "+v.TypeName())
	return 0
}

// maxNumber bounds the text of a number.
const maxNumber = 32

// TableSize is how long a nested array of texts is, checked as argument arg is; strict allows text and numbers only.
func TableSize(l *vm.State, t *vm.Table, arg int, strict bool) int {
	n, top := 0, 0
	for pos := uint32(0); ; {
		k, _, next, ok := t.Iter(pos)
		if !ok {
			break
		}
		f, num := k.AsNumber()
		if !num || f < 1 || f != float64(int(f)) {
			l.ArgError(arg, "non-array table found")
		}
		top = max(top, int(f))
		pos = next
	}
	for i := 1; i <= top; i++ {
		v := t.GetInt(i)
		if s, ok := v.AsString(); ok {
			n += len(s)
			continue
		}
		switch {
		case v.IsNumber():
			n += maxNumber
		case v.IsTable():
			n += TableSize(l, v.AsTable(), arg, strict)
		case !strict && v.IsNil():
			n += 3
		case !strict && v.Type() == vm.TypeBool:
			n += 5
		case !strict && v.Type() == vm.TypeLightUserdata:
			n += 4
		default:
			l.ArgError(arg, "bad data type "+v.TypeName()+" found")
		}
	}
	return n
}

// appendText appends what textSize has measured.
func appendText(b []byte, v vm.Value) []byte {
	if s, ok := v.AsString(); ok {
		return append(b, s...)
	}
	switch v.Type() {
	case vm.TypeNumber:
		f, _ := v.AsNumber()
		return vm.AppendNumber(b, f)
	case vm.TypeNil:
		return append(b, "nil"...)
	case vm.TypeBool:
		if v.Truthy() {
			return append(b, "true"...)
		}
		return append(b, "false"...)
	case vm.TypeTable:
		return AppendTable(b, v.AsTable())
	case vm.TypeLightUserdata:
		if vm.RawEqual(v, vm.Null) {
			return append(b, "null"...)
		}
	}
	return b
}

// AppendTable appends the texts of a nested array that TableSize has accepted.
func AppendTable(b []byte, t *vm.Table) []byte {
	top := 0
	for pos := uint32(0); ; {
		k, _, next, ok := t.Iter(pos)
		if !ok {
			break
		}
		f, _ := k.AsNumber()
		top = max(top, int(f))
		pos = next
	}
	for i := 1; i <= top; i++ {
		b = appendText(b, t.GetInt(i))
	}
	return b
}

// sendHeaderIfNeeded sends the response header unless it was sent or is held back.
func sendHeaderIfNeeded(c *api.Ctx) http.Code {
	r := c.R
	if r.HeaderSent() {
		return http.OK
	}
	if r.Out.Status == 0 {
		r.Out.Status = int(http.StatusOK)
	}
	if !c.MimeSet {
		setContentType(c)
	}
	if !c.HeadersSet {
		r.Out.ContentLength = -1
		r.Out.Headers.DelID(http1.HeaderContentLength)
		r.ClearRanges()
	}
	if c.Buffering {
		return http.OK
	}
	return sendHeader(c)
}

// sendHeader sends the response header and remembers the status that a filter wants in its place.
func sendHeader(c *api.Ctx) http.Code {
	rc := c.R.SendHeader()
	if rc > http.OK {
		c.HeaderExit = int(rc)
	}
	return rc
}

// setContentType gives the response the type of the path or default_type, as lua_use_default_type says; 304 has none.
func setContentType(c *api.Ctx) {
	c.MimeSet = true
	if api.Locations.Of(c.R).UseDefaultType.V && c.R.Out.Status != int(http.StatusNotModified) {
		c.R.SetContentType()
	}
}

// send sends a link of body bytes, or holds it back for the length of an HTTP/1.0 response.
func send(c *api.Ctx, link *buf.Link) http.Code {
	r := c.R
	if rc, done := begin(c); done {
		r.Worker().Buffers.Done(link)
		return rc
	}
	if c.Buffering {
		c.Held.Append(link)
		return http.OK
	}
	return r.OutputLink(link)
}

// begin sends the header before body bytes; done says that no body is wanted.
func begin(c *api.Ctx) (rc http.Code, done bool) {
	r := c.R
	if c.RawSocket || c.Eof {
		return http.OK, true
	}
	if r.Method == http1.MethodHead && !r.HeaderOnly() {
		r.SetHeaderOnly(true)
	}
	if !c.Buffering && !r.HeaderSent() && r.Version < 1001 && r.Out.ContentLength < 0 && api.Locations.Of(r).HTTP10Buffering.V {
		c.Buffering = true
	}
	if rc = sendHeaderIfNeeded(c); rc == http.Error || rc > http.OK {
		return rc, true
	}
	if !r.HeaderOnly() {
		return http.OK, false
	}
	c.Eof = true
	if discard(r) != http.OK {
		return http.Error, true
	}
	if c.Buffering {
		return sendHeld(c), true
	}
	return rc, true
}

// discard gets rid of a request body that nobody has read.
func discard(r *http.Request) http.Code {
	if r != r.Main() || r.Body() != nil {
		return http.OK
	}
	if r.DiscardBody() != http.OK {
		return http.Error
	}
	return http.OK
}

// SendLast ends the response of c: what was held back goes out with its length, and the body is ended.
func SendLast(c *api.Ctx) http.Code {
	r := c.R
	if rc, done := begin(c); done {
		return rc
	}
	if discard(r) != http.OK {
		return http.Error
	}
	if c.Buffering {
		if rc := sendHeld(c); rc == http.Error || rc >= http.StatusSpecialResponse {
			return rc
		}
		if !c.Held.Empty() {
			out := &c.Held
			if rc := r.Output(out); rc == http.Error || rc >= http.StatusSpecialResponse {
				return rc
			}
			c.Held = buf.Chain{}
		}
	}
	c.Eof = true
	if rc := r.SendLast(); rc == http.Error || rc >= http.StatusSpecialResponse {
		return rc
	}
	return http.OK
}

// sendHeld sends the header of a response that was held back, with its length.
func sendHeld(c *api.Ctx) http.Code {
	r := c.R
	if r.HeaderSent() {
		return http.OK
	}
	if !r.HeaderOnly() && r.Out.ContentLength < 0 {
		r.Out.ContentLength = c.Held.Size()
	}
	return sendHeader(c)
}

func eof(l *vm.State) int {
	c := api.Of(l)
	if l.Top() != 0 {
		l.Errorf("no argument is expected")
	}
	switch {
	case c.RawSocket:
		return api.Fail(l, "raw request socket acquired")
	case c.Eof:
		return api.Fail(l, "seen eof")
	}
	if rc := SendLast(c); rc == http.Error || rc >= http.StatusSpecialResponse {
		return api.Fail(l, "nginx output filter error")
	}
	return l.Ret(vm.Int(1))
}

func sendHeaders(l *vm.State) int {
	c := api.Of(l)
	if !c.R.HeaderSent() {
		if rc := sendHeaderIfNeeded(c); rc == http.Error || rc > http.StatusSpecialResponse {
			return api.Fail(l, "nginx output filter error")
		}
	}
	return l.Ret(vm.Int(1))
}

// flusher is a light thread that waits in ngx.flush(true).
type flusher struct {
	c      *api.Ctx
	thread *api.Thread
}

// Abandon implements api.Waiter.
func (f *flusher) Abandon() { f.c.DropFlush(f.thread) }

func flush(l *vm.State) int {
	c := api.Of(l)
	r := c.R
	if l.Top() > 1 {
		l.Errorf("attempt to pass %d arguments, but accepted 0 or 1", l.Top())
	}
	wait := false
	if l.Top() == 1 {
		if l.Arg(1).Type() != vm.TypeBool {
			l.ArgError(1, "boolean expected, got "+l.Arg(1).TypeName())
		}
		wait = l.Arg(1).Truthy()
	}
	switch {
	case c.RawSocket:
		return api.Fail(l, "raw request socket acquired")
	case r.HeaderOnly():
		return api.Fail(l, "header only")
	case c.Eof:
		return api.Fail(l, "seen eof")
	case c.Buffering:
		return api.Fail(l, "buffering")
	case !r.HeaderSent():
		return api.Fail(l, "nothing to flush")
	}
	rc := r.Flush()
	if rc == http.Error || rc >= http.StatusSpecialResponse {
		return api.Fail(l, "nginx output filter error")
	}
	if !wait || rc != http.Again && !pending(r) {
		return l.Ret(vm.Int(1))
	}
	if !r.Client().Delayed() && (r.Client().Buffered() || !r.Held()) {
		r.Client().SetWriteTimer(r.Location().SendTimeout())
	}
	f := &flusher{c, c.Thread()}
	c.Flushing = append(c.Flushing, f.thread)
	c.Park(l, f)
	if r.Client().TimedOut() {
		return api.Fail(l, "timeout")
	}
	if r.Client().Error() {
		return api.Fail(l, "client aborted")
	}
	return l.Ret(vm.Int(1))
}

func pending(r *http.Request) bool { return r.Buffered != 0 || r.Client().Buffered() }

// Writable is the write handler of a request whose Lua waits: output goes on, and who waits for it in ngx.flush.
func Writable(r *http.Request) {
	c := api.For(r)
	cl := r.Client()
	if cl.WriteTimedOut() {
		if !cl.Delayed() {
			r.Log(http.LogInfo, "client timed out (110: Connection timed out)")
			cl.SetTimedOut()
			wakeFlushers(c)
			return
		}
		cl.SetWriteTimer(r.Location().SendTimeout())
	}
	if cl.Delayed() {
		return
	}
	rc := http.OK
	if pending(r) {
		rc = r.Output(&buf.Chain{})
	}
	switch {
	case rc == http.Error && cl.Error():
		wakeFlushers(c)
	case !pending(r):
		cl.ClearWriteTimer()
		wakeFlushers(c)
	case rc == http.Again && len(c.Flushing) > 0 && cl.Buffered() && !cl.Delayed() && !cl.Net().TimerSet(conn.WriteTimer):
		cl.SetWriteTimer(r.Location().SendTimeout()) // a filter had held this, with no client to wait for
	}
}

func wakeFlushers(c *api.Ctx) {
	for _, t := range c.Flushing {
		t.Wake()
	}
	c.Flushing = c.Flushing[:0]
}

// WatchClient has a request whose Lua may wait learn that its client goes away, if lua_check_client_abort says so.
func WatchClient(r *http.Request) {
	if !api.Locations.Of(r).CheckClientAbort.V {
		r.SetReadHandler(http.BlockReading)
		return
	}
	r.SetReadHandler(CheckAbort)
	if n := r.Client().Net(); n.Hangup() { // it has gone already: no event will say so again
		n.PostReadable()
	}
}

// CheckAbort is the read handler of a request whose Lua is to know when the client goes away.
func CheckAbort(r *http.Request) {
	if !r.Client().Net().Hangup() {
		return
	}
	c := api.For(r)
	if c.AbortSeen {
		return
	}
	c.AbortSeen = true
	r.Log(http.LogInfo, "client prematurely closed connection")
	if t := c.OnAbort; t != nil {
		t.Wake()
		return
	}
	r.Client().SetError()
	r.Finalize(http.StatusClientClosedRequest)
}
