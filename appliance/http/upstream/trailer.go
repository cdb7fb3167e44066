package upstream

import (
	"weir/appliance/http"
	"weir/netio/http1"
)

// takeTrailer collects the trailer section.
func (x *Exchange) takeTrailer(data []byte) bool {
	x.trailerText = append(x.trailerText, data...)
	p := &x.trailerParser
	switch res := p.Fields(x.trailerText, &x.trailers); {
	case res == http1.Done:
		x.inTrailer = false
		x.ended = true
		x.keepalive = !x.Close
		if p.Pos() < len(x.trailerText) {
			x.logWarn("upstream sent data after trailers")
			x.keepalive = false
		}
	case res.Failed() || len(x.trailerText) > maxTrailer:
		x.logErr("upstream sent invalid trailer")
		x.broken = true
		x.finalize(http.Error)
		return false
	}
	return true
}

// maxTrailer bounds a trailer section.
const maxTrailer = 8 << 10

// copyTrailers passes the backend's trailer fields on.
func (x *Exchange) copyTrailers() {
	if !x.conf.PassTrailers.V {
		return
	}
	for i := range x.trailers.Headers {
		h := &x.trailers.Headers[i]
		name := h.Name.Of(x.trailerText)
		if !x.conf.hidden(h.ID, name) {
			x.R.Out.Trailers.AddAs(h.ID, name, h.Value.Of(x.trailerText))
		}
	}
}
