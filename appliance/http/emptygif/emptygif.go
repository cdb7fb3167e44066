package emptygif

import (
	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/netio/http1"
)

// Module is the empty_gif directive.
var Module = http.Module{
	Name: "http_empty_gif",
	Directives: []conf.Directive{
		{Name: "empty_gif", In: conf.Location, Args: conf.NoArgs, Set: set,
			Doc: "Answers with a transparent GIF of one pixel."},
	},
}

func set(cx *conf.Cx, _ *conf.Item) error {
	http.ScopeOf(cx).Location().Handler = serve
	return nil
}

var (
	imageGIF = []byte("image/gif")

	// pixel is a GIF89a of 1x1: a colour table of two entries, a graphic
	// control that makes the first transparent, one LZW-coded pixel.
	pixel = []byte("GIF89a\x01\x00\x01\x00\x80\x01\x00\x00\x00\x00\xff\xff\xff" +
		"\x21\xf9\x04\x01\x00\x00\x01\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x4c\x01\x00\x3b")
)

// modified is the Last-Modified of the picture, nginx's: 28 September 1970, so
// that no client has a newer copy.
const modified = 23349600

func serve(r *http.Request) http.Code {
	if r.Method != http1.MethodGet && r.Method != http1.MethodHead {
		return http.StatusNotAllowed
	}
	r.Out.LastModified = modified
	return r.SendResponse(http.StatusOK, imageGIF, pixel)
}
