// Package realip takes the client's address from where trusted proxies put
// it: a request header, or the PROXY protocol.
//
// It owns the directives set_real_ip_from, real_ip_header and
// real_ip_recursive. The address itself is the core's: http.Client.Remote
// returns it from then on, to logs, access rules and variables, until the
// request has been logged. Handlers run on the worker of the request.
package realip
