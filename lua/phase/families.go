package phase

import (
	"weir/lua/api"
	"weir/lua/cosocket"
	"weir/lua/filter"
	"weir/lua/ndk"
	"weir/lua/ngx"
	"weir/lua/ocsp"
	"weir/lua/offload"
	"weir/lua/process"
	"weir/lua/proxyssl"
	"weir/lua/re"
	"weir/lua/resty"
	"weir/lua/shared"
	"weir/lua/tls"
)

// families are the parts of the ngx API, in the order they are opened.
var families = api.Families{
	&ngx.Core,
	&ngx.Location,
	&ngx.Threads,
	&ngx.Timers,
	&ngx.Semaphore,
	&ngx.Modules,
	&ngx.Balancer,
	&cosocket.Family,
	&ndk.Family,
	&re.Family,
	&process.Family,
	&resty.Family,
	&shared.Family,
	&tls.Family,
	&offload.Family,
	&proxyssl.Family,
	&ocsp.Family,
	&filter.Family,
}

// Families returns the parts of the ngx API, for its reference.
func Families() api.Families { return families }
