package proxy

import (
	"weir/appliance/http"
	"weir/appliance/http/upstream"
	"weir/netio/buf"
	"weir/netio/http1"
)

// maxFields bounds the fields of a response head.
const maxFields = 1000

// Reset implements upstream.Protocol.
func (c *locConf) Reset(x *upstream.Exchange) { x.Parser.Reset(0, options) }

// Head implements upstream.Protocol.
func (c *locConf) Head(x *upstream.Exchange) upstream.HeadResult {
	in := x.In()
	for {
		if !x.LineDone {
			switch res := x.Parser.Line(in, &x.Response); {
			case res == http1.More:
				return upstream.HeadMore
			case res != http1.Done:
				x.R.Logf(http.LogErr, "upstream sent no valid HTTP/1.0 header while %s", reading)
				return upstream.HeadBad
			}
			x.LineDone = true
		}
		switch res := x.Parser.Headers(in, &x.Response); {
		case res == http1.More:
			return upstream.HeadMore
		case res != http1.Done:
			c.badHeader(x, in)
			return upstream.HeadBad
		}
		if s := x.Response.Status; s >= 200 || s == 101 {
			break
		}
		// An interim response: nobody asked for it here.
		x.Response.Fields.Clear()
		x.LineDone = false
		x.Parser.Reset(x.Parser.Pos(), options)
		if x.Parser.Pos() == len(in) {
			return upstream.HeadMore
		}
	}
	x.SetPos(x.Parser.Pos())
	return c.framing(x, in)
}

var options = http1.Options{AllowBareLF: true, MaxFields: maxFields}

const reading = "reading response header from upstream"

// badHeader logs the line that the parser refused.
func (c *locConf) badHeader(x *upstream.Exchange, in []byte) {
	from := x.Parser.LineStart()
	at := min(x.Parser.FaultPos(), len(in)-1)
	x.R.Logf(http.LogErr, "upstream sent invalid header: \"%s\\x%02x...\" while %s", in[from:at], in[at], reading)
}

// framing finds out how the body is delimited and whether the connection can
// be used again.
func (c *locConf) framing(x *upstream.Exchange, in []byte) upstream.HeadResult {
	r := &x.Response
	if !r.AtLeast11() {
		x.Close = true
	}
	if r.Known.Has(http1.HeaderConnection) {
		for i := range r.Headers {
			if h := &r.Headers[i]; h.ID == http1.HeaderConnection &&
				http1.ConnectionTokens(h.Value.Of(in))&http1.TokenClose != 0 {
				x.Close = true
			}
		}
	}
	if r.Status == 101 {
		x.Upgrade = x.R.In.Has(http1.HeaderUpgrade)
		x.Close = true
		if !x.Upgrade {
			x.R.Logf(http.LogErr, "upstream sent 101 response to a request without \"Upgrade\" header while %s", reading)
			return upstream.HeadBad
		}
		return upstream.HeadDone
	}
	if r.Known.Has(http1.HeaderTransferEncoding) || r.Known.Has(http1.HeaderContentLength) {
		body, res := http1.CheckResponse(in, r)
		if res == http1.CodingInHTTP10 && !r.Known.Has(http1.HeaderContentLength) {
			// As nginx, chunks are read whatever the version: the
			// connection is not used again.
			v, _ := r.Value(in, http1.HeaderTransferEncoding)
			if http1.EqualFold(v, "chunked") {
				body, res = http1.Body{Length: -1, Chunked: true}, http1.Done
			}
		}
		if res != http1.Done {
			c.badFraming(x, in, res)
			return upstream.HeadBad
		}
		x.ContentLength, x.Coded = body.Length, body.Chunked
		if body.Chunked {
			x.Chunks.Reset(http1.ChunkedOptions{KeepTrailers: c.up.PassTrailers.V, AllowPadding: true})
		}
	}
	return upstream.HeadDone
}

// badFraming logs what is wrong with the length of a response, in nginx's
// words.
func (c *locConf) badFraming(x *upstream.Exchange, in []byte, res http1.Result) {
	r := &x.Response
	switch res {
	case http1.BadLength:
		v, _ := r.Value(in, http1.HeaderContentLength)
		x.R.Logf(http.LogErr, "upstream sent invalid \"Content-Length\" header: \"Content-Length: %s\" while %s", v, reading)
	case http1.UnknownCoding:
		v, _ := r.Value(in, http1.HeaderTransferEncoding)
		x.R.Logf(http.LogErr, "upstream sent unknown \"Transfer-Encoding\": \"%s\" while %s", v, reading)
	case http1.RepeatedLength:
		c.logRepeated(x, in, http1.HeaderContentLength)
	case http1.RepeatedCoding:
		c.logRepeated(x, in, http1.HeaderTransferEncoding)
	default:
		x.R.Logf(http.LogErr, "upstream sent %s while %s", res, reading)
	}
}

func (c *locConf) logRepeated(x *upstream.Exchange, in []byte, id http1.HeaderID) {
	r := &x.Response
	first := r.Find(id)
	for i := first + 1; i < len(r.Headers); i++ {
		h := &r.Headers[i]
		if h.ID != id {
			continue
		}
		p := &r.Headers[first]
		x.R.Logf(http.LogErr, "upstream sent duplicate header line: \"%s: %s\", previous value: \"%s: %s\" while %s",
			h.Name.Of(in), h.Value.Of(in), p.Name.Of(in), p.Value.Of(in), reading)
		return
	}
}

// Decode implements upstream.Protocol.
func (c *locConf) Decode(x *upstream.Exchange, b []byte) (data buf.Span, consumed int, res http1.Result) {
	return x.Chunks.Next(b)
}
