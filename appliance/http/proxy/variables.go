package proxy

import (
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/http1"
)

var variables = []http.Variable{
	{Name: "proxy_host", Flags: http.VarChangeable | http.VarNoCacheable, Get: getHost,
		Doc: "Host and port of proxy_pass."},
	{Name: "proxy_port", Flags: http.VarChangeable | http.VarNoCacheable, Get: getPort,
		Doc: "Port of proxy_pass, or the default one."},
	{Name: "proxy_add_x_forwarded_for", Get: getForwarded,
		Doc: "The client's X-Forwarded-For with its address appended."},
	{Name: "proxy_internal_body_length", Flags: http.VarNoCacheable, Get: getLength,
		Doc: "Length of the request body passed on."},
	{Name: "proxy_internal_chunked", Flags: http.VarNoCacheable, Get: getChunked,
		Doc: "\"chunked\" when the request body is passed on in chunks."},
}

// proxied returns the exchange when r is being passed on by this module.
func proxied(r *http.Request) (*upstream.Exchange, *locConf) {
	x := upstream.Of(r)
	if x == nil {
		return nil, nil
	}
	c := locSlot.Of(r)
	if c.pass == nil || x.Conf() != &c.up {
		return nil, nil
	}
	return x, c
}

func getHost(r *http.Request, v *http.Value, _ *http.Variable) {
	x, c := proxied(r)
	if x == nil {
		v.Missing()
		return
	}
	v.Is(r.CopyString(hostOf(x, c)))
}

func getPort(r *http.Request, v *http.Value, _ *http.Variable) {
	x, c := proxied(r)
	if x == nil {
		v.Missing()
		return
	}
	v.Is(r.CopyString(portText(urlOf(x, c), x.Secure)))
}

func getForwarded(r *http.Request, v *http.Value, _ *http.Variable) {
	n := 0
	in := r.In
	for i := range in.Len() {
		if _, value, id, ok := in.Field(i); ok && id == http1.HeaderXForwardedFor {
			n += len(value) + 2
		}
	}
	out := r.Alloc(n + 64)[:0]
	for i := range in.Len() {
		if _, value, id, ok := in.Field(i); ok && id == http1.HeaderXForwardedFor {
			out = append(append(out, value...), ", "...)
		}
	}
	v.Is(r.Client().AppendRemoteIP(out))
}

func getLength(r *http.Request, v *http.Value, _ *http.Variable) {
	x := upstream.Of(r)
	if x == nil || x.BodyLength < 0 {
		v.Missing()
		return
	}
	v.Is(appendInt(r.Alloc(20)[:0], x.BodyLength))
}

var wordChunked = []byte("chunked")

func getChunked(r *http.Request, v *http.Value, _ *http.Variable) {
	x := upstream.Of(r)
	if x == nil || !x.ChunkedOut {
		v.Missing()
		return
	}
	v.Is(wordChunked)
}
