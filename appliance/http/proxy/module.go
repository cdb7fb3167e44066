package proxy

import (
	"slices"

	"weir/appliance/conf"
	"weir/appliance/http"
	"weir/appliance/http/upstream"
)

// Module is proxy_pass and the directives around it.
var Module = http.Module{
	Name:       "http_proxy",
	Loc:        http.NewLoc(&locSlot, nil, merge),
	Directives: slices.Concat(directives, tlsDirectives),
	Variables:  variables,
	Finish:     finish,
}

const inAny = conf.HTTP | conf.Server | conf.Location

// directives are the proxy's own and those it has in common with the other
// modules that pass requests to backends.
var directives = slices.Concat(own, upstream.Options("proxy", upOf), upstream.BodyOptions("proxy", upOf))

func upOf(c *locConf) *upstream.Conf { return &c.up }

var own = []conf.Directive{
	{Name: "proxy_pass", In: conf.Location | conf.LocationIf | conf.LimitExcept, Args: conf.Take1, Set: setPass,
		Doc: "Passes requests to a backend: a URL, whose path replaces the part the location matched, or the name of an upstream block. It may contain variables."},
	{Name: "proxy_redirect", In: inAny, Args: conf.Take12, Set: setRedirect,
		Syntax: "default | off | pattern replacement", Default: "default",
		Doc: "Changes the beginning of Location and Refresh in responses."},
	{Name: "proxy_cookie_domain", In: inAny, Args: conf.Take12, Set: setCookieRewrite(func(c *locConf) *conf.Opt[[]*rewrite] { return &c.cookieDomains }, true),
		Syntax: "off | domain replacement", Default: "off",
		Doc: "Changes the domain of cookies in responses."},
	{Name: "proxy_cookie_path", In: inAny, Args: conf.Take12, Set: setCookieRewrite(func(c *locConf) *conf.Opt[[]*rewrite] { return &c.cookiePaths }, false),
		Syntax: "off | path replacement", Default: "off",
		Doc: "Changes the path of cookies in responses."},
	{Name: "proxy_cookie_flags", In: inAny, Args: conf.Take1234, Set: setCookieFlags,
		Syntax: "off | cookie [flag ...]", Default: "off",
		Doc: "Adds or removes the flags secure, httponly and samesite of cookies in responses."},
	{Name: "proxy_set_header", In: inAny, Args: conf.Take2, Set: conf.KeyVals(func(c *locConf) *[]conf.KeyVal { return &c.headers }), Default: "Host $proxy_host",
		Doc: "Sets a field of requests to backends; an empty value drops the client's. Inherited only by blocks without one."},
	{Name: "proxy_headers_hash_max_size", In: inAny, Args: conf.Take1, Set: conf.NoOpNum("tables size themselves"),
		Doc: "Accepted for compatibility."},
	{Name: "proxy_headers_hash_bucket_size", In: inAny, Args: conf.Take1, Set: conf.NoOpNum("tables size themselves"),
		Doc: "Accepted for compatibility."},
	{Name: "proxy_set_body", In: inAny, Args: conf.Take1, Set: http.ComplexSetter(func(c *locConf) *conf.Opt[*http.Complex] { return &c.body }),
		Doc: "Replaces the body of requests to backends."},
	{Name: "proxy_method", In: inAny, Args: conf.Take1, Set: http.ComplexSetter(func(c *locConf) *conf.Opt[*http.Complex] { return &c.method }),
		Doc: "Replaces the method of requests to backends."},
	{Name: "proxy_pass_trailers", In: inAny, Args: conf.FlagArg, Set: conf.Flag(func(c *locConf) *conf.Opt[bool] { return &c.up.PassTrailers }), Default: "off",
		Doc: "Passes trailer fields of responses on."},
	{Name: "proxy_http_version", In: inAny, Args: conf.Take1, Set: setVersion,
		Syntax: "1.0 | 1.1", Default: "1.1",
		Doc: "Sets the version of requests to backends."},
	{Name: "proxy_cache", In: inAny, Args: conf.OneMore, Set: notBuilt, Default: "off",
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_key", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_path", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_bypass", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_no_cache", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_valid", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_min_uses", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_max_range_offset", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_use_stale", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_methods", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_lock", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_lock_timeout", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_lock_age", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_revalidate", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_convert_head", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
	{Name: "proxy_cache_background_update", In: inAny, Args: conf.OneMore, Set: notBuilt,
		Doc: "Belongs to the cache, which is not built in yet."},
}
