package upstream

import (
	"strconv"

	"weir/appliance/http"
	"weir/netio/http1"
)

var variables = []http.Variable{
	{Name: "upstream_addr", Flags: http.VarNoCacheable, Get: getAddr,
		Doc: "Addresses of the peers the request was passed to: with commas between tries, a colon before those after an internal redirect."},
	{Name: "upstream_status", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte {
		if s.status == 0 {
			return append(b, '-')
		}
		return strconv.AppendInt(b, int64(s.status), 10)
	}), Doc: "Status of each try's response."},
	{Name: "upstream_connect_time", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte { return seconds(b, s.connect) }),
		Doc: "Time spent connecting, in seconds with milliseconds, per try."},
	{Name: "upstream_header_time", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte { return seconds(b, s.header) }),
		Doc: "Time until the response head was complete, per try."},
	{Name: "upstream_response_time", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte { return seconds(b, s.response) }),
		Doc: "Time until the response was complete, per try."},
	{Name: "upstream_response_length", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte { return strconv.AppendInt(b, s.body, 10) }),
		Doc: "Length of the response body in bytes, per try."},
	{Name: "upstream_bytes_received", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte { return strconv.AppendInt(b, s.received, 10) }),
		Doc: "Bytes received from the peer, per try."},
	{Name: "upstream_bytes_sent", Flags: http.VarNoCacheable, Get: perTry(func(b []byte, s *State) []byte { return strconv.AppendInt(b, s.sent, 10) }),
		Doc: "Bytes sent to the peer, per try."},
	{Name: "upstream_cache_status", Flags: http.VarNoCacheable, Get: func(_ *http.Request, v *http.Value, _ *http.Variable) { v.Missing() },
		Doc: "How the cache was used; there is none without a cache."},
	{Name: "upstream_http_", Flags: http.VarPrefix | http.VarNoCacheable, Compile: dashed, Get: getHeader,
		Doc: "A field of the peer's response head, by its name in lower case with underscores for hyphens."},
	{Name: "upstream_trailer_", Flags: http.VarPrefix | http.VarNoCacheable, Compile: dashed, Get: getTrailer,
		Doc: "A trailer field of the peer's response."},
	{Name: "upstream_cookie_", Flags: http.VarPrefix | http.VarNoCacheable, Compile: func(rest string) any { return rest }, Get: getCookie,
		Doc: "A cookie that the peer's response sets."},
}

// dashed prepares a field name for comparison: lower case, with hyphens.
func dashed(rest string) any {
	b := []byte(rest)
	for i, c := range b {
		if c == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}

// getAddr is $upstream_addr.
func getAddr(r *http.Request, v *http.Value, d *http.Variable) {
	perTry(func(b []byte, s *State) []byte { return append(b, s.peer...) })(r, v, d)
}

// perTry makes the getter of a variable that lists something of every try.
func perTry(write func(b []byte, s *State) []byte) func(*http.Request, *http.Value, *http.Variable) {
	return func(r *http.Request, v *http.Value, _ *http.Variable) {
		x := Of(r)
		if x == nil || len(x.states) == 0 {
			v.Missing()
			return
		}
		b := make([]byte, 0, 64)
		n := len(x.states)
		for i := 0; i < n; {
			b = write(b, &x.states[i])
			if i++; i == n {
				break
			}
			if x.states[i].peer != nil {
				b = append(b, ", "...)
				continue
			}
			b = append(b, " : "...)
			i++
		}
		v.Is(r.Copy(b))
	}
}

func seconds(b []byte, ms int64) []byte {
	if ms < 0 {
		return append(b, '-')
	}
	b = strconv.AppendInt(b, ms/1000, 10)
	ms %= 1000
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

func getHeader(r *http.Request, v *http.Value, d *http.Variable) {
	x := Of(r)
	if x == nil {
		v.Missing()
		return
	}
	fieldValue(r, v, &x.Response.Fields, x.in, d.Data.(string))
}

func getTrailer(r *http.Request, v *http.Value, d *http.Variable) {
	x := Of(r)
	if x == nil {
		v.Missing()
		return
	}
	fieldValue(r, v, &x.trailers, x.trailerText, d.Data.(string))
}

// fieldValue joins the values of all fields called name, as nginx does.
func fieldValue(r *http.Request, v *http.Value, f *http1.Fields, block []byte, name string) {
	var out []byte
	found := 0
	for i := range f.Headers {
		h := &f.Headers[i]
		if !http1.EqualFold(h.Name.Of(block), name) && !sameVariable(h.Name.Of(block), name) {
			continue
		}
		value := h.Value.Of(block)
		switch found++; found {
		case 1:
			out = value
		default:
			joined := r.Alloc(len(out) + 2 + len(value))[:0]
			joined = append(append(append(joined, out...), ", "...), value...)
			out = joined
		}
	}
	if found == 0 {
		v.Missing()
		return
	}
	v.Is(out)
}

// sameVariable compares a field name that has underscores of its own with a
// variable's name, which shows hyphens for them.
func sameVariable(name []byte, dashes string) bool {
	if len(name) != len(dashes) {
		return false
	}
	for i, c := range name {
		if c-'A' < 26 {
			c |= 0x20
		}
		if c == '_' {
			c = '-'
		}
		if c != dashes[i] {
			return false
		}
	}
	return true
}

func getCookie(r *http.Request, v *http.Value, d *http.Variable) {
	v.Missing()
	x := Of(r)
	if x == nil {
		return
	}
	name := d.Data.(string)
	for i := range x.Response.Headers {
		h := &x.Response.Headers[i]
		if h.ID != http1.HeaderSetCookie {
			continue
		}
		value := h.Value.Of(x.in)
		if len(value) <= len(name) || value[len(name)] != '=' || !http1.EqualFold(value[:len(name)], name) {
			continue
		}
		value = value[len(name)+1:]
		for j, c := range value {
			if c == ';' {
				value = value[:j]
				break
			}
		}
		v.Is(value)
		return
	}
}
