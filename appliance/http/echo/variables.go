package echo

import (
	"strconv"

	"weir/appliance/http"
)

var variables = []http.Variable{
	{Name: "echo_timer_elapsed", Flags: http.VarNoCacheable, Get: timerElapsed,
		Doc: "Seconds since the request began or echo_reset_timer, to the millisecond."},
	{Name: "echo_request_method", Flags: http.VarNoCacheable, Get: requestMethod,
		Doc: "Method of the request, of the subrequest inside one."},
	{Name: "echo_client_request_method", Flags: http.VarNoCacheable, Get: clientMethod,
		Doc: "Method of the client's request."},
	{Name: "echo_request_uri", Flags: http.VarNoCacheable, Get: requestURI,
		Doc: "Path of the request, of the subrequest inside one, without arguments."},
	{Name: "echo_cacheable_request_uri", Get: requestURI,
		Doc: "As $echo_request_uri, worked out once."},
	{Name: "echo_request_body", Flags: http.VarNoCacheable, Get: requestBody,
		Doc: "Request body that has been read, unless it is in a file."},
	{Name: "echo_client_request_headers", Flags: http.VarNoCacheable, Get: clientHeaders,
		Doc: "Request line and header of the client as received."},
	{Name: "echo_it", Flags: http.VarNoCacheable, Get: part,
		Doc: "Part that echo_foreach_split is at."},
	{Name: "echo_incr", Flags: http.VarNoCacheable, Get: increment,
		Doc: "Number that grows by one at each use, counted per client request."},
	{Name: "echo_response_status", Flags: http.VarNoCacheable, Get: responseStatus,
		Doc: "Status of the response as far as it is known."},
}

func timerElapsed(r *http.Request, v *http.Value, _ *http.Variable) {
	e := stateOf(r)
	from := e.reset
	if from == 0 {
		from = r.StartMS()
	}
	v.Is(http.AppendSeconds(r.Alloc(24)[:0], r.Worker().Loop.NowMS()-from))
}

func known(v *http.Value, b []byte) {
	if b == nil {
		v.Missing()
		return
	}
	v.Is(b)
}

func requestMethod(r *http.Request, v *http.Value, _ *http.Variable) { known(v, r.MethodName) }
func clientMethod(r *http.Request, v *http.Value, _ *http.Variable)  { known(v, r.Main().MethodName) }
func requestURI(r *http.Request, v *http.Value, _ *http.Variable)    { known(v, r.URI) }

func requestBody(r *http.Request, v *http.Value, _ *http.Variable) {
	b := r.Body()
	if b.Size() == 0 || b.File != nil {
		v.Missing()
		return
	}
	v.Is(b.Bytes())
}

func clientHeaders(r *http.Request, v *http.Value, _ *http.Variable) { known(v, r.RawHead()) }

func part(r *http.Request, v *http.Value, _ *http.Variable) {
	e := state.Get(r)
	if e == nil || !e.each.on {
		v.Missing()
		return
	}
	v.Is(e.each.parts[e.each.at])
}

func increment(r *http.Request, v *http.Value, _ *http.Variable) {
	e := state.Get(r.Main())
	if e == nil {
		v.Missing()
		return
	}
	e.counter++
	v.Is(strconv.AppendInt(r.Alloc(20)[:0], e.counter, 10))
}

func responseStatus(r *http.Request, v *http.Value, _ *http.Variable) {
	if r.Out.Status == 0 {
		v.Missing()
		return
	}
	v.Is(strconv.AppendInt(r.Alloc(8)[:0], int64(r.Out.Status), 10))
}
