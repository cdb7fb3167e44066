package ngx

import (
	"strconv"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
)

var bodyFuncs = []api.Func{
	{Name: "read_body", In: api.Handlers, Args: "()", Doc: "Reads the request body into memory or a temporary file.", Run: readBody},
	{Name: "discard_body", In: api.Handlers, Args: "()", Doc: "Throws the request body away.", Run: discardBody},
	{Name: "get_body_data", In: api.Request, Args: "(max_bytes?)", Doc: "Returns the body as far as it is in memory.", Run: bodyData},
	{Name: "get_body_file", In: api.Request, Args: "()", Doc: "Returns the name of the file the body is in.", Run: bodyFile},
	{Name: "set_body_data", In: api.Request, Args: "(data)", Doc: "Replaces the request body.", Run: setBodyData},
	{Name: "set_body_file", In: api.Request, Args: "(file, remove?)", Doc: "Replaces the request body by a file.", Run: setBodyFile},
	{Name: "init_body", In: api.Handlers, Args: "(buffer_size?)", Doc: "Begins a new request body.", Run: initBody},
	{Name: "append_body", In: api.Handlers, Args: "(data)", Doc: "Adds to the body that init_body has begun.", Run: appendBody},
	{Name: "finish_body", In: api.Handlers, Args: "()", Doc: "Ends the body that init_body has begun.", Run: finishBody},
}

// bodyWait is a light thread that waits for the request body.
type bodyWait struct {
	c      *api.Ctx
	thread *api.Thread
	done   bool
}

// Abandon implements api.Waiter: the rest of the body is not wanted any more, and the connection cannot be kept.
func (w *bodyWait) Abandon() {
	w.thread = nil
	if w.c.Ending() {
		return // the request ends with all its references
	}
	r := w.c.R
	w.c.BodyWait = nil
	r.SetReadHandler(http.BlockReading)
	r.Client().ClearReadTimer()
	r.SetKeepalive(false)
	r.Finalize(http.Done) // drops ReadBody's reference
}

func readBody(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 0 {
		l.Errorf("expecting 0 arguments but seen %d", n)
	}
	r := c.R
	w := &bodyWait{c: c}
	c.BodyWait = w
	rc := r.ReadBody(bodyRead)
	if rc >= http.StatusSpecialResponse {
		c.Exited, c.ExitCode = true, int(rc)
		c.Leave(l)
	}
	if !w.done {
		w.thread = c.Thread()
		c.Park(l, w)
	}
	return 0
}

// bodyRead is told that the body is there; it drops the reference of ReadBody.
func bodyRead(r *http.Request) {
	c := api.For(r)
	w, _ := c.BodyWait.(*bodyWait)
	c.BodyWait = nil
	r.Finalize(http.Done)
	if w == nil {
		return
	}
	WatchClient(r)
	w.done = true
	if w.thread != nil {
		w.thread.Wake()
	}
}

func discardBody(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 0 {
		l.Errorf("expecting 0 arguments but seen %d", n)
	}
	if rc := c.R.DiscardBody(); rc == http.Error || rc >= http.StatusSpecialResponse {
		l.Errorf("failed to discard request body")
	}
	return 0
}

func bodyData(l *vm.State) int {
	if n := l.Top(); n > 1 {
		l.Errorf("expecting 0 or 1 arguments but seen %d", n)
	}
	max := l.OptInt(1, 0)
	b := requestOnly(l, api.Of(l)).Body()
	if b == nil || b.File != nil || len(b.Bytes()) == 0 {
		return l.Ret(vm.Nil)
	}
	data := b.Bytes()
	if max > 0 && len(data) > max {
		data = data[:max]
	}
	l.PushBytes(data)
	return 1
}

func bodyFile(l *vm.State) int {
	if n := l.Top(); n != 0 {
		l.Errorf("expecting 0 arguments but seen %d", n)
	}
	b := requestOnly(l, api.Of(l)).Body()
	if b == nil || b.File == nil {
		return l.Ret(vm.Nil)
	}
	return l.Ret(vm.String(b.File.Name))
}

// settable checks that the body may be replaced.
func settable(l *vm.State, r *http.Request) {
	if r.Discarding() {
		l.Errorf("request body already discarded asynchronously")
	}
	if r.Body() == nil {
		l.Errorf("request body not read yet")
	}
}

func setLength(r *http.Request, n int) {
	SetRequestHeader(r, "Content-Length", strconv.Itoa(n), false, true)
}

func setBodyData(l *vm.State) int {
	if n := l.Top(); n != 1 {
		l.Errorf("expecting 1 arguments but seen %d", n)
	}
	data := l.CheckString(1)
	r := requestOnly(l, api.Of(l))
	settable(l, r)
	r.SetBody(r.CopyString(data))
	setLength(r, len(data))
	return 0
}

func setBodyFile(l *vm.State) int {
	if n := l.Top(); n != 1 && n != 2 {
		l.Errorf("expecting 1 or 2 arguments but seen %d", n)
	}
	name := l.CheckString(1)
	r := requestOnly(l, api.Of(l))
	settable(l, r)
	f, err := http.OpenBodyFile(name)
	if err != nil {
		l.Errorf("%s", err)
	}
	f.Clean = l.Arg(2).Truthy()
	r.SetBodyFile(f)
	setLength(r, int(f.Len()))
	return 0
}

func initBody(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n > 1 {
		l.Errorf("expecting 0 or 1 argument but seen %d", n)
	}
	settable(l, c.R)
	size := int(c.R.BodyBufferSize())
	if !l.Arg(1).IsNil() {
		size = l.CheckInt(1)
	}
	if size < 0 {
		l.Errorf("bad size argument: %d", size)
	}
	c.DropBodyFile()
	c.NewBody, c.NewBodyOn, c.NewBodySize = c.NewBody[:0], true, size
	return 0
}

func appendBody(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 1 {
		l.Errorf("expecting 1 arguments but seen %d", n)
	}
	data := l.CheckString(1)
	if !c.NewBodyOn {
		l.Errorf("request_body not initialized")
	}
	if len(c.NewBody)+len(data) > c.NewBodySize {
		spillBody(l, c)
	}
	c.NewBody = append(c.NewBody, data...)
	if len(c.NewBody) > c.NewBodySize {
		spillBody(l, c)
	}
	return 0
}

// spillBody moves what is in the buffer of ngx.req.init_body to a file, as a body that a client sends would be.
func spillBody(l *vm.State, c *api.Ctx) {
	if c.NewBodyFile == nil {
		f, err := c.R.NewBodyFile()
		if err != nil {
			l.Errorf("%s", err)
		}
		c.NewBodyFile = f
	}
	if err := c.NewBodyFile.Append(c.NewBody); err != nil {
		l.Errorf("%s", err)
	}
	c.NewBody = c.NewBody[:0]
}

func finishBody(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 0 {
		l.Errorf("expecting 0 argument but seen %d", n)
	}
	if !c.NewBodyOn {
		l.Errorf("request_body not initialized")
	}
	c.NewBodyOn = false
	if c.NewBodyFile == nil {
		c.R.SetBody(c.R.Copy(c.NewBody))
		setLength(c.R, len(c.NewBody))
		return 0
	}
	spillBody(l, c)
	f := c.NewBodyFile
	c.NewBodyFile = nil
	c.R.SetBodyFile(f)
	setLength(c.R, int(f.Len()))
	return 0
}
