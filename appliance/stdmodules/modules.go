package stdmodules

import (
	"sync"

	"weir/appliance/conf"
	"weir/appliance/cycle"
	"weir/appliance/http"
	"weir/appliance/http/access"
	"weir/appliance/http/accesslog"
	"weir/appliance/http/authrequest"
	"weir/appliance/http/autoindex"
	"weir/appliance/http/charset"
	"weir/appliance/http/echo"
	"weir/appliance/http/emptygif"
	"weir/appliance/http/headers"
	"weir/appliance/http/headersmore"
	"weir/appliance/http/index"
	"weir/appliance/http/mapping"
	"weir/appliance/http/metrics"
	"weir/appliance/http/mirror"
	"weir/appliance/http/notmodified"
	"weir/appliance/http/proxy"
	"weir/appliance/http/ranges"
	"weir/appliance/http/realip"
	"weir/appliance/http/rewrite"
	"weir/appliance/http/setmisc"
	"weir/appliance/http/ssl"
	"weir/appliance/http/static"
	"weir/appliance/http/stubstatus"
	"weir/appliance/http/tryfiles"
	"weir/appliance/http/upstream"
	"weir/lua/ngx"
	"weir/lua/offload"
	"weir/lua/phase"
	"weir/lua/shared"
)

// list is in nginx's order of phases and filters: what comes first is asked
// first and sees a response first. Modules before Postpone see subrequests'
// output part by part, those behind it the response as a whole.
var list = http.Modules{
	&http.Core,
	&ssl.Module,
	&upstream.Module,
	&accesslog.Module,
	&mapping.Map,
	&mapping.Geo,
	&mapping.SplitClients,
	&realip.Module,
	&rewrite.Module,
	&setmisc.Module,
	&access.Module,
	&authrequest.Module,
	&tryfiles.Module,
	&mirror.Module,
	&index.Module,
	&autoindex.Module,
	&static.Module,
	&stubstatus.Module,
	&metrics.Module,
	&proxy.Module,
	&emptygif.Module,
	&notmodified.Module,
	&ranges.Body,
	&http.Copy,
	&phase.Settings,
	&phase.Module,
	&ngx.Capture,
	&headersmore.Module,
	&echo.Module,
	&headers.Module,
	&charset.Module,
	&http.Postpone,
	&ranges.Header,
	&shared.Module,
	&offload.Module,
}

var once sync.Once

// Modules returns the list. It is registered at the first call.
func Modules() http.Modules {
	once.Do(list.Register)
	return list
}

// Table returns the directives of the main and events contexts, of the http
// block and of all modules.
func Table() *conf.Table {
	t := new(conf.Table)
	cycle.AddTo(t)
	ms := Modules()
	t.Add(nil, []conf.Directive{http.HTTPBlock(ms, t)})
	for _, m := range ms {
		t.Add(m, m.Directives)
	}
	return t
}
