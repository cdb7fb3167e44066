package notmodified

import (
	"bytes"

	"weir/appliance/http"
	"weir/netio/http1"
)

// Module is the filter of conditional requests.
var Module = http.Module{
	Name: "http_not_modified_filter",
	HeaderFilter: func(_ *http.Builder, next http.HeaderFilter) http.HeaderFilter {
		return func(r *http.Request) http.Code { return filter(r, next) }
	},
}

func filter(r *http.Request, next http.HeaderFilter) http.Code {
	if r.Out.Status != int(http.StatusOK) || r.IsSubrequest() || r.NotModifiedDisabled() {
		return next(r)
	}
	if v := r.In.Get(http1.HeaderIfUnmodifiedSince); v != nil && !unmodified(r, v) {
		return r.Refuse(http.StatusPreconditionFailed)
	}
	if v := r.In.Get(http1.HeaderIfMatch); v != nil && !matches(v, r.Out.Headers.Get(http1.HeaderETag), false) {
		return r.Refuse(http.StatusPreconditionFailed)
	}
	since, none := r.In.Get(http1.HeaderIfModifiedSince), r.In.Get(http1.HeaderIfNoneMatch)
	switch {
	case since == nil && none == nil:
	case since != nil && modified(r, since):
	case none != nil && !matches(none, r.Out.Headers.Get(http1.HeaderETag), true):
	default:
		r.Out.Status = int(http.StatusNotModified)
		r.Out.StatusLine = nil
		r.Out.ContentType = nil
		r.Out.ContentLength = -1
		r.ClearRanges()
		r.Out.Headers.DelID(http1.HeaderContentEncoding)
	}
	return next(r)
}

// unmodified tests If-Unmodified-Since.
func unmodified(r *http.Request, date []byte) bool {
	return r.Out.LastModified != -1 && http.ParseHTTPTime(date) >= r.Out.LastModified
}

// modified tests If-Modified-Since as if_modified_since says.
func modified(r *http.Request, date []byte) bool {
	how := r.Location().IfModifiedSince()
	if r.Out.LastModified == -1 || how == http.ModifiedOff {
		return true
	}
	t := http.ParseHTTPTime(date)
	if t == r.Out.LastModified {
		return false
	}
	return how == http.ModifiedExact || t < r.Out.LastModified
}

// matches looks for etag in a list of tags, with the weak comparison of RFC
// 9110 section 8.8.3.2 or the strong one.
func matches(list, etag []byte, weak bool) bool {
	if string(list) == "*" {
		return true
	}
	if etag == nil {
		return false
	}
	if weak {
		etag = bytes.TrimPrefix(etag, weakMark)
	}
	for len(list) > 0 {
		if weak {
			list = bytes.TrimPrefix(list, weakMark)
		}
		if rest, ok := bytes.CutPrefix(list, etag); ok {
			rest = bytes.TrimLeft(rest, " \t")
			if len(rest) == 0 || rest[0] == ',' {
				return true
			}
		}
		i := bytes.IndexByte(list, ',')
		if i < 0 {
			return false
		}
		list = bytes.TrimLeft(list[i:], " \t,")
	}
	return false
}

var weakMark = []byte("W/")
