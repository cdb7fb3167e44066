// Package proxy is proxy_pass: HTTP/1 towards backends. It owns the proxy_
// directives, the writing of request heads from a program compiled once per
// location, the parsing of response heads, and the rewriting of Location,
// Refresh and Set-Cookie. The exchange itself (peers, connections, bodies,
// retries) is package upstream's; this package is its Protocol.
//
// What goes to a backend is always written anew: the request line from the
// method and the location's mapping, fields one by one, the length or the
// chunks of the body by what is really sent. Interim responses (1xx other
// than 101) are dropped. Where nginx passes a response without a status line
// on as HTTP/0.9, this package answers 502.
//
// A location's configuration is immutable and shared by all workers; nothing
// here has state of its own per request.
package proxy
