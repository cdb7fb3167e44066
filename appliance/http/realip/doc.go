// Package realip takes the client's address from where trusted proxies put
// it: a request header, or the PROXY protocol.
package realip
