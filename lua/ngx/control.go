package ngx

import (
	"fmt"
	"os"

	"weir/appliance/http"
	"weir/lua/api"
	"weir/lua/vm"
	"weir/netio/http1"
)

var pid = os.Getpid()

var controlFuncs = []api.Func{
	{Name: "exit", In: api.Handlers | api.Timer | api.HeaderFilter | api.Balancer | api.SSL | api.ProxySSL, Args: "(status)",
		Doc: "Ends the phase: a status of 200 and more ends the request with it, ngx.OK goes on with the next phase.", Run: exit},
	{Name: "exec", In: api.Handlers, Args: "(uri, args?)", Doc: "Goes on with the request in another location.", Run: exec},
	{Name: "redirect", In: api.Handlers, Args: "(uri, status?)", Doc: "Answers with a redirect.", Run: redirect},
}

func exit(l *vm.State) int {
	c := api.Of(l)
	status := l.CheckInt(1)
	if status == int(http.Again) || status == int(http.Done) {
		l.Errorf("bad argument to 'ngx.exit': does not accept NGX_AGAIN or NGX_DONE")
	}
	if c.R != nil && c.Phase&api.ProxySSL == 0 {
		status = exitStatus(l, c, status)
	}
	c.Exited, c.ExitCode = true, status
	if c.Phase&(api.HeaderFilter|api.Balancer) != 0 {
		return 0
	}
	c.Leave(l)
	return 0
}

// harsh are the statuses that end the connection.
func harsh(status int) bool {
	rc := http.Code(status)
	return rc == http.StatusRequestTimeout || rc == http.StatusClientClosedRequest || rc == http.StatusClose
}

func exitStatus(l *vm.State, c *api.Ctx, status int) int {
	if c.Subrequests > 0 && status != int(http.Error) && !harsh(status) {
		l.Errorf("attempt to abort with pending subrequests")
	}
	if c.HeaderSent() && status >= int(http.StatusSpecialResponse) && !harsh(status) {
		if status != c.R.Out.Status {
			c.Log(http.LogErr, fmt.Sprintf("attempt to set status %d via ngx.exit after sending out the response status %d", status, c.R.Out.Status))
		}
		return int(http.StatusOK)
	}
	return status
}

func abortable(l *vm.State, c *api.Ctx) {
	if c.Subrequests > 0 {
		l.Errorf("attempt to abort with pending subrequests")
	}
}

func exec(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 1 && n != 2 {
		l.Errorf("expecting one or two arguments, but got %d", n)
	}
	uri := l.CheckString(1)
	if uri == "" {
		l.Errorf("The uri argument is empty")
	}
	abortable(l, c)
	path, args, ok := splitURI(c.R, uri)
	if !ok {
		l.Errorf("unsafe uri")
	}
	var more []byte
	switch v := l.Arg(2); {
	case v.IsString(), v.IsNumber():
		more = c.R.CopyString(v.Text())
	case v.IsTable():
		more = encodeArgs(l, v.AsTable(), nil)
	case !v.IsNil():
		l.ArgError(2, "string, number, or table expected, but got "+v.TypeName())
	}
	if len(more) > 0 {
		if len(args) > 0 {
			args = append(append(append([]byte(nil), args...), '&'), more...)
		} else {
			args = more
		}
	}
	if c.R.HeaderSent() {
		l.Errorf("attempt to call ngx.exec after sending out response headers")
	}
	c.ExecURI, c.ExecArgs = path, args
	c.Leave(l)
	return 0
}

// splitURI takes the query string off a URI and decodes the path; a path that would leave its root, or with a zero
// byte, is refused.
func splitURI(r *http.Request, uri string) (path, args []byte, ok bool) {
	b := r.CopyString(uri)
	for i, ch := range b {
		if ch == '?' {
			b, args = b[:i], b[i+1:]
			break
		}
		if ch == 0 {
			return nil, nil, false
		}
	}
	if !safePath(b) {
		r.Logf(http.LogErr, "unsafe URI \"%s\" was detected", uri)
		return nil, nil, false
	}
	return b, args, true
}

// safePath refuses paths with "/../" or ".." at an end.
func safePath(b []byte) bool {
	if len(b) == 0 {
		return false
	}
	for i := 0; i+1 < len(b); i++ {
		if b[i] == '.' && b[i+1] == '.' && (i == 0 || b[i-1] == '/') && (i+2 == len(b) || b[i+2] == '/') {
			return false
		}
	}
	return true
}

func redirect(l *vm.State) int {
	c := api.Of(l)
	if n := l.Top(); n != 1 && n != 2 {
		l.Errorf("expecting one or two arguments")
	}
	uri := l.CheckString(1)
	status := http.StatusFound
	if l.Top() == 2 {
		status = http.Code(l.CheckInt(2))
		switch status {
		case http.StatusFound, http.StatusMovedPermanently, http.StatusSeeOther, http.StatusPermanentRedirect, http.StatusTemporaryRedirect:
		default:
			l.Errorf("only ngx.HTTP_MOVED_TEMPORARILY, ngx.HTTP_MOVED_PERMANENTLY, ngx.HTTP_PERMANENT_REDIRECT, ngx.HTTP_SEE_OTHER, and ngx.HTTP_TEMPORARY_REDIRECT are allowed")
		}
	}
	abortable(l, c)
	r := c.R
	if r.HeaderSent() {
		l.Errorf("attempt to call ngx.redirect after sending out the headers")
	}
	for i := range len(uri) {
		if ch := uri[i]; ch < 0x20 || ch == 0x7f {
			l.Errorf("unsafe byte \"0x%02x\" in redirect uri \"%s\"", ch, EscapeLog(uri))
		}
	}
	// A path stays one: absolute_redirect is not asked.
	r.Out.KeepLocation = len(uri) > 0 && uri[0] == '/'
	r.Out.Headers.SetID(http1.HeaderLocation, []byte(uri))
	r.Out.Status = int(status)
	c.Exited, c.ExitCode = true, int(status)
	c.Leave(l)
	return 0
}

// EscapeLog writes the bytes of s that are no printable text as \xHH, for messages.
func EscapeLog(s string) string {
	const hex = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		if ch := s[i]; ch < 0x20 || ch == 0x7f || ch == '"' || ch == '\\' {
			b = append(b, '\\', 'x', hex[ch>>4], hex[ch&15])
		} else {
			b = append(b, ch)
		}
	}
	return string(b)
}

// ErrorWithTrace is the text of an error that left a phase that may not wait, as it is logged.
func ErrorWithTrace(err *vm.Error) string {
	if _, ok := err.Value.AsString(); ok {
		return err.Traceback
	}
	if err.Value.IsNumber() {
		return err.Traceback
	}
	return "unknown reason"
}

// EvalArgs works the arguments of set_by_lua out.
func EvalArgs(r *http.Request, args []*http.Complex) [][]byte {
	if len(args) == 0 {
		return nil
	}
	out := make([][]byte, len(args))
	for i, a := range args {
		out[i] = a.Eval(r)
	}
	return out
}
